# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: nodes with our packages, what is done and seen there."""
