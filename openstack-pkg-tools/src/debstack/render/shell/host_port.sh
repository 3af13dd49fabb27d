# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_host_port() {
	case $1 in
	'['*']') is_bracketed "$1" ;;
	'['*']':*) is_bracketed "${1%]*}]" && is_port "${1##*]:}" ;;
	*) is_host "$1" || { is_host "${1%%:*}" && is_port "${1#*:}"; } ;;
	esac
}

is_bracketed() {
	bracketed=${1#[}
	is_ipv6 "${bracketed%]}"
}
