# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# The PCI bus: functions, hot plug, drivers that are unbound while their devices are
# in use.

part_pci() {
	image pci.img
	MORE=files=$FEWER guest pci --disk "path=$WORK/pci.img" --rng=rate=64k --cpus=2
	same "the bus has a bridge and two functions with their drivers" \
		"0x1b36 0x0008 none 0x1af4 0x1042 virtio-pci 0x1af4 0x1044 virtio-pci" \
		"$(tr -d '\r' <"$WORK/console" | sed -n 's/^@pci [^ ]* //p' | xargs)"
	same "the kernel uses configuration space as described by ACPI" "" \
		"$(tr -d '\r' <"$WORK/console" | sed -n 's/^@odd //p')"
	checks "a disk on the bus: ext4, checksums, discard" 3
	same "entropy from a function of the bus" "64 64 differ" "$(said noise)"
	same "their interrupts are MSI-X messages" "4 0" "$(said vectors)"

	MORE="pci=nomsi files=$FEWER" guest pci --transport=pci --disk "path=$WORK/pci.img" --rng=rate=64k
	checks "the same by INTx, if the kernel uses no MSI" 3
	same "their interrupts are INTx" "0 2" "$(said vectors)"
}

# lacks N: whether the machine has no device N
lacks() { ! command_machine status | grep -q "\"device\":$1,"; }

# add_served CLAIM NUMBER PROPERTIES PROGRAM ARG…: starts PROGRAM, which serves
# $WORK/socket, and hot-plugs its device into the waiting guest; OTHERS are such
# programs
add_served() {
	local claim=$1 number=$2 properties=$3; shift 3

	served "$@" || { not_ok "$claim" "$(cat "$WORK/server.log")"; return; }
	OTHERS="$SERVER $OTHERS"
	same "$claim" "{\"ok\":true,\"device\":$number}" "$(command_machine device-add "$properties")"
}

# Hot-plugs a disk, a network card and a folder of our daemons. The disk grows
# while plugged, and all devices are in use when they are unplugged.
plug_served() {
	local number disk

	OTHERS=
	truncate -s 8M "$WORK/plugged.img"
	mkdir -p "$WORK/folder"
	add_served "a disk of our daemon is added" 1 "blk,backend=user:$WORK/socket" \
		"$BUILD/daemons/cvmm-vhost-user-blk" --socket-path="$WORK/socket" --blk-file="$WORK/plugged.img" --engine=sync
	disk=$SERVER
	add_served "and a folder of our daemon" 2 "fs,backend=user:$WORK/socket,tag=host" \
		"$BUILD/daemons/cvmm-vhost-user-fs" --socket-path="$WORK/socket" --shared-dir="$WORK/folder" --sandbox=chroot
	[ -z "$MORE" ] || add_served "and a card of our daemon" 3 "net,backend=user:$WORK/socket" \
		"$BUILD/daemons/cvmm-vhost-user-net" --socket-path="$WORK/socket" --tap=cvmmtap
	echo >&7
	until_said served
	truncate -s 16M "$WORK/plugged.img"
	kill -USR1 "$disk"
	echo >&7
	until_said larger
	for number in 1 2 ${MORE:+3}; do
		same "the waiting command is told that the guest released device $number under load" '{"ok":true}' \
			"$(command_machine device-del "$number" wait)"
	done
	for SERVER in $OTHERS; do end_server; done
	same "the guest's data is in the folder" "$(yes "a line of the pattern" | head -c 1048576 | md5sum)" \
		"$(md5sum <"$WORK/folder/pattern")"
	echo >&7
}

