# SPDX-License-Identifier: Apache-2.0
"""How fast it is, and how fast Debian's own packages are on the same machine in the same run."""
