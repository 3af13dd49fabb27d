# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_address() {
	is_ipv4 "$1" || is_ipv6 "$1"
}