part_plug() {
	image plugged.img 8M
	image still.img 8M
	head -c 8M /dev/urandom >"$WORK/still.img"
	MORE=
	! net_host || MORE='net=10.77.0.2,10.77.0.1'
	fresh_keys
	MORE="${MORE:-} devices=later" INPUT=$WORK/keys start plug --memory=size=256M,backend=memfd \
		--disk "path=$WORK/still.img" --transport=pci --control="$WORK/control" --cpus=$CPUS
	until_said ready
	same "a disk is added while the guest reads another one" '{"ok":true,"device":1}' \
		"$(command_machine device-add "blk,path=$WORK/plugged.img")"
	echo >&7
	if [ -n "$MORE" ]; then
		until_said disk
		same "a card is added" '{"ok":true,"device":2}' "$(command_machine device-add net,tap=cvmmtap)"
		echo >&7
	else
		skip "a card is added" "$NET_WHY"
	fi
	until_said busy
	same "the bus has their functions" $((${MORE:+1} + 3)) "$(said busy)"
	same "the disk is unplugged while it is read" '{"ok":true}' "$(command_machine device-del 1)"
	[ -z "$MORE" ] || same "and the card" '{"ok":true}' "$(command_machine device-del net)"
	echo >&7
	until_said gone
	await - lacks 1 && await - lacks 2 && ok "the guest releases both" || not_ok "the guest releases both" "$(command_machine status)"
	same "its data is in the file" "$(yes "a line of the pattern" | head -c 1048576 | md5sum)" \
		"$(tail -c +1048577 "$WORK/plugged.img" | head -c 1048576 | md5sum)"
	same "the same disk is added again at the same address" '{"ok":true,"device":1}' \
		"$(command_machine device-add "blk,path=$WORK/plugged.img,engine=sync")"
	echo >&7
	until_said again
	same "it grows while plugged" '{"ok":true}' "$(command_machine resize 1 16M)"
	same "its file with it" 16777216 "$(stat -c %s "$WORK/plugged.img")"
	echo >&7
	until_said grown
	same "it is removed by force" '{"ok":true}' "$(command_machine device-del 1 force)"
	echo >&7
	until_said free
	await - lacks 1 && ok "and is absent" || not_ok "and is absent" "$(command_machine status)"
	plug_served
	until_said "done"
	echo >&7
	finish
	checks "data of all of them is complete" $((${MORE:+2} + 9))
	same "the kernel logs no errors" 0 "$(said odd)"
	[ -z "$MORE" ] || ip link del cvmmtap
	MORE=
}

# resets_on TRANSPORT BUS,PREFIX NET: a guest that unbinds and binds the drivers
# of its devices, then starts another kernel while it uses them. Bytes written
# to its port are echoed.
resets_on() {
	local uses=$((6 + ${3:+1}))

	MORE="transport=$2 $3" start resets "$WORK/resets.img" --transport="$1" --memory=size=512M --cpus=1 \
		--console "pty,port=data:fd:9" --rng=rate=256k --balloon=size=0 --pmem="path=$WORK/pmem.img" \
		--vsock "cid=3,path=$WORK/v" --fs "path=$WORK/shared" --mem=size=128M ${3:+--net tap=cvmmtap} 9<>"$WORK/port"
	attended 180
	if [ "$(said single)" = kernel ]; then
		checks "over $1, all drivers are unbound and bound" $((3 + uses))
		skip "over $1, another kernel uses the devices" "this kernel has no kexec"
	else
		checks "over $1, all drivers are unbound and bound, and another kernel uses the devices" $((4 + 2 * uses))
		same "over $1, that kernel ran" 1 "$(tr -d '\r' <"$WORK/console" | grep -c '^@ok another kernel: disk')"
	fi
}

part_resets() {
	local net= echo

	! net_host || net=net=10.77.0.2,10.77.0.1
	image resets.img 8M
	image pmem.img 16M
	mkfifo "$WORK/port"
	mkdir -p "$WORK/shared"
	yes "a line of the pattern" | head -c 1048576 >"$WORK/shared/pattern"
	cp "$KERNEL" "$WORK/shared/kernel"
	cp "$INITRD" "$WORK/shared/initrd"
	"$BUILD/tests/interop/vsock-load" echo "unix:$WORK/v_52" >"$WORK/echo" 2>&1 &
	echo=$!
	resets_on mmio platform,LNRO "$net"
	resets_on pci pci,0000: "$net"
	kill "$echo" && wait "$echo" 2>/dev/null
	[ -z "$net" ] || ip link del cvmmtap
	rm -rf "$WORK/shared" "$WORK"/*.img
}
