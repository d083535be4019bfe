#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The example of libvm-memory(3) is the program that is compiled here, it does
# what it says, and the page has every property that the library has. Prints
# TAP.
set -u

srcdir=${srcdir:-.}
example=${EXAMPLE:-./tests/example}
page=$srcdir/libvm-memory.3
n=0
check() {	# SENTENCE EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1: expected '$2', got '$3'"
	fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/vmem-example.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# In the page a backslash is written \e.
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$page" |
	sed -e '1d' -e '$d' -e 's/\\e/\\/g' >"$work/page.c"
sed -n '/^#include/,$p' "$srcdir/tests/example.c" >"$work/source.c"
check 'the page shows the program' '' "$(diff "$work/source.c" "$work/page.c" 2>&1)"

"$example" >"$work/help"
check 'without properties it says how to use it' 64 $?
sed -n 's/^ *--\([a-z-]*\).*/\1/p' "$work/help" |
	sort >"$work/known"
sed -n '/^\.Sh PROPERTIES/,/^\.Sh [A-Z]* *$/s/^\.It Cm \([a-z-]*\).*/\1/p' "$page" |
	sort >"$work/described"
check 'the page has every property and no other' '' \
	"$(diff "$work/known" "$work/described" 2>&1)"

check 'anonymous memory is stored to' "0x100000 bytes at 0x100000, file position 0
reads 0x5041 as stored
nothing in front of it" "$("$example" size=1M 2>&1)"
dd if=/dev/zero of="$work/file" bs=4096 count=4 2>"$work/dd.log"
check 'a file is ROM, from its offset on' "0x2000 bytes at 0x100000, file position 0x1000
may not be stored to
nothing in front of it" \
	"$("$example" "backend=file,mem-path=$work/file,size=8k,offset=4k,readonly=on" 2>&1)"
check 'a mistyped property is guessed' \
	"example: memory: unknown key 'sise'; did you mean 'size'?" \
	"$("$example" sise=1M 2>&1)"
check 'a refused back-end makes no file' '' \
	"$("$example" "backend=file,mem-path=$work/new,size=4097" 2>"$work/err"; ls "$work/new" 2>"$work/ls.log")"
echo "1..$n"
