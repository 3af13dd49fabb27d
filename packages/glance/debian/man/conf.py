# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

project = "glance"
author = "OpenStack"
master_doc = "index"
_pages = {
    "glance-api": "Glance API Server",
    "glance-cache-cleaner": "Glance Cache Cleaner",
    "glance-cache-manage": "Glance Cache Manager",
    "glance-cache-prefetcher": "Glance Cache Prefetcher",
    "glance-cache-pruner": "Glance Cache Pruner",
    "glance-control": "Glance Daemon Control Helper",
    "glance-manage": "Glance Management Utility",
    "glance-replicator": "Glance Replicator",
    "glance-scrubber": "Glance Scrubber",
    "glance-status": "Glance Status Utility",
}
man_pages = [(n.replace("-", ""), n, title, [author], 1) for n, title in _pages.items()]
