/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The types of file systems by their superblocks. A kernel that tries one after another prints an error for each
 * that does not fit.
 *
 * Threads: no state.
 */
#ifndef VMM_AGENT_SUPERBLOCK_H
#define VMM_AGENT_SUPERBLOCK_H

#include <stddef.h>

#define VAGENT_SUPERBLOCK_BYTES 0x10048u

/*
 * Returns the type for mount() from the first bytes of a device, up to VAGENT_SUPERBLOCK_BYTES; NULL: unknown.
 */
const char *vagent_init_superblock_type(const char *bytes, size_t len);

/* Returns the type of the file system of a device or file; NULL: unknown, or it cannot be read. */
const char *vagent_priv_superblock_type_of(const char *path);

#endif
