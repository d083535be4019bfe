# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A kernel whose KVM has virtual machines with private memory
# (CONFIG_KVM_SW_PROTECTED_VM), for nested-kvm. No kernel of Debian has the option,
# which is for tests only and changes no built-in code. So only the modules kvm
# and kvm_amd are built, from Debian's source of the kernel, against its headers
# and with its compiler; this takes a minute on one processor. The result is kept
# in the cache by the kernel's release. Source it after lib.sh and kernel.sh.

may_use apt-cache apt-get dpkg-deb flock make strip tar timeout xz

# The option, and the options it selects
PRIVATE_OPTIONS="KVM_SW_PROTECTED_VM KVM_GENERIC_PRIVATE_MEM KVM_PRIVATE_MEM KVM_GENERIC_MEMORY_ATTRIBUTES"
PRIVATE_LIMIT=${PRIVATE_LIMIT:-240}	# seconds for the modules

# kernel_private: as kernel_find, for Linux 6.12, and exports CVMM_KERNEL_IMAGE and
# CVMM_KERNEL_MODULES for nested-kvm
kernel_private() {
	local modules

	CVMM_KERNEL=6.12 kernel_find || return
	case $KERNEL_RELEASE in
	6.12.*) ;;
	*) KERNEL_WHY="Linux 6.12 is not available, only $KERNEL_RELEASE"; return 1;;
	esac
	modules=$CVMM_CACHE/private-$KERNEL_RELEASE/$KERNEL_RELEASE
	if ! [ -d "$modules/kernel" ]; then
		_private_possible && _private_locked || return
	fi
	export CVMM_KERNEL_IMAGE=$KERNEL_IMAGE CVMM_KERNEL_MODULES=$modules
}

_private_possible() {
	local tool

	KERNEL_WHY="the modules with private memory are not in $CVMM_CACHE and CVMM_OFFLINE is set"
	[ -z "${CVMM_OFFLINE:-}" ] || return
	for tool in apt-get dpkg-deb flock make strip tar xz; do
		KERNEL_WHY="$tool is not installed, so modules with private memory cannot be built"
		have $tool || return
	done
}

# One process builds, others wait for it. _private_build writes the reason of a
# failure to $WORK/private.why.
_private_locked() {
	KERNEL_WHY=
	(
		flock 9
		[ -d "$modules/kernel" ] || _private_build
	) 9>"$CVMM_CACHE/lock-private" && return
	KERNEL_WHY="no modules with private memory: $(cat "$WORK/private.why" 2>/dev/null)"
	return 1
}

_private_why() { echo "$*" >"$WORK/private.why"; return 1; }

# A folder gets its name only when it is complete, as those of kernels.
_private_build() {
	local part=$CVMM_CACHE/.part-private result

	rm -rf "$part"
	mkdir -p "$part/tree" || _private_why "$CVMM_CACHE cannot be written" || return
	_private_download && _private_unpack && _private_make && _private_collect
	result=$?
	rm -rf "$part"
	return $result
}

_private_version() { _apt apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1; }

# The headers name the other packages: those common to all flavours, and the tools.
_private_download() {
	local headers=linux-headers-$KERNEL_RELEASE version names

	version=$(_private_version "$headers")
	[ -n "$version" ] || _private_why "apt does not know $headers" || return
	names=$(_apt apt-cache show "$headers=$version" | sed -n 's/^Depends: //p' |
		tr ',' '\n' | grep -o 'linux-\(headers\|kbuild\)-[^ ]*')
	# shellcheck disable=SC2086 # a list of packages
	(cd "$part" && _apt timeout "$PRIVATE_LIMIT" apt-get -qq -o APT::Sandbox::User=root download \
		"$headers" $names "linux-source-6.12=$version") >"$WORK/apt.log" 2>&1 ||
		_private_why "$headers and its source cannot be downloaded: $(tail -n 1 "$WORK/apt.log")"
}

# Unpacks only KVM from the kernel's source. It is built within the headers, because its makefiles
# refer to both by the paths of the source.
_private_unpack() {
	local deb sources=$part/tree/usr/src

	COMMON=$sources/linux-headers-${KERNEL_RELEASE%-cloud-*}-common
	HEADERS=$sources/linux-headers-$KERNEL_RELEASE
	for deb in "$part"/linux-headers-* "$part"/linux-kbuild-*; do
		dpkg-deb -x "$deb" "$part/tree" || _private_why "$deb cannot be unpacked" || return
	done
	dpkg-deb --fsys-tarfile "$part"/linux-source-* | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc | tar -x -C "$COMMON" --strip-components=1 --wildcards \
		'linux-source-*/arch/x86/kvm' 'linux-source-*/virt' 2>"$WORK/tar.log" ||
		_private_why "the source cannot be unpacked: $(tail -n 1 "$WORK/tar.log")" || return
	sed -i "s|/usr/src/|$sources/|" "$HEADERS/Makefile"
}

# The compiler that built the kernel, with its version, as gcc-12
_private_compiler() { sed -n 's/^CONFIG_CC_VERSION_TEXT="\([^ ]*\) .*/\1/p' "$HEADERS/.config"; }

# Without type information (BTF), which needs pahole and the kernel's own; modules
# load without it.
_private_make() {
	local option settings=(CONFIG_KVM_INTEL=n CONFIG_DEBUG_INFO_BTF_MODULES=) flags='' compiler

	compiler=$(_private_compiler)
	[ -n "$compiler" ] && command -v "$compiler" >/dev/null || _private_why "the kernel's compiler $compiler is not installed" || return
	for option in $PRIVATE_OPTIONS; do
		settings+=("CONFIG_$option=y")
		flags+=" -DCONFIG_$option=1"
	done
	timeout "$PRIVATE_LIMIT" make -C "$HEADERS" M="$COMMON/arch/x86/kvm" CC="$compiler" -j"$(nproc)" \
		"${settings[@]}" KCFLAGS="$flags" modules >"$WORK/make.log" 2>&1 </dev/null ||
		_private_why "make failed: $(grep -m 1 -i -e error "$WORK/make.log" || tail -n 1 "$WORK/make.log")"
}

# All modules of the kernel, as links, with these two replaced
_private_collect() {
	local tree=$part/result name target

	target=$tree/$KERNEL_RELEASE/kernel/arch/x86/kvm
	mkdir -p "$tree" && cp -al "$KERNEL_MODULES" "$tree/$KERNEL_RELEASE" 2>"$WORK/cp.log" ||
		_private_why "modules cannot be linked: $(tail -n 1 "$WORK/cp.log")" || return
	for name in kvm kvm-amd; do
		rm -f "$target/$name".ko*
		strip --strip-debug -o "$target/$name.ko" "$COMMON/arch/x86/kvm/$name.ko" ||
			_private_why "$name.ko cannot be stripped" || return
	done
	rm -rf "$CVMM_CACHE/private-$KERNEL_RELEASE"
	mv -T "$tree" "$CVMM_CACHE/private-$KERNEL_RELEASE"
}
