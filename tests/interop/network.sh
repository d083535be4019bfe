# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Servers and clients of TCP, which run on the host and, by declare -f, in a guest of cvmm exec.

may_use perl

# serve ADDRESS PORT: answers the first line of each connection, and prints the port first, which may be 0
serve() {
	exec perl -MSocket -e '
		socket(my $s, AF_INET, SOCK_STREAM, 0);
		setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
		bind($s, pack_sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) && listen($s, 9) or die;
		$| = 1;
		print((unpack_sockaddr_in(getsockname($s)))[0], "\n");
		while (accept(my $c, $s)) { <$c>; syswrite $c, "from $ARGV[0]\n"; close $c; }' "$@"
}

# read_line ADDRESS PORT [SECONDS]: speaks first, since passt of 2023 completes a connection with its data
read_line() {
	timeout "${3:-120}" perl -MSocket -e '
		socket(my $s, AF_INET, SOCK_STREAM, 0);
		connect($s, pack_sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) or exit 1;
		syswrite $s, "\n";
		print while <$s>;' "$@"
}

# The address of this machine towards others; no packet is sent.
own_address() {
	perl -MSocket -e '
		socket(my $s, AF_INET, SOCK_DGRAM, 0);
		connect($s, pack_sockaddr_in(9, inet_aton("198.51.100.1"))) or exit 1;
		print inet_ntoa((unpack_sockaddr_in(getsockname($s)))[1]);'
}

# In the guest: addresses, a server of the host, none at the host's 127.0.0.1; then a server.
guest_network() {
	own_address; echo
	cat /etc/resolv.conf
	read_line "$HOST" "$PORT"
	read_line 10.0.2.2 "$OWN_PORT" 20 || read_line 127.0.0.1 "$OWN_PORT" 20 || echo no loopback
	serve 0.0.0.0 80 >/run/port &
	until [ -s /run/port ]; do sleep 0.1; done
	echo ready
	read -r line
}
