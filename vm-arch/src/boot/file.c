/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reading pieces of files; neither their kind nor their size is trusted. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vm-arch/file.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

#include "boot/read.h"

static int file_check(const struct varch_file *file, struct vsu_error *err)
{
	if (file->size && file->size <= SIZE_MAX / 2)
		return 0;
	return vsu_error_set(err, -EBADMSG, "%s '%s' is %s", file->what,
			     file->path,
			     file->size ? "too large" : "empty");
}

static int file_examine(struct varch_file *file, struct vsu_error *err)
{
	const int kind = vsu_fd_kind(file->fd);
	int rc;

	if (kind != VSU_FD_REGULAR)
		return vsu_error_set(err, -ENODEV, "%s '%s' is %s; it must be a regular file", file->what, file->path,
				     vsu_fd_kind_name(kind));
	rc = vsu_fd_size(file->fd, &file->size);
	if (rc < 0)
		return vsu_error_sys(err, rc, "%s '%s'", file->what, file->path);
	return file_check(file, err);
}

int varch_file_open(struct varch_file *file, const char *what, const char *path,
		  struct vsu_error *err)
{
	struct varch_file f = { .what = what };
	struct vsu_file_value value;
	int rc = vsu_file_value_read(path, &value, err);

	memset(file, 0, sizeof(*file));
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", what);
	f.path = value.name;
	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	f.fd = value.has_fd ? vsu_fd_dup(value.fd) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f.fd < 0)
		return vsu_error_sys(err, value.has_fd ? f.fd : -errno, "cannot open %s '%s'",
				     what, f.path);
	rc = file_examine(&f, err);
	if (rc < 0)
		vsu_fd_close(&f.fd);
	else
		*file = f;
	return rc;
}

/* The result of a transfer of len bytes. */
static int read_judge(const struct varch_file *file, ssize_t n, size_t len,
		      struct vsu_error *err)
{
	if (n < 0)
		return vsu_error_sys(err, (int)n, "cannot read %s '%s'",
				     file->what, file->path);
	if ((size_t)n < len)
		return vsu_error_set(err, -EBADMSG, "%s '%s' was truncated while it was read", file->what, file->path);
	return 0;
}

int varch_file_copy(const struct varch_file *file, uint64_t offset, void *buf,
		  size_t len, struct vsu_error *err)
{
	if (!file->bytes)
		return read_judge(file, vsu_fd_pread_full(file->fd, buf, len, offset),
				  len, err);
	memcpy(buf, file->bytes + offset, len);
	return 0;
}

/* A read may return fewer bytes than requested, and is continued. */
static ssize_t pread_to_guest(const struct varch_file *file, uint64_t offset,
			      size_t len, const struct vmem_view *view,
			      uint64_t gpa)
{
	size_t done = 0;
	ssize_t n = 1;

	while (done < len && n > 0) {
		n = vmem_pread_from_fd(view, gpa + done, len - done, file->fd,
				       offset + done);
		if (n > 0)
			done += (size_t)n;
	}
	return n < 0 ? n : (ssize_t)done;
}

int varch_file_place(const struct varch_file *file, uint64_t offset, size_t len,
		   const struct vmem_view *view, uint64_t gpa,
		   struct vsu_error *err)
{
	if (!vmem_check_range(view, gpa, len, VMEM_WRITE))
		return vsu_error_set(err, -EFAULT, "%s '%s': its address is not in guest memory", file->what, file->path);
	if (file->bytes)
		return vmem_write_exact(view, gpa, file->bytes + offset, len);
	return read_judge(file, pread_to_guest(file, offset, len, view, gpa), len,
			  err);
}

void varch_file_close(struct varch_file *file)
{
	if (file->size && !file->bytes)
		vsu_fd_close(&file->fd);
	memset(file, 0, sizeof(*file));
}
