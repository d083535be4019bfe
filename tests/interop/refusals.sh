# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Claims about programs that refuse: one line that names the option, the value
# and the remedy, the documented exit status, and no files left behind. Needs
# lib.sh; changes the current folder to $PLACE.

USAGE=64 DATA=65 INPUT=66 HOST=69 BUSY=75

# Everything happens in this folder, so that files left by a program are
# detected.
PLACE=$WORK/place
mkdir "$PLACE" "$WORK/tmp"
cd "$PLACE" || bail "no folder"
export TMPDIR=$WORK/tmp

# A superuser without capabilities is refused like any user.
UNPRIVILEGED=()
if [ "$(id -u)" -eq 0 ]; then
	UNPRIVILEGED=(setpriv --bounding-set -all --inh-caps -all)
fi

# Number of error lines of a refusal; more if something was reported earlier.
ERROR_LINES=1

# Without the totals of blocks, which a file system updates later.
inventory() { ls -lAR --time-style=full-iso "$PLACE" "$WORK/tmp" | grep -v "^total "; }

# refuses NAME STATUS PATTERN… -- COMMAND…: COMMAND ends soon with STATUS and
# one line of error that contains each PATTERN (extended, case-insensitive)
refuses() {
	local name=$1 status=$2 patterns=() faults; shift 2

	while [ "$1" != -- ]; do patterns+=("$1"); shift; done
	shift
	inventory >"$WORK/before"
	timeout -k 2 60 "$@" </dev/null >"$WORK/stdout" 2>"$WORK/stderr"
	faults=$(refusal_faults $? "$status" "${patterns[@]}")
	if [ -z "$faults" ]; then
		tap_ok "$name"
	else
		tap_not_ok "$name" "$*
$faults
it said: $(head -c 2000 "$WORK/stderr")"
	fi
}

# refusal_faults GOT WANT PATTERN…: the differences, one per line
refusal_faults() {
	local got=$1 want=$2 pattern; shift 2

	[ "$got" -eq "$want" ] || echo "exit status $got, expected $want"
	[ "$(wc -l <"$WORK/stderr")" -eq "$ERROR_LINES" ] || echo "not $ERROR_LINES lines of error"
	[ ! -s "$WORK/stdout" ] || echo "output besides the error: $(head -c 500 "$WORK/stdout")"
	for pattern; do
		grep -Eqi -- "$pattern" "$WORK/stderr" || echo "the error does not contain: $pattern"
	done
	inventory | diff "$WORK/before" - || echo "something was left behind or changed"
}

long_path() { printf 'd%.0s' $(seq 120); }
