# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of openstack.toml and how it is read: strict, all problems at once."""
