# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_devices() {
	devices_rest=$1,
	while [ -n "$devices_rest" ]; do
		is_device "${devices_rest%%,*}" || return 1
		devices_rest=${devices_rest#*,}
	done
}

is_device() {
	device=$1
	case $device in
	r*-* | z*-*)
		is_placed "${device%%-*}" || return 1
		device=${device#*-}
		;;
	esac
	case $device in
	*=*)
		case ${device#*=} in '' | *[!0-9]* | ??????*) return 1 ;; esac
		device=${device%%=*}
		;;
	esac
	case $device in
	'['*']'/?*) is_bracketed "${device%%/*}" && is_name "${device#*/}" ;;
	*/?*) is_ipv4 "${device%%/*}" && is_name "${device#*/}" ;;
	*) return 1 ;;
	esac
}

is_placed() {
	placed=$1
	case $placed in
	r*)
		placed=${placed#r}
		is_place "${placed%%z*}" || return 1
		placed=${placed#"${placed%%z*}"}
		;;
	esac
	case $placed in
	'') ;;
	z*) is_place "${placed#z}" ;;
	*) return 1 ;;
	esac
}

is_place() {
	case $1 in '' | *[!0-9]* | 0* | ????*) return 1 ;; esac
}
