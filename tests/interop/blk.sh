# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A disk image, the daemons that can serve it over vhost-user-blk, and the
# guest that checks it.  Needs lib.sh, kernel.sh and guest.sh.

may_use "$STORAGE_DAEMON"
IMAGE=$WORK/image
IMAGE_MIB=64
SOCKET=$WORK/socket
MARK=40
MARK_MIB=2
MARK_SUM=
BLK_BEFORE=()		# QEMU's devices that must precede the disk

BLK_CHECKS=(
	"capacity and queues"
	"ring features"
	"direct write and read"
	"buffered write, flush, read"
	"all CPUs at once"
	"last sectors"
	"ext4 made and filled"
	"ext4 checked and mounted again"
	"discard"
	"write zeroes"
	"serial number"
	"mark written"
)

# image_new: an image full of bytes that no test expects
image_new() {
	rm -f "$IMAGE"
	head -c $((IMAGE_MIB << 20)) /dev/urandom >"$IMAGE"
	MARK_SUM=
}

image_sum() { md5sum <"$IMAGE" | cut -d ' ' -f 1; }

# mark_sum: checksum of the bytes in the host's file that the guest reported as
# written
mark_sum() {
	dd if="$IMAGE" bs=1M skip=$MARK count=$MARK_MIB 2>/dev/null | md5sum | cut -d ' ' -f 1
}

# ---------------------------------------------------------------- servers

# serve_storage_daemon IMAGE SOCKET [EXPORT_OPTION…]: starts QEMU's storage
# daemon; SERVER is its process; STORAGE_LOCKING=off: without locks
serve_storage_daemon() {
	local image=$1 socket=$2; shift 2
	local options

	options=$(printf ',%s' "writable=on" "$@")
	start "$WORK/server.log" "$STORAGE_DAEMON" \
		--blockdev "driver=file,node-name=file,filename=$image,discard=unmap,locking=${STORAGE_LOCKING:-auto}" \
		--blockdev "driver=raw,node-name=disk,file=file,discard=unmap" \
		--export "type=vhost-user-blk,id=export,node-name=disk,addr.type=unix,addr.path=$socket$options"
	SERVER=$CHILD
	server_ready "$socket"
}

# serve_daemon IMAGE SOCKET [OPTION…]: the same with our daemon
serve_daemon() {
	local image=$1 socket=$2; shift 2

	start "$WORK/server.log" "$DAEMON" "${FILTER[@]}" --socket-path="$socket" --blk-file="$image" "$@"
	SERVER=$CHILD
	server_ready "$socket"
}

server_ready() {
	wait_until 20 server_ready_or_gone "$1"
	socket_listening "$1" && return
	diag "the server does not listen on $1" "$(cat "$WORK/server.log")"
	return 1
}

server_ready_or_gone() { socket_listening "$1" || ended "$SERVER"; }

# ------------------------------------------------------------------ guest

# blk_guest_start JOB QUEUES ENVIRONMENT: a guest with one CPU per queue.
# BLK_OPTIONS are further options of QEMU's device; BLK_RING lists which of
# INDIRECT, EVENT_IDX and RING_PACKED they enable
blk_guest_start() {
	GUEST_CPUS=$2 guest_start "$1" "$3
MARK=$MARK
MARK_MIB=$MARK_MIB
EXPECT_MARK=$MARK_SUM
EXPECT_QUEUES=$2
EXPECT_RING=${BLK_RING:-110}
EXPECT_SECTORS=$((IMAGE_MIB * 2048))" \
		"${BLK_BEFORE[@]}" \
		-chardev "socket,id=disk,path=$SOCKET" \
		-device "${BLK_DEVICE:-vhost-user-blk-pci},chardev=disk,num-queues=$2${BLK_OPTIONS:+,$BLK_OPTIONS}"
}

# blk_guest JOB QUEUES ENVIRONMENT: one boot; MARK_SUM is the checksum that it
# reported
blk_guest() {
	local status

	blk_guest_start "$@"
	guest_wait
	status=$?
	MARK_SUM=$(guest_value mark)
	return $status
}

# full_boot PREFIX QUEUES: runs every check in a guest, and compares its bytes
# with the file
full_boot() {
	local found=()

	[ -z "$MARK_SUM" ] || found=("mark of the guest before found")
	blk_guest blk-full "$2" ""
	guest_results "$1" "${found[@]}" "${BLK_CHECKS[@]}"
	check "${1}bytes of the guest are in the file" [ "$(mark_sum)" = "$MARK_SUM" ]
}

# later_boot PREFIX QUEUES: checks the bytes of the previous guest, and writes
# new ones
later_boot() {
	blk_guest blk-mark "$2" ""
	guest_results "$1" "mark of the guest before found" "mark written"
	check "${1}bytes of the guest are in the file" [ "$(mark_sum)" = "$MARK_SUM" ]
}

# read_only_boot PREFIX QUEUES: checks the same bytes, and that they cannot be
# changed
read_only_boot() {
	local before

	before=$(image_sum)
	MARK_SUM=$(mark_sum)
	blk_guest blk-mark "$2" READ_ONLY=1
	guest_results "$1" "mark of the guest before found" "disk is read-only" "write fails"
	check "${1}image file unchanged" [ "$(image_sum)" = "$before" ]
}
