# SPDX-License-Identifier: Apache-2.0
"""Reference pages that are made from the declarations; a test holds them to be current."""
