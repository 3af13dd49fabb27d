# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

project = "placement"
author = "OpenStack"
master_doc = "index"
_pages = {
    "placement-manage": "Placement Management Utility",
    "placement-status": "Placement Status Utility",
}
man_pages = [(name, name, title, [author], 1) for name, title in _pages.items()]
