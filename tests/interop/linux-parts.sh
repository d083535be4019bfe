# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# For the tests of Linux under cvmm: checks their requirements, and runs groups of
# guests in one machine. There are two programs because an emulated machine has one
# processor, and most hosts have more. Requires $here.
#
# PARTS lists the parts to run, by functions of linux/*.sh; default: all.

. "$here/lib.sh"
. "$here/kernel.sh"
. "$here/linux.sh"

for part in ${PARTS:-}; do
	[ "$part" = newest ] || grep -q "^part_$part()" "$here"/linux/*.sh || bail "PARTS: there is no '$part'; the files of linux/ have them"
done
# picked NAME: whether that part is selected
picked() { case " ${PARTS:-$1} " in *" $1 "*) ;; *) return 1;; esac; }

need_program MACHINES examples/machines
# No program of a sanitizer build runs in a guest.
if ! sanitized; then
	need_program CVMM programs/cvmm/cvmm
	need_program DAEMON daemons/cvmm-vhost-user-blk
	need_program BACKEND examples/shmem-backend
	need_program UPDATE examples/update-cvmm
	need_program POOL examples/clone-pool
	need_program OWN examples/own-vmm
	need_program POKE tests/interop/poke
	need_program LOAD tests/interop/vsock-load
	need_program FOLDER_LOAD tests/interop/fs-load
	need_program EXERCISE tests/interop/exercise
	need_program QUEUES tests/interop/queues
	need_program KEXEC tests/interop/kexec
fi
need_command busybox cpio mke2fs e2fsck
kernel_find || tap_skip_all "$KERNEL_WHY"
linux_prepare || tap_skip_all "$LINUX_WHY"

NAMED=		# printed before the claims
# Where guests are fast, runs the largest one and a long text.
! kvm_is_hardware || export MANY=64 BYTES=1200000

# parts NAME…: those that are selected
parts() {
	local part wanted=()

	for part; do ! picked "$part" || wanted+=("$part"); done
	[ ${#wanted[@]} -gt 0 ] || return 0
	set -- "${wanted[@]}"
	linux_guests ${LONG:+2}900 "$@"
	[ "$LINUX_STATUS" -ne 77 ] || tap_skip_all "$(cat "$WORK/err")"
	if ! full_scale && file_says "$WORK/err" 'no machine was fit'; then
		tap_skip "${NAMED}Linux under cvmm: $*" "QEMU's emulation of a KVM failed: $(head -n 1 "$WORK/err")"
		return
	fi
	[ ! -s "$WORK/failed" ] || diag "$(cut -c 1-200 "$WORK/failed")"
	while IFS= read -r line; do
		case $line in
		"ok - "*"# SKIP "*) name=${line#ok - }; tap_skip "$NAMED${name%% # SKIP*}" "${line##*# SKIP }";;
		"ok - "*) tap_ok "$NAMED${line#ok - }";;
		"not ok - "*) tap_not_ok "$NAMED${line#not ok - }";;
		finished) ;;
		*) diag "${line#\# }";;
		esac
	done <"$WORK/out"
	check "${NAMED}all guests of $* completed" grep -qx finished "$WORK/out" ||
		diag "status $LINUX_STATUS" "$(tail -n 5 "$WORK/err")"
}

# A run for each change moves guests on one transport.
[ -n "${PARTS:-}" ] || kvm_is_hardware || nightly || export TRANSPORTS=${TRANSPORTS-pci}

# nightly_parts NAME…: those of them that a run for each change leaves to the nightly one;
# PARTS and a KVM that uses the hardware run them at any time
nightly_parts() {
	if [ -n "${PARTS:-}" ] || kvm_is_hardware || nightly; then
		parts "$@"
	else
		tap_skip "${NAMED}Linux under cvmm: $*" "$tap_when"
	fi
}

# Ends the test; the selected parts may all belong to the other program.
parts_done() {
	[ "$tap_count" -gt 0 ] || tap_skip_all "PARTS='${PARTS:-}' names nothing of this program's"
	tap_done
}
