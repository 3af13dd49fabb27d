# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

project = "oslo.config"
author = "OpenStack"
master_doc = "index"
_pages = {
    "generator": ("oslo-config-generator", "write a sample of a configuration file"),
    "validator": ("oslo-config-validator", "compare a configuration file with the known options"),
}
man_pages = [(page, name, title, [author], 1) for page, (name, title) in _pages.items()]
