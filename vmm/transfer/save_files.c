/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes the files of a saved machine. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/path.h>

#include "config/arguments.h"
#include "transfer/save_files.h"

const char *const vmm_save_names[VMM_SAVE_NFILES] = {
	[VMM_SAVE_MEMORY] = "memory", [VMM_SAVE_STATE] = "state",
	[VMM_SAVE_MACHINE] = "machine.json",
};

int vmm_save_open_file(struct vmm_save_files *s, unsigned int file,
		       struct vsu_error *err)
{
	char *path;
	int rc = 0;

	if (!s->folder)
		return s->fds[file];
	if (asprintf(&path, "%s/%s", s->incomplete, vmm_save_names[file]) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	s->fds[file] = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fds[file] < 0)
		rc = vsu_error_sys(err, -errno, "cannot create '%s'", path);
	free(path);
	return rc < 0 ? rc : s->fds[file];
}

/* Closes the files of a folder: the file server of its path may delay this call. */
static void close_files(struct vmm_save_files *s)
{
	unsigned int i;

	for (i = 0; s->folder && i < VMM_SAVE_NFILES; i++)
		vsu_fd_close(&s->fds[i]);
}

static int write_memory(struct vmm_save_files *s, struct vsu_error *err)
{
	const int fd = vmm_save_open_file(s, VMM_SAVE_MEMORY, err);

	return fd < 0 ? fd : vmm_image_write(s->map, fd, &s->progress, err);
}

static int finish_state(struct vmm_save_files *s, struct vsu_error *err)
{
	if (s->progress.sums)
		vmm_image_sums_put(s->progress.sums, &s->state);
	if (s->progress.changes)
		vmm_image_changes_put(s->progress.changes, &s->state);
	return vsu_state_finish(&s->state) < 0 ? vsu_error_sys(err, s->state.out.error, "the state") : 0;
}

static int write_state(struct vmm_save_files *s, struct vsu_error *err)
{
	const int fd = vmm_save_open_file(s, VMM_SAVE_STATE, err);
	int rc;

	if (fd < 0)
		return fd;
	rc = vmm_image_write_pieces(fd, s->state.out.bytes, s->state.out.len, 0,
				    &s->progress);
	return rc < 0 ? vsu_error_sys(err, rc, "file 'state'") : 0;
}

static int write_words(struct vmm_save_files *s, struct vsu_error *err)
{
	const int fd = vmm_save_open_file(s, VMM_SAVE_MACHINE, err);
	int own, rc;
	FILE *to;

	if (fd < 0)
		return fd;
	own = vsu_fd_dup(fd);
	to = own < 0 ? NULL : fdopen(own, "w");
	if (!to) {
		rc = own < 0 ? own : -errno;
		vsu_fd_close(&own);
		return vsu_error_sys(err, rc, "file 'machine.json'");
	}
	vmm_words_write_json(s->words, s->nwords, to);
	rc = ferror(to) ? -EIO : 0;	/* fclose() returns only the failure of its own write */
	if (fclose(to) && !rc)
		rc = -errno;
	return rc < 0 ? vsu_error_sys(err, rc, "file 'machine.json'") : 0;
}

static int sync_folder(const char *path, struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 || fsync(fd) < 0)
		rc = vsu_error_sys(err, -errno, "folder '%s'", path);
	vsu_fd_close(&fd);
	return rc;
}

static int sync_parent(const char *path, struct vsu_error *err)
{
	char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
	int rc;

	if (!copy)
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	if (slash)
		slash[1] = '\0';
	rc = sync_folder(slash ? copy : ".", err);
	free(copy);
	return rc;
}

/* The machine ends, and no client receives an answer. */
static int check_cancel(const struct vmm_save_files *s, struct vsu_error *err)
{
	return __atomic_load_n(&s->progress.cancel, __ATOMIC_RELAXED) ?
	       vsu_error_set(err, -ECANCELED, "the save was cancelled") : 0;
}

