# SPDX-License-Identifier: Apache-2.0
"""The volume types of Cinder that this machine needs: planned, and asked for."""
