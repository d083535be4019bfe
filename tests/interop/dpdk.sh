# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# DPDK's test program, which sends each frame of a port back where it came from.
# Needs lib.sh.

TESTPMD=${TESTPMD:-dpdk-testpmd}

# Both its threads run where this process may; one of them never rests.
DPDK_CPUS=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
# Where its memory is from.
DPDK_MEMORY=(--no-huge -m 128)
# Which one it is, where several run, and the descriptors that each reads from.
DPDK_NAME=testpmd
declare -A DPDK_INPUTS
# A command that runs it, if it needs one.
DPDK_BEFORE=()

# testpmd_start MODE PAIRS VDEV [OPTION…]: PEER is its process, PEER_LOG what it
# says. It takes commands from testpmd_do.
testpmd_start() {
	local mode=$1 pairs=$2 vdev=$3 input=$WORK/$DPDK_NAME.input; shift 3

	[ -p "$input" ] || { mkfifo "$input" && exec {DPDK_INPUTS[$DPDK_NAME]}<>"$input"; }
	PEER_LOG=$WORK/$DPDK_NAME.log
	mkdir -p "$WORK/$DPDK_NAME.run"
	start "$PEER_LOG" env RUNTIME_DIRECTORY="$WORK/$DPDK_NAME.run" \
		bash -c 'input=$1; shift; exec "$@" <"$input"' - "$input" \
		"${DPDK_BEFORE[@]}" "$TESTPMD" "${DPDK_MEMORY[@]}" --no-pci --no-telemetry --no-shconf \
		--lcores "(0-1)@($DPDK_CPUS)" --vdev "$vdev" -- -i \
		--forward-mode="$mode" --port-topology=loop --auto-start --no-flush-rx --total-num-mbufs=4096 \
		--rxq="$pairs" --txq="$pairs" "$@"
	PEER=$CHILD
}

testpmd_do() { printf '%s\n' "$@" >&"${DPDK_INPUTS[$DPDK_NAME]}"; }

# testpmd_end: whether it ended in order
testpmd_end() {
	end_child "$PEER" TERM
	[ "$ENDED" -eq 0 ] || { echo "status $ENDED"; tail -n 40 "$PEER_LOG"; return 1; }
}
