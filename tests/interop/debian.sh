# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A disk image with Debian, made of its packages by mmdebstrap, and kept in the cache for a week.
# Source it after lib.sh.
#
#   debian_disk       sets DEBIAN_DISK: a GPT whose first partition is Debian's root (ext4) with
#                     cloud-init, sshd, an address by DHCP, and a grub.cfg; or DEBIAN_WHY
#
# DEBIAN_SUITE        its suite; default: this host's
# After cloud-init, the guest prints lines that begin with "report: " on its serial port.

may_use mmdebstrap apt-get mke2fs python3

DEBIAN_SUITE=${DEBIAN_SUITE:-$(. /etc/os-release && echo "${VERSION_CODENAME:-}")}

_debian_possible() {
	if [ "$(id -u)" -ne 0 ]; then
		DEBIAN_WHY="mmdebstrap is run by root"
	elif ! have mmdebstrap || ! have mke2fs || ! have python3; then
		DEBIAN_WHY="mmdebstrap, mke2fs or python3 is not installed"
	elif [ "$(. /etc/os-release && echo "$ID")" != debian ]; then
		DEBIAN_WHY="this host is not Debian, whose mirror and keys are used"
	else
		return 0
	fi
	return 1
}

_debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' 2>/dev/null |
		grep -E '/debian/?$' | head -n 1 | grep . || echo http://deb.debian.org/debian
}

# Prints what cloud-init has configured; the settings are those of test-cvmm-debian.
_debian_report() {
	cat <<-'END_OF_UNIT'
	[Unit]
	After=multi-user.target cloud-final.service cloud-init.target
	[Service]
	Type=oneshot
	StandardOutput=tty
	TTYPath=/dev/ttyS0
	ExecStart=/bin/sh -c 'echo; echo "report: $(hostname) $(id -un 1000) $(cut -d " " -f 3 /home/*/.ssh/authorized_keys)"; echo "report: $(uname -r) $(findmnt -no SOURCE,FSTYPE / | tr -s " ") $(findmnt -no OPTIONS / | cut -d , -f 1)"; echo "report: end"'
	[Install]
	WantedBy=multi-user.target
	END_OF_UNIT
}

# An entry as grub-mkconfig writes it, for the kernel VERSION
_debian_menu() {
	cat <<-END_OF_MENU
	if [ -s \$prefix/grubenv ]; then
	  load_env
	fi
	if [ "\${next_entry}" ] ; then
	   set default="\${next_entry}"
	else
	   set default="0"
	fi
	menuentry 'Debian GNU/Linux' --class debian --class os \$menuentry_id_option 'simple' {
		insmod part_gpt
		search --no-floppy --fs-uuid --set=root 1
		linux	/boot/vmlinuz-$1 root=$DEBIAN_PARTITION ro console=tty0 console=ttyS0,115200
		initrd	/boot/initrd.img-$1
	}
	END_OF_MENU
}
DEBIAN_PARTITION=PARTUUID=00000000-0000-0000-0000-000000000001

# _debian_settle ROOT: the files that an installer would write
_debian_settle() {
	local kernel

	kernel=$(basename "$1"/boot/vmlinuz-*)
	echo "$DEBIAN_PARTITION / ext4 rw,errors=remount-ro 0 1" >"$1/etc/fstab"
	echo debian >"$1/etc/hostname"
	mkdir -p "$1/boot/grub"
	_debian_menu "${kernel#vmlinuz-}" >"$1/boot/grub/grub.cfg"
	_debian_report >"$1/etc/systemd/system/report.service"
	ln -s ../report.service "$1/etc/systemd/system/multi-user.target.wants/report.service"
	printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' >"$1/etc/systemd/network/20-ether.network"
	ln -s /lib/systemd/system/systemd-networkd.service "$1/etc/systemd/system/multi-user.target.wants"
	# a key of RSA takes an emulated machine minutes
	printf 'network: {config: disabled}\nssh_genkeytypes: [ed25519]\n' >"$1/etc/cloud/cloud.cfg.d/90-image.cfg"
}

_debian_make() {
	local root=$WORK/debian

	mmdebstrap --quiet --variant=minbase --format=directory --aptopt='Acquire::Check-Valid-Until "false"' \
		--include=systemd-sysv,udev,e2fsprogs,initramfs-tools,linux-image-cloud-amd64,cloud-init,openssh-server \
		"$DEBIAN_SUITE" "$root" "$(_debian_mirror)" >"$WORK/debian.log" 2>&1 &&
		_debian_settle "$root" &&
		mke2fs -q -t ext4 -F -d "$root" "$WORK/debian.ext4" "$(($(du -sm "$root" | cut -f 1) * 3 / 2 + 100))M" >"$WORK/debian.log" 2>&1 &&
		python3 "$INTEROP/partitions.py" "$DEBIAN_DISK.new" gpt root="$WORK/debian.ext4" &&
		mv "$DEBIAN_DISK.new" "$DEBIAN_DISK" &&
		rm -rf "$root" "$WORK/debian.ext4"
}

debian_disk() {
	_debian_possible || return 1
	DEBIAN_DISK=$CVMM_CACHE/debian-$DEBIAN_SUITE.disk
	mkdir -p "$CVMM_CACHE"
	[ -z "$(find "$DEBIAN_DISK" -mtime -7 -newer "$INTEROP/debian.sh" 2>/dev/null)" ] || return 0
	_debian_make && return
	DEBIAN_WHY="mmdebstrap makes no root of $DEBIAN_SUITE: $(tail -n 1 "$WORK/debian.log")"
	return 1
}
