# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A Linux guest of arm64 with a shell on its serial port, for arm64-claims, arm64-acpi,
# arm64-memory, arm64-moves and arm64-shared. Source it after moving.sh.
#
#   make_initrd MODULE...  the file initrd of the current folder, from busybox and $CVMM_KERNEL_MODULES;
#                          it loads these modules after those of usual devices
#   says NAME TEXT LINE    the guest's shell executes the line, and prints the text
#   describe_caches        this machine has caches, which emulated CPUs lack; forget_caches ends it
#   has_caches NAME        the guest's CPUs have them, the last one in common
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
# A level, type, size in KiB, sets, ways, and the CPUs that share it
CACHES='1 Data 48 256 3 0
1 Instruction 32 256 2 0
2 Unified 512 1024 8 0
3 Unified 2048 2048 16 0-1'
CPU=/sys/devices/system/cpu/cpu0
describe_caches() {
	local level type size sets ways cpus folder i=0

	while read -r level type size sets ways cpus; do
		folder=cpu/cache/index$((i++))
		mkdir -p "$folder" && echo "$level" >"$folder/level" && echo "$type" >"$folder/type" &&
			echo "${size}K" >"$folder/size" && echo "$sets" >"$folder/number_of_sets" && echo 64 >"$folder/coherency_line_size" &&
			echo "$ways" >"$folder/ways_of_associativity" && echo "$cpus" >"$folder/shared_cpu_list" || return
	done <<<"$CACHES"
	busybox mount -o bind cpu "$CPU"
}
forget_caches() { busybox umount "$CPU"; }
has_caches() {
	says "$1" "^caches=$(awk '{ printf "%s:%s:%sK:%s:%s:%s,", $1, $2, $3, $4, $5, $6 }' <<<"$CACHES")" \
		'cd /sys/devices/system/cpu/cpu0/cache; l=; for i in index*; do l=$l$(cd $i; busybox cat level type size number_of_sets ways_of_associativity shared_cpu_list | busybox xargs | busybox tr " " :),; done; cd /; busybox echo; busybox echo caches=$l'
}
prints_early() {
	says "$1" '^early=[a-z0-9]* at MMIO 0x' 'busybox echo; busybox echo early=$(busybox dmesg | busybox grep -o "earlycon: .*" | busybox cut -d " " -f 2-)'
}
quits() { answers "$1" '"ok":true' quit && ends_with "$1" 0; }
continues() { machine "$@" && wait_until 60 runs_here "$1"; }
