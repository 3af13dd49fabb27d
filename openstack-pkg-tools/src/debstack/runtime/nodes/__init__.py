# SPDX-License-Identifier: Apache-2.0
"""The machines of this cloud: which there are, how one is emptied, and how it is forgotten."""
