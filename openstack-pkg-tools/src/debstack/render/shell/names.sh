# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_names() {
	names_rest=$1,
	while [ -n "$names_rest" ]; do
		[ -n "${names_rest%%,*}" ] && is_name "${names_rest%%,*}" || return 1
		names_rest=${names_rest#*,}
	done
}
