# SPDX-License-Identifier: Apache-2.0
"""Debian 13 machines for tests: booted in a second, on networks of their own, no trace left."""
