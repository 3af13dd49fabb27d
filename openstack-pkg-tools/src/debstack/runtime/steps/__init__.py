# SPDX-License-Identifier: Apache-2.0
"""The typed, idempotent steps that apply is made of: one module per kind."""
