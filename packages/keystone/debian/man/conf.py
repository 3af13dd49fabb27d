# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

project = "keystone"
author = "OpenStack"
master_doc = "index"
exclude_patterns = ["commands.rst"]
man_pages = [
    ("keystone-manage", "keystone-manage", "Keystone Management Utility", [author], 1),
    ("keystone-status", "keystone-status", "Keystone Status Utility", [author], 1),
]
