# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Common part of the tests with other programs: TAP output, one temporary folder
# and the processes of the test (both are removed on every exit), bounded waits,
# and the paths of the programs under test. Source this file first.
#
# CVMM_BUILDDIR  top of the build tree (automake sets it; by hand: the nearest
#                configured parent of the current folder)
# CVMM_CACHE     where kernels are kept between runs
# CVMM_KEEP      if set, the temporary folder is kept and its name printed
# CVMM_SANITIZERS  if set, the programs are of a sanitizer build: a report in any of their
#                output fails the test

set -u -o pipefail

INTEROP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CVMM_CACHE=${CVMM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/c-vmm}
QEMU=${QEMU:-qemu-system-x86_64}
STORAGE_DAEMON=${STORAGE_DAEMON:-qemu-storage-daemon}
export SHELL=/bin/sh	# "script" runs it, and shells differ in which commands become a process of their own

# Sockets live below it, and a socket's path has at most 107 bytes.
WORK=$(mktemp -d "${TMPDIR:-/tmp}/cvmm.XXXXXX") || exit 1
CHILDREN=()
declare -A BORN=()
ALSO=()	# further files and folders that are removed at the end

# ---------------------------------------------------------------- TAP output

. "$INTEROP/../support/tap.sh"

# diag TEXT...: lines for the log, never a result
diag() { printf '%s\n' "$@" | sed 's/^/# /'; }

# both_ends FILE: its first and last bytes; the cause of a failure is often in the last
both_ends() {
	if [ "$(stat -c %s "$1")" -le 4000 ]; then
		cat "$1"
	else
		head -c 2000 "$1"
		printf '\n[...]\n'
		tail -c 2000 "$1"
	fi
}

# check CLAIM COMMAND...: as tap_check, but in this shell, so that a function
# may set variables
check() {
	local claim=$1; shift

	if "$@" >"$WORK/check.log" 2>&1; then
		tap_ok "$claim"
		keep_reports "$WORK/check.log"
		return 0
	fi
	keep_reports "$WORK/check.log"
	tap_not_ok "$claim" "failed: $*
$(both_ends "$WORK/check.log")"
	return 1
}

# bail TEXT...: the test cannot continue; neither a pass nor a skip
bail() {
	echo "Bail out! $*"
	exit 99
}

# ------------------------------------------------------ reports of sanitizers

REPORT='(ERROR|WARNING): [A-Za-z]*Sanitizer|Sanitizer:DEADLYSIGNAL|runtime error: |Sanitizer: CHECK failed|Sanitizer has encountered'

sanitized() { [ -n "${CVMM_SANITIZERS-}" ]; }

# keep_reports FILE...: keeps the reports of files that are written again
keep_reports() {
	! sanitized || cat "$@" 2>/dev/null | grep -aE -A 60 "$REPORT" >>"$WORK/reports"
}

# reports_shown: whether there are reports in any output of this test
reports_shown() {
	local file

	sanitized || return 1	# a trap has another status
	while read -r file; do
		[ "$file" -ef "$WORK/reports" ] || keep_reports "$file"
	done < <(find "$WORK" -type f -size -8192k)
	[ -s "$WORK/reports" ] && diag "$(both_ends "$WORK/reports")"
}

# ----------------------------------------------------- processes and clean-up

# When a process has ended, the kernel gives its number to another one, and bash reaps its
# children at once. A number and the time of a start mean one process.

