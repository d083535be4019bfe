/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The folder of a program for the machine of another process to be saved into. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cvmm/saved.h"
#include "transfer/save_target.h"

enum target_state {
	TARGET_INCOMPLETE,
	TARGET_PUBLISHED,
	TARGET_REMOVED,
};

struct cvmm_saved_target {
	struct vmm_save_files files;	/* without descriptors, which are the caller's */
	enum target_state state;
};

_Static_assert(CVMM_SAVED_FILES == VMM_SAVE_NFILES, "each file has a descriptor");

static int open_files(struct vmm_save_files *files, struct vsu_error *err)
{
	unsigned int i;
	int fd = 0;

	for (i = 0; fd >= 0 && i < VMM_SAVE_NFILES; i++)
		fd = vmm_save_open_file(files, i, err);
	return fd < 0 ? fd : 0;
}

/* After a failure nothing is left of the folder. */
static int make_folder(struct cvmm_saved_target *t, const char *folder, struct vsu_error *err)
{
	const struct cvmm_save save = { .size = sizeof(save), .folder = folder };
	int rc;

	vmm_save_target_init(&t->files);
	rc = vmm_save_target_check_all(&save, err);
	rc = rc ? rc : vmm_save_target_open(&t->files, &save, err);
	rc = rc ? rc : open_files(&t->files, err);
	if (rc < 0)
		vmm_save_remove_files(&t->files);
	return rc;
}

int cvmm_saved_target_new(const char *folder, int fds[CVMM_SAVED_FILES],
			  struct cvmm_saved_target **out, struct vsu_error *err)
{
	struct cvmm_saved_target *t;
	unsigned int i;
	int rc;

	*out = NULL;
	if (!folder)
		return vsu_error_set(err, -EINVAL, "folder is NULL; name a new folder");
	t = calloc(1, sizeof(*t));
	if (!t)
		return vsu_error_set(err, -ENOMEM, "no memory for a folder");
	rc = make_folder(t, folder, err);
	if (rc < 0) {
		cvmm_saved_target_free(t);
		return rc;
	}
	for (i = 0; i < CVMM_SAVED_FILES; i++) {
		fds[i] = t->files.fds[i];
		t->files.fds[i] = -1;
	}
	*out = t;
	return 0;
}

int cvmm_saved_target_publish(struct cvmm_saved_target *t, struct vsu_error *err)
{
	int rc;

	if (t->state == TARGET_REMOVED)
		return vsu_error_set(err, -EINVAL, "'%s' was removed", t->files.incomplete);
	if (t->state == TARGET_PUBLISHED)
		return vsu_error_set(err, -EINVAL, "the saved machine is in '%s', since an earlier call", t->files.folder);
	rc = vmm_save_publish(&t->files, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "the saved machine is in '%s'",
					access(t->files.incomplete, F_OK) ? t->files.folder : t->files.incomplete);
	t->state = TARGET_PUBLISHED;
	return 0;
}

/* A later folder of the same name is not this one. */
void cvmm_saved_target_remove(struct cvmm_saved_target *t)
{
	if (t->state != TARGET_INCOMPLETE)
		return;
	vmm_save_remove_files(&t->files);
	t->state = TARGET_REMOVED;
}

void cvmm_saved_target_free(struct cvmm_saved_target *t)
{
	if (!t)
		return;
	vmm_save_target_close(&t->files);
	free(t);
}
