# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=sh
#
# A guest's job tells the host about itself by these.

say() { echo "$*" >&3; }

# value KEY TEXT: a fact that the host compares with what it knows
value() { say "value $1 $2"; }

# That of busybox looks at each byte by itself.
cmp() { /sbin/cmp "$@"; }

# check NAME COMMAND...: one result.  COMMAND runs with -e in a shell of its
# own, which is why its status is taken apart from the call.
check() {
	name=$1
	shift
	read -r uptime rest </proc/uptime
	echo "== $name, at $uptime s"
	(set -ex; "$@")
	if [ $? = 0 ]; then say "ok $name"; else say "not ok $name"; false; fi
}