# born PID: SINCE is when that process started; empty: it has ended
born() {
	local stat=

	{ IFS= read -r -d '' stat <"/proc/$1/stat"; } 2>/dev/null
	stat=${stat##*) }	# behind the command's name
	set -- $stat
	SINCE=${20-}
}

# keep_child PID: the process that was started last; it ends with the test
keep_child() {
	CHILDREN+=("$1")
	born "$1"
	BORN[_$1]=$SINCE
}

# ended PID: a process of keep_child, or of somebody else
ended() {
	if [ -n "${BORN[_$1]+kept}" ]; then
		born "$1"
		[ -z "$SINCE" ] || [ "$SINCE" != "${BORN[_$1]}" ]
	else
		! kill -0 "$1" 2>/dev/null
	fi
}

# A daemon must not outlive a test that was killed with SIGKILL.
with_parent() {
	if setpriv --pdeathsig KILL true 2>/dev/null; then
		exec setpriv --pdeathsig KILL "$@"
	fi
	exec "$@"
}

# start LOG COMMAND...: runs COMMAND in the background; CHILD is its process.
# Empties the log first, so that waiting for a line does not find one of an
# earlier process.
start() {
	local log=$1; shift

	keep_reports "$log"
	: >"$log"
	(exec </dev/null >"$log" 2>&1 && with_parent "$@") &
	CHILD=$!
	keep_child "$CHILD"
}

# On a busy machine a moment may take a minute; only a condition that never
# holds waits that long.
LEAST_PATIENCE=60

# wait_until SECONDS COMMAND...: polls the condition until it holds, with
# growing intervals
wait_until() {
	local end=$((SECONDS + 1 + ($1 > LEAST_PATIENCE ? $1 : LEAST_PATIENCE))) begun=$SECONDS pause=0.02; shift

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		[ "$SECONDS" -lt $((begun + 3)) ] || pause=0.1
		sleep $pause
	done
}

# end_child PID SIGNAL [SECONDS]: sends the signal and waits; ENDED is the exit
# status. A process that does not end in time is killed, and the result is 1.
end_child() {
	local rc=0

	{
		ended "$1" || kill -s "$2" "$1"
		wait_until "${3:-10}" ended "$1" || { rc=1; kill -s KILL "$1"; }
		wait "$1"
		ENDED=$?
	} 2>/dev/null	# bash reports every killed process
	return $rc
}

# ends_content PID LOG: the self-test is content, and the process of its machine ends with success
ends_content() {
	local status

	wait_until 60 ended "$1" || { cat "$2"; echo "process $1 does not end"; return 1; }
	wait "$1"
	status=$?
	cat "$2"
	[ $status -eq 0 ] || { echo "status $status"; return 1; }
	file_says "$2" 'selftest: content, 0 faults'
}

# follow FILE PID: prints lines added to FILE until PID has ended
follow() { tail -s 0.05 -c +1 --pid="$2" -f "$1"; }

# A mount would keep its folder from being removed, and rm could wait in one whose server has
# ended. The kernel writes a space as \040.
unmount_all() {
	local at below

	below=$(realpath -e "$WORK") && [ -n "$below" ] || return
	awk -v below="$below/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo |
		while read -r at; do umount -l "$(printf %b "${at//\\/\\0}")"; done 2>/dev/null
}

# A test with more to end than children defines its own.
at_end() { :; }

clean_up() {
	local status=$? pid

	trap - EXIT
	LEAST_PATIENCE=0
	at_end
	for pid in "${CHILDREN[@]}"; do
		ended "$pid" || end_child "$pid" TERM 5
	done 2>/dev/null
	unmount_all
	# QEMU's virtiofsd leaves a file there for each socket below $WORK.
	rm -f /run/virtiofsd/"${WORK//\//.}".*.pid
	if reports_shown; then
		echo "Bail out! a sanitizer reported a fault"
		status=99
	fi
	# the output of other programs is that of a command
	[[ ${0##*/} != test-* ]] || echo "# took $SECONDS s"
	if [ -n "${CVMM_KEEP:-}" ]; then
		echo "# kept: $WORK"
	else
		rm -rf "$WORK" "${ALSO[@]}"
	fi
	exit $status
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'echo "Bail out! ended by SIGTERM, as at the time limit of a test"; exit 143' TERM

# ------------------------------------------------------------------ conditions

# socket_listening PATH [PID]: whether a server listens on PATH, which is absolute: a
# relative one is the name of other tests' sockets, too. With PID, a server in the network
# namespace of that process. Checks without connecting, because some servers accept only
# one connection. The file of a socket exists before its server listens.
socket_listening() {
	[ -S "$1" ] && awk -v path="$1" '
		$4 == "00010000" && $8 == path { found = 1 }
		END { exit !found }' "/proc/${2-self}/net/unix" 2>/dev/null
}

# own_lines FILE: without those of a coverage build, which prints one for each file of
# counters that a jail or another user prevents
own_lines() { grep -v '^profiling:' "$1"; }

file_says() { grep -q -- "$2" "$1" 2>/dev/null; }

fd_count() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }

# processes_with TEXT: numbers of the processes whose command line contains TEXT
processes_with() {
	local file

	for file in /proc/[0-9]*/cmdline; do
		! tr '\0' ' ' <"$file" | grep -Fq -- "$1" || echo "$file" | tr -dc '0-9\n'
	done 2>/dev/null
}

# map_count PID: number of mappings of files and shared memory; excludes those
# of the allocator
map_count() { awk '$5 != 0' "/proc/$1/maps" | wc -l; }

# ------------------------------------------------------- programs under test

configured_parent() {
	local dir=$PWD

	until [ -x "$dir/config.status" ]; do
		[ "$dir" != / ] || return 1
		dir=$(dirname "$dir")
	done
	echo "$dir"
}

# Absolute: emulated machines run programs of it in another working directory.
CVMM_BUILDDIR=${CVMM_BUILDDIR:-$(configured_parent)}
[ -z "$CVMM_BUILDDIR" ] || CVMM_BUILDDIR=$(cd "$CVMM_BUILDDIR" && pwd) || exit

# A system call outside its filter kills our daemon, and fails the test. A build without
# filters, or with a sanitizer, has none.
FILTER=()
sanitized || ! grep -qs 'define HAVE_CALL_FILTER 1' "$CVMM_BUILDDIR/config.h" || FILTER=(--seccomp=kill)
# For tests that count descriptors and mappings: those of a daemon with a filter are seen by
# CAP_SYS_PTRACE only, which root of a container may lack.
daemon_is_visible() { may_trace || FILTER=(--seccomp=off); }
may_trace() { (( 0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) >> 19 & 1 )); }

. "$INTEROP/real.sh"
export PYTHONDONTWRITEBYTECODE=1	# the folder of the tests may be read-only
export LD_LIBRARY_PATH=$(real_library_path "$CVMM_BUILDDIR")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# program FOLDER/NAME: path of the built program; builds of c-vmm 0.1.0 have vmm/cvmm
program() {
	[ "$1" != programs/cvmm/cvmm ] || [ -x "$CVMM_BUILDDIR/$1" ] || set -- vmm/cvmm
	[ -n "$CVMM_BUILDDIR" ] && [ -x "$CVMM_BUILDDIR/$1" ] && real_program "$CVMM_BUILDDIR/$1"
}

# has_module FOLDER/NAME: whether a module was built; programs load it from its folder
has_module() {
	local path

	path=$(program "$1") && export CVMM_MODULES="${path%/*}"
}

# need_program VARIABLE FOLDER/NAME: sets VARIABLE, or skips the whole test
need_program() {
	local path

	path=$(program "$2") || tap_skip_all "$2 is not built in ${CVMM_BUILDDIR:-any folder above (set CVMM_BUILDDIR)}"
	printf -v "$1" '%s' "$path"
}

# ------------------------------------------------------ abilities of this host

# kvm_usable: whether /dev/kvm is a character device that replies like KVM;
# KVM_WHY is the reason if not. The only check for KVM in the tests.
kvm_usable() {
	local probe

	if ! [ -c /dev/kvm ]; then
		KVM_WHY="there is no device /dev/kvm"
	elif ! probe=$(program tests/interop/kvm-version); then
		KVM_WHY="tests/interop/kvm-version is not built"
	elif ! KVM_WHY=$("$probe" 2>&1); then
		KVM_WHY="/dev/kvm cannot be used: $KVM_WHY"
	else
		return 0
	fi
	return 1
}

# cvmm_usable: whether a guest of programs/cvmm/cvmm can run; sets CVMM, or KVM_WHY
cvmm_usable() {
	if ! CVMM=$(program programs/cvmm/cvmm); then
		KVM_WHY="programs/cvmm/cvmm is not built"
		return 1
	fi
	kvm_usable
}

# mounts_possible [OPTION...]: whether this user can mount in new namespaces, as
# root or in a user namespace; NEW_MOUNTS is the prefix of a command that runs
# there
mounts_possible() {
	NEW_MOUNTS=(unshare --mount "$@")
	[ "$(id -u)" -eq 0 ] && "${NEW_MOUNTS[@]}" mount -t tmpfs none "$WORK" 2>/dev/null && return
	NEW_MOUNTS+=(--map-root-user)
	"${NEW_MOUNTS[@]}" mount -t tmpfs none "$WORK" 2>/dev/null
}
