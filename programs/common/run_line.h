/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The command line of "cvmm run" as options and operands with their values, each parsed once. The member
 * "arguments" of a JSON object, as --dry-run --json prints it, replaces --config FILE.
 *
 *	rc = vmm_run_line_parse(&l, argc, argv, &err);
 *	rc = vmm_run_line_read_file(&l, &err);
 *	rc = vmm_run_line_add_to(&l, options, &err);
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_RUN_LINE_H
#define VMM_COMMON_RUN_LINE_H

#include <stdbool.h>

#include <cvmm/options.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/json.h>

#include "common/program_options.h"
#include "cvmm/exit_status.h"

struct vmm_run_item {
	const struct vsu_option *row; /* in the table of the line */
	char *word;		/* allocated: "--NAME=VALUE", "--NAME", or an operand that does not begin with '-' */
	const char *text;	/* the value, in word */
	bool of_file;		/* of --config */
};

struct vmm_run_line {
	struct vsu_option table[VMM_RUN_ROWS + 1]; /* of "cvmm run", and --publish, which no machine has */
	struct vmm_run_item *items; /* allocated */
	unsigned int n;
	enum cvmm_step step;	/* of the last failure */
};

/* An empty line, for the caller's own options. */
void vmm_run_line_init(struct vmm_run_line *l);
void vmm_run_line_free(struct vmm_run_line *l);

/* argv[0] is "run". -ENOENT: an unknown option; -EINVAL: a value; -ENOMEM. Freed in each case. */
int vmm_run_line_parse(struct vmm_run_line *l, int argc, char *const *argv, struct vsu_error *err);

/*
 * Inserts the options of the file of --config in its place. With --incoming, --config stays: another machine
 * names the options. -ENOENT and the like: the file cannot be read; -EBADMSG, -E2BIG, -EINVAL: its content.
 */
int vmm_run_line_read_file(struct vmm_run_line *l, struct vsu_error *err);

/* The index of the first option or operand of this name, or the number of items. */
unsigned int vmm_run_line_find(const struct vmm_run_line *l, const char *name);
bool vmm_run_line_has(const struct vmm_run_line *l, const char *name);

/* Changes of the items. name is that of a row of the table. -ENOMEM. */
int vmm_run_line_add(struct vmm_run_line *l, struct vsu_error *err, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int vmm_run_line_set(struct vmm_run_line *l, unsigned int i, const char *name, const char *text, struct vsu_error *err);
void vmm_run_line_remove(struct vmm_run_line *l, unsigned int i);

/* Adds all to the options of a machine. The first operand is the kernel. Errors of cvmm_options_add(). */
int vmm_run_line_add_to(const struct vmm_run_line *l, struct cvmm_options *o, struct vsu_error *err);

/* Writes the member "arguments", without the options that only ask for a report. */
void vmm_run_line_write(const struct vmm_run_line *l, struct vsu_json *to);

#endif
