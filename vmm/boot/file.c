/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reading whole files; neither their kind nor their size is trusted. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <vmm-sys-util/fd.h>

#include "file.h"

static int fill(struct vmm_file *file, int fd, const char *what,
		const char *path, struct vsu_error *err)
{
	ssize_t n = vsu_fd_pread_full(fd, file->bytes, file->size, 0);

	if (n < 0)
		return vsu_error_sys(err, (int)n, "cannot read %s '%s'", what,
				     path);
	if ((size_t)n < file->size)
		return vsu_error_set(err, -EBADMSG, "%s '%s' became shorter while it was read", what, path);
	return 0;
}

static int copy(struct vmm_file *file, int fd, uint64_t size, const char *what,
		const char *path, struct vsu_error *err)
{
	void *map;
	int rc;

	if (!size || size > SIZE_MAX / 2)
		return vsu_error_set(err, -EBADMSG, "%s '%s' is %s", what,
				     path, size ? "absurdly large" : "empty");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return vsu_error_sys(err, -errno, "%s '%s'", what, path);
	file->bytes = map;
	file->size = size;
	rc = fill(file, fd, what, path, err);
	if (rc < 0)
		vmm_file_free(file);
	return rc;
}

int vmm_file_read(struct vmm_file *file, const char *what, const char *path,
		  struct vsu_error *err)
{
	/* Not to wait for a writer when it is a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), kind, rc;
	uint64_t size = 0;

	memset(file, 0, sizeof(*file));
	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot open %s '%s'", what,
				     path);
	kind = vsu_fd_kind(fd);
	if (kind == VSU_FD_REGULAR)
		rc = vsu_fd_size(fd, &size);
	else
		rc = vsu_error_set(err, -ENODEV, "%s '%s' is %s; it must be a regular file", what, path,
				   vsu_fd_kind_name(kind));
	if (!rc)
		rc = copy(file, fd, size, what, path, err);
	vsu_fd_close(&fd);
	return rc;
}

void vmm_file_free(struct vmm_file *file)
{
	if (file->bytes)
		munmap(file->bytes, file->size);
	memset(file, 0, sizeof(*file));
}
