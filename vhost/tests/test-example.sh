#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The example of libvhost(3) is the program that is compiled here, and it works
# as described. Prints TAP.
set -u

srcdir=${srcdir:-.}
example=${EXAMPLE:-./tests/example}
page=$srcdir/libvhost.3
n=0
check() {	# SENTENCE EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1: expected '$2', got '$3'"
	fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/vhost-example.XXXXXX") || exit 1
server=
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# In the page a backslash is written \e.
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$page" |
	sed -e '1d' -e '$d' -e 's/\\e/\\/g' >"$work/page.c"
sed -n '/^#include/,$p' "$srcdir/tests/example.c" >"$work/source.c"
check 'the page shows the program' '' "$(diff "$work/source.c" "$work/page.c" 2>&1)"

"$example" >"$work/out" 2>&1
check 'without arguments it prints its usage' 64 $?
check 'without a server it reports the missing socket' "example: there is no socket at '$work/none'; start the server first, or correct the path" \
	"$("$example" ask "$work/none" 2>&1)"

"$example" serve "$work/s" >"$work/served" 2>&1 &
server=$!
tries=0
while [ ! -S "$work/s" ] && [ $tries -lt 200 ] && kill -0 $server 2>/dev/null; do
	sleep 0.05
	tries=$((tries + 1))
done
# The feature bits of the protocol depend on the library's version.
check 'the client prints the name' 'features BITS, 1 queue, 509 slots
I am the example' "$("$example" ask "$work/s" 2>&1 | sed 's/0x[0-9a-f]*/BITS/')"
wait $server
check 'the server ends with its client' 0 $?
check 'the server prints why its session ended' 'the peer hung up' "$(cat "$work/served")"
check 'the socket is removed' '' "$(ls "$work/s" 2>"$work/ls.log")"
echo "1..$n"
