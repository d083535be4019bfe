#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The example of libvm-agent(3) is the program that is compiled here, and it does what it says. Prints TAP.
set -u

srcdir=${srcdir:-.}
example=${EXAMPLE:-./tests/example}
page=$srcdir/libvm-agent.3
n=0
check() {	# SENTENCE EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1: expected '$2', got '$3'"
	fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/vagent-example.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# In the page a backslash is written \e.
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$page" |
	sed -e '1d' -e '$d' -e 's/\\e/\\/g' >"$work/page.c"
sed -n '/^#include/,$p' "$srcdir/tests/example.c" >"$work/source.c"
check 'the page shows the program' '' "$(diff "$work/source.c" "$work/page.c" 2>&1)"
check 'a session without a guest has no command' 'example: no command, 125' "$("$example" 2>&1), 125"
"$example" >"$work/out" 2>&1
check 'which is a failure' 125 $?
"$example" true >"$work/out" 2>&1
status=$?
check 'a guest that ends is waited for until the time limit' \
	'example: the command did not end within 0.1 seconds, 124' "$(cat "$work/out"), $status"
echo "1..$n"
