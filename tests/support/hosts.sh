# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
#
# The libraries outside the tree: alone, or inside projects that contain them, each
# in a folder of $work. Requires $top and tap.sh.

unset MAKEFLAGS MFLAGS MAKELEVEL 2>/dev/null
jobs=${JOBS:-2}
libraries='vmm-sys-util vm-agent vm-memory virtio-queue vhost virtio-devices device-kinds'

# add_machine: the folders of the machine, which runs on one kind of processor
add_machine() { [ "$(uname -m)" != x86_64 ] || libraries="$libraries vm-arch vmm vmm-exec"; }

# library_of FOLDER: its library, without lib
library_of() { case $1 in vmm*-util) echo "$1" ;; vmm*) echo "c$1" ;; *) echo "$1" ;; esac; }

work=$(mktemp -d "${TMPDIR:-/tmp}/c-vmm-host.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# libtool's shell takes half of the time of an unoptimised compilation.
[ ! -x /bin/dash ] || export CONFIG_SHELL=/bin/dash

# bootstrap: creates in $ready what support/bootstrap makes of $libraries. If
# make runs several tests, it has done so already and passes the folder.
bootstrap() {
	ready=${BOOTSTRAPPED-}
	for lib in $libraries; do
		[ -n "$ready" ] && [ -e "$ready/$lib.status" ] && continue
		ready=$work/ready
		"$top/tests/support/bootstrap" "$ready" $libraries
		break
	done
}
bootstrapped() { cat "$ready/$1.log"; return "$(cat "$ready/$1.status")"; }

# take_ready DIRECTORY: copies each bootstrapped library there
take_ready() {
	mkdir -p "$1"
	for lib in $libraries; do cp -a "$ready/$lib" "$1"; done
}

# chain LIBRARY: the library and its dependencies, in link order
chain() {
	order=
	for sibling in $libraries; do
		order="$sibling $order"
		[ "$sibling" != "$1" ] || break
	done
	echo "$order"
}

# each TEXT NAME...: TEXT for each folder, which replaces @, and its library %
each() {
	text=$1
	shift
	for name; do echo "$text" | sed "s|@|$name|g; s|%|$(library_of "$name")|g"; done | tr '\n' ' '
}

# host NAME: creates a project with a program per library, in the folder $host
host() {
	host=$work/$1
	mkdir -p "$host"
	for lib in $libraries; do cp "$top/tests/consumers/$(library_of "$lib").c" "$host/use-$lib.c"; done
}
