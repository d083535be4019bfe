/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file of an initrd with the names of the modules that it was made for, by which its first
 * process makes the initrd of another kernel: "required NAME", "optional NAME" or "later NAME" per
 * line, as the members names, others and later of a struct vmm_initrd.
 *
 * Threads: no state.
 */
#ifndef VMM_INITRD_NAMES_H
#define VMM_INITRD_NAMES_H

#include <stdio.h>

#include <vmm-sys-util/error.h>

#include "initrd/initrd.h"

#define VMM_NAMES_FILE "modules/names"
#define VMM_NAMES_MAX 64	/* of one kind */

struct vmm_names {
	char *text;
	const char *required[VMM_NAMES_MAX + 1], *optional[VMM_NAMES_MAX + 1], *later[VMM_NAMES_MAX + 1];
};

void vmm_names_write(FILE *f, const struct vmm_initrd *initrd);

/* Errors of vmm_lines_read(); -EBADMSG: another kind, or a line without a name; -E2BIG: too many names. */
int vmm_names_read(struct vmm_names *n, const char *path, struct vsu_error *err);
void vmm_names_free(struct vmm_names *n);

#endif
