# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_ipv4() {
	v4_rest=$1.
	v4_parts=0
	while [ -n "$v4_rest" ]; do
		v4_part=${v4_rest%%.*}
		v4_rest=${v4_rest#*.}
		case $v4_part in '' | *[!0-9]* | 0?* | ????*) return 1 ;; esac
		[ "$v4_part" -le 255 ] || return 1
		v4_parts=$((v4_parts + 1))
	done
	[ "$v4_parts" -eq 4 ]
}
