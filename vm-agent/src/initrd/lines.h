/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Text files of depmod(8): read once, then searched line by line. Bytes of any value may occur. */
#ifndef VMM_INITRD_LINES_H
#define VMM_INITRD_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include <vmm-sys-util/error.h>

#define VAGENT_LINES_MAX (32u << 20)	/* bytes of a file */

/* A part of a text, which is not terminated. */
struct vagent_priv_slice {
	const char *at;
	size_t len;
};

struct vagent_priv_lines {
	char *bytes;
	size_t len;
};

/*
 * Reads a file and closes fd in any case. A negative fd is the error of opening the file of that name.
 * -EFBIG: the file exceeds VAGENT_LINES_MAX.
 */
int vagent_priv_lines_read_take_fd(struct vagent_priv_lines *lines, int fd, const char *name, struct vsu_error *err);
void vagent_priv_lines_free(struct vagent_priv_lines *lines);

/* The next line; *at begins with 0. False: the text ended. */
bool vagent_priv_lines_next(const struct vagent_priv_lines *lines, size_t *at, struct vagent_priv_slice *line);

/* Removes and returns the first word, which a blank or the end terminates; false: there is none. */
bool vagent_priv_slice_word(struct vagent_priv_slice *text, struct vagent_priv_slice *word);
/* Removes and returns the last word; false: there is none. */
bool vagent_priv_slice_last_word(struct vagent_priv_slice *text, struct vagent_priv_slice *word);

bool vagent_priv_slice_is(struct vagent_priv_slice s, const char *text);
bool vagent_priv_slice_same(struct vagent_priv_slice a, struct vagent_priv_slice b);

/* The name of a module's file: without folders and ".ko", ".ko.xz" and so on. */
struct vagent_priv_slice vagent_priv_slice_module(struct vagent_priv_slice path);
/* "-" and "_" are the same. */
bool vagent_priv_slice_same_module(struct vagent_priv_slice a, struct vagent_priv_slice b);

#endif
