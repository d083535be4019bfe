# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# The blocks of cvmm-recipes(7), and a shell that runs them. Source it after lib.sh.
#
#   block KIND NAME             the lines of a block: for a shell (recipe), for one of a guest
#                               (guest), or of a file (file)
#   recipe_script CONTROLS NAME LINES...
#                               $WORK/NAME/script: lines, after which the guests of these sockets
#                               run, and no other. A word of LINES is a block's name, or
#                               "= COMMAND" of the test

PAGE=$INTEROP/../../programs/cvmm/cvmm-recipes.7

block() {
	MARK=".\\\" $1: $2" awk '
		$0 == ENVIRON["MARK"] { found = 1; next }
		/^\.Ed/ { shown = found = 0 }
		shown { print }
		found && /^\.Bd/ { shown = 1 }' "$PAGE" | sed 's/\\e$/\\/; s/\\-/-/g'
}

# Before and after the commands of a recipe. A reader waits until a machine runs before the next
# command, and so do these commands.
cat >"$WORK/prelude" <<'END'
set -eu
trap 'jobs=$(jobs -p); [ -z "$jobs" ] || kill $jobs 2>/dev/null || :' EXIT
truncate -s 4M root.img db.img
# until_true COMMAND...: within a minute
until_true() {
	local i
	for ((i = 0; i < 1200; i++)); do
		"$@" && return
		sleep 0.05
	done
	echo "never: $*"
	return 1
}
connected() { awk -v path="$1" '$6 == "03" && $8 == path { n++ } END { exit !n }' /proc/net/unix; }
# port_open PORT: of this network namespace
port_open() { awk -v port="$(printf :%04X "$1")" '$4 == "0A" && index($2, port) { n++ } END { exit !n }' /proc/net/tcp; }
# finish CONTROL...: guests that run now, and end
finish() {
	for control; do
		cvmm ctl "$control" status >state
		grep '"state":"running"' state
		# a log of the serial port is complete before the guest ends
		[ ! -e "${control%.*}.log" ] || until_true grep -q ^ready "${control%.*}.log"
		cvmm ctl "$control" quit >/dev/null
	done
	wait
}
END

recipe_script() {
	local folder=$WORK/$2 controls=$1 line

	shift 2
	rm -rf "$folder" && mkdir "$folder" || return
	{
		cat "$WORK/prelude"
		for line; do
			case $line in
			'= '*) echo "${line#= }" ;;
			*) block recipe "$line" | grep . || return ;;
			esac
		done
		echo "finish $controls"
	} >"$folder/script"
}
