# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Claims about commands of cvmm exec in Linux guests, on the packaged kernel. They are functions of
# one script, which runs where KVM runs level 0 by hardware, in a folder of its own; each prints one
# line, which is compared outside. Needs lib.sh, kernel.sh, guest.sh, linux.sh, modules.sh and real.sh.
#
#   exec_prepare            finds what they need, and EXEC_MODULES, or skips all, and begins $WORK/claims,
#                           to which the test appends
#   exec_run SECONDS        runs the claims of PARTS, or of BY_DAY and BY_NIGHT; those of OWN_MACHINE
#                           change interfaces, mounts or installed files of their machine, and are
#                           skipped where that is the host
#   claim NAME TEXT LINE    whether a claim printed this line

exec_prepare() {
	tap_long_all
	need_program CVMM programs/cvmm/cvmm
	need_program INIT vm-agent/init/cvmm-init
	guests_wanted || tap_skip_all "$GUESTS_WHY"
	kernel_find || tap_skip_all "$KERNEL_WHY"
	kernel_unpack
	# shellcheck disable=SC2086 # words
	modules_describe virtio_pci virtio_console virtiofs overlay pvpanic_mmio virtio_net virtio_rng ${EXEC_MODULES-}
	cat >"$WORK/claims" <<'END'
LINE='loglevel=1 tsc=reliable mitigations=off'
HERE=$(mktemp -d /var/tmp/cvmm-exec.XXXXXX) && cd "$HERE" || exit 1
trap 'rm -rf "$HERE"' EXIT

RUN=("$CVMM" exec --kernel="$KERNEL" --modules="$MODULES" --init="$INIT" --memory=512M --append="$LINE")
LIMITED=("${RUN[@]}" --timeout=100)

# A kernel that panics by itself is a fault of the emulated KVM, unless the agent has ended: no
# further guest runs in this machine.
guest() {
	local status

	"$@"
	status=$?
	grep -aq 'kill init' kernel.log || grep -am 1 'Kernel panic' kernel.log | tr -d '\r' >>panics.log
	return $status
}

run() { guest "${LIMITED[@]}" --log=kernel.log "$@"; }

# A host whose passt has a route, by an interface to nothing
make_route() {
	ip tuntap add route0 mode tap && ip address add 198.51.100.2/24 dev route0 && ip link set route0 up &&
		ip route add default via 198.51.100.1
}

run_claims() {
	local claim

	exec 3>&1	# for lines "# ..." of progress
	for claim; do
		"$claim" 2>failed | tr '\n' ' ' | sed "s/^/@$claim /; s/ $//"
		echo
		sed 's/^/# /' failed
		[ ! -s panics.log ] || { sed 's/^/# a guest of the emulated KVM ended by: /' panics.log; exit "$STOPPED"; }
	done
}
END
}

OWN_MACHINE=
exec_run() {
	local machine part image=${KERNEL_VMLINUX:-$KERNEL_IMAGE}

	PARTS=${PARTS:-$BY_DAY $BY_NIGHT}
	if kvm_is_hardware; then
		for part in $OWN_MACHINE; do PARTS=$(tr ' ' '\n' <<<"$PARTS" | grep -vx "$part" | xargs); done
	fi
	[ -n "${PARTS// /}" ] || tap_skip_all "its claims run in the nightly CI, some in an emulated machine only, or need passt or a compiler"
	echo 'run_claims "$@"' >>"$WORK/claims"
	# shellcheck disable=SC2086 # lists of words
	for ((machine = 1; machine <= LINUX_MACHINES; machine++)); do
		linux_run "$1" env STOPPED="$LINUX_STOPPED" CVMM="$(real_program "$CVMM")" INIT="$(real_program "$INIT")" \
			KERNEL="$image" KERNEL_IMAGE="$KERNEL_IMAGE" MODULES="$MODULES" \
			LD_LIBRARY_PATH="$(real_library_path "$CVMM_BUILDDIR")" bash "$WORK/claims" $PARTS
		_emulation_failed || break
		diag "a new emulated machine, because $LINUX_REASON"
	done
	[ "$LINUX_STATUS" -ne 77 ] || tap_skip_all "$(cat "$WORK/err")"
	tap_same "the machine that runs the guests ended" 0 "$LINUX_STATUS" || diag "$(tail -n 5 "$WORK/err")"
	grep -v '^@' "$WORK/out"
}

claim() {
	case " $PARTS " in
	*" $1 "*) tap_same "$2" "$3" "$(sed -n "s/^@$1 \{0,1\}//p" "$WORK/out")";;
	*) tap_skip "$2" "it runs in the nightly CI, some claims in an emulated machine only, or with passt or a compiler";;
	esac
}