int vmm_save_publish(const struct vmm_save_files *s, struct vsu_error *err)
{
	int rc = sync_folder(s->incomplete, err);

	if (!rc)
		rc = check_cancel(s, err);
	if (rc < 0)
		return rc;
	rc = vsu_path_rename_new(s->incomplete, s->folder);
	if (rc < 0)
		return vsu_error_sys(err, rc, "folder '%s'", s->folder);
	rc = sync_parent(s->folder, err);
	/* the guest continues, and its disks are not those of this folder */
	if (rc < 0 && vsu_path_rename_new(s->folder, s->incomplete) < 0)
		vsu_error_prefix(err, rc, "remove folder '%s', whose disks have changed since", s->folder);
	return rc;
}

/* The folder that the owner opened has its name. From now on it is not emptied again. */
static int folder_finish(struct vmm_save_files *s, struct vsu_error *err)
{
	int rc = check_cancel(s, err);

	if (!rc && fsync(s->folder_fd) < 0)
		rc = vsu_error_sys(err, -errno, "the folder");
	if (!rc)
		vsu_fd_close(&s->folder_fd);
	return rc;
}

int vmm_save_write_files(struct vmm_save_files *s, struct vsu_error *err)
{
	struct vmm_image_sums sums = { .list = NULL };
	struct vmm_image_changes changes = { .bits = NULL };
	int rc = 0;

	s->progress.sums = &sums;
	s->progress.pagemap = s->pagemap < 0 ? NULL : &s->pagemap;
	if (s->base) {
		s->progress.changes = &changes;
		rc = vmm_image_changes_new(&changes, s->base, vmm_image_bytes(s->map));
	}
	if (rc < 0)
		return vsu_error_sys(err, rc, "the changed pages");
	rc = write_memory(s, err);
	if (!rc && s->memory)	/* zeros may have been read in place of it */
		rc = vmm_memory_check_loss(s->memory, s->failed, err);
	if (!rc)
		rc = finish_state(s, err);
	s->progress.sums = NULL;
	s->progress.changes = NULL;
	vmm_image_sums_free(&sums);
	vmm_image_changes_free(&changes);
	if (!rc)
		rc = write_state(s, err);
	if (!rc)
		rc = write_words(s, err);
	if (rc < 0)
		close_files(s);
	return rc;
}

/*
 * A write that the file system delayed may fail only here. A client that does not wait any
 * longer removes its files, and the guest must not end for a save that nobody can find.
 */
static int sync_file(const struct vmm_save_files *s, unsigned int file, struct vsu_error *err)
{
	struct stat st;

	if (fsync(s->fds[file]) < 0 || fstat(s->fds[file], &st) < 0)
		return vsu_error_sys(err, -errno, "file '%s'", vmm_save_names[file]);
	return s->named && !st.st_nlink ?
	       vsu_error_set(err, -ENOENT, "file '%s' was removed before the save was complete", vmm_save_names[file]) : 0;
}

int vmm_save_sync_files(struct vmm_save_files *s, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < VMM_SAVE_NFILES; i++)
		rc = sync_file(s, i, err);
	close_files(s);
	if (!rc && s->folder_fd >= 0)
		rc = folder_finish(s, err);
	return rc || !s->folder ? rc : vmm_save_publish(s, err);
}

void vmm_save_remove_files(const struct vmm_save_files *s)
{
	char *path;
	unsigned int i;

	for (i = 0; s->folder && i < VMM_SAVE_NFILES; i++)
		if (asprintf(&path, "%s/%s", s->incomplete, vmm_save_names[i]) >= 0) {
			unlink(path);
			free(path);
		}
	if (s->folder)
		rmdir(s->incomplete);
	for (i = 0; s->folder_fd >= 0 && i < VMM_SAVE_NFILES; i++)
		if (s->fds[i] >= 0)
			unlinkat(s->folder_fd, vmm_save_names[i], 0);
}
