# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A Linux kernel for guests, and initrds made of busybox and that kernel's
# modules. The kernel is the one that the distribution's meta package names; it is
# downloaded as a package and unpacked into the cache, never installed. Without
# apt, the newest installed kernel is used.
#
# CVMM_KERNEL          package to use: a meta package, a kernel by its full name,
#                      or a version like 6.12: the newest cloud kernel of it
# CVMM_KERNEL_IMAGE    with CVMM_KERNEL_MODULES (a folder like /lib/modules/6.1.0):
#                      use these files and download nothing
# CVMM_OFFLINE         if set, use only the cache
# INITRD_ROOT          root of another architecture, for initrds with its static programs
# CVMM_APT_CONFIG      configuration file for apt, for kernels of another suite

may_use apt-cache apt-get busybox cpio dpkg-deb flock gzip lz4 readelf xz zstd

INITRD_ROOT=${INITRD_ROOT:-}
# Debian's, Ubuntu's
CVMM_KERNEL=${CVMM_KERNEL:-linux-image-cloud-amd64 linux-image-virtual}

# Whether emulated guests run at all
guests_wanted() { [ "${CVMM_GUESTS-}" != no ]; }
GUESTS_WHY='CVMM_GUESTS=no leaves out emulated guests'

# kernel_find: sets KERNEL_RELEASE, KERNEL_IMAGE and KERNEL_MODULES. On failure
# KERNEL_WHY is the reason.
kernel_find() {
	local package

	KERNEL_WHY=
	if [ "$(uname -m)" != x86_64 ]; then
		KERNEL_WHY="guests are x86_64 only, this is $(uname -m)"
		return 1
	fi
	if [ -n "${CVMM_KERNEL_IMAGE:-}" ]; then
		_kernel_given
		return
	fi
	package=$(_kernel_resolve) && _kernel_unpacked "$package" && return
	# Without a download, uses a kernel of an earlier run.
	package=$(_kernel_newest_cached) && _kernel_use "$package" && return
	if ! have apt-get; then
		_kernel_installed
		return
	fi
	KERNEL_WHY=${KERNEL_WHY:-"apt does not know ${CVMM_KERNEL% *} (apt-get update?) and $CVMM_CACHE has no kernel"}
	return 1
}

# _kernel_installed: the newest below /lib/modules whose image can be read
_kernel_installed() {
	local release

	for release in $(find /lib/modules -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -rV); do
		KERNEL_RELEASE=$release
		KERNEL_MODULES=/lib/modules/$release
		for KERNEL_IMAGE in "$KERNEL_MODULES/vmlinuz" "/boot/vmlinuz-$release"; do
			[ -r "$KERNEL_IMAGE" ] && [ -d "$KERNEL_MODULES/kernel" ] && return
		done
	done
	KERNEL_WHY="there is no apt to download a kernel, and none is installed (set CVMM_KERNEL_IMAGE)"
	return 1
}

_kernel_given() {
	KERNEL_IMAGE=$CVMM_KERNEL_IMAGE
	KERNEL_MODULES=${CVMM_KERNEL_MODULES:-}
	KERNEL_RELEASE=${KERNEL_MODULES##*/}
	[ -r "$KERNEL_IMAGE" ] && [ -d "$KERNEL_MODULES/kernel" ] && return
	KERNEL_WHY="CVMM_KERNEL_IMAGE or CVMM_KERNEL_MODULES cannot be read"
	return 1
}

_apt() {
	local tool=$1; shift

	if [ -n "${CVMM_APT_CONFIG:-}" ]; then
		APT_CONFIG=$CVMM_APT_CONFIG "$tool" "$@"
	else
		"$tool" "$@"
	fi
}

# kernel_of_suite SUITE: from here on kernels come from that suite of Debian,
# for which apt need not be configured: uses its mirror and keys with separate
# lists.
kernel_of_suite() {
	local folder=$CVMM_CACHE/apt-$1 keys=/usr/share/keyrings/debian-archive-keyring.gpg mirror

	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' 2>/dev/null |
		grep -E '/debian/?$' | head -n 1)
	[ -n "$mirror" ] && [ -r $keys ] || { KERNEL_WHY="apt here knows no mirror of Debian, so no kernel of $1"; return 1; }
	mkdir -p "$folder"/lists/partial "$folder"/archives/partial || { KERNEL_WHY="$folder cannot be made (set CVMM_CACHE)"; return 1; }
	echo "deb [signed-by=$keys] $mirror $1 main" >"$folder/sources.list"
	cat >"$folder/apt.conf" <<-END
		Dir::Etc::sourcelist "$folder/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State::lists "$folder/lists";
		Dir::Cache "$folder";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
	END
	export CVMM_APT_CONFIG=$folder/apt.conf
	[ -n "${CVMM_OFFLINE:-}" ] || flock "$folder/lock" apt-get -qq -c "$folder/apt.conf" update >"$WORK/apt.log" 2>&1 ||
		{ KERNEL_WHY="apt cannot read the list of $1: $(tail -n 1 "$WORK/apt.log")"; return 1; }
}

