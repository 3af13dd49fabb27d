# SPDX-License-Identifier: Apache-2.0
"""What every other part builds on: errors, secrets, running commands, progress. Imports nothing of ours."""
