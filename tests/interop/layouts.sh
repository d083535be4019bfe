# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Disk images as distributions lay them out, made of folders without privileges. After lib.sh.
#
#   layout_xfs FILE FOLDER      a file system with the contents of FOLDER
#   layout_btrfs FILE FOLDER
#   layout_ext4 FILE FOLDER
#   layout_fat FILE FOLDER

may_use mke2fs mkfs.xfs mkfs.btrfs mkfs.fat mcopy

layout_ext4() { mke2fs -q -t ext4 -F -d "$2" "$1" 128M; }

# _prototype FOLDER: its contents in the format of mkfs.xfs -p
_prototype() {
	local file

	for file in "$1"/*; do
		if [ -d "$file" ]; then
			echo "${file##*/} d--755 0 0"
			_prototype "$file"
		elif [ -f "$file" ]; then
			echo "${file##*/} ---755 0 0 $file"
		fi
	done
	echo '$'
}

# mkfs.xfs makes no smaller ones; most of the file is a hole.
layout_xfs() {
	{ printf '/unused\n0 0\nd--755 0 0\n'; _prototype "$2"; } >"$1.prototype"
	truncate -s 320M "$1" && mkfs.xfs -q -p "$1.prototype" "$1" && rm "$1.prototype"
}

layout_btrfs() { truncate -s 160M "$1" && mkfs.btrfs -q --rootdir "$2" "$1" >/dev/null; }

layout_fat() { truncate -s 64M "$1" && mkfs.fat -F 32 "$1" >/dev/null && mcopy -s -i "$1" "$2"/* ::/; }
