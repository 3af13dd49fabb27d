#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What udhcpc calls with what the server said. $staticroutes are pairs of network and router.
# shellcheck disable=SC2154 # udhcpc sets these variables

case $1 in
deconfig)
	ip -4 address flush dev "$interface"
	;;
bound | renew)
	[ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
	ip -4 address flush dev "$interface"
	ip address add "$ip/$mask" dev "$interface"
	for address in $router; do
		ip route replace default via "$address" dev "$interface"
	done
	# shellcheck disable=SC2086 # a list of words
	set -- $staticroutes
	while [ $# -ge 2 ]; do
		if [ "$2" = 0.0.0.0 ]; then
			ip route replace "$1" dev "$interface"
		else
			ip route replace "$1" via "$2" dev "$interface"
		fi
		shift 2
	done
	: >/etc/resolv.conf
	for address in $dns; do
		echo "nameserver $address" >>/etc/resolv.conf
	done
	echo "guest: $interface has $ip/$mask, mtu $(cat "/sys/class/net/$interface/mtu")" >/dev/console
	;;
esac
