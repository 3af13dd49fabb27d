# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

project = "heat"
author = "OpenStack"
master_doc = "index"
_pages = {
    "heat-engine": "Heat Engine",
    "heat-manage": "Heat Management Utility",
    "heat-status": "Heat Status Utility",
}
man_pages = [(n, n, title, [author], 1) for n, title in _pages.items()]
