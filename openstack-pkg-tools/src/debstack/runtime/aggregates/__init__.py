# SPDX-License-Identifier: Apache-2.0
"""The host aggregates of Nova that this machine joins: planned, asked for, and noted."""
