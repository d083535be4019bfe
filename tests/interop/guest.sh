# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A Linux guest under QEMU: TCG, so that it runs anywhere, and memory in one
# shared memfd, so that vhost-user back-ends can map it. Needs lib.sh and kernel.sh.
#
#   guest_prepare "virtio_blk" "mke2fs"      once: kernel and initrd, or skip
#   guest_run JOB "KEY=VALUE…" QEMU_ARG…     boot, run guest/JOB, power off
#   guest_results "prefix: " NAME…           a TAP line for each check of the job
#
# over_mmio as prefix of guest_run, or of its caller, selects QEMU's microvm, which
# has no PCI bus; its devices have other names. GUEST_CPUS, GUEST_MEMORY,
# GUEST_LIMIT (seconds without output), GUEST_MACHINE, GUEST_CPU, GUEST_ACCEL and
# GUEST_APPEND change the machine, GUEST_SERIAL and GUEST_LINE its serial ports. GUEST_VERBOSE prints the console of every guest,
# not only of one that failed.

GUEST_COUNT=0
may_use "$QEMU"
# Linux assumes a machine without a PIC, whose vectors QEMU has not set: an
# interrupt of the PIT would then be a division by zero.
over_mmio() { GUEST_MACHINE=microvm,pit=off "$@"; }
GUEST_FILES=()		# further files for /job in the guest
GUEST_WATCH=		# background function that ends when GUEST_PID ends
GUEST_HARD_LIMIT=	# if set, a guest that boots too slowly is not booted again

# guest_possible MODULES PROGRAMS: prepares everything, or sets GUEST_WHY to the
# reason why no guest can run
guest_possible() {
	local command

	guests_wanted || { GUEST_WHY=$GUESTS_WHY; return 1; }
	for command in "$QEMU" cpio busybox; do
		have "$command" || { GUEST_WHY="$command is not installed"; return 1; }
	done
	kernel_find || { GUEST_WHY=$KERNEL_WHY; return 1; }
	kernel_unpack
	GUEST_KERNEL=$KERNEL_IMAGE
	! kernel_has_pvh || GUEST_KERNEL=$KERNEL_VMLINUX
	initrd_make "$WORK/initrd" "virtio_pci virtio_mmio $1" "$2" || { GUEST_WHY="no initrd: $INITRD_WHY"; return 1; }
}

# guest_prepare MODULES PROGRAMS: the same, or skips the whole test
guest_prepare() { guest_possible "$@" || tap_skip_all "$GUEST_WHY"; }

# On a busy host an emulated timer may be late for the kernel's check of its
# wiring (no_timer_check), and for the calibration of the time stamp counter
# (tsc=reliable). The self-tests of ciphers take a fifth of the remaining boot
# time.
GUEST_KERNEL_LINE="${GUEST_LINE:-console=ttyS0 results=ttyS1} loglevel=6 reboot=t panic=-1 mitigations=off no_timer_check tsc=reliable cryptomgr.notests"

# An emulated processor has the host's time stamp counter. A guest that
# calibrates it by late timers on a busy host gets a clock that is several times
# too fast, and so are its time limits.
_guest_counter() {
	local rate khz

	[ -n "$INITRD_ROOT" ] || ! rate=$(program tests/interop/tsc-rate) || ! khz=$("$rate") || echo "tsc_early_khz=$khz"
}

# guest_start JOB ENVIRONMENT QEMU_ARG...: GUEST_PID is QEMU; GUEST_DIR contains
# console, results and QEMU's output.
guest_start() {
	local job=$1 env=$2 memory=${GUEST_MEMORY:-256M}; shift 2

	GUEST_DIR=$WORK/guest$((++GUEST_COUNT))
	_guest_job "$GUEST_DIR" "$job" "$env" || bail "no initrd for $job"
	# For a single processor TCG translates a locked instruction to a plain
	# one. Linux uses it as the barrier between writing a ring's index and
	# reading the device's event index; with a device in another process a
	# kick could be lost.
	GUEST_COMMAND=("$QEMU"
		-M "${GUEST_MACHINE:-q35}" -accel "${GUEST_ACCEL:-tcg,thread=multi}" -cpu "${GUEST_CPU:-qemu64}"
		-smp "${GUEST_CPUS:-1},maxcpus=$((${GUEST_CPUS:-1} + 1))" -m "$memory"
		-object "memory-backend-memfd,id=memory,size=$memory,share=on" -machine memory-backend=memory
		-global virtio-mmio.force-legacy=false -nodefaults -no-user-config -display none -no-reboot
		-serial "file:$GUEST_DIR/console"
		-chardev "file,id=results,path=$GUEST_DIR/results" -device "${GUEST_SERIAL:-isa-serial,index=1},chardev=results"
		-kernel "$GUEST_KERNEL" -initrd "$GUEST_DIR/initrd"
		-append "$GUEST_KERNEL_LINE $(_guest_counter) ${GUEST_APPEND:-}" "$@")
	_guest_boot
}

