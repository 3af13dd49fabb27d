# SPDX-License-Identifier: Apache-2.0
"""Rings: which device keeps what. What they are to be is an answer, what they are is in files."""
