/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Templates of commands: guests that were saved while their agent waits for a request.
 * "cvmm template make" makes them, as this header does, and the member from of struct cvmm_exec_config names one.
 *
 * A template that is open is not removed: processes that use one hold a shared lock. A template is
 * incomplete from cvmm_template_begin() on, and no other process finds it until it is published.
 *
 * Threads: a template is confined to one thread at a time; functions without one may be called on any.
 */
#ifndef CVMM_TEMPLATE_H
#define CVMM_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include <cvmm/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct cvmm_template;

/* The contents of a template. The library allocates it, and may add members at its end. */
struct cvmm_template_info {
	const char *path;	/* its folder, without links */
	const char *version;	/* of the library that made it */
	const char *kernel;	/* an absolute path */
	const char *root;	/* of commands that name no other */
	const char *memory;	/* as option "memory" */
	uint32_t agent;		/* version of the protocol of its agent */
	uint32_t cpus;
	uint32_t folders;	/* the maximum that a command can share, beside the root */
	uint32_t cards;		/* network cards: 0 or 1 */
	int64_t made;		/* seconds since 1970; 0: it is incomplete */
	uint64_t bytes;		/* on the file system; likewise */
};

/*
 * The name of a socket in the folder of a template, at which a process may offer machines that are
 * clones of it. Its owner makes and checks it; cvmm_template_remove() removes it.
 */
#define CVMM_TEMPLATE_SOCKET "pool"

/*
 * Opens a template, by its name in a folder, or by a path with a slash. folder may be NULL: that of
 * the user, XDG_DATA_HOME/cvmm/templates. -ENOENT: it does not exist, or there is no home folder;
 * -EBUSY: it is being removed; -EINVAL: not a name; -EBADMSG: its description is invalid; -EPERM: it
 * belongs to another user, or others may change it, or a folder above it; -ENOMEM.
 */
CVMM_API int cvmm_template_open(const char *folder, const char *name, struct cvmm_template **out,
				struct vsu_error *err) VSU_NODISCARD;

/* Files of a saved machine, in the order of struct cvmm_save. */
#define CVMM_TEMPLATE_FILES 3

/* The guest of a template that is made. Texts are borrowed during the call. */
struct cvmm_template_config {
	size_t size;		/* sizeof(struct cvmm_template_config); not 0 */
	const char *kernel;	/* an absolute path */
	const char *root;	/* an absolute path: of commands that name no other */
	const char *memory;	/* as option "memory" */
	uint32_t cpus;
	uint32_t folders;	/* the maximum that a command can share, beside the root */
	uint32_t cards;		/* network cards: 0 or 1 */
};

/*
 * Begins a template: makes its folder, and opens the files of its saved machine for writing, which
 * belong to the caller. Replaces an incomplete template whose maker has ended. Until it is published, info->path is
 * its incomplete folder. -EEXIST: the name is in use; -EBUSY: another process makes it; -EINVAL: not a
 * name, or a text is NULL or has a line break; -E2BIG: a text is too long; -EPERM:
 * cvmm_template_open() would refuse the folder, or one above it; -ENOENT: no home folder; -ENOMEM.
 */
CVMM_API int cvmm_template_begin(const char *folder, const char *name,
				 const struct cvmm_template_config *config,
				 int fds[CVMM_TEMPLATE_FILES], struct cvmm_template **out,
				 struct vsu_error *err) VSU_NODISCARD;

/*
 * Gives a begun template its name, after its files were written. -EEXIST: the name is in use; -EINVAL: the
 * template is complete already. It stays incomplete after a failure.
 */
CVMM_API int cvmm_template_publish(struct cvmm_template *t, struct vsu_error *err) VSU_NODISCARD;

/* Removes a begun template that was not published. t may be NULL. */
CVMM_API void cvmm_template_close(struct cvmm_template *t);

/* Valid until the template is closed. */
CVMM_API const struct cvmm_template_info *cvmm_template_get_info(const struct cvmm_template *t);

/*
 * Compares a template with this library and this host. -EPROTO: its guest cannot be used; -ESTALE:
 * clones work, but the version, the kernel's file or the root has changed since it was made.
 */
CVMM_API int cvmm_template_check(const struct cvmm_template *t, struct vsu_error *err) VSU_NODISCARD;

/*
 * Removes a template by its name. -ENOENT; -EBUSY: a clone or a pool uses it; -ENOTEMPTY: other files are in
 * its folder; -EINVAL: not a name.
 */
CVMM_API int cvmm_template_remove(const char *folder, const char *name, struct vsu_error *err) VSU_NODISCARD;

/* t is valid during the call. NULL: the template cannot be opened, for the reason in *why. */
typedef void (*cvmm_template_fn)(void *opaque, const char *name, const struct cvmm_template *t,
				 const struct vsu_error *why);

/*
 * Calls fn for each template, sorted by name. Fails with the error of the folder; if folder is NULL, the
 * folder of the user may be absent.
 */
CVMM_API int cvmm_template_list(const char *folder, cvmm_template_fn fn, void *opaque,
				struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
