/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The folder of a saved machine: what it contains, without continuing it, and the target of a save. The
 * options of the machine are a configuration with "from" (<cvmm/configuration.h>), for which "dry-run"
 * leaves their files alone.
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

/*
 * A new folder of the caller for a machine in another process, which need not reach it: the machine
 * receives descriptors of the files (struct cvmm_save), and the folder gets its name when they are complete.
 *
 *	rc = cvmm_saved_target_new("/srv/guest.saved", fds, &target, &err);
 *	...			the machine saves itself into fds
 *	if (saved)
 *		rc = cvmm_saved_target_publish(target, &err);
 *	else
 *		cvmm_saved_target_remove(target);
 *	cvmm_saved_target_free(target);
 *
 * Threads: confined.
 */
struct cvmm_saved_target;

#define CVMM_SAVED_FILES 3u

/*
 * Makes "FOLDER.incomplete" with empty files; fds receives their descriptors, which the caller closes.
 * -EEXIST: one of the folders exists; -EINVAL: no name; -ENOMEM, and errors of the files. After a failure
 * nothing was made.
 */
CVMM_API int cvmm_saved_target_new(const char *folder, int fds[CVMM_SAVED_FILES],
				   struct cvmm_saved_target **out, struct vsu_error *err) VSU_NODISCARD;

/*
 * Gives the folder its name, durably. After a failure the sentence names the folder in which the saved
 * machine is, and the machine can have ended with it: keep it. -EINVAL: it was published or removed before.
 */
CVMM_API int cvmm_saved_target_publish(struct cvmm_saved_target *target,
				       struct vsu_error *err) VSU_NODISCARD;

/* Removes the folder and its files, unless they were published or removed before. */
CVMM_API void cvmm_saved_target_remove(struct cvmm_saved_target *target);

/* Leaves the folder as it is. target may be NULL. */
CVMM_API void cvmm_saved_target_free(struct cvmm_saved_target *target);

VSU_END_DECLS

#endif
