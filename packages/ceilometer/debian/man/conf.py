# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

project = "ceilometer"
author = "OpenStack"
master_doc = "index"
_name = "ceilometer-status"
man_pages = [(_name, _name, "Ceilometer Status Utility", [author], 1)]
