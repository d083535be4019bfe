# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A Linux guest of arm64 with a shell on its serial port, for arm64-claims, arm64-acpi,
# arm64-memory, arm64-moves and arm64-shared. Source it after moving.sh.
#
#   make_initrd MODULE...  the file initrd of the current folder, from busybox and $CVMM_KERNEL_MODULES;
#                          it loads these modules after those of usual devices
#   says NAME TEXT LINE    the guest's shell executes the line, and prints the text
#   prints_early NAME      a guest with "earlycon" has found its serial port before any driver
#   quits NAME             the machine ends by the command
#   continues NAME ARG...  another process continues a saved machine

may_use busybox cpio

make_initrd() {
	mkdir -p root/bin root/modules root/proc root/sys
	cp "$(command -v busybox)" root/bin/busybox
	find "$CVMM_KERNEL_MODULES" \( -name 'virtio*.ko' -o -name '*failover.ko' -o -name fuse.ko \
		-o -name 'nd_*.ko' -o -name libnvdimm.ko -o -name dax.ko \) -exec cp {} root/modules \;
	cat >root/init <<END
#!/bin/busybox sh
/bin/busybox mkdir -p /dev
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk \
	failover net_failover virtio_net fuse virtiofs virtio_console $*; do
	/bin/busybox insmod "/modules/\$module.ko"
done
exec </dev/ttyS0 >/dev/ttyS0 2>&1
/bin/busybox setsid /bin/busybox cttyhack /bin/busybox sh -i
/bin/busybox poweroff -f
END
	cat >root/bin/interrupted <<'END'
#!/bin/busybox sh
until busybox awk -v name="$1" '$0 ~ name && $2 + $3 { print name " has interrupted"; found = 1 } END { exit !found }' /proc/interrupts; do
	:
done
END
	chmod +x root/init root/bin/interrupted
	(cd root && find . | cpio -o -H newc --quiet) >initrd
}
says() {
	press "$3
"
	wait_until 120 file_says "$1.log" "$2" || { cat "$1.log"; return 1; }
}
prints_early() {
	says "$1" '^early=[a-z0-9]* at MMIO 0x' 'busybox echo; busybox echo early=$(busybox dmesg | busybox grep -o "earlycon: .*" | busybox cut -d " " -f 2-)'
}
quits() { answers "$1" '"ok":true' quit && ends_with "$1" 0; }
continues() { machine "$@" && wait_until 60 runs_here "$1"; }
