# SPDX-License-Identifier: Apache-2.0
"""Ceph as a store: where it is, what services need to use it, and whether it lets them in."""
