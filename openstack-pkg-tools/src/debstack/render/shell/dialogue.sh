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
	db_fget "$1" seen
	if [ "$RET" = true ] && recorded "$taken" "$1" && [ "$value" = "$wanted" ]; then
		return 0
	fi
	db_set "$1" "$wanted"
	db_fset "$1" seen true
}

# refuse QUESTION ACCEPTS: nobody can be asked, so a bad answer ends here.
refuse() {
	echo "debstack: error: $1: expected $2, got \"$RET\"" >&2
	echo "debstack: hint: correct it with debconf-set-selections or in $site, then run: dpkg --configure -a" >&2
	exit 1
}

# ask PRIORITY QUESTION CHECK ACCEPTS INVALID DETECT: put one question and set direction:
# 1 for the next one, -1 for the one before, 0 for once more.
ask() {
	filled=
	shown=yes
	db_get "$2"
	if [ -z "$RET" ] && [ -n "$6" ]; then
		filled=yes
		db_set "$2" "$("detect_$6")"
	fi
	db_input "${insist:-$1}" "$2" || shown=
	moved=back
	if db_go; then moved=on; fi
	# A detected value that nobody has confirmed is found out anew when it is needed.
	if [ -n "$filled" ] && { [ -z "$shown" ] || [ "$moved" = back ]; }; then
		db_set "$2" ""
	fi
	if [ "$moved" = back ]; then
		insist=
		# A question that nobody sees is passed over in the direction of travel.
		if [ -n "$shown" ] || [ "$direction" -eq 0 ]; then direction=-1; fi
		return 0
	fi
	direction=1
	insist=
	[ "$3" != any ] || return 0
	db_get "$2"
	case $3 in choice) ;; *) [ -n "$RET" ] || return 0 ;; esac
	if "is_$3" "$RET" "$4"; then return 0; fi
	db_fset "$2" seen false
	db_input critical "$2" || { db_get "$2"; refuse "$2" "$4"; }
	db_clear
	db_get "$2"
	db_subst "$5" value "$RET"
	db_fset "$5" seen false
	db_input critical "$5" || true # an error that cannot be shown changes nothing
	db_go || true                  # back from an error message leads to the question as well
	insist=critical
	direction=0
}
