# SPDX-License-Identifier: Apache-2.0
"""From upstream sources to a signed apt repository; what needs the build host lives here."""
