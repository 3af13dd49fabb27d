# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

# The address that the default route leaves from; ip(8) may be missing this early.
detect_primary_address() {
	for to in 192.0.2.1 2001:db8::1; do
		if route=$(ip -o route get "$to" 2>/dev/null); then
			case $route in *' src '*) ;; *) continue ;; esac
			route=${route#*' src '}
			printf '%s\n' "${route%% *}"
			return
		fi
	done
	addresses=$(hostname -I 2>/dev/null) || return 0
	printf '%s\n' "${addresses%% *}"
}
