# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A hostile command of cvmm exec, and what it attacks. Both run in a folder "here" beside a folder
# "secret", whose folder "rw" the command may write to.
#
#   attack     in the guest: prints what it should not have reached, and between "reads" and "end"
#              nothing
#   listen_on  on the host: sockets by name, abstract and of TCP, whose port is printed

may_use perl

attack() {
	local secret=${PWD%/*}/secret f name

	mkdir -p /m /w
	# the devices of root and folder, without the agent's mounts
	mount -r -t virtiofs root /m && mount -t virtiofs dir0 /w
	[ -e /m/etc/passwd ] && [ -e "/m$PWD/attack" ] && [ -e /w/own ] && echo reads
	for f in "$secret/file" /proc/self/mem /proc/1/environ /root /etc/shadow /etc/gshadow; do
		[ ! -e "/m$f" ] || echo "found $f"
	done
	for f in proc sys dev run home; do
		case $PWD in "/$f"/*) continue;; esac
		[ -z "$(ls -A "/m/$f")" ] || echo "listed $f"
	done
	[ "$(ls -A "/m${PWD%/*}" "/m$secret" | grep -v : | xargs)" = "here secret rw" ] || echo "listed the folder above"
	mount -o remount,rw /m
	for f in touch mkdir mkfifo rm; do
		"$f" "/m$PWD/$f" && echo "changed the root by $f"
	done
	ln -s "$secret/file" /w/link
	mkdir /w/inner && ln -s ../.. /w/inner/link
	for f in /w/link /w/inner/link/file /w/../file "/w/inner/../../file"; do
		[ ! -e "$f" ] || echo "left the folder by $f"
	done
	ln "/m$PWD/attack" /w/hard && echo "linked a file of the root"
	perl -MSocket -e '
		for my $name ("socket", "\0cvmm-attack") {
			socket(my $s, AF_UNIX, SOCK_STREAM, 0);
			print "connected to a socket\n" if connect($s, pack_sockaddr_un($name));
		}
		socket(my $s, AF_INET, SOCK_STREAM, 0);
		print "connected by TCP\n" if connect($s, pack_sockaddr_in($ENV{PORT}, INADDR_LOOPBACK));'
	[ "$(ls /sys/class/net)" = lo ] || echo "has a network"
	echo end
}

listen_on() {
	exec perl -MSocket -e '
		socket(my $u, AF_UNIX, SOCK_STREAM, 0);
		bind($u, pack_sockaddr_un("socket")) && listen($u, 9) or die;
		socket(my $a, AF_UNIX, SOCK_STREAM, 0);
		bind($a, pack_sockaddr_un("\0cvmm-attack")) && listen($a, 9) or die;
		socket(my $t, AF_INET, SOCK_STREAM, 0);
		bind($t, pack_sockaddr_in(0, INADDR_LOOPBACK)) && listen($t, 9) or die;
		$| = 1;
		print((unpack_sockaddr_in(getsockname($t)))[0], "\n");
		sleep 1000;'
}
