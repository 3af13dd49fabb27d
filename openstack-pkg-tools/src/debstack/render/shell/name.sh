# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_name() {
	case $1 in [!A-Za-z0-9_]* | *[!A-Za-z0-9_.@-]*) return 1 ;; esac
	[ "${#1}" -le 64 ]
}
