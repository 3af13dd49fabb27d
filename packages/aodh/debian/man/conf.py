# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

project = "aodh"
author = "OpenStack"
master_doc = "index"
man_pages = [("aodh-status", "aodh-status", "Aodh Status Utility", [author], 1)]
