# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# TAP for tests written in shell: source it, make claims, end with tap_done.

tap_count=0
tap_failures=0

# One line per test; all other output begins with '#'.
tap_ok() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

# tap_not_ok CLAIM [TEXT]: TEXT is the reason.
tap_not_ok() {
	tap_count=$((tap_count + 1))
	tap_failures=$((tap_failures + 1))
	echo "not ok $tap_count - $1"
	if [ -n "${2-}" ]; then
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_check CLAIM COMMAND...: the claim holds if the command succeeds; otherwise
# the end of its output is printed.
tap_check() {
	tap_claim=$1
	shift
	if tap_output=$("$@" 2>&1 </dev/null); then
		tap_ok "$tap_claim"
	else
		tap_not_ok "$tap_claim" "$(printf '%s\n' "$tap_output" | tail -n 40)"
	fi
}

# tap_same CLAIM EXPECTED GOT: two texts, compared by line; fails if they differ.
tap_same() {
	if [ "$2" = "$3" ]; then
		tap_ok "$1"
		return
	fi
	tap_dir=$(mktemp -d)
	printf '%s\n' "$2" >"$tap_dir/expected"
	printf '%s\n' "$3" >"$tap_dir/got"
	tap_not_ok "$1" "$(cd "$tap_dir" && diff -u expected got)"
	rm -rf "$tap_dir"
	return 1
}

# Nothing of this program can run here. Only before the first claim.
tap_skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# The commands that this program uses and that may be missing on a machine. A
# test lists them in one place; the test `tools` compares.
tap_tools=

# need_command NAME...: skips the whole program if one is missing
need_command() {
	for tap_tool; do
		command -v "$tap_tool" >/dev/null || tap_skip_all "$tap_tool is not installed"
	done
	may_use "$@"
}

# may_use NAME...: commands of some claims, which skip unless `have NAME`
may_use() { tap_tools="$tap_tools $* "; }

have() {
	case $tap_tools in
	*" $1 "*) command -v "$1" >/dev/null 2>&1 ;;
	*)
		echo "Bail out! $1 is missing in this test's list of commands (may_use)"
		exit 99
		;;
	esac
}

# Whether long tests run. ./quickstart check sets a TEST_SCALE below 1.
full_scale() {
	case ${TEST_SCALE:-1} in 0 | 0.* | .*) return 1 ;; esac
}

# Everything in this program takes long. Only before the first claim.
tap_long_all() {
	full_scale || tap_skip_all 'at full scale only: TEST_SCALE=1'
}

# tap_long CLAIM COMMAND...: runs the command at full scale, else skips
tap_long() {
	tap_claim=$1
	shift
	if full_scale; then
		"$@"
	else
		tap_skip "$tap_claim" 'at full scale only: TEST_SCALE=1'
	fi
}

# nightly: whether claims run that a run for each change leaves to the nightly one.
# .ci/run sets CVMM_NIGHTLY=no in the first, and in the second runs every program that
# calls one of these functions. By hand they run at full scale.
nightly() {
	full_scale && [ "${CVMM_NIGHTLY-}" != no ]
}
tap_when='in the nightly run, or by hand at full scale: TEST_SCALE=1'

# Everything in this program waits for the night. Only before the first claim.
tap_nightly_all() {
	nightly || tap_skip_all "$tap_when"
}

# tap_nightly CLAIM COMMAND...: runs the command by night, else skips
tap_nightly() {
	tap_claim=$1
	shift
	if nightly; then
		"$@"
	else
		tap_skip "$tap_claim" "$tap_when"
	fi
}

tap_done() {
	echo "1..$tap_count"
	[ "$tap_failures" -eq 0 ]
	exit
}

may_use git

# Whether this folder is the top of a git checkout, rather than an unpacked
# tarball inside another one.
is_checkout() {
	[ -e "$1/.git" ] && git -C "$1" rev-parse >/dev/null 2>&1
}

# copy_out FOLDER DIRECTORY: copies the source files of a folder of $top like a
# user would, without built files
copy_out() {
	mkdir -p "$2/$1"
	(
		cd "$top/$1" || exit
		if is_checkout "$top"; then
			git ls-files -co --exclude-standard | while read -r f; do
				[ -e "$f" ] && printf '%s\n' "$f"
			done
		else
			find . -type f ! -name '*.o' ! -name '*.lo' ! -name '*.la' \
				! -name '*.log' ! -name '*.trs' ! -name 'Makefile*' \
				! -path '*/.libs/*' ! -path '*/.deps/*'
			find . -name Makefile.am
		fi | tar -cf - -T -
	) | tar -C "$2/$1" -xf -
}
