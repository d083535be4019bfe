# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Guest memory: large, hot-plugged, persistent, of guest_memfd, truncated; windows.

plugged() { command_machine status | sed -n 's/.*"plugged":\([0-9]*\).*/\1/p'; }

# mem_moves MIB OPTION…: plugs that amount of memory; the guest writes to part
# of it
mem_moves() {
	local full comes=$1; shift

	fresh_keys
	MORE="memhp_default_state=online_movable comes=$comes" INPUT=$WORK/keys start mem --memory=size=320M --mem=size=512M \
		--control="$WORK/control" "$@"
	until_said small
	same "memory is plugged while the guest runs ($*)" '{"ok":true}' "$(command_machine resize mem ${comes}M)"
	echo >&7
	until_said large
	same "the guest uses it ($*)" $((comes * 1048576)) "$(plugged)"
	full=$(resident)
	command_machine resize mem 0 >/dev/null
	echo >&7
	until_said back
	same "and unplugs it ($*)" "0 0" "$(said back) $(plugged)"
	lent "the host has it again ($*)" "$full" $((comes * 1024 / 2))
	echo >&7
	finish
	checks "stored there and read again ($*)" 1
}

part_mem() {
	if command -v python3 >/dev/null; then
		mem_moves "$COMES" --transport=mmio
		mem_moves $((EMULATED ? 64 : COMES)) --transport=pci
	else
		skip "hot-plugged memory" "python3 is not installed"
	fi
}

# pmem_served FILES ARG…: checks that the host's file contains the guest's
# complete file system
pmem_served() {
	local files=$1; shift

	image pmem.img 128M
	fresh_keys
	MORE=files=$files INPUT=$WORK/keys start pmem --pmem="path=$WORK/pmem.img" "$@"
	until_said done
	same "a file is persistent memory with DAX ($*)" "262144 1" "$(said pmem)"
	echo >&7
	finish
	checks "ext4 with DAX: files, checksums, fsck ($*)" 2
	if e2fsck -fn "$WORK/pmem.img" >"$WORK/fsck" 2>&1; then
		ok "and the host's file contains that file system ($*)"
	else
		not_ok "and the host's file contains that file system ($*)" "$(tail -n 3 "$WORK/fsck")"
	fi
}

part_pmem() {
	pmem_served 32 --transport=mmio
	pmem_served $((32 / LESS)) --transport=pci
}

part_memory() {
	MORE=bytes=$((STORED * 2097152)) guest memory --memory size=1G
	checks "1 GiB of memory" 1
	MORE=bytes=$((STORED * 1048576)) guest memory --memory size=5G,reserve=off
	checks "5 GiB of memory, across the hole" 1
	high=$(said high)
	[ "$high" -ge 1 ] && [ "$(said memory)" -gt 4700000 ] && ok "the kernel uses all of it" ||
		not_ok "the kernel uses all of it" "$(said memory) KiB, above 4 GiB: $high"

	rm -f "$WORK/ram"
	truncate -s 264M "$WORK/ram"
	MORE=bytes=$((STORED * 1048576)) guest memory --memory "size=256M,backend=file,share=on,mem-path=$WORK/ram,offset=8M"
	checks "memory in a file, at an offset" 1
	same "the part before the offset stays empty" "$(head -c 8M /dev/zero | md5sum)" "$(head -c 8M "$WORK/ram" | md5sum)"
	rm -f "$WORK/ram"
	MORE=bytes=$((STORED * 1048576)) guest memory --memory size=256M,backend=memfd
	checks "memory in a memfd" 1
	if echo 140 2>/dev/null >/proc/sys/vm/nr_hugepages && [ "$(cat /proc/sys/vm/nr_hugepages)" -ge 128 ]; then
		MORE=bytes=$((STORED * 1048576)) guest memory --memory size=256M,backend=memfd,hugetlb=on,hugetlbsize=2M
		checks "memory in huge pages" 1
		echo 0 >/proc/sys/vm/nr_hugepages
	else
		skip "memory in huge pages" "none are available"
	fi
}

