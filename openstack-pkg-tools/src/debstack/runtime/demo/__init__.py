# SPDX-License-Identifier: Apache-2.0
"""debstack demo: what a cloud needs before a first virtual machine can be started and reached."""
