/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The table of the options of a machine. The parser, the options of a continued machine and the
 * references of a configuration are loops over its rows.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_OPTION_ROWS_H
#define VMM_CONFIG_OPTION_ROWS_H

#include <device-kinds/refers.h>
#include <vmm-sys-util/option_place.h>

#include "config/machine_config.h"

/* The owner of an option: the part of struct vmm_options that it belongs to. */
enum vmm_option_scope {
	VMM_SCOPE_MACHINE = 1,	/* saved and moved with it */
	VMM_SCOPE_OWNER,	/* saved with it, and read by its owner: own rows, and those of cvmm */
	VMM_SCOPE_START,	/* of this process: never part of a machine's command line */
};

/* Among the options of a machine that continues one that was saved or moved. */
enum vmm_option_change {
	VMM_CHANGE_NEVER,
	VMM_CHANGE_VALUE,	/* in place of the former one, or added */
	VMM_CHANGE_OWN,		/* likewise; the former one does not count, unless it is kept_value */
	VMM_CHANGE_START,	/* never a former one: it describes one start */
	VMM_CHANGE_DEVICE,	/* in place of the former device of the same rank */
};

struct vmm_options;

struct vmm_option_row {
	struct vsu_option option;
	enum vmm_option_scope scope;
	enum devkind_refers refers;
	struct vsu_place place;	/* of a value that is only stored */
	enum vmm_option_change change;
	unsigned int without;	/* origins (1u << enum vmm_origin) whose option does not count */
	const char *kept_value;	/* with VMM_CHANGE_OWN */
	unsigned int own;	/* of the owner: 1 + its index in that table (own_rows.h); else 0 */
	const char *needs;	/* another option without which it has no use, or NULL */
	enum vmm_device_how how; /* of a device */
	const struct devkind *(*kind)(void); /* of a device; NULL: the list names it */
	bool later;		/* a value may name a file or an address: it is checked when the machine is made */
	const char *once;	/* of an option that is read before all others: ends the refusal of a second one */
};

/* Ends with a row without a name. */
extern const struct vmm_option_row vmm_option_rows[];

/* Room for their number, with the terminator. */
#define VMM_OPTION_ROWS 52

/* The row of --NAME, or of an operand with this name; NULL: none. */
const struct vmm_option_row *vmm_option_named(const char *name, size_t len);

/* The kind of a device that the option makes; NULL: its list names one, or it makes none. */
static inline const struct devkind *vmm_option_kind(const struct vmm_option_row *row)
{
	return row->kind ? row->kind() : NULL;
}

/* The name of the option for programs: an operand has that of an option, too. */
const char *vmm_option_public_name(const struct vmm_option_row *row);

/* The row of a device; of DISK, that of --disk. */
const struct vmm_option_row *vmm_option_of_device(enum vmm_device_how how);

/*
 * The text of an option that is stored as such. NULL: not given, or another kind of value, such
 * as a word in place of a file.
 */
const char *vmm_option_text(const struct vmm_options *o, const struct vmm_option_row *row);

/* Whether a text or flag was given, or a number that is not 0. */
bool vmm_option_is_given(const struct vmm_options *o, const struct vmm_option_row *row);

#endif
