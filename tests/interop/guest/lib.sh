# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
#
# Functions by which a guest's job reports to the host.

say() { echo "$*" >&3; }

# value KEY TEXT: a fact that the host compares with the expected one
value() { say "value $1 $2"; }

# busybox's cmp processes single bytes.
cmp() { /sbin/cmp "$@"; }

# check NAME COMMAND...: one result. COMMAND runs with -e in a subshell, so its
# status is taken separately from the call.
check() {
	name=$1
	shift
	read -r uptime rest </proc/uptime
	echo "== $name, at $uptime s"
	(set -ex; "$@")
	if [ $? = 0 ]; then say "ok $name"; else say "not ok $name"; false; fi
}
