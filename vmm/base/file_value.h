/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file as the value of an option: a path, or "fd:N" or "fd:N:NAME", an open descriptor
 * and its name in messages. A file with such a name is written as "./fd:N".
 */
#ifndef VMM_BASE_FILE_VALUE_H
#define VMM_BASE_FILE_VALUE_H

#include <stdbool.h>
#include <sys/stat.h>

#include <vmm-sys-util/error.h>

#define VMM_FILE_VALUE_FD "fd:"
/* In place of N: a descriptor of another process, from which the guest came. */
#define VMM_FILE_VALUE_FORMER "former"

struct vmm_file_value {
	const char *name;	/* the path, NAME, or the whole text: part of the text */
	bool has_fd;
	int fd;			/* borrowed */
};

/* -EINVAL: "fd:" without a number; -EBADF: a descriptor of another process. */
int vmm_file_value_read(const char *text, struct vmm_file_value *out,
			struct vsu_error *err);

/* The member name of the text, also of one that is refused. */
const char *vmm_file_value_name(const char *text);

bool vmm_file_value_is_fd(const char *text);

/* A new descriptor of the file, with flags of open(2) for a path, and close-on-exec; or -errno. */
int vmm_file_value_open(const char *text, int flags);

/* The same of a file in the folder that the text names. */
int vmm_file_value_open_in(const char *text, const char *name, int flags);

/* stat() of a path, or fstat() of a descriptor: 0 or -errno. */
int vmm_file_value_stat(const char *text, struct stat *st);

/* Whether both exist, and are one file. */
bool vmm_file_value_is_same(const char *a, const char *b);

#endif
