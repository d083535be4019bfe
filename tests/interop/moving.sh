# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Guests that move between processes of cvmm in the current folder $WORK. Source it after
# lib.sh, machine.sh and control.sh. The keyboard of all machines is one FIFO.
#
#   begin NAME ARG...        a machine NAME with the interactive self-test
#   comes NAME ARG...        one that waits for a guest at unix:NAME.in
#   comes_by KIND NAME ARG...  one that waits at $ADDRESS, of unix, tcp or tls
#   moves NAME NAME WORD...  the guest of the first moves to the second
#   hops N KIND WORD...      a guest under load moves N times
#   gives_up NAME            a machine ends with a status for what it cannot use, by no signal
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
gives_up() {
	status_of "$1"
	local status=$?
	cat "$1.log"
	echo "status $status"
	[ $status -ge 65 ] && [ $status -le 78 ]
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
waits() { socket_listening "$WORK/$1"; }
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

# ------------------------------------------------------------------ addresses of TCP

# Tests run beside each other: each has a loopback address of its own, by its process,
# and takes the ports of that address in order.
LOOPBACK=127.$(($$ >> 16)).$(($$ >> 8 & 255)).$(($$ & 255))
LISTENS_THERE=$(printf '%02X%02X%02X7F' $(($$ & 255)) $(($$ >> 8 & 255)) $(($$ >> 16)))

# tcp_port: the next one, on which no program listens for all addresses
tcp_port() {
	local port

	port=$(($(cat "$WORK/port" 2>/dev/null || echo 10000) + 1))
	while grep -qs ":$(printf %04X "$port") [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6; do port=$((port + 1)); done
	echo $port | tee "$WORK/port"
}
# listens PORT [NAME]: there, unless machine NAME has ended. A connection would be taken
# for the source: the kernel's table is read instead.
listens() { grep -q " $LISTENS_THERE:$(printf %04X "$1") 00000000:0000 0A " /proc/net/tcp || { [ -n "${2-}" ] && gone "$2"; }; }

# comes_by KIND NAME ARG…: a destination at $ADDRESS: unix, tcp, or tls with the folder
# $CERTIFICATES
comes_by() {
	local port

	ADDRESS=unix:$WORK/$2.in
	[ "$1" != unix ] || { comes "${@:2}"; return; }
	port=$(tcp_port)
	ADDRESS=$1:$LOOPBACK:$port
	[ "$1" = tcp ] || ADDRESS+=,certificates=$CERTIFICATES
	machine "$2" --incoming "$ADDRESS" "${@:3}"
	wait_until 30 listens "$port" "$2" && ! gone "$2" || { cat "$2.log"; return 1; }
}

# ---------------------------------------------------------------- one move after another

# hop_count SHORT FULL: how often a guest moves, by TEST_SCALE; CVMM_HOPS replaces both
hop_count() {
	if [ -n "${CVMM_HOPS-}" ]; then
		echo "$CVMM_HOPS"
	elif full_scale; then
		echo "$2"
	else
		echo "$1"
	fi
}

MOVER=()	# options of the first machine
SANDBOX=()	# options of each machine
HOPPED=:	# called with the name of the destination after each move
# hops N KIND WORD…: a guest that writes its memory and its disk all the time moves N
# times to a destination of that kind, with words of "migrate"
hops() {
	local i from=h0 to

	fresh_keys
	begin h0 "${MOVER[@]}" "${SANDBOX[@]}" || return 1
	for ((i = 1; i <= $1; i++)); do
		to=h$i
		press wdw
		comes_by "$2" "$to" "${SANDBOX[@]}" || return 1
		answers "$from" '^{"ok":true,"sent"' migrate "${@:3}" "$ADDRESS" || { cat "$from.log" "$to.log"; return 1; }
		sed -n 's/.*"downtime_us":\([0-9]*\).*/\1/p' answer >>downtimes
		explained "$from" 4 'the guest moved to' && $HOPPED "$to" || { cat "$to.log"; return 1; }
		from=$to
	done
	content "$from" dwdq
}
# downtimes_shown: those of the moves since the last call
downtimes_shown() {
	diag "downtime in microseconds: $(sort -n downtimes | xargs)"
	rm downtimes
}
