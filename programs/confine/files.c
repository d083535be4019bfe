/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The files of a plan. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/confine.h"
#include "confine/root.h"

int confine_add(struct confine_plan *plan, int place, const char *name, enum landlock_use use,
		struct vsu_error *err)
{
	char *copy = place >= 0 && name ? strdup(name) : NULL;

	if (place < 0)
		return 0;
	if (plan->nfiles == CONFINE_FILES || (name && !copy)) {
		vsu_fd_close(&place);
		free(copy);
		return vsu_error_set(err, name && !copy ? -ENOMEM : -E2BIG,
				     "--sandbox: more than %u files and folders, or no memory for them",
				     CONFINE_FILES);
	}
	plan->files[plan->nfiles++] = (struct confine_file){ { place, use }, copy };
	return 0;
}

int confine_add_path(struct confine_plan *plan, const char *path, enum landlock_use use,
		     struct vsu_error *err)
{
	return confine_add(plan, open(path, O_PATH | O_CLOEXEC), path, use, err);
}

int confine_add_parent(struct confine_plan *plan, const char *path, enum landlock_use use,
		       struct vsu_error *err)
{
	char parent[PATH_MAX];
	char *slash;

	if (snprintf(parent, sizeof(parent), "%s", path) >= PATH_MAX)
		return 0;	/* no file has this name */
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	return confine_add_path(plan, slash ? parent : ".", use, err);
}

/*
 * The rule refers to the inode of /proc/self, which procfs replaces when it is no longer in
 * use. So the descriptor stays open.
 */
int confine_add_own(struct confine_plan *plan, struct vsu_error *err)
{
	if (plan->own_files < 0)
		plan->own_files = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return confine_add(plan, vsu_fd_dup(plan->own_files),
			   plan->root == CONFINE_ROOT_FILES ? "/proc/self" : NULL, LANDLOCK_READ, err);
}

int confine_leave_socket(struct confine_plan *plan, const struct vsu_sock_path *where,
			 struct vsu_error *err)
{
	if (plan->leash >= 0 && confine_keeper_leave_socket(plan->leash, where) >= 0)
		return 1;
	return confine_add_parent(plan, where->path, LANDLOCK_REMOVE, err);
}

void confine_files_close(struct confine_plan *plan)
{
	while (plan->nfiles) {
		vsu_fd_close(&plan->files[--plan->nfiles].rule.place);
		free(plan->files[plan->nfiles].name);
	}
}

void confine_plan_end(struct confine_plan *plan)
{
	unsigned int i;

	for (i = 0; i < CONFINE_THREADS; i++) {
		call_filter_free(plan->thread_filters[i]);
		plan->thread_filters[i] = NULL;
	}
	confine_files_close(plan);
	vsu_fd_close(&plan->own_files);
	vsu_fd_close(&plan->leash);
}
