/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The properties of guest memory: those of a memory back-end, and the guest
 * address. Each list is parsed once, from one table.
 */
#ifndef VMM_MEMORY_OPTIONS_H
#define VMM_MEMORY_OPTIONS_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#define VMM_MAX_MEMORY 16
#define VMM_MEMORY_ROWS 40	/* of the table, its end included */

/* Lists of properties as they were typed; they live as long as argv. */
struct vmm_memory_options {
	const char *lists[VMM_MAX_MEMORY];
	unsigned int n;		/* 0: one list, the default */
	const char *what;	/* the option that they were typed behind */
	bool shared;		/* some device needs memory that can be shared */
	bool trial;		/* what is in files stays there */
};

struct vmm_memory;

/* The table, for parsing and for help texts. */
void vmm_memory_rows(struct vsu_option rows[VMM_MEMORY_ROWS]);

/*
 * Turns the lists into back-ends and wishes for addresses. -ENOENT: an
 * unknown key; -EINVAL: a value refused, alone or beside the others.
 */
int vmm_memory_parse(struct vmm_memory *memory,
		     const struct vmm_memory_options *o,
		     struct vsu_error *err);

#endif
