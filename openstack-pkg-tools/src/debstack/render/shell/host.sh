# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_host() {
	is_address "$1" && return 0
	case $1 in *[!0-9.]*) ;; *) return 1 ;; esac
	[ "${#1}" -le 253 ] || return 1
	host_rest=$1.
	while [ -n "$host_rest" ]; do
		host_label=${host_rest%%.*}
		host_rest=${host_rest#*.}
		case $host_label in '' | *[!A-Za-z0-9-]* | -* | *-) return 1 ;; esac
		[ "${#host_label}" -le 63 ] || return 1
	done
}
