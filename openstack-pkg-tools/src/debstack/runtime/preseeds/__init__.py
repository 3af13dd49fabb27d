# SPDX-License-Identifier: Apache-2.0
"""Preseed files that others wrote: checked, and converted from those of Debian's own packages."""
