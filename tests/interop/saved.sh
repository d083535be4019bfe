# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A built-in guest that is saved and continued.  Source it after lib.sh, and work
# in the test's folder.
#
#   fresh_keys             a new pipe for its console's input, descriptor 7
#   machine NAME ARG...    cvmm run ARG... until it runs; its process is MACHINE
#   begin NAME ARG...      likewise the interactive self-test
#   continued NAME FOLDER  continues a saved one
#   told NAME KEYS         it does what the keys say, and ends content
#   answers TEXT COMMAND   whether the answer to a command has the text
#   killed                 ends the process at once

may_use python3
. "$here/control.sh"

command_machine() { ctl control "$@"; }
answers() { command_machine "${@:2}" >answer 2>&1; cat answer; grep -q "$1" answer; }
state() { python3 "$here/machine_state.py" "$@"; }

fresh_keys() {
	rm -f keys
	mkfifo keys
	exec 7<>keys
}

machine_answers() { ended "$MACHINE" || { [ -S control ] && answers '"ok":true' status; }; }

machine() {
	rm -f control
	start "$1.log" sh -c 'exec "$@" <keys' sh "$CVMM" run "${@:2}"
	MACHINE=$CHILD
	wait_until 30 machine_answers && ! ended "$MACHINE"
}

begin() {
	machine "$1" builtin:selftest --cmdline interactive --control=control --serial=stdio "${@:2}" &&
		wait_until 30 file_says "$1.log" '^ready'
}

told() {
	printf %s "$2" >&7
	ends_content "$MACHINE" "$1.log"
}

killed() { end_child "$MACHINE" KILL; [ "$ENDED" -eq 137 ]; }

continued() { machine "$1" --from="$2" --serial=stdio "${@:3}"; }
