/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Names of a file system in its superblock: its UUID and label, as root=UUID= and root=LABEL=
 * have them.
 *
 * Threads: no state.
 */
#ifndef VMM_AGENT_VOLUME_H
#define VMM_AGENT_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOLUME_PROBE 0x10300	/* bytes of a device that are read */
#define VOLUME_LABEL 257

struct volume {
	char uuid[37];		/* of FAT and ISO 9660, in their own form; "" without one */
	char label[VOLUME_LABEL];
};

/* The names in the first VOLUME_PROBE bytes of a device. False: an unknown file system. */
bool vagent_priv_volume_read(const uint8_t bytes[VOLUME_PROBE], struct volume *v);

#endif
