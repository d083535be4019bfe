# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Guests that move between processes of cvmm in the current folder $WORK. Source it after
# lib.sh, machine.sh and control.sh. The keyboard of all machines is one FIFO.
#
#   begin NAME ARG...        a machine NAME with the interactive self-test
#   comes NAME ARG...        one that waits for a guest at unix:NAME.in
#   moves NAME NAME WORD...  the guest of the first moves to the second
#   content NAME KEYS        tests by these keys succeed, and end the machine in order

may_use python3
control() { ctl "$@"; }
stream() { timeout 120 python3 "$here/migration_stream.py" "$@"; }
# answers CONTROL PATTERN WORD…
answers() { control "$1" "${@:3}" >answer 2>&1; cat answer; grep -q "$2" answer; }

fresh_keys() {
	rm -f keys
	mkfifo keys
	exec 7<>keys
}
press() { printf %s "$1" >&7; }

# machine NAME ARG…: cvmm run ARG… with control socket NAME and log NAME.log
machine() {
	rm -f "$1"
	start "$1.log" sh -c 'exec "$@" <keys' sh "$CVMM" run --control="$1" "${@:2}"
	eval "PID_$1=\$CHILD"
}
pid() { local name=PID_$1; echo "${!name}"; }
gone() { ended "$(pid "$1")"; }
# status_of NAME: waits for its end
status_of() {
	wait_until 60 gone "$1" || return 1
	wait "$(pid "$1")"
}
ends_with() {
	status_of "$1"
	local status=$?
	cat "$1.log"
	[ $status -eq "$2" ] && { [ -z "${3-}" ] || grep -q -- "$3" "$1.log"; }
}
# one line explains the end; it may follow a line that the guest did not finish
explained() { ends_with "$@" && [ "$(grep -c 'cvmm: ' "$1.log")" -eq 1 ]; }

DISK=(--disk "path=$WORK/disk")

begin() {
	machine "$1" builtin:selftest --cmdline interactive --serial=stdio "${@:2}" &&
		wait_until 30 file_says "$1.log" '^ready'
}
waits() { [ -S "$1" ]; }
# comes NAME: a destination at unix:NAME.in
comes() { machine "$1" --incoming "unix:$WORK/$1.in" "${@:2}" && wait_until 30 waits "$1.in"; }
moves() { answers "$1" '^{"ok":true,"sent"' migrate "${@:3}" "unix:$WORK/$2.in"; }
runs_here() { answers "$1" '"paused":false' status; }
content() { press "$2" && ends_with "$1" 0 'selftest: content, 0 faults'; }
# Another program cannot use the image.
is_locked() {
	timeout 60 "$CVMM" run builtin:selftest --disk "path=$WORK/$1" </dev/null >out 2>said
	local status=$?
	cat said
	[ $status -eq 75 ] && grep -q "'$WORK/$1' is in use by another program" said
}
# holds FILE: a third program locks the image, until released
holds() {
	rm -f hold
	mkfifo hold
	exec 6<>hold
	start hold.log sh -c 'exec "$@" <hold' sh "$CVMM" run builtin:selftest --cmdline interactive --serial=stdio --disk "path=$WORK/$1"
	HOLDER=$CHILD
	wait_until 30 file_says hold.log '^ready'
}
released() { printf q >&6; wait_until 30 ended "$HOLDER"; }
kill_all() {
	local name
	for name in "$@"; do
		gone "$name" || end_child "$(pid "$name")" KILL
	done
}
# Tests run beside each other: each has a range of its own, outside of the kernel's choice, and
# takes the next free port of it.
tcp_port() {
	local used
	used=$(cat "$WORK/ports" 2>/dev/null || echo 0)
	echo $((used + 1)) >"$WORK/ports"
	python3 -c 'import socket, sys
process, used = map(int, sys.argv[1:])
for n in range(used, used + 100):
    port = 10000 + process % 200 * 100 + n % 100
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break' $$ "$used"
}
