# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_ipv6() {
	case $1 in *[!0-9A-Fa-f:.]* | *:::* | *::*::* | :[!:]* | *[!:]:) return 1 ;; esac
	case $1 in *:*) ;; *) return 1 ;; esac
	v6_rest=$1
	v6_groups=0
	# An IPv4 address at the end stands for two groups.
	case $v6_rest in
	*.*)
		is_ipv4 "${v6_rest##*:}" || return 1
		v6_rest=${v6_rest%:*}:0:0
		;;
	esac
	v6_rest=$v6_rest:
	while [ -n "$v6_rest" ]; do
		v6_group=${v6_rest%%:*}
		v6_rest=${v6_rest#*:}
		case $v6_group in
		'') ;;
		?????* | *.*) return 1 ;;
		*) v6_groups=$((v6_groups + 1)) ;;
		esac
	done
	case $1 in
	*::*) [ "$v6_groups" -le 7 ] ;;
	*) [ "$v6_groups" -eq 8 ] ;;
	esac
}
