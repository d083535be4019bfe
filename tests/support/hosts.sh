# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
#
# Projects that carry the libraries inside themselves, each in a folder of $work.
# Wants $top and tap.sh.

unset MAKEFLAGS MFLAGS MAKELEVEL 2>/dev/null
jobs=${JOBS:-2}
libraries='vmm-sys-util vm-memory virtio-queue vhost virtio-devices'

work=$(mktemp -d "${TMPDIR:-/tmp}/c-vmm-host.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# chain LIBRARY: it and what it is built on, in the order for a linker
chain() {
	order=
	for sibling in $libraries; do
		order="$sibling $order"
		[ "$sibling" != "$1" ] || break
	done
	echo "$order"
}

# each TEXT NAME...: the text for each name, which takes the place of @
each() {
	text=$1
	shift
	for name; do echo "$text" | sed "s|@|$name|g"; done | tr '\n' ' '
}

# host NAME: a project with a program for each library, in the folder $host
host() {
	host=$work/$1
	mkdir -p "$host"
	for lib in $libraries; do cp "$top/tests/consumers/$lib.c" "$host/use-$lib.c"; done
}
