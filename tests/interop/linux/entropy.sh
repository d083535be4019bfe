# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Entropy of the host.

part_rng() {
	guest rng --transport=mmio --rng=rate=64k
	same "virtio_rng gives the kernel entropy of the host" "virtio_rng 0" "$(said rng | sed 's/\.[0-9]*$//') $STATUS"
	same "64 bytes can be read twice, and differ" "64 64 differ" "$(said noise)"
	same "the kernel's log on a machine without a PCI bus has no errors" "" "$(tr -d '\r' <"$WORK/console" | sed -n 's/^@error //p')"
}
