# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Network cards.

# net_host: creates a tap interface for guests; NET_WHY is the reason if it
# cannot
net_host() {
	NET_WHY=
	[ -c /dev/net/tun ] || { NET_WHY="there is no /dev/net/tun"; return 1; }
	command -v ip >/dev/null || { NET_WHY="ip is not installed"; return 1; }
	ip tuntap add cvmmtap mode tap "$@" 2>"$WORK/err" || { NET_WHY="no tap interface: $(cat "$WORK/err")"; return 1; }
	ip addr add 10.77.0.1/24 dev cvmmtap && ip link set cvmmtap up
}

# net_peer MIB: the peer of the guest's streams: sends and receives that amount
net_peer() {
	MIB=$1
	head -c "${MIB}M" /dev/urandom >"$WORK/stream"
	busybox nc -l -p 5001 <"$WORK/stream" >/dev/null &
	GIVER=$!
	[ -p "$WORK/open" ] || mkfifo "$WORK/open"
	exec 8<>"$WORK/open"
	busybox nc -l -p 5002 >"$WORK/back" <"$WORK/open" &
	TAKER=$!
}

# net_claims PREFIX [CHECKS]: results of the guest of job net, and of the
# streams
net_claims() {
	checks "$1: ping, full frames and streams" "${2:-4}"
	kill "$GIVER" "$TAKER" 2>/dev/null
	wait "$GIVER" "$TAKER" 2>/dev/null
	same "$1: $MIB MiB were received completely" "$((MIB * 1048576)) $(md5sum <"$WORK/stream" | cut -d ' ' -f 1)" "$(said got)"
	cmp -s "$WORK/stream" "$WORK/back" && ok "$1: $MIB MiB were sent completely" || not_ok "$1: $MIB MiB were sent completely" "$(stat -c %s "$WORK/back") bytes"
}

part_net() {
	net_host || { skip "a network card over a tap interface" "$NET_WHY"; return; }
	MORE='net=10.77.0.2,10.77.0.1'
	net_peer $((64 / LESS))
	guest net --net tap=cvmmtap,mac=52:54:00:77:00:02 --cpus=$CPUS --transport=mmio
	net_claims "a card on a tap interface"
	same "with its own address" "52:54:00:77:00:02 1500 1" "$(said card)"
	net_peer $((64 / LESS / LESS))
	guest net --net tap=cvmmtap,offloads=off,mtu=1400 --transport=pci
	net_claims "the same on PCI without offloads"
	ip link del cvmmtap

	net_host multi_queue
	net_peer $((64 / LESS / LESS))
	guest net --net tap=cvmmtap,queues=2,mac=52:54:00:77:00:02 --cpus=2 --transport=pci
	net_claims "a card of two pairs"
	same "which the guest uses" "52:54:00:77:00:02 1500 2" "$(said card)"
	ip link del cvmmtap

	net_host
	if served "$BUILD/daemons/cvmm-vhost-user-net" --socket-path="$WORK/socket" --tap=cvmmtap --mac=52:54:00:77:00:03; then
		net_peer $((64 / LESS / LESS))
		guest net --net "backend=user:$WORK/socket" --transport=mmio
		net_claims "a card of our daemon"
		same "with the daemon's address" "52:54:00:77:00:03 1500 1" "$(said card)"
		end_server
	else
		not_ok "our daemon serves" "$(cat "$WORK/server.log")"
	fi
	ip link del cvmmtap
	MORE=
}
