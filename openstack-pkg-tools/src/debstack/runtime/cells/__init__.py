# SPDX-License-Identifier: Apache-2.0
"""Further cells of Nova: noted on the controller, mapped once they answer."""
