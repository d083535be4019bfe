# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Linux guests under cvmm: their initrd, the uncompressed kernel, and a KVM to
# run them on. Needs lib.sh and kernel.sh; call kernel_find first.
#
#   linux_prepare               sets LINUX_INITRD and LINUX_VMLINUX (empty if it
#                               cannot be unpacked), or LINUX_WHY
#   linux_run SECONDS COMMAND…  runs COMMAND where KVM runs level 0 by hardware;
#                               output in $WORK/out and $WORK/err, LINUX_STATUS
#   linux_measure SECONDS COMMAND…  the same for a benchmark: prints what it printed and
#                               returns its status
#   huge_pages                  inside that COMMAND: huge pages for guests' shared memory

LINUX_MODULES="virtio_mmio virtio_pci virtio_blk virtio_net virtio_rng virtio_balloon virtio_pmem nd_pmem virtio_mem virtiofs ext4 button evdev pvpanic-mmio"
LINUX_PROGRAMS="mke2fs e2fsck"
# SOURCE:TARGET, further files of the guests.
LINUX_FILES=()
# Modules of the machine that runs the guests, if that is emulated.
LINUX_OUTER_MODULES="tun vhost_net vhost_vsock"
LINUX_INIT=$INTEROP/guest/cvmm-init
LINUX_MODULES="$LINUX_MODULES vmw_vsock_virtio_transport"

linux_prepare() {
	local poke=() program jobs

	guests_wanted || { LINUX_WHY=$GUESTS_WHY; return 1; }
	LINUX_INITRD=$WORK/linux.initrd
	for program in poke vsock-load fs-load exercise queues kexec; do
		sanitized || ! program "tests/interop/$program" >/dev/null ||
			poke+=("$CVMM_BUILDDIR/tests/interop/$program:sbin/$program")
	done
	for jobs in "$INTEROP"/guest/jobs/*; do poke+=("$jobs:lib/jobs/${jobs##*/}"); done
	yes "a line of the pattern" | head -c 1048576 >"$WORK/pattern"
	initrd_make "$LINUX_INITRD" "$LINUX_MODULES" "$LINUX_PROGRAMS" "$LINUX_INIT:init" "$WORK/pattern:lib/pattern" "${poke[@]}" "${LINUX_FILES[@]}" || { LINUX_WHY="no initrd: $INITRD_WHY"; return 1; }
	kernel_unpack
	LINUX_VMLINUX=$KERNEL_VMLINUX
}

LINUX_MODULES+=" virtio_console"

# A KVM without these modules does not use the hardware.
kvm_is_hardware() {
	kvm_usable && { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ]; }
}

# QEMU's emulation of a nested guest fails at times where it has two processors: a CPU
# finds its page tables empty and shuts down, one never runs again, or the outer machine
# ends. Guests of QEMU's own microvm meet the same, so the outer machine has one
# processor. QEMU's VMRUN also forgets that STI delays interrupts: a guest may handle an
# interrupt before HLT and sleep until the next one, which comes within 4 seconds.
LINUX_SILENCE=180	# seconds without output after which the outer machine has hung
LINUX_PROGRESS=:	# called twice a second while a machine works
LINUX_STOPPED=75	# status of linux-guests: a guest of an emulated KVM made no progress
LINUX_MACHINES=3	# maximum number of outer machines that are started
# Long tests keep their files in the machine's memory.
LINUX_MEMORY=${LINUX_MEMORY:-${LONG:+5000M}}

# _watched COMMAND…: its status, or 124 and SILENT after LINUX_SILENCE seconds without
# output
_watched() {
	local size printed=0 since=$SECONDS pid

	SILENT=
	"$@" >"$WORK/out" 2>"$WORK/err" </dev/null &
	pid=$!
	keep_child "$pid"
	while ! ended "$pid"; do
		sleep 0.5
		$LINUX_PROGRESS
		size=$(stat -c %s "$WORK/out")
		if [ "$size" -ne "$printed" ]; then
			printed=$size since=$SECONDS
		elif [ $((SECONDS - since)) -gt "$LINUX_SILENCE" ]; then
			end_child "$pid" TERM
			SILENT=1
			return 124
		fi
	done
	wait "$pid"
}

