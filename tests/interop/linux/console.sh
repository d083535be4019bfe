# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Consoles and byte streams.

# stream_back CLAIM SOCKET FILE...: sends bytes to ports of the guest and checks
# the echo
stream_back() {
	local claim=$1; shift

	same "$claim" "$(for ((i = 2; i <= $#; i += 2)); do echo "$(stat -c %s "${!i}") same"; done)" \
		"$(timeout 100 python3 "$HERE/stream.py" "$@" 2>&1)"
}

console_ports() {
	until_said ready
	stream_back "$1: a console and a stream of a guest bring back what they get" \
		"$WORK/tty" "$WORK/bytes" "$WORK/data" "$WORK/more"
	finish
	same "$1: the guest finds the stream by its name" data "$(said ports)"
	same "$1: and received all bytes of both" "$BYTES $BYTES 0" "$(said hvc0) $(said vport0p1) $STATUS"
	same "$1: its log ends with these bytes" "$(tail -c 16384 "$WORK/bytes" | sha256sum)" \
		"$(cat "$WORK/log.1" "$WORK/log" | tail -c 16384 | sha256sum)"
	same "$1: and is bounded" "" "$(find "$WORK/log" "$WORK/log.1" -size +64k)"
}

# terminal SIZE ARG...: a guest on a terminal whose size changes
terminal() {
	local size=$1; shift

	: >"$WORK/console"
	timeout 110 python3 "$HERE/terminal.py" run "$WORK/err" "size=$size" hears=resized 'keys=hello\r\n' -- \
		"$CVMM" run "$KERNEL" --initrd="$INITRD" --cmdline="console=ttyS0 $LINE job=terminal size=${size#*x}x${size%x*}" \
		--serial="$WORK/console" "$@" >"$WORK/said" 2>&1
	STATUS=$?
}

# Starts two daemons, each of which serves one guest after the other.
console_daemons() {
	local transport rng

	mkdir -p "$WORK/second"
	if ! WORK=$WORK/second served "$BUILD/daemons/cvmm-vhost-user-rng" --socket-path="$WORK/second/socket"; then
		not_ok "our daemon of entropy serves" "$(cat "$WORK/second/server.log")"
		return
	fi
	rng=$SERVER
	if served "$BUILD/daemons/cvmm-vhost-user-console" --socket-path="$WORK/socket" \
		--console-socket="$WORK/tty" --port="data:socket:$WORK/data" \
		--console-log="$WORK/log" --console-log-size=64k; then
		for transport in pci mmio; do
			MORE="bytes=$BYTES noise=1" start console --console "backend=user:$WORK/socket" \
				--rng="backend=user:$WORK/second/socket" --transport=$transport
			console_ports "of the daemon, over $transport"
			same "of a daemon, over $transport: entropy" "64 64 differ" "$(said noise)"
		done
		end_server
	else
		not_ok "our daemon of consoles serves" "$(cat "$WORK/server.log")"
	fi
	SERVER=$rng end_server
}

part_console() {
	head -c "$BYTES" /dev/urandom >"$WORK/bytes"
	head -c "$BYTES" /dev/urandom >"$WORK/more"
	MORE="bytes=$BYTES" start console --console "socket=$WORK/tty,port=data:socket:$WORK/data,log=$WORK/log,log-size=64k" --transport=mmio
	console_ports "of cvmm"
	console_daemons
	terminal 132x43 --console stdio
	same "a guest on a terminal reads its size and changes of it" "25 80, hello, 0" "$(said first), $(said typed), $STATUS"
	same "the terminal was raw meanwhile" "terminal was raw terminal as before" "$(grep '^terminal' "$WORK/said" | xargs)"
	terminal 100x30 --console stdio,name=tty
	same "and so does one with a console port" "25 80, hello, 0" "$(said first), $(said typed), $STATUS"
}
