# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_web_hosts() {
	web_rest=$1,
	while [ -n "$web_rest" ]; do
		is_web_host "${web_rest%%,*}" || return 1
		web_rest=${web_rest#*,}
	done
}

is_web_host() {
	case $1 in
	'*') ;;
	'['*']')
		web_address=${1#[}
		is_ipv6 "${web_address%]}"
		;;
	*:*) return 1 ;;
	.*) is_host "${1#.}" && ! is_ipv4 "${1#.}" ;;
	*) is_host "$1" ;;
	esac
}
