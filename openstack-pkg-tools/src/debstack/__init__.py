# SPDX-License-Identifier: Apache-2.0
"""debstack: OpenStack for Debian. Packages declare, one program converges."""
