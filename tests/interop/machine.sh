# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A machine under cvmm that is controlled over its console. Source it after lib.sh.
#
#   need_kvm               skip the whole test if /dev/kvm cannot be used
#   machine_start ARG...   starts cvmm with the interactive self-test; MACHINE is
#                          its process, the file CONSOLE its output
#   machine_ask LETTER     sends a command and waits for its end; SAID is the
#                          output of the guest since then
#   by_command SOCKET      an address exec: of a migration, whose memory is copied
#   machine_end            ends the guest; ENDED is cvmm's exit status

need_kvm() {
	cvmm_usable || tap_skip_all "$KVM_WHY"
}

by_command() { echo "exec:python3 $here/migration_stream.py join $1"; }

prompts() { grep -c '^ready' "$CONSOLE" 2>/dev/null || true; }

prompted() { [ "$(prompts)" -ge "$1" ] || ended "$MACHINE"; }

machine_start() {
	CONSOLE=$WORK/console
	keep_reports "$WORK/cvmm.err"
	: >"$CONSOLE"
	rm -f "$WORK/keys"
	mkfifo "$WORK/keys"
	# open at both ends, so that cvmm sees no end of input
	(exec <>"$WORK/keys" >"$CONSOLE" 2>"$WORK/cvmm.err" &&
		with_parent "$CVMM" run builtin:selftest --append interactive "$@") &
	MACHINE=$!
	keep_child "$MACHINE"
	exec 9<>"$WORK/keys"
	wait_until 30 prompted 1 && ! ended "$MACHINE" && return
	cat "$WORK/cvmm.err" "$CONSOLE"
	return 1
}

machine_ask() {
	local before lines

	before=$(prompts)
	lines=$(wc -l <"$CONSOLE")
	printf '%s' "$1" >&9
	wait_until 30 prompted $((before + 1)) || return 1
	SAID=$(tail -n "+$((lines + 1))" "$CONSOLE" | grep -v '^ready')
	! ended "$MACHINE"
}

machine_end() {
	printf q >&9
	wait_until 30 ended "$MACHINE"
	wait "$MACHINE"
	ENDED=$?
	exec 9>&-
}
