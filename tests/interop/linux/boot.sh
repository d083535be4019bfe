# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Boot protocols, the root of a system, ends of a guest, the serial port.

part_image() {
	IMAGE=$KERNEL guest look --cpus=1
	ended "bzImage boots, and powers off with status 0" 0 "powered off"
	same "it has one CPU and kvmclock" "1 kvm-clock" "$(said cpus) $(said clock)"
	same "ACPI accepts its tables" 0 "$(said errors)"
	same "the tables are there" "APIC DSDT FACP MCFG" "$(said tables | tr ' ' '\n' | grep -E '^[A-Z]+$' | sort | xargs)"
	same "and the kernel's log has no other errors" "" "$(tr -d '\r' <"$WORK/console" | sed -n 's/^@odd //p')"
	same "the command line is passed" "console=ttyS0 $LINE job=look" "$(said line | sed 's/ *$//')"
}

part_boot() {
	part_image
	if [ -s "$VMLINUX" ]; then
		guest look --cpus=2
		ended "vmlinux boots by PVH" 0 "powered off"
		same "it has two CPUs" "2 1 2" "$(said cpus) $(said packages) $(said cores)"
	else
		skip "vmlinux boots by PVH" "none could be unpacked"
	fi

	guest look --cpus="$MANY"
	ended "$MANY CPUs boot" 0 "powered off"
	same "as cores of one package with distinct ids" "$MANY 1 $MANY 0 $MANY 0-$((MANY - 1))" \
		"$(said cpus) $(said packages) $(said cores) $(said threads) $(said ids) $(said siblings)"
	guest look --cpus=2 --cpu=plain
	same "the plain model is x86-64-v2" "0 2" "$(said avx) $(said cpus)"
	same "and has its name" "cvmm plain x86-64-v2 processor" "$(said model)"
	guest look --cpus=1 --cpu=x86-64-v2
	same "the second level is the plain model, on a KVM that has it" "0 1 cvmm plain x86-64-v2 processor" "$(said avx) $(said cpus) $(said model)"
	"$CVMM" cpu >"$WORK/cpu"
	guest look --cpus=2 --cpu="$WORK/cpu"
	same "a description of this host boots" "2 cvmm described processor" "$(said cpus) $(said model)"
	guest look --cpus=2 --cpu=x86-64-v3
	if grep -q 'lacks features of the level x86-64-v3' "$WORK/err"; then
		skip "the third level has AVX" "the processor of this KVM lacks it"
	else
		same "the third level has AVX" "2 2 cvmm x86-64-v3 processor" "$(said avx) $(said cpus) $(said model)"
	fi
}

part_root() {
	mkdir -p "$WORK/root/sbin" "$WORK/root/bin" "$WORK/root/proc" "$WORK/root/dev"
	cp "$(command -v busybox)" "$WORK/root/bin/busybox"
	cat >"$WORK/root/sbin/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
/bin/busybox setsid /bin/busybox cttyhack /bin/busybox sh -i
/bin/busybox poweroff -f
END
	chmod 755 "$WORK/root/sbin/init"
	image root.img 32M
	mke2fs -q -t ext4 -F -d "$WORK/root" "$WORK/root.img"
	fresh_keys
	MORE='root=/dev/vda' INPUT=$WORK/keys start root "$WORK/root.img"
	await "$CHILD" grep -q '/ #' "$WORK/console"
	printf 'busybox echo shell=$((6*7)); busybox mount | busybox grep -c "on / type ext4"; exit\n' >&7
	finish
	ended "a shell on the console with its root on virtio-blk" 0 "powered off"
	same "it answers" "shell=42" "$(tr -d '\r' <"$WORK/console" | grep -o '^shell=42')"
}

# The example own-vmm has a machine, a loop and a disk of its own.
part_own_vmm() {
	printf 'the first sector\n' >"$WORK/own.img"
	truncate -s 1M "$WORK/own.img"
	echo "# a guest starts, to run: first"
	"$BUILD/examples/own-vmm" "$WORK/own.img" "$IMAGE" "console=ttyS0 $LINE job=first" "$INITRD" \
		</dev/null >"$WORK/console" 2>"$WORK/err" &
	CHILD=$!
	finish
	same "under own-vmm, Linux reads the disk and powers off" "0 the first sector" "$STATUS $(said first)"
}

