/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The table of the options of a machine, for help and completion, and the keys of their lists. An owner
 * adds options of its own, such as --jail and --control of cvmm. They are saved with the machine, so
 * that its owner continues it with the same restrictions.
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
 * The owner reads the values of its rows by cvmm_configuration_get_option(). They do not change the
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
	CVMM_CHANGE_NEVER,	/* the saved value is kept; a new one is refused */
	CVMM_CHANGE_VALUE,	/* a new value replaces the saved one */
	CVMM_CHANGE_OWN,	/* only a new value counts; the saved one is ignored unless it is kept_value */
	CVMM_CHANGE_START,	/* describes one start: the saved value is ignored, and the option is refused with
				 * "incoming" */
};

/* Machines that ignore the saved value; bits. */
enum cvmm_option_without {
	CVMM_WITHOUT_CLONE = 2,	/* a clone, beside which the saved machine may run */
	CVMM_WITHOUT_STREAM = 4, /* a machine that arrives: the option was one of the source's process */
};

/* The object to which the value of an option refers. */
enum cvmm_option_refers {
	CVMM_REFERS_NOTHING,
	CVMM_REFERS_FILE,	/* a path; "fd:N" is a descriptor, which must be open */
	CVMM_REFERS_SERVERS,	/* programs that the owner starts for devices, also for devices that are
				 * added later: the guest's memory becomes shareable */
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
 * and the configurations and machines that were made of them, are freed. -EINVAL: own is NULL, or a row
 * has the name of another row or of an option of a machine, or is an operand or an alias; -E2BIG: more than 64 rows;
 * -ENOMEM.
 */
CVMM_API int cvmm_options_new_for(const struct cvmm_option_row *own, struct cvmm_options **out,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * Writes the table of such a command line, with its terminator, for help and for a program that parses
 * words itself. own may be NULL. Writes at most n rows; returns the total number of rows.
 */
CVMM_API size_t cvmm_option_table(const struct cvmm_option_row *own, struct vsu_option *table, size_t n);

/*
 * Writes the keys in the list of an option of a device, "disk", or of "memory", as a table with its
 * terminator, for help and for a program that parses the list itself. For "device", it writes the keys of a
 * device selected by id. Writes at most n rows; returns the total number of rows, or 0 for an option with
 * another value. *common receives the index of the first key that every device has; the other such keys
 * follow. common may be NULL.
 */
CVMM_API size_t cvmm_option_keys(const char *name, struct vsu_option *table, size_t n, size_t *common);

/*
 * The kind of device of an option ("disk"), or of this name ("blk"), as <device-kinds/kind.h> names it:
 * "blk". NULL: neither; so are "device", whose list names a kind, and the operands.
 */
CVMM_API const char *cvmm_option_kind(const char *name);

/* The option of a kind of device: "disk" for "blk". NULL: the kind has none. */
CVMM_API const char *cvmm_option_of_kind(const char *kind);

VSU_END_DECLS

#endif
