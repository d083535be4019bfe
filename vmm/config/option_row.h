/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A row of a table of options: those of a machine (option_rows.h), and of its owner
 * (own_rows.h).
 */
#ifndef VMM_CONFIG_OPTION_ROW_H
#define VMM_CONFIG_OPTION_ROW_H

#include <device-kinds/refers.h>
#include <vmm-sys-util/option_place.h>

#include "config/device_spec.h"

/* The owner of an option: the part of struct vmm_options that it belongs to. */
enum vmm_option_scope {
	VMM_SCOPE_MACHINE = 1,	/* saved and moved with it */
	VMM_SCOPE_OWNER,	/* saved with it, and read by its owner: own rows, and those of cvmm */
	VMM_SCOPE_START,	/* of this process: never part of a machine's command line */
};

/* Among the options of a machine that continues one that was saved or moved. */
enum vmm_option_change {
	VMM_CHANGE_NEVER,
	VMM_CHANGE_VALUE,	/* the new option replaces the former one, or is added */
	VMM_CHANGE_OWN,		/* as VMM_CHANGE_VALUE; a former one counts only with kept_value */
	VMM_CHANGE_START,	/* a former one never counts: the option describes one start */
	VMM_CHANGE_DEVICE,	/* the device replaces the former one of the same rank */
};

/* Whose options a continued machine had. */
enum vmm_origin {
	VMM_ORIGIN_SAVED,
	VMM_ORIGIN_CLONE,	/* --clone is among the new options */
	VMM_ORIGIN_STREAM,	/* of another process, the source */
};

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

#endif
