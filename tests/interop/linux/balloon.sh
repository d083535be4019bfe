# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# The balloon, and free pages that it reports.

# resident: host memory of the running guest's process, in KiB
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$CHILD/status"; }

# MiB that remain resident although the guest freed them: it reports only whole
# blocks of 2 MiB, some of which also contain pages in use.
SCATTERED=32

# resident_below KIB: whether it uses less; RESIDENT is what it uses
resident_below() {
	RESIDENT=$(resident)
	[ "${RESIDENT:-0}" -lt "$1" ]
}

# lent CLAIM FULL LESS: RSS fell from FULL by LESS or more, in KiB
lent() {
	if await - resident_below $(($2 - $3)); then
		ok "$1"
	else
		not_ok "$1" "$2 KiB before, $RESIDENT KiB now"
	fi
}

# returned CLAIM FULL: RSS is nearly FULL again
returned() {
	until_said done
	RESIDENT=$(resident)
	if [ "${RESIDENT:-0}" -gt $(($2 - LENT * 1024 / 3)) ]; then ok "$1"; else not_ok "$1" "$2 KiB before, $RESIDENT KiB now"; fi
	echo >&7
	finish
}

# Without MemTotal a working driver would look like one that inflated nothing.
balloon_inflates() {
	local full

	fresh_keys
	MORE="lent=$LENT without=virtio_balloon" INPUT=$WORK/keys start balloon "$@" --balloon=size=${LENT}M
	until_said filled
	full=$(resident)
	echo >&7
	until_said lent
	same "the guest inflates $LENT MiB ($*)" $((LENT * 1024)) "$(said lent)"
	lent "and the host has them ($*)" "$full" $((LENT * 1024 * 2 / 3))
	echo >&7
	returned "they come back when the balloon is removed ($*)" "$full"
	same "all of them ($*)" 0 "$(said back)"
	checks "and keep stored values ($*)" 1
}

balloon_reports() {
	local full

	fresh_keys
	MORE="lent=$LENT" INPUT=$WORK/keys start reports "$@" --balloon=free-page-reporting
	until_said filled
	full=$(resident)
	echo >&7
	until_said freed
	lent "pages that are free in the guest are the host's ($*)" "$full" $(((LENT - SCATTERED) * 1024))
	echo >&7
	returned "the guest deflates on its own ($*)" "$full"
	checks "and they keep stored values ($*)" 1
}

part_balloon() {
	balloon_inflates --memory=size=512M --transport=mmio
	balloon_inflates --memory=size=512M,backend=memfd --transport=pci
	balloon_reports --memory=size=512M
}

# Bytes that the guest has inflated
inflated() { command_machine status | sed -n 's/.*"actual":\([0-9]*\).*/\1/p'; }

# Pages that the guest has lent stay so in the processes that continue it.
part_saved_balloon() {
	rm -rf "$WORK/first"
	fresh_keys
	MORE="lent=$LENT without=virtio_balloon" INPUT=$WORK/keys start balloon --memory=size=512M --transport=pci \
		--balloon=size=${LENT}M --control="$WORK/control"
	until_said filled
	echo >&7
	until_said lent
	save_and_kill first "a guest with an inflated balloon is saved"
	continue_saved first
	await "$CHILD" answers_status
	same "its balloon is inflated when it continues" "$((LENT << 20))" "$(inflated)"
	comes "$WORK/moved"
	moves "it moves with its inflated balloon"
	mv "$WORK/moved" "$WORK/control"
	same "which is inflated there" "$((LENT << 20))" "$(inflated)"
	echo >&7
	until_said done
	same "all pages come back when the balloon is removed there" 0 "$(said back)"
	echo >&7
	finish
	checks "and keep stored values there" 1
	rm -rf "$WORK/first" "$WORK/control"
}
