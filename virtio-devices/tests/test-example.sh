#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The example of libvirtio-devices(3) is the program that is compiled here, and
# it works as described. Prints TAP.
set -u

srcdir=${srcdir:-.}
example=${EXAMPLE:-./tests/example}
page=$srcdir/libvirtio-devices.3
n=0
check() {	# SENTENCE EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1: expected '$2', got '$3'"
	fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/virtio-devices-example.XXXXXX") || exit 1
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
check 'without a folder for its socket it fails' 69 \
	"$("$example" "$work/none/s" >"$work/out" 2>&1; echo $?)"

"$example" "$work/s" >"$work/served" 2>&1 &
server=$!
tries=0
while [ ! -S "$work/s" ] && [ $tries -lt 200 ] && kill -0 $server 2>/dev/null; do
	sleep 0.05
	tries=$((tries + 1))
done
check 'a socket in use is refused' "example: '$work/s' is in use by a server that listens there; stop it or choose another path" \
	"$("$example" "$work/s" 2>&1)"
kill $server
wait $server
check 'it serves until a signal arrives' 0 $?
check 'it removes its socket' gone "$([ -e "$work/s" ] || echo gone)"
echo "1..$n"
