/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Versions of the sections of a saved machine, and those that an earlier reader may skip. */
#include <config.h>

#include <vm-arch/arch.h>

#include "transfer/state_kinds.h"

const struct vsu_state_kind vmm_state_kinds[] = {
	VARCH_STATE_KINDS,
	{ "architecture", 1, false },
	{ "base", 1, false },
	{ "changed", 1, false },
	{ "checksums", 1, true },
	{ "device", 1, false },
	{ "disk", 1, false },
	{ "disk-content", 1, false },
	{ "machine", 1, false },
	{ "memory", 1, false },
	{ "new-cpus", 1, false },
	{ "origin", 1, true },
	{ "plugged", 1, false },
	{ "ports", 1, false },
	{ "requested", 1, true },
	{ NULL, 0, false },
};
