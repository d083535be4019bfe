# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A guest that is migrated live from one QEMU to another. Needs lib.sh, kernel.sh
# and guest.sh.
#
#   step CLAIM COMMAND…    as check; steps after a failure cannot pass, so a failed
#                          step is the last, and prints the output of all machines
#   wait_for_guest SECONDS COMMAND…    as wait_until, while QEMU runs
#   memory_came PID        the guest's memory in the target QEMU equals that in the
#                          source QEMU

# QEMU 7.2 loses writes of an emulated CPU after a scan of the dirty log that
# found only pages waiting to be sent: the CPU continues to write without
# logging. A scan covers 64 pages at once; if a region's size is not a multiple
# of 64, QEMU scans single pages and loses nothing. With one thread per CPU
# pages are lost as well.
GUEST_ACCEL=${GUEST_ACCEL:-tcg,thread=single}
MIGRATION_MEMORY=131080K
QMP=			# QMP socket of the guest's current QEMU
HOPS=0

need_command python3
qmp() { python3 "$INTEROP/qmp.py" "$@"; }

# migration_is QMP STATUS: whether the migration has one of these states:
# completed|failed
migration_is() { qmp "$1" query-migrate | tee "$WORK/migration" | grep -Eq "\"status\": \"($2)\""; }

# migrated QMP PID: the migration from that QEMU to the next one has completed
migrated() {
	wait_for_guest 120 _migrated_or_gone "$@" && grep -q '"completed"' "$WORK/migration" && return
	cat "$WORK/migration"
	return 1
}

_migrated_or_gone() { migration_is "$1" "completed|failed" || ended "$2"; }

# machine_start JOB ENVIRONMENT QEMU_ARG…: always the same machine
machine_start() {
	QMP=$WORK/qmp$((++HOPS))
	GUEST_CPUS=2 GUEST_MEMORY=$MIGRATION_MEMORY guest_start "$1" "$2" -qmp "unix:$QMP,server=on,wait=off" "${@:3}"
	wait_for_guest 60 socket_listening "$QMP"
}

wait_for_guest() {
	local limit=$1; shift

	wait_until "$limit" _holds_or_gone "$@"
	"$@" && return
	! ended "$GUEST_PID" || echo "QEMU is gone"
	return 1
}

_holds_or_gone() { "$@" || ended "$GUEST_PID"; }

begins_not_yet() { qmp "$QMP" query-status | grep -q '"status": "paused"'; }

# Both are paused, and each has its memory in a memfd.
memory_came() {
	wait_for_guest 60 begins_not_yet && python3 "$INTEROP/same-memory.py" "$1" "$GUEST_PID" && qmp "$QMP" cont
}

# leave QMP PID: ends the source QEMU
leave() {
	qmp "$1" quit
	wait_until 60 ended "$2"
}

step() {
	check "$@" && return
	machines_show
	tap_done
}

machines_show() {
	local file

	for file in "$WORK"/guest*/{qemu,console,results} "$WORK"/*.log "$WORK/migration"; do
		[ ! -s "$file" ] || tail -n 40 "$file" | tr -d '\r' | sed "s|^|# [${file#"$WORK/"}] |"
	done
}
