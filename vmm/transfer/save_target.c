/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes the folder of a saved machine, or checks the files that a client passed. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sized.h>

#include "transfer/save_target.h"

#define SUFFIX ".incomplete"

/* A new string, or NULL. A shell completes the name of a folder with a slash. */
static char *without_slashes(const char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	return strndup(folder, len);
}

static int make_incomplete(struct vmm_save_files *s, const char *folder, struct vsu_error *err)
{
	struct stat st;

	if (asprintf(&s->incomplete, "%s" SUFFIX, folder) < 0) {
		s->incomplete = NULL;
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	}
	if (!lstat(folder, &st))
		return vsu_error_set(err, -EEXIST, "'%s' exists; name a new folder",
				     folder);
	return mkdir(s->incomplete, 0700) < 0 ?
	       vsu_error_sys(err, -errno, "cannot make folder '%s'", s->incomplete) : 0;
}

/* The target has the folder only if this call made it: the folder of a target is removed later. */
static int make_folder(struct vmm_save_files *s, const char *name, struct vsu_error *err)
{
	char *folder = without_slashes(name);
	int rc;

	if (!folder)
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	rc = make_incomplete(s, folder, err);
	if (rc < 0)
		free(folder);
	else
		s->folder = folder;
	return rc;
}

/* A file that is not empty may be in use: it is refused as an existing folder is. */
int vmm_save_target_check(int fd, const char *name, struct vsu_error *err)
{
	const int kind = vsu_foreign_kind(fd);
	const int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (kind != VSU_FOREIGN_FILE && kind != VSU_FOREIGN_SHARED && kind != VSU_FOREIGN_SERVED)
		return vsu_error_set(err, -EINVAL, "the descriptor for '%s' is %s; expected a regular file",
				     name, vsu_foreign_name(kind));
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || flags & O_APPEND)
		return vsu_error_set(err, -EBADF, "the descriptor for '%s' is not open for writing without O_APPEND",
				     name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return vsu_error_set(err, -EINVAL, "the descriptor for '%s' is not a regular file",
				     name);
	return st.st_size ? vsu_error_set(err, -EEXIST, "the file for '%s' is not empty; create a new one",
					  name) : 0;
}

static bool is_same(int a, int b)
{
	struct stat sa, sb;

	return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

static int use_file(struct vmm_save_files *s, unsigned int file, int fd,
		    struct vsu_error *err)
{
	int rc = vmm_save_target_check(fd, vmm_save_names[file], err);
	struct stat st;
	unsigned int i;

	for (i = 0; !rc && i < file; i++)
		if (is_same(fd, s->fds[i]))
			rc = vsu_error_set(err, -EINVAL, "'%s' and '%s' are the same file; pass three",
					   vmm_save_names[i], vmm_save_names[file]);
	if (rc < 0)
		return rc;
	s->named = (s->named || !file) && !fstat(fd, &st) && st.st_nlink;
	s->fds[file] = vsu_fd_dup(fd);
	return s->fds[file] < 0 ? vsu_error_sys(err, s->fds[file], "file '%s'",
						vmm_save_names[file]) : 0;
}

static int use_files(struct vmm_save_files *s, const int *fds, unsigned int n,
		     struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (n != VMM_SAVE_NFILES)
		return vsu_error_set(err, -EINVAL, "no folder, and %u descriptors; expected one of a folder, or three of files for memory, state and machine.json",
				     n);
	for (i = 0; !rc && i < VMM_SAVE_NFILES; i++)
		rc = use_file(s, i, fds[i], err);
	return rc;
}

/* The folder is synchronized by the descriptor, which that of a path could not be. */
static int use_folder(struct vmm_save_files *s, int fd, struct vsu_error *err)
{
	unsigned int i;

	s->folder_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder_fd < 0)
		return vsu_error_sys(err, -errno, "descriptor %d, expected a folder or three files", fd);
	for (i = 0; i < VMM_SAVE_NFILES; i++) {
		s->fds[i] = openat(s->folder_fd, vmm_save_names[i],
				   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (s->fds[i] >= 0)
			continue;
		vsu_error_sys(err, -errno, "file '%s' of the folder", vmm_save_names[i]);
		vmm_save_remove_files(s);
		return err->code;
	}
	return 0;
}

void vmm_save_target_init(struct vmm_save_files *s)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < VMM_SAVE_NFILES; i++)
		s->fds[i] = -1;
	s->folder_fd = s->pagemap = -1;
}

int vmm_save_target_check_all(const struct cvmm_save *save, struct vsu_error *err)
{
	if ((unsigned int)save->then > CVMM_THEN_STOP)
		return vsu_error_set(err, -EINVAL, "then is %d, which is no value of enum cvmm_then", (int)save->then);
	if (!save->folder)
		return vsu_check_array(save->fds, save->nfds, "fds", err);
	if (!*save->folder)
		return vsu_error_set(err, -EINVAL, "the name of the folder is empty; name a new folder");
	return save->nfds ? vsu_error_set(err, -EINVAL, "folder '%s' and %u descriptors; a save has one target, so leave one out",
					  save->folder, save->nfds) : 0;
}

int vmm_save_target_open(struct vmm_save_files *s, const struct cvmm_save *save,
			 struct vsu_error *err)
{
	if (save->folder)
		return make_folder(s, save->folder, err);
	return save->nfds == 1 ? use_folder(s, save->fds[0], err) :
				 use_files(s, save->fds, save->nfds, err);
}

/* These files may be of a file server. */
void vmm_save_target_close(struct vmm_save_files *s)
{
	struct vsu_closer *closer = s->fds[0] >= 0 ? vmm_closer_get(s->closer, NULL) : NULL;
	unsigned int i;

	for (i = 0; i < VMM_SAVE_NFILES; i++)
		vsu_foreign_close(closer, &s->fds[i]);
	vsu_fd_close(&s->folder_fd);
	vsu_fd_close(&s->pagemap);
	free(s->folder);
	free(s->incomplete);
	s->folder = s->incomplete = NULL;
}
