/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rows of a machine's owner beside the table of options (<cvmm/option_table.h>).
 *
 * Arguments refer to their rows, so each object with arguments has a reference.
 *
 * Threads: references may be taken and dropped on any.
 */
#ifndef VMM_CONFIG_OWN_ROWS_H
#define VMM_CONFIG_OWN_ROWS_H

#include "config/arguments.h"
#include "config/option_rows.h"
#include "cvmm/option_table.h"

#define VMM_MAX_OWN_ROWS 64

struct vmm_own_rows {
	unsigned int refs;
	unsigned int n;
	struct vmm_option_row rows[];
};

/* Errors are those of cvmm_options_new_for(). */
int vmm_own_rows_new(const struct cvmm_option_row *given, struct vmm_own_rows **out,
		     struct vsu_error *err);

/* Both permit NULL, an owner without rows. */
struct vmm_own_rows *vmm_own_rows_ref(struct vmm_own_rows *own);
void vmm_own_rows_unref(struct vmm_own_rows *own);

/*
 * Parses the words of argv but the first one by the whole table. Values point into argv. -ENOENT: an
 * unknown option, or an operand too many; -EINVAL: a value that is refused. Free the arguments in
 * both cases.
 */
int vmm_own_rows_parse(const struct vmm_own_rows *own, int argc, char *const *argv,
		       struct vmm_arguments *out, struct vsu_error *err);

#endif
