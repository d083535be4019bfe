/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The table of the options of a machine. The parser, the options of a continued machine and the
 * references of a configuration are loops over its rows.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_OPTION_ROWS_H
#define VMM_CONFIG_OPTION_ROWS_H

#include "config/machine_config.h"
#include "config/option_row.h"

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
