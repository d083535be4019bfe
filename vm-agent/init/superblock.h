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

#define SUPERBLOCK_BYTES 0x10048u

/* A name for mount() from the first bytes of a device, of which there may be fewer; NULL: unknown. */
const char *superblock_type(const char *bytes, size_t len);

/* Likewise, of a device or file. */
const char *superblock_type_of(const char *path);

#endif
