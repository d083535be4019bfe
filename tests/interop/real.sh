# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Programs of the build tree without libtool's wrapper scripts. A wrapper starts
# twenty processes, which takes most of a second in an emulated machine, and
# interferes with what a test does to the program.
#
#   real_library_path BUILD    folders of that tree's libraries
#   real_program PATH          the program that is started by PATH

real_library_path() {
	local IFS=:

	set -- "$1"/{vmm-sys-util,vm-agent,vm-memory,vm-arch,virtio-queue,vhost,virtio-devices,device-kinds,vmm,vmm-exec}/.libs
	echo "$*"
}

real_program() {
	local real=${1%/*}/.libs/${1##*/}

	if [ -x "$real" ] && [ "$(head -c 2 "$1")" = '#!' ]; then echo "$real"; else echo "$1"; fi
}
