/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The folder of a saved machine: what it contains, without continuing it. The options of the machine are a
 * configuration with "from" (<cvmm/configuration.h>), for which "dry-run" leaves their files alone.
 *
 * Threads: no state.
 */
#ifndef CVMM_SAVED_H
#define CVMM_SAVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cvmm/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* A saved machine. Texts have printable characters of ASCII only; "": unknown, or as stated. */
struct cvmm_saved {
	size_t size;		/* that of the library: members beyond it do not exist */
	uint64_t saved_s;	/* since 1970; 0: unknown */
	const char *version;	/* of the library that saved it */
	const char *processor;	/* its name, as the guest sees it */
	const char *base;	/* of an incremental save: the folder of which it was made, or "?" if its
				 * name has other characters; "": not incremental */
	uint64_t changed;	/* with base: bytes of memory that are in this folder */
	uint64_t age_ns;	/* how long the guest had run */
	uint64_t memory;	/* bytes of the guest */
	uint64_t bytes;		/* of the files, on their file system */
	unsigned int cpus;
	bool has_sums;		/* checksums of the memory exist */
};

/*
 * Reads the state of a saved machine, which is not trusted; verify: reads its whole memory, too, and
 * compares it with its checksums. -EBADMSG: a file is damaged; -EOPNOTSUPP: written by a later
 * version; -ENODATA: verify without checksums; -ENOMEM, and errors of the files.
 */
CVMM_API int cvmm_saved_read(const char *folder, bool verify, struct cvmm_saved **out,
			     struct vsu_error *err) VSU_NODISCARD;

/* saved may be NULL. */
CVMM_API void cvmm_saved_free(struct cvmm_saved *saved);

VSU_END_DECLS

#endif
