# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# cvmm-oci for engines: its settings, a program by its name, and the root folder of containers. Needs
# lib.sh, kernel.sh and modules.sh.
#
#   oci_prepare    finds what it needs, or skips all; sets OCI, the program as an engine calls it, and
#                  OCI_ROOT, a folder with the applets of busybox
#   oci_files      the same for a machine on KVM, which may be another than this host

oci_prepare() {
	program daemons/cvmm-vhost-user-net >/dev/null || tap_skip_all "daemons/cvmm-vhost-user-net is not built"
	need_command qemu-system-x86_64
	[ "$(id -u)" -eq 0 ] || tap_skip_all "this user is not root"
	mounts_possible || tap_skip_all "no mount is possible in a new namespace"
	oci_files
}

oci_files() {
	need_program OCI_PROGRAM programs/oci/cvmm-oci
	need_program INIT vm-agent/init/cvmm-init
	need_program SERVER daemons/cvmm-vhost-user-fs
	need_command busybox
	guests_wanted || tap_skip_all "$GUESTS_WHY"
	kernel_find || tap_skip_all "$KERNEL_WHY"
	# shellcheck disable=SC2086 # words
	modules_describe virtio_pci virtio_console virtiofs virtio_net ${OCI_MODULES-}
	cat >"$WORK/settings" <<END
kernel=$KERNEL_IMAGE
modules=$MODULES
init=$INIT
daemons=${SERVER%/*}
append=loglevel=1 tsc=reliable mitigations=off
log=$WORK/kernel.log
memory=256M
emulate=on
END
	# engines pass neither the variables of this test nor options of their own
	OCI=$WORK/cvmm-oci
	cat >"$OCI" <<END
#!/bin/sh
LD_LIBRARY_PATH=$LD_LIBRARY_PATH exec $OCI_PROGRAM --settings=$WORK/settings "\$@"
END
	chmod +x "$OCI"
	OCI_ROOT=$WORK/root
	mkdir -p "$OCI_ROOT"/{bin,dev,etc,proc,run,sys,tmp,var/tmp,www}
	cp "$(command -v busybox)" "$OCI_ROOT/bin/busybox"
	busybox --list | grep -vx busybox | while read -r applet; do ln -sf busybox "$OCI_ROOT/bin/$applet"; done
	ln -sf busybox "$OCI_ROOT/bin/sh"
	cd "$WORK" || exit 1
}

# QEMU of a container of this test: its log is among the arguments
oci_nothing_left() { [ -z "$(processes_with "path=$WORK/kernel.log")" ]; }
