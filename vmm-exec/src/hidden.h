/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files of the host that a command in a guest must not read, although its root has them: the
 * table of cvmm-exec(1), "Hidden files", with the exceptions of one machine. The device of a shared
 * folder enforces them (virtio-devices/fs.h).
 *
 * Threads: one at a time.
 */
#ifndef CVMM_PRIV_HIDDEN_H
#define CVMM_PRIV_HIDDEN_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

/* Texts are borrowed for the call. */
struct cvmm_priv_hidden_config {
	const char *const *hide; /* further paths; the last name is a pattern */
	unsigned int nhide;
	const char *const *show; /* paths of which nothing is hidden */
	unsigned int nshow;
	const char *const *used; /* folders of the command, absolute: the way to them is shown */
	unsigned int nused;
	const char *home;	/* of the user, or NULL */
	bool is_writable;	/* the root: temporary files, logs and data of services are not hidden */
};

struct cvmm_priv_hidden;

/* -ENOENT: the folder of a path; -EINVAL: not a path, or one that is always hidden; -ENOMEM. */
int cvmm_priv_hidden_new(struct cvmm_priv_hidden **out, const struct cvmm_priv_hidden_config *c,
		   struct vsu_error *err);
void cvmm_priv_hidden_free(struct cvmm_priv_hidden *h);

/*
 * -EINVAL: one of the paths of hide or show has no effect on any of these folders (absolute,
 * without links), which are all that the machine shares.
 */
int cvmm_priv_hidden_check(const struct cvmm_priv_hidden *h, const char *const *shared, unsigned int nshared,
		     struct vsu_error *err);

/*
 * Whether a folder (absolute, without links) is a secret of this host or a dot folder of a home, or
 * in one. No file of it is for a command, unless its user names the folder.
 */
bool cvmm_priv_hidden_is_secret(const struct cvmm_priv_hidden *h, const char *folder);

/* A shared folder: paths are absolute, without links. */
struct cvmm_priv_hidden_share {
	const char *folder;
	const char *const *sealed; /* folders below it that it has no access to, as others share them */
	unsigned int nsealed;
	bool hides_private;	/* its device hides files by their mode, too */
};

/*
 * The names that the device of a folder hides, in the form of its configuration, which the caller
 * frees; NULL: none. h NULL: only those of sealed folders.
 */
int cvmm_priv_hidden_list(const struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_share *share, char **list,
		    struct vsu_error *err);

#endif
