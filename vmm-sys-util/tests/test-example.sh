#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The example of libvmm-sys-util(3) is the program that is compiled here, and
# it does what it says. Prints TAP.
set -u

srcdir=${srcdir:-.}
example=${EXAMPLE:-./tests/example}
n=0
check() {	# SENTENCE EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1: expected '$2', got '$3'"
	fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/vsu-example.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
sock=$work/s

# In the page a backslash is written \e.
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$srcdir/libvmm-sys-util.3" |
	sed -e '1d' -e '$d' -e 's/\\e/\\/g' >"$work/page.c"
sed -n '/^#include/,$p' "$srcdir/tests/example.c" >"$work/source.c"
check 'the page shows the program' '' "$(diff "$work/source.c" "$work/page.c" 2>&1)"

dd if=/dev/zero of="$work/file" bs=1 count=12345 2>"$work/dd.log"
mkfifo "$work/out"
"$example" --socket-path="$sock" "$work/file" >"$work/out" &
server=$!
read -r line <"$work/out"
check 'the server waits' "waiting at $sock" "$line"
check 'the client gets the file' 12345 "$("$example" --socket-path "$sock" 2>&1)"
wait "$server"
check 'the server is content' 0 $?
check 'the server removes its socket' '' "$(ls "$sock" 2>"$work/ls.log")"
check 'a client without server is told' \
	"example: there is no socket at '$sock'; start the server first, or correct the path" \
	"$("$example" --socket-path="$sock" 2>&1)"
check 'a mistyped option is guessed' \
	"example: unknown option '--socket-pth'; did you mean '--socket-path'?" \
	"$("$example" --socket-pth=x 2>&1)"
echo "1..$n"
