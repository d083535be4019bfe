/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Options of an owner beside those of a machine, in one command line: cvmm has --jail and --control.
 * A saved machine has both, so that its owner continues it with its restrictions.
 *
 *	static const struct cvmm_option_row rows[] = {
 *		{ .option = { .name = "jail", .kind = VSU_OPTION_FLAG }, .change = CVMM_CHANGE_VALUE },
 *		{ .option = { .name = NULL } },
 *	};
 *
 *	rc = cvmm_options_new_for(rows, &options, &err);
 *	rc = cvmm_options_add_words(options, n, words, &err);
 *	rc = cvmm_configuration_new(options, NULL, &c, &err);
 *
 * The owner reads the values of its rows by cvmm_configuration_get_option(); they change no
 * machine, except those of CVMM_REFERS_SERVERS.
 *
 * Threads: no state.
 */
#ifndef CVMM_OPTION_TABLE_H
#define CVMM_OPTION_TABLE_H

#include <stddef.h>

#include <cvmm/attributes.h>
#include <cvmm/options.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

VSU_BEGIN_DECLS

/* Treatment of an option when a machine that was saved, or that moves, continues. */
enum cvmm_option_change {
	CVMM_CHANGE_NEVER,	/* the former one counts; another one is refused */
	CVMM_CHANGE_VALUE,	/* another one replaces the former one */
	CVMM_CHANGE_OWN,	/* likewise; the former one does not count, unless it is kept_value */
	CVMM_CHANGE_START,	/* describes one start: a former one does not count, and it is refused with
				 * "incoming" */
};

/* Machines for which a former option does not count; bits. */
enum cvmm_option_without {
	CVMM_WITHOUT_CLONE = 2,	/* a clone, beside which the saved machine may run */
	CVMM_WITHOUT_STREAM = 4, /* it was an option of another process, the source of a migration */
};

/* The object to which the value of an option refers. */
enum cvmm_option_refers {
	CVMM_REFERS_NOTHING,
	CVMM_REFERS_FILE,	/* a path; "fd:N" is a descriptor, which must be open */
	CVMM_REFERS_SERVERS,	/* programs that the owner starts for devices, also for those that are
				 * added later: it makes the guest's memory shareable */
};

/* A row of the owner's table, which ends with one without a name. Fixed layout. */
struct cvmm_option_row {
	struct vsu_option option; /* no operand, and no alias */
	enum cvmm_option_change change;
	unsigned int without;	/* of enum cvmm_option_without */
	const char *kept_value;	/* with CVMM_CHANGE_OWN; or NULL */
	enum cvmm_option_refers refers;
};

/*
 * Options of a machine and of its owner. own is copied; its strings are borrowed until the options,
 * and the configurations and machines that were made of them, are freed. -EINVAL: a row that has no
 * name of its own, or is an operand or an alias; -E2BIG: more than 64 rows; -ENOMEM.
 */
CVMM_API int cvmm_options_new_for(const struct cvmm_option_row *own, struct cvmm_options **out,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * The table of such a command line, with its terminator, for help and for a program that looks at
 * words itself. own may be NULL. Writes at most n rows; returns the number of all of them.
 */
CVMM_API size_t cvmm_option_table(const struct cvmm_option_row *own, struct vsu_option *table, size_t n);

VSU_END_DECLS

#endif
