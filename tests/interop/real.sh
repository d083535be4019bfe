# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Programs of the build tree themselves. Before what it has built, libtool puts a
# script that starts twenty processes, which is most of a second in an emulated
# machine, and takes part in whatever a test does to the program.
#
#   real_library_path BUILD    where the libraries of that tree are
#   real_program PATH          the program that is started by PATH

real_library_path() {
	local IFS=:

	set -- "$1"/{vmm-sys-util,vm-memory,virtio-queue,vhost,virtio-devices}/.libs
	echo "$*"
}

real_program() {
	local real=${1%/*}/.libs/${1##*/}

	if [ -x "$real" ]; then echo "$real"; else echo "$1"; fi
}
