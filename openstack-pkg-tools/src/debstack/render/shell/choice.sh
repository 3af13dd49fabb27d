# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

# is_choice VALUE ACCEPTS: whether VALUE is in the list, which is separated by commas.
is_choice() {
	case $1 in *,*) return 1 ;; esac
	case ", ${2#one of }, " in *", $1, "*) ;; *) return 1 ;; esac
}
