# SPDX-License-Identifier: Apache-2.0
"""What runs on a target: answers, facts, the graph of steps, and the program debstack."""
