# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

# The full name if the machine knows it, else the short one.
detect_hostname() {
	hostname --fqdn 2>/dev/null || hostname 2>/dev/null || return 0
}
