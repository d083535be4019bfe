# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Sockets between guest and host.

# echoes NAME MODE N BYTES: a program of the host connects to port 1234 of the
# guest
echoes() {
	if "$LOAD" "$2" "$GUEST_PORT" "${@:3}" >"$WORK/said" 2>&1; then
		ok "$1"
	else
		not_ok "$1" "$(cat "$WORK/said")"
	fi
}

# vsock_guest WHERE BYTES OPTION…: a guest with a socket device that uses every
# kind of connection, with BYTES in each of several echoes. Programs of the host
# listen at HOST_PORT and connect to GUEST_PORT, with messages at HOST_MESSAGES
# and GUEST_MESSAGES.
vsock_guest() {
	local where=$1 bytes=$2; shift 2

	rm -f "$WORK"/v_52 "$WORK"/v_53
	"$LOAD" echo "$HOST_PORT" >"$WORK/echo" 2>&1 &
	ECHO=$!
	"$LOAD" answer "$HOST_MESSAGES" >"$WORK/answer" 2>&1 &
	ECHO="$ECHO $!"
	MORE="count=400 bytes=$bytes" start vsock "$@"
	until_said ready
	echoes "$where: 100 echoes at once, from the host" load 100 "$bytes"
	echoes "$where: one long echo" load 1 $((bytes * 128))
	GUEST_PORT=$GUEST_MESSAGES echoes "$where: messages and their boundaries, from the host" messages 8
	"$LOAD" reset "$GUEST_PORT" 99 $((bytes * 4)) >/dev/null 2>&1 &
	echoes "$where: echoes among resets of the host" load 100 "$bytes"
	wait $!
	until_said called
	echoes "$where: the same after all that" load 100 "$bytes"
	finish
	checks "$where: echoes and messages of the guest, also during resets" 6
	# shellcheck disable=SC2086
	kill $ECHO && wait $ECHO 2>/dev/null
}

part_vsock() {
	LOAD=$BUILD/tests/interop/vsock-load HOST_PORT=unix:$WORK/v_52 GUEST_PORT=bridge:$WORK/v:1234
	HOST_MESSAGES=unix:$WORK/v_53 GUEST_MESSAGES=bridge:$WORK/m:1235
	vsock_guest "mmio" 65536 --transport=mmio --vsock "cid=3,path=$WORK/v,seqpacket-path=$WORK/m" --cpus=$CPUS
	[ ! -e "$WORK/v" ] && [ ! -e "$WORK/m" ] && ok "the sockets are removed with the machine" || not_ok "the sockets are removed with the machine"
	vsock_guest "pci" $((65536 / LESS)) --transport=pci --vsock "cid=4294967294,path=$WORK/v,seqpacket-path=$WORK/m"
	if served "$BUILD/daemons/cvmm-vhost-user-vsock" --socket-path="$WORK/socket" --guest-cid=7 --uds-path="$WORK/v" --seqpacket-path="$WORK/m"; then
		vsock_guest "our daemon" $((65536 / LESS)) --vsock "backend=user:$WORK/socket"
		end_server
		same "the daemon ends in order" 0 $?
	else
		not_ok "our daemon serves" "$(cat "$WORK/server.log")"
	fi
}
