/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Source or destination file of a copy. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "file.h"

static void describe_stream(struct file *f, const char *name, int fd)
{
	memset(f, 0, sizeof(*f));
	f->name = name;
	f->fd = fd;
}

static enum vsu_exit refuse_kind(const struct file *f, int kind,
				 struct vsu_error *err)
{
	vsu_error_set(err, -EINVAL, "'%s' is %s; give a regular file, a block device, or - for a stream",
		      f->name,
		      vsu_fd_kind_name(kind));
	return VSU_EXIT_INPUT;
}

static enum vsu_exit refuse_open(const struct file *f, int code,
				 struct vsu_error *err)
{
	vsu_error_sys(err, -code, "cannot open '%s'", f->name);
	return VSU_EXIT_INPUT;
}

/* Remaining bytes of standard input, if it is a regular file. */
static void measure_stream(struct file *f)
{
	off_t at = lseek(f->fd, 0, SEEK_CUR);
	uint64_t size;

	if (vsu_fd_kind(f->fd) != VSU_FD_REGULAR || at < 0 ||
	    vsu_fd_size(f->fd, &size) < 0)
		return;
	f->knows_size = true;
	f->size = size > (uint64_t)at ? size - (uint64_t)at : 0;
}

static enum vsu_exit measure_file(struct file *f, struct vsu_error *err)
{
	int kind = vsu_fd_kind(f->fd);
	int rc;

	if (kind != VSU_FD_REGULAR && kind != VSU_FD_BLOCK)
		return refuse_kind(f, kind, err);
	rc = vsu_fd_size(f->fd, &f->size);
	if (rc < 0) {
		vsu_error_sys(err, rc, "cannot determine the size of '%s'", f->name);
		return VSU_EXIT_INPUT;
	}
	f->knows_size = true;
	return VSU_EXIT_OK;
}

/* O_NONBLOCK: do not block on a FIFO before rejecting it. */
enum vsu_exit file_open_input(struct file *f, const char *path,
			      struct vsu_error *err)
{
	enum vsu_exit status;

	if (!strcmp(path, "-")) {
		describe_stream(f, "standard input", STDIN_FILENO);
		measure_stream(f);
		return VSU_EXIT_OK;
	}
	describe_stream(f, path, -1);
	f->path = path;
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0)
		return refuse_open(f, errno, err);
	status = measure_file(f, err);
	if (status != VSU_EXIT_OK)
		vsu_fd_close(&f->fd);
	return status;
}

/* Creates or opens the file; reports which. */
static int open_output(const char *path, bool *made)
{
	const int flags = O_WRONLY | O_CLOEXEC | O_NONBLOCK;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0666);

	*made = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags);
	return fd;
}

static enum vsu_exit empty_file(struct file *f, struct vsu_error *err)
{
	int kind = vsu_fd_kind(f->fd);

	if (kind != VSU_FD_REGULAR && kind != VSU_FD_BLOCK &&
	    kind != VSU_FD_CHAR)
		return refuse_kind(f, kind, err);
	if (kind == VSU_FD_REGULAR && ftruncate(f->fd, 0) < 0)
		return refuse_open(f, errno, err);
	return VSU_EXIT_OK;
}

enum vsu_exit file_open_output(struct file *f, const char *path,
			       struct vsu_error *err)
{
	enum vsu_exit status;

	if (!strcmp(path, "-")) {
		describe_stream(f, "standard output", STDOUT_FILENO);
		return VSU_EXIT_OK;
	}
	describe_stream(f, path, -1);
	f->path = path;
	f->fd = open_output(path, &f->made);
	if (f->fd < 0)
		return refuse_open(f, errno, err);
	status = empty_file(f, err);
	if (status != VSU_EXIT_OK)
		vsu_fd_close(&f->fd);
	return status;
}

/* Network file systems and quotas may refuse what was written only here. */
static enum vsu_exit end_file(struct file *f, struct vsu_error *err)
{
	const int fd = f->fd;

	f->fd = -1;
	if (close(fd) == 0 || errno == EINTR)
		return VSU_EXIT_OK;
	vsu_error_sys(err, -errno, "cannot write '%s'", f->name);
	return VSU_EXIT_INPUT;
}

enum vsu_exit file_close(struct file *f, enum vsu_exit status, struct vsu_error *err)
{
	if (!f->path)
		return status;
	if (status == VSU_EXIT_OK)
		status = end_file(f, err);
	if (status != VSU_EXIT_OK && f->made)
		unlink(f->path);
	vsu_fd_close(&f->fd);
	return status;
}

ssize_t file_read_some(struct file *f, void *buf, size_t len,
		       struct vsu_error *err)
{
	ssize_t n;

	do
		n = read(f->fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? vsu_error_sys(err, -errno, "cannot read '%s'", f->name) :
		       n;
}

enum vsu_exit file_write(struct file *f, const void *buf, size_t len,
			 struct vsu_error *err)
{
	const char *at = buf;
	ssize_t n;

	/* after a partial transfer the next call returns the error */
	for (; len; at += n, len -= (size_t)n) {
		n = vsu_fd_write_full(f->fd, at, len);
		if (n <= 0) {
			vsu_error_sys(err, n ? (int)n : -ENOSPC,
				      "cannot write '%s'", f->name);
			return VSU_EXIT_INPUT;
		}
	}
	return VSU_EXIT_OK;
}
