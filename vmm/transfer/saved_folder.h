/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Facts of a saved machine (save.h), without continuing it. The folder is not trusted: the
 * state is checked before it is used, and texts have no control characters.
 *
 * Threads: no state.
 */
#ifndef VMM_TRANSFER_SAVED_FOLDER_H
#define VMM_TRANSFER_SAVED_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

struct vmm_saved_facts {
	uint64_t saved_s;	/* since 1970; 0: saved by an older cvmm */
	char version[32];	/* of cvmm; "": likewise */
	uint32_t cpus;
	char processor[49];	/* name in the saved CPUID; "": none */
	uint64_t age_ns;	/* how long the guest had run */
	uint64_t memory;	/* bytes, also of plugged memory */
	uint64_t bytes;		/* of the three files on the file system */
	bool sums;		/* checksums of the memory exist */
	char base[PATH_MAX];	/* of an incremental save: what it was made of; "" otherwise */
	uint64_t changed;	/* with base: bytes of memory that are in this folder */
};

/*
 * verify: reads the whole memory and compares it with its checksums. -EBADMSG: a file is
 * damaged; -EOPNOTSUPP: written by a later version; -ENODATA: verify without checksums; else
 * why a file cannot be read.
 */
int vmm_saved_folder_read(const char *folder, bool verify, struct vmm_saved_facts *out,
			  struct vsu_error *err);

#endif
