/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file as the value of an option: a path, or "fd:N" or "fd:N:NAME", an open descriptor
 * and its name in messages. A file with such a name is written as "./fd:N".
 */
#ifndef VMM_BASE_FILE_VALUE_H
#define VMM_BASE_FILE_VALUE_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

struct prog_file_value {
	const char *name;	/* the path, NAME, or the whole text: part of the text */
	bool has_fd;
	int fd;			/* borrowed */
};

/* -EINVAL: "fd:" without a number. */
int prog_file_value_read(const char *text, struct prog_file_value *out,
			 struct vsu_error *err);

/* The member name of the text, also of one that is refused. */
const char *prog_file_value_name(const char *text);

bool prog_file_value_is_fd(const char *text);

#endif
