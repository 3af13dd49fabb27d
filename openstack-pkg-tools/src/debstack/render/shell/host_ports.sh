# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_host_ports() {
	ports_rest=$1,
	while [ -n "$ports_rest" ]; do
		is_host_port "${ports_rest%%,*}" || return 1
		ports_rest=${ports_rest#*,}
	done
}