# memfd_guest SLOT: a guest on the PCI bus whose memory two daemons map as well
memfd_guest() {
	local folder=$WORK/second/folder fs

	image disk.img 8M
	mkdir -p "$folder"
	WORK=$WORK/second served "$BUILD/daemons/cvmm-vhost-user-fs" --socket-path="$WORK/second/socket" --shared-dir="$folder" --sandbox=chroot ||
		{ not_ok "our daemon serves a folder" "$(cat "$WORK/second/server.log")"; return; }
	fs=$SERVER
	if served "$BUILD/daemons/cvmm-vhost-user-blk" --socket-path="$WORK/socket" --blk-file="$WORK/disk.img"; then
		MORE=bytes=$((STORED * 1048576)) guest shared --memory "size=256M,backend=guest-memfd,slot=$1" \
			--disk "backend=user:$WORK/socket" --device "fs,backend=user:$WORK/second/socket,tag=host"
		checks "memory of a guest_memfd, $1 slot, shared with it and with daemons of a disk and a folder" 4
		same "$1 slot: the guest's data is on the disk and in the folder" \
			"$(yes "a line of the pattern" | head -c 1048576 | md5sum)" \
			"$(head -c 1048576 "$WORK/disk.img" | cmp - "$folder/pattern" && md5sum <"$folder/pattern")"
		end_server
	else
		not_ok "our daemon serves a disk" "$(cat "$WORK/server.log")"
	fi
	SERVER=$fs end_server
}

part_guest_memfd() {
	if "$CVMM" memory size=1M,backend=guest-memfd >/dev/null 2>"$WORK/err"; then
		memfd_guest plain
		memfd_guest bound
	else
		skip "memory of a guest_memfd, shared with it" "$(sed 's/^cvmm: //' "$WORK/err")"
	fi
}

# The kernel does not use the second piece; a program in the guest accesses it.
part_cut() {
	truncate -s 64M "$WORK/ram"
	MORE='memmap=64M$0x10000000 poke=cut,0x13fe0000,0x20000' start poke --memory size=256M \
		--memory "size=64M,backend=file,share=on,mem-path=$WORK/ram" --on-memory-error=continue
	if until_said stored; then
		truncate -s 65472K "$WORK/ram"
	fi
	finish
	ended "a guest survives the truncation of its memory file" 0 "was truncated" 2
	same "it read zeros in the truncated part, and its bytes elsewhere" "kept zeros" "$(said sees)"
}

part_windows() {
	for i in 1 2 3 4; do printf "\\x0$i%.0s" {1..8}; head -c 4088 /dev/zero; done >"$WORK/file"
	if served "$BUILD/examples/shmem-backend" --socket-path="$WORK/socket" --region=0:48K --region=1:16K \
		--map="0:0:4K:$WORK/file:8K:rw" --map="0:16K:8K:$WORK/file:0:ro" --map="1:0:4K:$WORK/file:4K:ro"; then
		MORE='memmap=64K$0xf000000 poke=window,0xd0000000,0xf000000 without=virtio_mmio' guest poke --transport=mmio \
			--device "id=40,backend=user:$WORK/socket,queues=1"
		same "a program of the guest reads a back-end's file in a window" \
			"303030303030303 hole 101010101010101 202020202020202" "$(said window)"
		same "and its store is in the file" cvmmmark "$(tail -c +8193 "$WORK/file" | head -c 8)"
		printf '\x03%.0s' {1..8} | dd of="$WORK/file" bs=8 seek=1024 conv=notrunc status=none
		guest bar --transport=pci --device "id=4,backend=user:$WORK/socket,queues=1"
		same "the same window and another are a BAR of a function on the bus" \
			"0x0303030303030303 0x0101010101010101 0x0202020202020202" "$(said bar)"
		same "and a store to it is in the file" cvmmmark "$(tail -c +8193 "$WORK/file" | head -c 8)"
		end_server
	else
		not_ok "the example back-end serves" "$(cat "$WORK/server.log")"
	fi
}