part_ends() {
	guest reboot
	ended "a reboot ends with 2" 2 "asked for a reboot"
	image mark 1M
	guest twice "$WORK/mark" --reboot=restart
	ended "with --reboot=restart it restarts" 0 "powered off"
	same "and finds its data on the disk" "life life" "$(said first) $(said second)"
	guest panic
	ended "a panic ends with 3" 3 "kernel panicked"
	MORE='panic=-1 without=pvpanic_mmio' guest panic
	ended "d5_05 a panic without the device is a reboot, if the guest requests it" 2 "asked for a reboot"
	MORE='reboot=t' guest reboot
	ended "a triple fault ends with 1" 1 "triple fault"

	start button
	until_said waits
	kill -TERM "$CHILD"
	finish
	ended "SIGTERM presses the power button" 0 "powered off" 2
	same "and the guest sees it" pressed "$(said button)"
	start deaf
	until_said waits
	kill -TERM "$CHILD"
	kill -TERM "$CHILD"
	await "$CHILD" grep -q "was asked" "$WORK/err"
	kill -TERM "$CHILD" 2>/dev/null
	finish
	ended "a second signal ends an unresponsive guest" 1 "ended by signal 15" 2
}

part_serial() {
	head -c "$BYTES" /dev/urandom >"$WORK/bytes"
	fresh_keys
	MORE="bytes=$BYTES" INPUT=$WORK/keys start echo
	until_said ready
	cat "$WORK/bytes" >&7
	finish
	same "$BYTES bytes reach the guest's serial port completely" "$(md5sum <"$WORK/bytes" | cut -d ' ' -f 1)" "$(said took)"
	grep -a -q '^@gave' "$WORK/console"
	sum=$(LC_ALL=C awk '{ print } /^@took/ { exit }' "$WORK/console" | wc -c)
	same "and are echoed completely" "$(md5sum <"$WORK/bytes")" "$(tail -c "+$((sum + 1))" "$WORK/console" | head -c "$BYTES" | md5sum)"
}

# Tests the library with the kernel, without a guest: broken rings, changes of
# memory, the dirty log, translations.
kernel_alone() {
	local node=$BUILD/vhost/tests/kernel/test-node

	if [ ! -c /dev/vhost-vsock ]; then
		skip "rings of a program and the kernel" "there is no /dev/vhost-vsock"
	elif [ ! -x "$node" ]; then
		skip "rings of a program and the kernel" "test-node of vhost was not built"
	elif CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent "$node" >"$WORK/said" 2>&1 && ! grep -q SKIP "$WORK/said"; then
		ok "rings of a program and the kernel"
	else
		not_ok "rings of a program and the kernel" "$(cat "$WORK/said")"
	fi
}

# Devices that the host's kernel serves: frames and bytes bypass cvmm.
part_kernel() {
	kernel_alone
	if [ ! -c /dev/vhost-net ]; then
		skip "a card of the kernel" "there is no /dev/vhost-net"
	elif ! net_host multi_queue; then
		skip "a card of the kernel" "$NET_WHY"
	else
		MORE='net=10.77.0.2,10.77.0.1 pairs=2'
		net_peer $((64 / LESS / LESS))
		guest net --net tap=cvmmtap,queues=2,mac=52:54:00:77:00:04,backend=kernel --cpus=2 --transport=pci
		net_claims "a card of the kernel" 6
		same "with its own address and two pairs" "52:54:00:77:00:04 1500 2" "$(said card)"
		same "of which the second carries frames" 1 "$(said second)"
		ip link del cvmmtap
	fi
	if [ -c /dev/vhost-vsock ]; then
		LOAD=$BUILD/tests/interop/vsock-load HOST_PORT=vsock:2:52 GUEST_PORT=vsock:9:1234
		HOST_MESSAGES=vsock:2:53 GUEST_MESSAGES=vsock:9:1235
		vsock_guest "sockets of the kernel" $((65536 / LESS)) --transport=pci --vsock cid=9,backend=kernel
	else
		skip "sockets of the kernel" "there is no /dev/vhost-vsock"
	fi
}

part_one() {
	image disk.img
	MORE=files=$FILES guest disk "$WORK/disk.img" --cpus=$CPUS
	checks "ext4 on a virtio disk: 64 MiB of files, checksums, fsck" 3
}
