# SPDX-License-Identifier: Apache-2.0
"""Databases: one driver module per engine, behind the two interfaces of `driver`."""
