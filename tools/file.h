/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The file at the other end of a copy: a regular file, a block device or "-". */
#ifndef TOOLS_FILE_H
#define TOOLS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

struct file {
	const char *name;	/* for sentences */
	const char *path;	/* NULL: a standard stream */
	int fd;
	bool made;		/* by us: removed again when the copy fails */
	bool knows_size;
	uint64_t size;		/* bytes that can be read, when known */
};

/* "-" is standard input; otherwise a regular file or a block device. */
enum vsu_exit file_open_input(struct file *f, const char *path,
			      struct vsu_error *err);
/* "-" is standard output; otherwise made, or emptied, now. */
enum vsu_exit file_open_output(struct file *f, const char *path,
			       struct vsu_error *err);

/* failed: a file that was made is removed. */
void file_close(struct file *f, bool failed);

/* Reads what is there now, up to len; 0 at the end. Retries after signals. */
ssize_t file_read_some(struct file *f, void *buf, size_t len,
		       struct vsu_error *err);
enum vsu_exit file_write(struct file *f, const void *buf, size_t len,
			 struct vsu_error *err);

#endif
