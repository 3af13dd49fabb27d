# SPDX-License-Identifier: Apache-2.0
"""Registering in Keystone: one session, each thing read once, only differences written."""
