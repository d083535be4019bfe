/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A read-only disk in memory with a few files: ISO 9660 with one folder, with the exact names in
 * Rock Ridge fields.
 *
 * Threads: no state.
 */
#ifndef VMM_BOOT_SEED_DISK_H
#define VMM_BOOT_SEED_DISK_H

#include <stddef.h>
#include <stdint.h>

#define VMM_SEED_FILES 4
#define VMM_SEED_MAX_FILE (UINT32_C(1) << 20)

struct vmm_seed_file {
	const char *name;	/* lower case, digits and "-"; at most 30 characters */
	const void *bytes;
	size_t len;		/* at most VMM_SEED_MAX_FILE */
};

/*
 * A sealed memfd, which the caller closes. -EINVAL: too many files, a name or a length that does
 * not fit; errors of memfd_create() and write().
 */
int vmm_seed_disk_make(const char *label, const struct vmm_seed_file *files, unsigned int n);

#endif
