# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Linux guests under cvmm: their initrd, the uncompressed kernel, and a KVM to
# run them on.  Needs lib.sh and kernel.sh, and kernel_find before.
#
#   linux_prepare               sets LINUX_INITRD and LINUX_VMLINUX (empty where
#                               it cannot be unpacked), or LINUX_WHY
#   linux_run SECONDS COMMAND…  runs COMMAND where KVM runs level 0 by hardware;
#                               output in $WORK/out and $WORK/err, LINUX_STATUS

LINUX_MODULES="virtio_mmio virtio_pci virtio_blk virtio_net virtio_rng virtio_balloon virtio_pmem nd_pmem virtio_mem virtiofs ext4 button evdev pvpanic-mmio"
LINUX_PROGRAMS="mke2fs e2fsck"
# SOURCE:TARGET, further files of theirs.
LINUX_FILES=()
# In the machine that runs them, where that is an emulated one.
LINUX_OUTER_MODULES="tun vhost_net vhost_vsock"
LINUX_INIT=$INTEROP/guest/cvmm-init
LINUX_MODULES="$LINUX_MODULES vmw_vsock_virtio_transport"

linux_prepare() {
	local poke=() program

	LINUX_INITRD=$WORK/linux.initrd
	! program tests/interop/poke >/dev/null || poke=("$CVMM_BUILDDIR/tests/interop/poke:sbin/poke")
	for program in vsock-load fs-load exercise queues; do
		! program "tests/interop/$program" >/dev/null || poke+=("$CVMM_BUILDDIR/tests/interop/$program:sbin/$program")
	done
	yes "a line of the pattern" | head -c 1048576 >"$WORK/pattern"
	initrd_make "$LINUX_INITRD" "$LINUX_MODULES" "$LINUX_PROGRAMS" "$LINUX_INIT:init" "$WORK/pattern:lib/pattern" "${poke[@]}" "${LINUX_FILES[@]}" || { LINUX_WHY="no initrd: $INITRD_WHY"; return 1; }
	kernel_unpack
	LINUX_VMLINUX=$KERNEL_VMLINUX
}

LINUX_MODULES+=" virtio_console"

# A KVM without these modules is done in software.
kvm_is_hardware() {
	[ -w /dev/kvm ] && { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ]; }
}

# QEMU's emulation of a nested guest goes wrong at times where it has two
# processors that share the guest's work: a CPU finds its page tables empty and
# shuts down, one never runs again, or the outer machine ends. Guests of QEMU's
# own microvm meet the same. With one processor none of it was seen, but for a
# machine that stood still, its own timers with it: it is begun anew, twice at most. Where
# another emulated machine runs beside it, a guest's timers may stop though those
# of the machine go on: such a guest is begun anew by linux-guests.
LINUX_SILENCE=180	# seconds; a guest may take 120 of them, and is a line then
# What is done at length has its files in the machine's memory.
LINUX_MEMORY=${LINUX_MEMORY:-${LONG:+5000M}}

# _watched COMMAND…: ended with 124 when it says nothing for that long, which
# sets SILENT
_watched() {
	local size said=0 since=$SECONDS pid

	SILENT=
	"$@" >"$WORK/out" 2>"$WORK/err" </dev/null &
	pid=$!
	CHILDREN+=("$pid")
	while ! ended "$pid"; do
		sleep 0.5
		size=$(stat -c %s "$WORK/out")
		if [ "$size" -ne "$said" ]; then
			said=$size since=$SECONDS
		elif [ $((SECONDS - since)) -gt $LINUX_SILENCE ]; then
			end_child "$pid" TERM
			SILENT=1
			return 124
		fi
	done
	wait "$pid"
}

linux_run() {
	local limit=$1 try; shift

	if kvm_is_hardware; then
		timeout -k 5 "$limit" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
		LINUX_STATUS=$?
		return
	fi
	for try in 1 2 3; do
		_watched timeout -k 5 $((limit + 30)) "$INTEROP/nested-kvm" -t "$limit" -m "${LINUX_MEMORY:-2500M}" -c "${LINUX_CPUS:-1}" \
			-M "$LINUX_OUTER_MODULES" -C "$CVMM_BUILDDIR" env EMULATED=1 LONG="${LONG:-}" "$@"
		LINUX_STATUS=$?
		[ -n "$SILENT" ] && [ "$try" -lt 3 ] || return
		diag "the emulated machine stood still after: $(tail -n 1 "$WORK/out")"
	done
}
