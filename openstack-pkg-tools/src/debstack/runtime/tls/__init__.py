# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of the machine: its own authority, and what it proves its name with."""
