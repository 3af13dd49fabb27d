# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Stands in for debconf in tests: the same commands, a folder as its database ($DB), and a person
# whose acts are the lines of $ACTS: a value, "=" to leave the shown one, or "<" to go back.
# Like debconf's command_go, it goes back again past what nobody sees after it went back once.

db_version() { :; }
db_capb() { :; }
_file() { printf '%s/%s.%s' "$DB" "$(printf %s "$2" | tr / %)" "$1"; }
db_get() { RET=$(cat "$(_file value "$1")"); }
db_set() { printf '%s\n' "$2" >"$(_file value "$1")"; }
db_fget() { RET=$(cat "$(_file "$2" "$1")"); }
db_fset() { printf '%s\n' "$3" >"$(_file "$2" "$1")"; }
db_subst() { printf '%s=%s\n' "$1" "$3" >>"$DB/substituted"; }
db_clear() { visible=; }
db_purge() { echo purge >>"$DB/told"; }

db_input() {
	case $1 in
	low) level=1 ;;
	medium) level=2 ;;
	high) level=3 ;;
	*) level=4 ;;
	esac
	db_fget "$2" seen
	# shellcheck disable=SC2153 # from the environment
	if [ "$LEVEL" -gt "$level" ] || [ "$RET" = true ]; then return 30; fi
	visible="${visible:-} $2"
}

db_go() {
	for question in ${visible:-}; do
		db_get "$question"
		echo "$question [$RET]" >>"$DB/told"
		case $question in */invalid-*) continue ;; esac
		act=$(head -n 1 "$ACTS")
		sed -i 1d "$ACTS"
		case $act in
		'<')
			visible=
			backed_up=yes
			return 30
			;;
		=) ;;
		*) db_set "$question" "$act" ;;
		esac
	done
	if [ -n "${backed_up:-}" ] && [ -z "${visible:-}" ]; then return 30; fi
	# debconf marks what was shown as seen at the end of the script, which no test needs.
	visible=
	backed_up=
}
