#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# The example of libdevice-kinds(3) is the program that is compiled here, and
# it works as described. Prints TAP.
set -u

srcdir=${srcdir:-.}
example=${EXAMPLE:-./tests/example}
page=$srcdir/libdevice-kinds.3
n=0
check() {	# SENTENCE EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1: expected '$2', got '$3'"
	fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/device-kinds-example.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# In the page a backslash is written \e.
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$page" |
	sed -e '1d' -e '$d' -e 's/\\e/\\/g' >"$work/page.c"
sed -n '/^#include/,$p' "$srcdir/tests/example.c" >"$work/source.c"
check 'the page shows the program' '' "$(diff "$work/source.c" "$work/page.c" 2>&1)"

"$example" >"$work/kinds"
check 'without a kind it prints all and fails' 64 $?
check 'a disk is one of them' 'blk: a disk' "$(grep '^blk' "$work/kinds")"
check 'a key that is required is named' "example: blk: key 'path' is missing" "$("$example" blk readonly 2>&1)"
check 'a wrong key has a suggestion' yes \
	"$("$example" blk pth=x 2>&1 | grep -q "'path'" && echo yes)"
truncate -s 1M "$work/disk.img"
check 'a disk is made of its keys' "opens $work/disk.img
a disk: device id 2, queues: 1" "$("$example" blk "path=$work/disk.img,readonly,engine=sync" 2>&1)"
printf 'QFI\373' >"$work/image"
check 'an image of another format is refused' yes \
	"$("$example" blk "path=$work/image" 2>&1 | grep -q 'begins like a qcow2 image' && echo yes)"
echo "1..$n"
