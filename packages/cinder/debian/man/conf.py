# SPDX-License-Identifier: Apache-2.0
"""Sphinx: upstream's manual pages alone, without the extensions that its documentation needs."""

project = "cinder"
author = "OpenStack"
master_doc = "index"
exclude_patterns = ["README.rst"]
_pages = {
    "cinder-manage": "Cinder Management Utility",
    "cinder-status": "Cinder Status Utility",
}
man_pages = [(n, n, title, [author], 1) for n, title in _pages.items()]
