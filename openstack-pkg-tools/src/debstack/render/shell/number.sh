# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_number() {
	case $1 in '' | *[!0-9]* | 0* | ?????*) return 1 ;; esac
}
