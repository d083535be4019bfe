# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Claims that need another kernel than this one: their test calls itself in an emulated machine
# with the kernel of kernel.sh, and passes on the results. Needs lib.sh.

# Whether this is such a machine
is_elsewhere() { [ -n "${NESTED_KVM-}" ]; }

# pass_on_claims <FILE: those of a test, as claims of this one
pass_on_claims() {
	local line claim

	while IFS= read -r line; do
		claim=${line#*- }
		case $line in
		"ok "*"# SKIP "*) tap_skip "${claim%% # SKIP*}" "${line##*# SKIP }";;
		"ok "*) tap_ok "$claim";;
		"not ok "*) tap_not_ok "$claim";;
		*) diag "${line#\# }";;
		esac
	done
}

# elsewhere SECONDS MODULES TEST ARGUMENT...: a test of this folder, with these modules loaded
elsewhere() {
	local limit=$1 modules=$2 test=$3 status=0; shift 3

	if sanitized; then
		tap_skip "$test $*" 'no program of a sanitizer build runs in an emulated machine'
		return
	fi
	timeout -k 5 $((limit + 30)) "$here/nested-kvm" -t "$limit" -m 1G -M "$modules" -e "CVMM_BUILDDIR=$CVMM_BUILDDIR" \
		-e CK_TIMEOUT_MULTIPLIER=10 \
		bash -c 'ulimit -n 16384; exec "$@"' bash "$here/$test" "$@" >"$WORK/elsewhere" 2>"$WORK/elsewhere.err" </dev/null || status=$?
	if [ $status -eq 77 ]; then
		tap_skip "$test $*" "$(tail -n 1 "$WORK/elsewhere.err")"
		return
	fi
	pass_on_claims <"$WORK/elsewhere"
	check "$test $* ends in its machine" grep -q '^1\.\.[1-9]' "$WORK/elsewhere" ||
		diag "status $status" "$(tail -n 5 "$WORK/elsewhere.err")"
}
