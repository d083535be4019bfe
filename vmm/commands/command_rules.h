/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which command is allowed while the machine does what: one table, which is also a
 * section of docs/control.md.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMANDS_COMMAND_RULES_H
#define VMM_COMMANDS_COMMAND_RULES_H

#include "machine/machine.h"

/* Activities of the machine, as far as commands differ by them. */
enum vmm_condition {
	VMM_WHILE_RUNS,
	VMM_WHILE_PAUSED,
	VMM_WHILE_DAMAGED,
	VMM_WHILE_ARRIVES,
	VMM_WHILE_SAVES,
	VMM_WHILE_CONVERTS,
	VMM_WHILE_DEBUGGED,	/* runs or is paused, and a debugger is connected */
	VMM_WHILE_COPIES,	/* a migration; the guest is here */
	VMM_WHILE_HANDED,	/* the destination has its state */
	VMM_WHILE_THERE,	/* post-copy: it runs there, and pages are missing */
	VMM_WHILE_UNKNOWN,	/* it may run there */
	VMM_NCONDITIONS
};

/*
 * A vmm_control_check_fn with the machine. Reasons that last precede those that pass: a
 * guest that lost memory is never saved, whatever happens now.
 */
int vmm_command_check(void *machine, const char *command, struct vsu_error *err);

/* The same for a row that only some uses of the command have. */
#define VMM_RULE_OF_DISK "resize of a disk"
#define VMM_RULE_OF_BALLOON "balloon with a size"
int vmm_command_check_row(const struct vmm_machine *m, const char *row, const char *command,
			  struct vsu_error *err);

/* A cell of the table. NULL: allowed. A command without a row is always allowed. */
const struct vmm_refusal *vmm_command_rule(const char *row, enum vmm_condition condition);
/* The rows' names, up to NULL. */
const char *vmm_command_rule_name(unsigned int i);

#endif
