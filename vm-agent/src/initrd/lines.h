/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Text files of depmod(8): read once, then searched line by line. Bytes of any value may occur. */
#ifndef VMM_INITRD_LINES_H
#define VMM_INITRD_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include <vmm-sys-util/error.h>

#define VMM_LINES_MAX (32u << 20)	/* bytes of a file */

/* A part of a text, which is not terminated. */
struct vmm_slice {
	const char *at;
	size_t len;
};

struct vmm_lines {
	char *bytes;
	size_t len;
};

/*
 * A negative fd is the error of opening the file of that name. -EFBIG: the file exceeds VMM_LINES_MAX.
 * Owns fd in any case.
 */
int vmm_lines_read_take_fd(struct vmm_lines *lines, int fd, const char *name, struct vsu_error *err);
void vmm_lines_free(struct vmm_lines *lines);

/* The next line; *at begins with 0. False: the text ended. */
bool vmm_lines_next(const struct vmm_lines *lines, size_t *at, struct vmm_slice *line);

/* Removes and returns the first word, which a blank or the end terminates; false: there is none. */
bool vmm_slice_word(struct vmm_slice *text, struct vmm_slice *word);
/* The same from the end. */
bool vmm_slice_last_word(struct vmm_slice *text, struct vmm_slice *word);

bool vmm_slice_is(struct vmm_slice s, const char *text);
bool vmm_slice_same(struct vmm_slice a, struct vmm_slice b);

/* The name of a module's file: without folders and ".ko", ".ko.xz" and so on. */
struct vmm_slice vmm_slice_module(struct vmm_slice path);
/* "-" and "_" are the same. */
bool vmm_slice_same_module(struct vmm_slice a, struct vmm_slice b);

#endif