# _kernel_resolve: the name of the package that contains the image. Cached until
# apt's lists change, because apt takes a second.
_kernel_resolve() {
	local lists=/var/lib/apt/lists kept=$CVMM_CACHE/behind-${CVMM_KERNEL// /-}

	if [ -n "${CVMM_APT_CONFIG:-}" ]; then
		lists=${CVMM_APT_CONFIG%/*}/lists kept=$kept-${CVMM_APT_CONFIG//\//-}
	fi
	if ! [ "$kept" -nt "$lists" ]; then
		_kernel_asked >"$WORK/behind" || return
		mkdir -p "$CVMM_CACHE" && cp "$WORK/behind" "$kept.$$" && mv "$kept.$$" "$kept" || kept=$WORK/behind
	fi 2>/dev/null
	cat "$kept"
}

# _kernel_asked: the same without the cache
_kernel_asked() {
	local name image

	have apt-cache || return 1
	for name in $CVMM_KERNEL; do
		image=$(_kernel_behind "$name" | _newest) && echo "$image" && return
	done
	# The full name of a kernel is resolved already.
	case $CVMM_KERNEL in
	linux-image-[0-9]*) echo "$CVMM_KERNEL";;
	*) return 1;;
	esac
}

# _kernel_behind NAME: the kernels of a version, or those a meta package depends on
_kernel_behind() {
	case $1 in
	[0-9]*)
		_apt apt-cache search --names-only "^linux-image-${1//./\\.}\\.[^ ]*-cloud-amd64\$" | cut -d ' ' -f 1;;
	*)
		_apt apt-cache show --no-all-versions "$1" 2>/dev/null |
			sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p';;
	esac
}

_newest() { sort -V | tail -n 1 | grep .; }

_kernel_newest_cached() {
	local name="linux-image-*"

	case $CVMM_KERNEL in
	linux-image-[0-9]*) name=$CVMM_KERNEL;;
	[0-9]*) name="linux-image-$CVMM_KERNEL.*";;
	esac
	find "$CVMM_CACHE" -maxdepth 1 -name "$name" -printf '%f\n' 2>/dev/null | _newest
}

# _kernel_use PACKAGE: uses PACKAGE from the cache
_kernel_use() {
	local top=$CVMM_CACHE/$1

	KERNEL_RELEASE=${1#linux-image-}
	KERNEL_RELEASE=${KERNEL_RELEASE%-unsigned}
	KERNEL_IMAGE=$top/boot/vmlinuz-$KERNEL_RELEASE
	KERNEL_MODULES=$top/lib/modules/$KERNEL_RELEASE
	[ -r "$KERNEL_IMAGE" ] && [ -d "$KERNEL_MODULES/kernel" ]
}

# _kernel_unpacked PACKAGE: as _kernel_use, after a download if necessary. One
# process downloads, others wait for it. A folder gets its name only when it is
# complete, so an interrupted download is not mistaken for a finished one.
_kernel_unpacked() {
	local tool

	_kernel_use "$1" && return
	[ -z "${CVMM_OFFLINE:-}" ] || { KERNEL_WHY="$1 is not in $CVMM_CACHE and CVMM_OFFLINE is set"; return 1; }
	for tool in apt-get dpkg-deb flock; do
		have $tool || { KERNEL_WHY="$tool is not installed, so $1 cannot be downloaded"; return 1; }
	done
	mkdir -p "$CVMM_CACHE" || { KERNEL_WHY="$CVMM_CACHE cannot be made (set CVMM_CACHE)"; return 1; }
	(
		flock 9
		_kernel_use "$1" || _kernel_download "$1"
	) 9>"$CVMM_CACHE/lock" || { KERNEL_WHY="$1 cannot be downloaded: $(tail -n 1 "$WORK/apt.log")"; return 1; }
	_kernel_use "$1"
}

_kernel_download() {
	local part=$CVMM_CACHE/.part release=${1#linux-image-} packages=("$1") deb

	# The holder of the lock removes the remains of an interrupted run.
	rm -rf "$part"
	mkdir "$part" || return 1
	# Newer Debian has separate packages for the list of built-in modules, image
	# and modules; Ubuntu for modules.
	for deb in "linux-base-$release" "linux-binary-$release" "linux-modules-$release"; do
		if _apt apt-cache show "$deb" >/dev/null 2>&1; then packages+=("$deb"); fi
	done
	# apt's own download user cannot write into a folder of root.
	(cd "$part" && _apt apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}") >"$WORK/apt.log" 2>&1 || return 1
	for deb in "$part"/*.deb; do
		dpkg-deb -x "$deb" "$part/tree" 2>>"$WORK/apt.log" || return 1
	done
	_kernel_tidy "$part/tree" "$release"
	rm -rf "${CVMM_CACHE:?}/$1"
	mv -T "$part/tree" "$CVMM_CACHE/$1" && rm -rf "$part"
}

# _kernel_tidy TREE RELEASE: the same layout for all packages, without
# documentation
_kernel_tidy() {
	local usr=$1/usr/lib/modules/$2

	mkdir -p "$1/lib/modules" "$1/boot"
	if [ -d "$usr" ]; then mv "$usr" "$1/lib/modules/$2"; fi
	if [ -e "$1/lib/modules/$2/vmlinuz" ]; then mv "$1/lib/modules/$2/vmlinuz" "$1/boot/vmlinuz-$2"; fi
	rm -rf "${1:?}/usr" "$1/boot/System.map-$2" "$1/lib/modules/$2/System.map"
}

# kernel_unpack: KERNEL_VMLINUX is the kernel inside KERNEL_IMAGE, or empty if
# it cannot be unpacked. Unpacking takes an emulated machine a third of its boot
# time.
kernel_unpack() {
	KERNEL_VMLINUX=$CVMM_CACHE/vmlinux-$KERNEL_RELEASE
	[ "$KERNEL_VMLINUX" -nt "$KERNEL_IMAGE" ] && return
	if _vmlinux "$KERNEL_IMAGE" "$WORK/vmlinux"; then
		# Renamed into place, since other tests may read it already.
		mkdir -p "$CVMM_CACHE" 2>/dev/null && cp "$WORK/vmlinux" "$KERNEL_VMLINUX.$$" 2>/dev/null &&
			mv "$KERNEL_VMLINUX.$$" "$KERNEL_VMLINUX" || KERNEL_VMLINUX=$WORK/vmlinux
	else
		KERNEL_VMLINUX=
	fi
}

# _number FILE OFFSET BYTES: a little-endian number
_number() { od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }

# _vmlinux BZIMAGE OUT: extracts the kernel of a bzImage at the position in its
# header (payload_offset and payload_length)
_vmlinux() {
	local sectors offset length unpack

	sectors=$(_number "$1" $((0x1f1)) 1)
	[ "$sectors" != 0 ] || sectors=4
	offset=$(((sectors + 1) * 512 + $(_number "$1" $((0x248)) 4)))
	length=$(_number "$1" $((0x24c)) 4)
	case $(od -An -tx1 -j "$offset" -N 4 "$1" 2>/dev/null | tr -d ' ') in
	1f8b*) unpack=(gzip -dcq);;
	fd377a58) unpack=(xz -dcq --single-stream);;
	28b52ffd) unpack=(zstd -dcq);;
	02214c18) unpack=(lz4 -dcq);;
	*) return 1;;
	esac
	have "${unpack[0]}" || return 1
	# The compressed data is followed by four bytes of size.
	tail -c +$((offset + 1)) "$1" | head -c $((length - 4)) | "${unpack[@]}" >"$2" 2>/dev/null
	[ "$(head -c 4 "$2" | od -An -tx1 | tr -d ' ')" = 7f454c46 ]
}

# kernel_has_pvh: QEMU boots an unpacked kernel only by the PVH entry, which an
# ELF note names.
kernel_has_pvh() { readelf -n "$KERNEL_VMLINUX" 2>/dev/null | grep -q Xen; }

# ---------------------------------------------------------------------- initrd

# initrd_make OUT MODULES PROGRAMS [SOURCE:TARGET...]
# Contains busybox, a cmp that needs fewer than twenty instructions per byte,
# PROGRAMS with their libraries, MODULES with their dependencies (also soft ones)
# in load order, guest/init as /init, and further files. INITRD_WHY is the reason
# of a failure.
initrd_make() {
	local out=$1 modules=$2 programs=$3 root module program file; shift 3

	root=$(mktemp -d "$WORK/initrd.XXXXXX") || return 1
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,mnt,root,etc,sbin,lib/modules}
	INITRD_WHY=
	_initrd_program "$root" busybox bin || return 1
	[ -n "$INITRD_ROOT" ] || _initrd_program "$root" cmp sbin || return 1
	for program in $programs; do
		_initrd_program "$root" "$program" sbin || return 1
	done
	: >"$root/lib/modules/order"
	for module in $modules; do
		_initrd_module "$root/lib/modules" "$module" || return 1
	done
	for file in "$INTEROP/guest/init:init" "$INTEROP/guest/lib.sh:lib/guest.sh" "$@"; do
		install -D -m 755 "${file%%:*}" "$root/${file#*:}" || return 1
	done
	_initrd_pack "$root" "$out" || { INITRD_WHY="cpio failed"; return 1; }
	rm -rf "$root"
}

# _initrd_pack FOLDER OUT: creates an archive in the kernel's format, owned by
# root
_initrd_pack() {
	(cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) >"$2"
}

# _initrd_program ROOT NAME FOLDER
_initrd_program() {
	local root=$1 path lib folders=$PATH:/usr/sbin:/sbin

	[ -z "$INITRD_ROOT" ] || folders=$INITRD_ROOT/bin:$INITRD_ROOT/sbin
	path=$(PATH=$folders command -v "$2") || { INITRD_WHY="$2 is not installed"; return 1; }
	install -D -m 755 "$path" "$root/$3/$2" || return 1
	# ldd fails for a static program.
	for lib in $(ldd "$path" 2>/dev/null | grep -o '/[^ )]*'); do
		[ -e "$root$lib" ] || install -D -m 755 "$lib" "$root$lib" || return 1
	done
}

# _initrd_module FOLDER NAME: adds NAME.ko, and an entry in FOLDER/order after
# its dependencies
_initrd_module() {
	local name=${2//-/_} file out=$1/${2//-/_}.ko dependency

	[ ! -e "$out" ] || return 0
	file=$(_module_file "$name")
	if [ -z "$file" ]; then
		# Newer packages have no list of built-in modules; the guest
		# reports a missing one.
		[ -e "$KERNEL_MODULES/modules.builtin" ] || return 0
		_built_in "$name" && return
		INITRD_WHY="kernel $KERNEL_RELEASE has no module $2"
		return 1
	fi
	_unpack_module "$file" >"$out" || { INITRD_WHY="cannot unpack $file"; return 1; }
	for dependency in $(_module_info "$out" depends | tr , ' ') $(_soft_dependencies "$out"); do
		_initrd_module "$1" "$dependency" || return 1
	done
	echo "$name" >>"$1/order"
}

_module_file() { find "$KERNEL_MODULES/kernel" -name "${1//[-_]/[-_]}.ko*" -print -quit; }
_built_in() { grep -q -s "/${1//[-_]/[-_]}\.ko" "$KERNEL_MODULES/modules.builtin"; }

# _module_info FILE FIELD
_module_info() { tr '\0' '\n' <"$1" | sed -n "s/^$2=//p"; }

# _soft_dependencies FILE: its soft dependencies. A name may be an alias, as
# crypto-crc32c in ext4; its generic module runs on any CPU.
_soft_dependencies() {
	local name candidate

	for name in $(_module_info "$1" softdep | sed -n 's/.*pre: *//p' | sed 's/post:.*//; s/\<crypto-//g'); do
		for candidate in "$name" "${name}_generic"; do
			_built_in "$candidate" && break
			[ -n "$(_module_file "$candidate")" ] && echo "$candidate" && break
		done
	done
}

_unpack_module() {
	case $1 in
	*.xz) xz -dc "$1";;
	*.zst) zstd -qdc "$1";;
	*.gz) gzip -dc "$1";;
	*) cat "$1";;
	esac
}
