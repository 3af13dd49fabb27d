# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_path() {
	case $1 in [!/]* | *[!A-Za-z0-9_.,:@%+=~/-]*) return 1 ;; esac
	case $1/ in */../*) return 1 ;; esac
}
