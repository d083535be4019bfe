# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# DPDK's test program, which sends each frame back on its port. Needs lib.sh.

TESTPMD=${TESTPMD:-dpdk-testpmd}

# Both its threads run on CPUs of this process; one of them polls without pause.
DPDK_CPUS=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
# Source of its memory.
DPDK_MEMORY=(--no-huge -m 128)
# A unique name if several run, and the descriptors of its commands.
DPDK_NAME=testpmd
declare -A DPDK_INPUTS
# Prefix of its command, if required.
DPDK_BEFORE=()

# testpmd_start MODE PAIRS VDEV [OPTION…]: PEER is its process, PEER_LOG its
# output. testpmd_do sends it commands.
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

# testpmd_end: ends it, and checks its exit
testpmd_end() {
	end_child "$PEER" TERM
	[ "$ENDED" -eq 0 ] || { echo "status $ENDED"; tail -n 40 "$PEER_LOG"; return 1; }
}
