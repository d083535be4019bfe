# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Disks, in the process and behind sockets.

part_disks() {
	image disk.img
	MORE=files=$FILES guest disk "$WORK/disk.img" --cpus=2 --transport=mmio
	checks "ext4 on a disk of cvmm's own: files, checksums, fsck, discard" 3

	image disk.img
	if served "$BUILD/daemons/cvmm-vhost-user-blk" --socket-path="$WORK/socket" --blk-file="$WORK/disk.img"; then
		MORE=files=$FEWER guest disk --disk "backend=user:$WORK/socket" --cpus=$CPUS --transport=mmio
		checks "the same on a disk of our daemon" 3
		image second.img
		MORE=files=$FEWER guest disks "$WORK/second.img" --disk "backend=user:$WORK/socket" --cpus=$CPUS --transport=pci
		checks "two disks at once on the PCI bus, one of cvmm's own and one of the daemon" 1
		same "both are present" "vda vdb" "$(said disks)"
		end_server
	else
		not_ok "our daemon serves" "$(cat "$WORK/server.log")"
	fi

	image disk.img
	if command -v qemu-storage-daemon >/dev/null; then
		served qemu-storage-daemon \
			--blockdev "driver=file,node-name=file,filename=$WORK/disk.img,discard=unmap" \
			--blockdev driver=raw,node-name=disk,file=file,discard=unmap \
			--export "type=vhost-user-blk,id=e,node-name=disk,addr.type=unix,addr.path=$WORK/socket,writable=on"
		MORE=files=$FEWER guest disk --disk "backend=user:$WORK/socket" --cpus=$CPUS
		checks "the same on a disk of QEMU's storage daemon" 3
		end_server
	else
		skip "the same on a disk of QEMU's storage daemon" "qemu-storage-daemon is not installed"
	fi
	guest readonly --disk "path=$WORK/disk.img,readonly"
	checks "a read-only disk is read-only in the guest" 1
}

# The guest's writes reach the image through a daemon.
image_changed() { [ "$(stat -c '%y %b' "$WORK/disk.img")" != "$1" ] || ! kill -0 "$CHILD" 2>/dev/null; }

part_reconnect() {
	local kills=0 before i daemon=("$(real_program "$BUILD/daemons/cvmm-vhost-user-blk")" --socket-path="$WORK/socket" --blk-file="$WORK/disk.img")

	image disk.img
	served "${daemon[@]}" || { not_ok "our daemon serves" "$(cat "$WORK/server.log")"; return; }
	MORE=files=$FILES start survive --disk "backend=user:$WORK/socket,reconnect=10" --cpus=$CPUS
	until_said ready
	while [ $kills -lt 30 ] && kill -0 "$CHILD" 2>/dev/null; do
		kill -9 "$SERVER"
		wait "$SERVER" 2>/dev/null
		kills=$((kills + 1))
		before=$(stat -c '%y %b' "$WORK/disk.img")
		"${daemon[@]}" >"$WORK/server.log" 2>&1 &
		SERVER=$!
		await - image_changed "$before"
	done
	finish
	end_server
	checks "c1_16 Linux on a disk whose daemon is killed: files, checksums, fsck, discard" 3
	same "and it sees no error" 0 "$(said noticed)"
	echo "# killed $kills times"
	[ $kills -ge 3 ] && ok "the daemon was killed under its load" || not_ok "the daemon was killed under its load" "$kills times"
}
