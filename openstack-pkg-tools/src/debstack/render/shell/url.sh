# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

is_url() {
	case $1 in http://* | https://*) ;; *) return 1 ;; esac
	url_rest=${1#*://}
	url_authority=${url_rest%%/*}
	case ${url_rest#"$url_authority"} in *[!A-Za-z0-9_.,:@%+=~/-]*) return 1 ;; esac
	# In a URL an IPv6 address stands in brackets.
	is_ipv6 "$url_authority" && return 1
	is_host_port "$url_authority"
}
