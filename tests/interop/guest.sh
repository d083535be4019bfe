# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A Linux guest under QEMU: TCG, so that it runs anywhere, and memory in one
# shared memfd, so that vhost-user peers can map it.  Needs lib.sh and kernel.sh.
#
#   guest_prepare "virtio_blk" "mke2fs"      once: kernel and initrd, or skip
#   guest_run JOB "KEY=VALUE…" QEMU_ARG…     boot, run guest/JOB, power off
#   guest_results "prefix: " NAME…           a TAP line for each check of the job
#
# GUEST_CPUS, GUEST_MEMORY, GUEST_LIMIT (seconds), GUEST_MACHINE, GUEST_CPU,
# GUEST_ACCEL and GUEST_APPEND change the machine; GUEST_VERBOSE shows the console of every guest, not only
# of one that failed.

GUEST_COUNT=0
GUEST_FILES=()		# further files for /job in the guest

# guest_possible MODULES PROGRAMS: gets everything ready, or GUEST_WHY says why
# no guest can run here
guest_possible() {
	local command

	for command in "$QEMU" cpio busybox; do
		have "$command" || { GUEST_WHY="$command is not installed"; return 1; }
	done
	kernel_find || { GUEST_WHY=$KERNEL_WHY; return 1; }
	initrd_make "$WORK/initrd" "virtio_pci $1" "$2" || { GUEST_WHY="no initrd: $INITRD_WHY"; return 1; }
}

# guest_prepare MODULES PROGRAMS: the same, or the whole test is skipped
guest_prepare() { guest_possible "$@" || tap_skip_all "$GUEST_WHY"; }

# What a busy machine would otherwise do to an emulated one: a timer that came
# too late for the kernel's check of its wiring (no_timer_check), or for its
# measure of the time stamp counter (tsc=reliable).
GUEST_KERNEL_LINE="console=ttyS0 quiet reboot=t panic=-1 mitigations=off no_timer_check tsc=reliable"

# guest_start JOB ENVIRONMENT QEMU_ARG...: GUEST_PID is QEMU (behind its time
# limit), GUEST_DIR holds console, results and QEMU's own words.
guest_start() {
	local job=$1 env=$2 memory=${GUEST_MEMORY:-256M}; shift 2

	GUEST_DIR=$WORK/guest$((++GUEST_COUNT))
	_guest_job "$GUEST_DIR" "$job" "$env" || bail "no initrd for $job"
	: >"$GUEST_DIR/console"
	: >"$GUEST_DIR/results"
	start "$GUEST_DIR/qemu" timeout -k 5 "${GUEST_LIMIT:-90}" "$QEMU" \
		-M "${GUEST_MACHINE:-q35}" -accel "${GUEST_ACCEL:-tcg,thread=multi}" -cpu "${GUEST_CPU:-qemu64}" \
		-smp "${GUEST_CPUS:-1}" -m "$memory" \
		-object "memory-backend-memfd,id=memory,size=$memory,share=on" -machine memory-backend=memory \
		-nodefaults -no-user-config -display none -no-reboot \
		-serial "file:$GUEST_DIR/console" -serial "file:$GUEST_DIR/results" \
		-kernel "$KERNEL_IMAGE" -initrd "$GUEST_DIR/initrd" \
		-append "$GUEST_KERNEL_LINE ${GUEST_APPEND:-}" "$@"
	GUEST_PID=$CHILD
}

# _guest_job FOLDER JOB ENVIRONMENT: the job is a small archive behind the
# common one; the kernel unpacks both
_guest_job() {
	local file

	mkdir -p "$1/root/job" || return 1
	for file in "${GUEST_FILES[@]}"; do
		cp "$file" "$1/root/job" || return 1
	done
	cp "$INTEROP/guest/$2" "$1/root/job/script" &&
		printf '%s\n' "$3" >"$1/root/job/env" &&
		_initrd_pack "$1/root" "$1/job.cpio" &&
		cat "$WORK/initrd" "$1/job.cpio" >"$1/initrd"
}

guest_said() { grep -Fqx -- "$1" "$GUEST_DIR/results"; }

guest_value() { sed -n "s/^value $1 //p" "$GUEST_DIR/results" | tail -n 1; }

# guest_wait: 0 when the job came to its end and every check in it was content
guest_wait() {
	local status=0

	wait "$GUEST_PID" || status=$?
	if [ $status -eq 0 ] && guest_said finished && ! grep -q '^not ok ' "$GUEST_DIR/results"; then
		[ -z "${GUEST_VERBOSE:-}" ] || guest_show
		return 0
	fi
	case $status in
	0) guest_said finished || diag "the guest ended before its job did";;
	124 | 137) diag "the guest ran out of its ${GUEST_LIMIT:-90} seconds";;
	*) diag "$QEMU ended with status $status";;
	esac
	guest_show
	return 1
}

guest_show() {
	local part

	for part in qemu console results; do
		tr -d '\r' <"$GUEST_DIR/$part" | sed "s/^/# [$part] /"
	done
}

guest_run() {
	guest_start "$@"
	guest_wait
}

# guest_results PREFIX NAME...: results by name, so that a guest that stopped
# half way fails the checks it never came to
guest_results() {
	local prefix=$1 name; shift

	for name; do
		if guest_said "ok $name"; then
			tap_ok "$prefix$name"
		elif guest_said "not ok $name"; then
			tap_not_ok "$prefix$name"
		else
			tap_not_ok "$prefix$name" "the guest never came to it"
		fi
	done
}
