# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_port() {
	case $1 in '' | *[!0-9]* | 0* | ??????*) return 1 ;; esac
	[ "$1" -le 65535 ]
}
