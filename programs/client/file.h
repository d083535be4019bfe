/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Source or destination of a copy: a regular file, a block device or "-". */
#ifndef TOOLS_FILE_H
#define TOOLS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

struct file {
	const char *name;	/* for messages */
	const char *path;	/* NULL: a standard stream */
	int fd;
	bool made;		/* created here; removed if the copy fails */
	bool knows_size;
	uint64_t size;		/* readable bytes, if known */
};

/* "-" is standard input; otherwise a regular file or a block device. */
enum vsu_exit file_open_input(struct file *f, const char *path,
			      struct vsu_error *err);
/* "-" is standard output; other files are created or truncated now. */
enum vsu_exit file_open_output(struct file *f, const char *path,
			       struct vsu_error *err);

/*
 * Closes it after a copy that ended with status, and returns that, or another one if the file
 * has not accepted what was written. After a failure removes a file created here.
 */
enum vsu_exit file_close(struct file *f, enum vsu_exit status, struct vsu_error *err);

/* Reads available data up to len; 0 at the end. Retries after signals. */
ssize_t file_read_some(struct file *f, void *buf, size_t len,
		       struct vsu_error *err);
enum vsu_exit file_write(struct file *f, const void *buf, size_t len,
			 struct vsu_error *err);

#endif
