# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Folders behind sockets, served by our daemon or by virtiofsd, for guests of
# guest.sh.
#
#   virtiofsd_possible                    sets VIRTIOFSD, or VIRTIOFSD_WHY
#   folder_serve WHO SOCKET OPTION…       WHO: ours or virtiofsd; SERVER is its process
#   folder_device TAG SOCKET              appends QEMU's arguments to FOLDER_DEVICE

FOLDER=$WORK/folder
FOLDER_DEVICE=()

virtiofsd_possible() {
	for VIRTIOFSD in "${VIRTIOFSD:-}" /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
		[ ! -x "$VIRTIOFSD" ] || return 0
	done
	VIRTIOFSD_WHY="virtiofsd is not installed"
	return 1
}

# virtiofsd has the same options, except the one that QEMU shipped up to 7.2.
_virtiofsd_words() {
	local option

	case $VIRTIOFSD in
	*/qemu/*)
		WORDS=(-f -o "source=$FOLDER" -o sandbox=chroot)
		for option; do
			case $option in
			--cache=never) option=cache=none;;
			*) option=${option#--};;
			esac
			WORDS+=(-o "$option")
		done;;
	*) WORDS=(--shared-dir="$FOLDER" --sandbox=chroot "$@");;
	esac
}

_folder_serving() { socket_listening "$1" || ended "$SERVER"; }

folder_serve() {
	local who=$1 socket=$2 command; shift 2

	case $who in
	ours) command=("$DAEMON" --shared-dir="$FOLDER" --sandbox=chroot "$@");;
	*)
		_virtiofsd_words "$@"
		command=("$VIRTIOFSD" "${WORDS[@]}");;
	esac
	rm -f "$socket"
	start "$WORK/server.log" "${command[@]}" --socket-path="$socket"
	SERVER=$CHILD
	wait_until 20 _folder_serving "$socket" && ! ended "$SERVER" && return
	cat "$WORK/server.log"
	return 1
}

folder_device() {
	FOLDER_DEVICE+=(-chardev "socket,id=$1,path=$2" -device "vhost-user-fs-pci,chardev=$1,tag=$1,queue-size=1024")
}

folder_new() {
	rm -rf "$FOLDER"
	mkdir "$FOLDER"
	chmod 755 "$WORK"
	chmod 777 "$FOLDER"
}