_guest_boot() {
	: >"$GUEST_DIR/console"
	: >"$GUEST_DIR/results"
	start "$GUEST_DIR/qemu" "${GUEST_COMMAND[@]}"
	GUEST_PID=$CHILD
	[ -z "${GUEST_WATCH:-}" ] || "$GUEST_WATCH" &
	GUEST_WATCHER=$!
}

# _guest_job FOLDER JOB ENVIRONMENT: creates a small archive with the job,
# appended to the common initrd; the kernel unpacks both
_guest_job() {
	local file

	mkdir -p "$1/root/job" || return 1
	for file in "${GUEST_FILES[@]}"; do
		cp "$file" "$1/root/job" || return 1
	done
	cp "$INTEROP/guest/$2" "$1/root/job/script" &&
		printf '%s\n' "$3" "LOOK_AFTER=$((${GUEST_LIMIT:-90} * 2 / 3))" >"$1/root/job/env" &&
		_initrd_pack "$1/root" "$1/job.cpio" &&
		cat "$WORK/initrd" "$1/job.cpio" >"$1/initrd"
}

guest_said() { grep -Fqx -- "$1" "$GUEST_DIR/results"; }

guest_value() { sed -n "s/^value $1 //p" "$GUEST_DIR/results" | tail -n 1; }
guest_told() { [ -n "$(guest_value "$1")" ]; }

# guest_reaches CONDITION…: waits for a condition of the running guest, such as
# guest_said WORD. A kernel that did not boot is booted once more, as by
# guest_wait.
guest_reaches() {
	wait_until 60 "$@" && return
	_guest_stillborn || { guest_show; return 1; }
	guest_show
	end_child "$GUEST_PID" KILL
	_guest_boot
	wait_until 60 "$@" || { guest_show; return 1; }
}

# guest_wait: 0 if the job ended and every check in it passed
guest_wait() {
	_guest_reap
	if _guest_stillborn; then
		diag "the kernel did not come up; once more"
		guest_show
		_guest_boot
		_guest_reap
	fi
	if [ "$ENDED" -eq 0 ] && guest_said finished && ! grep -q '^not ok ' "$GUEST_DIR/results"; then
		[ -z "${GUEST_VERBOSE:-}" ] || guest_show
		return 0
	fi
	[ "$ENDED" -eq 0 ] || diag "$QEMU ended with status $ENDED"
	guest_said finished || diag "the guest ended before its job did"
	guest_show
	return 1
}

# A kernel that never reached its first process does not blame a device, whose
# modules are loaded later: on a busy machine TCG causes this.
_guest_stillborn() {
	[ -z "${GUEST_LATE:-}" ] || [ -z "$GUEST_HARD_LIMIT" ] || return
	file_says "$GUEST_DIR/console" 'Linux version' && ! guest_said up
}

# A slow guest is not killed while it makes progress: the limit applies to each
# step, unless it is a hard limit. All steps together have eight times the
# limit.
_guest_in_time() {
	local limit=${GUEST_LIMIT:-90} begun=$SECONDS now before=0

	until LEAST_PATIENCE=0 wait_until "$limit" ended "$GUEST_PID"; do
		now=$(wc -c <"$GUEST_DIR/results")
		[ -z "$GUEST_HARD_LIMIT" ] && [ "$now" != "$before" ] && [ $((SECONDS - begun)) -lt $((8 * limit)) ] || return
		before=$now
	done
}

# _guest_reap: ENDED is QEMU's status; a guest beyond its limit is killed after
# its state was printed
_guest_reap() {
	local thread

	GUEST_LATE=
	if ! _guest_in_time; then
		GUEST_LATE=1
		diag "no output of the guest in ${GUEST_LIMIT:-90} seconds; QEMU's threads:"
		for thread in /proc/"$GUEST_PID"/task/*; do
			diag "$(cut -d ' ' -f 2,3,14,15 "$thread/stat") $(cat "$thread/wchan")"
		done
	fi
	end_child "$GUEST_PID" TERM
	wait "$GUEST_WATCHER"
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

# guest_results PREFIX NAME...: reports results by name, so that a guest that
# stopped early fails the checks it did not reach
guest_results() {
	local prefix=$1 name; shift

	for name; do
		if guest_said "ok $name"; then
			tap_ok "$prefix$name"
		elif guest_said "not ok $name"; then
			tap_not_ok "$prefix$name"
		else
			tap_not_ok "$prefix$name" "the guest did not reach it"
		fi
	done
}
