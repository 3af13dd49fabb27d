# SPDX-License-Identifier: Apache-2.0
"""From the questions of Debian's own OpenStack packages to ours: tables, and what reads them."""
