/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reads the property lists of --memory: those of a memory back-end, and the guest address.
 * One table drives the parser.
 */
#ifndef VMM_MEMORY_OPTIONS_H
#define VMM_MEMORY_OPTIONS_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "memory/memory_specs.h"

struct vmm_memory;

#define VMM_MEMORY_ROWS 40	/* of the table, including its end */

/* Property lists as typed; they belong to the caller. */
struct vmm_memory_lists {
	const char *what;	/* name of the option in messages; static */
	const char *list[VMM_MAX_MEMORY];
	unsigned int n;		/* 0: one list, the default */
};

/* The table, for the parser and help texts. */
void vmm_memory_rows(struct vsu_option rows[VMM_MEMORY_ROWS]);

/*
 * Reads the lists into pieces, which the caller frees after success. -ENOENT: an unknown
 * key; -EINVAL: a rejected value.
 */
int vmm_memory_specs_read(struct vmm_memory_specs *specs, const struct vmm_memory_lists *lists,
			  struct vsu_error *err);

/* Reads the lists, and prepares memory of the pieces: vmm_memory_init(). Errors are the same. */
int vmm_memory_parse(struct vmm_memory *memory, const struct vmm_memory_lists *lists,
		     const struct vmm_memory_use *use, struct vsu_error *err);

/* Writes the list that is read as this piece. The caller frees *out. -ENOMEM. */
int vmm_memory_write(const struct vmm_memory_spec *spec, char **out, struct vsu_error *err);

#endif