linux_run() {
	local limit=$1; shift

	if ! kvm_is_hardware; then
		set -- "$INTEROP/nested-kvm" -t "$limit" -m "${LINUX_MEMORY:-2500M}" -c "${LINUX_CPUS:-1}" \
			-M "$LINUX_OUTER_MODULES" -C "$CVMM_BUILDDIR" env EMULATED=1 CLONES=${CLONES:-} LONG="${LONG:-}" \
			TRANSPORTS="${TRANSPORTS:-}" CVMM_SANITIZERS="${CVMM_SANITIZERS-}" ASAN_OPTIONS="${ASAN_OPTIONS-}" \
			TSAN_OPTIONS="${TSAN_OPTIONS-}" UBSAN_OPTIONS="${UBSAN_OPTIONS-}" "$@"
		limit=$((limit + 30))
	fi
	_watched timeout -k 5 "$limit" "$@"
	LINUX_STATUS=$?
	$LINUX_PROGRESS
}

# _emulation_failed: a machine that ended or hung, a guest that made no progress, or
# guests that show a fault of the emulation: a processor got no time, or an interrupt
# came where the kernel had disabled interrupts, which is the KVM's decision.
# LINUX_REASON is a sentence for it.
_emulation_failed() {
	LINUX_REASON=
	if kvm_is_hardware; then
		return 1
	elif [ "$LINUX_STATUS" -eq $LINUX_STOPPED ]; then
		LINUX_REASON=$(sed -n 's/^# \(a guest of the emulated KVM .*\)/\1/p' "$WORK/out" | tail -n 1)
	elif [ -n "$SILENT" ]; then
		LINUX_REASON="the emulated machine hung after: $(tail -n 1 "$WORK/out" | grep . || echo its start)"
	elif [ "$LINUX_STATUS" -eq 125 ]; then
		LINUX_REASON="the emulated machine ended: $(tail -n 1 "$WORK/err")"
	else
		LINUX_REASON=$(grep -m 1 'soft lockup\|double fault: 0000' "$WORK/out")
	fi
	[ -n "$LINUX_REASON" ]
}

# Translation of guest memory that is shared uses two levels of tables where KVM is
# emulated; huge pages shorten them, for each contestant.
huge_pages() { [ -z "${EMULATED:-}" ] || echo always >/sys/kernel/mm/transparent_hugepage/shmem_enabled; }

linux_measure() {
	local machine

	for ((machine = 1;; machine++)); do
		linux_run "$@"
		_emulation_failed && [ "$machine" -lt "$LINUX_MACHINES" ] || break
		diag "a new emulated machine, because $LINUX_REASON"
	done
	cat "$WORK/out"
	[ "$LINUX_STATUS" -eq 0 ] || cat "$WORK/err" >&2
	return "$LINUX_STATUS"
}

# _keep_ended PART…: moves the output of the parts that ended before the machine failed
# to $WORK/whole; REST is the others
_keep_ended() {
	local part last

	[ "$LINUX_STATUS" -ne 0 ] || : >"$WORK/out"
	last=$(sed -n '/^# the part /=' "$WORK/out" | tail -n 1)
	head -n "${last:-0}" "$WORK/out" >>"$WORK/whole"
	REST=()
	for part; do grep -q "^# the part $part:" "$WORK/out" || REST+=("$part"); done
}

# linux_guests SECONDS PART…: runs parts of linux-guests and leaves their output in
# $WORK/out. If the emulation fails, a new outer machine runs the parts that did not
# end; never the same machine, whose fault may persist. $WORK/failed is the output of
# those that failed, LINUX_REASON empty unless the last one did.
linux_guests() {
	local limit=$1 machine; shift

	: >"$WORK/whole"
	: >"$WORK/failed"
	for ((machine = 1;; machine++)); do
		linux_run "$limit" "$INTEROP/linux-guests" "$CVMM_BUILDDIR" "$KERNEL_IMAGE" "$LINUX_VMLINUX" "$LINUX_INITRD" "$@"
		_emulation_failed || break
		{ echo "== machine $machine: $LINUX_REASON"; cat "$WORK/out" "$WORK/err"; } >>"$WORK/failed"
		[ "$machine" -lt "$LINUX_MACHINES" ] || break
		diag "a new emulated machine, because $LINUX_REASON"
		_keep_ended "$@"
		[ ${#REST[@]} -gt 0 ] || { echo finished >"$WORK/out"; LINUX_REASON=; break; }
		set -- "${REST[@]}"
	done
	cat "$WORK/out" >>"$WORK/whole"
	mv "$WORK/whole" "$WORK/out"
}
