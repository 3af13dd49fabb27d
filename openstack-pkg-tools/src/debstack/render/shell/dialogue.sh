# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154

# recorded FILE QUESTION: set value to what the preseed file says last; fail if it says nothing.
recorded() {
	found=1
	[ -r "$1" ] || return 1
	while read -r owner name type text || [ -n "$owner" ]; do
		case $owner in '#'*) continue ;; esac
		if [ "$name" = "$2" ] && [ "$type" != seen ]; then
			value=$text
			found=0
		fi
	done <"$1"
	return "$found"
}

# load QUESTION: what was written into site.preseed since it was last taken is the answer.
load() {
	recorded "$site" "$1" || return 0
	wanted=$value
	known=
	if recorded "$taken" "$1"; then known=yes; fi
	db_fget "$1" seen
	answered=$RET
	if [ "$answered" = true ] && [ -n "$known" ] && [ "$value" = "$wanted" ]; then
		return 0
	fi
	db_get "$1"
	if [ "$answered" = true ] && [ "$RET" != "$wanted" ] && { [ -z "$known" ] || [ "$RET" != "$value" ]; }; then
		# Both were changed, and nobody can tell which one came later.
		echo "debstack: warning: $1: debconf says \"$RET\", $site says \"$wanted\": took \"$wanted\", not \"$RET\"" >&2
	fi
	db_set "$1" "$wanted"
	db_fset "$1" seen true
}

# refuse QUESTION ACCEPTS VALUE: nobody can be asked, so a bad answer ends here.
refuse() {
	echo "debstack: error: $1: expected $2, got \"$3\"" >&2
	echo "debstack: hint: correct it with debconf-set-selections or in $site, then run: dpkg --configure -a" >&2
	exit 1
}

# valid CHECK ACCEPTS VALUE: an empty answer is the default and never bad, but for a choice.
valid() {
	case $1 in
	any) ;;
	choice) is_choice "$3" "$2" ;;
	*) [ -z "$3" ] || "is_$1" "$3" ;;
	esac
}

# complain QUESTION ACCEPTS INVALID VALUE: say why the question comes (again).
complain() {
	db_fset "$1" seen false
	db_input critical "$1" || refuse "$1" "$2" "$4"
	db_clear
	db_subst "$3" value "$4"
	db_fset "$3" seen false
	db_input critical "$3" || true # what counts is that the question itself is shown
}

# ask PRIORITY QUESTION CHECK ACCEPTS INVALID DETECT: put one question and set direction:
# 1 for the next one, -1 for the one before, 0 for once more.
ask() {
	priority=$1
	filled=
	shown=yes
	moved=back
	db_get "$2"
	# Looked at first, since debconf replaces a choice that the list does not have.
	if ! valid "$3" "$4" "$RET"; then
		priority=critical
		complain "$2" "$4" "$5" "$RET"
	elif [ -z "$RET" ] && [ -n "$6" ]; then
		filled=yes
		db_set "$2" "$("detect_$6")"
	fi
	db_input "$priority" "$2" || shown=
	if db_go; then moved=on; fi
	# A detected value that nobody has confirmed is found out anew when it is needed.
	if [ -n "$filled" ] && { [ -z "$shown" ] || [ "$moved" = back ]; }; then
		db_set "$2" ""
	fi
	if [ "$moved" = back ]; then
		# A question that nobody sees is passed over in the direction of travel.
		if [ -n "$shown" ] || [ "$direction" -eq 0 ]; then direction=-1; fi
		return 0
	fi
	direction=1
	db_get "$2"
	if ! valid "$3" "$4" "$RET"; then direction=0; fi
}
