# SPDX-License-Identifier: Apache-2.0
"""What a component's declaration is turned into when its package is built: pure text from data."""
