/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file of an initrd with the names of the modules that it was made for, by which its first
 * process makes the initrd of another kernel: "required NAME", "optional NAME" or "later NAME" per
 * line, as the members names, others and later of a struct vagent_initrd.
 *
 * Threads: no state.
 */
#ifndef VMM_INITRD_NAMES_H
#define VMM_INITRD_NAMES_H

#include <stdio.h>

#include <vmm-sys-util/error.h>

#include "vm-agent/initrd.h"


#define VAGENT_NAMES_MAX 64	/* of one kind */

struct vagent_priv_names {
	char *text;
	const char *required[VAGENT_NAMES_MAX + 1], *optional[VAGENT_NAMES_MAX + 1], *later[VAGENT_NAMES_MAX + 1];
};

void vagent_priv_names_write(FILE *f, const struct vagent_initrd *initrd);

/*
 * Reads the file at a path. -EBADMSG: an unknown kind, or a line without a name; -E2BIG: too many names; errors of
 * vagent_priv_lines_read_take_fd().
 */
int vagent_priv_names_read(struct vagent_priv_names *n, const char *path, struct vsu_error *err);
void vagent_priv_names_free(struct vagent_priv_names *n);

#endif
