# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A guest that goes from one QEMU to another by live migration. Needs lib.sh,
# kernel.sh and guest.sh.
#
#   step CLAIM COMMAND…    as check; what follows a step that failed cannot come
#                          true, so it is the last, and shows what all machines said
#   wait_for_guest SECONDS COMMAND…    as wait_until, while QEMU lives
#   memory_came PID        the guest's memory in the QEMU that waits to begin is that
#                          of the QEMU which it left

# QEMU 7.2 loses what an emulated CPU writes after a look at what is dirty that found
# only pages which wait to be sent anyway: the CPU goes on to write past the log. That
# look takes 64 pages at once; where a memory does not end with 64, QEMU takes each by
# itself, and nothing was ever lost. A thread for each CPU was seen to lose pages, too.
GUEST_ACCEL=${GUEST_ACCEL:-tcg,thread=single}
MIGRATION_MEMORY=131080K
QMP=			# of the QEMU in which the guest is
HOPS=0

need_command python3
qmp() { python3 "$INTEROP/qmp.py" "$@"; }

# migration_is QMP STATUS: one of those, if it is several: completed|failed
migration_is() { qmp "$1" query-migrate | tee "$WORK/migration" | grep -Eq "\"status\": \"($2)\""; }

# migrated QMP PID: from that QEMU to the one that the guest is in next
migrated() {
	wait_for_guest 120 _migrated_or_gone "$@" && grep -q '"completed"' "$WORK/migration" && return
	cat "$WORK/migration"
	return 1
}

_migrated_or_gone() { migration_is "$1" "completed|failed" || ended "$2"; }

# machine_start JOB ENVIRONMENT QEMU_ARG…: the same machine every time
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

# Both stand still, and each has its memory in a file without a name.
memory_came() {
	wait_for_guest 60 begins_not_yet && python3 "$INTEROP/same-memory.py" "$1" "$GUEST_PID" && qmp "$QMP" cont
}

# leave QMP PID: the QEMU that the guest came from is not wanted any more
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
