# SPDX-License-Identifier: Apache-2.0
"""What every other part builds on: errors, secrets, running commands. Imports nothing of ours."""
