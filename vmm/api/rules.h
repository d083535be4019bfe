/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The requests that each activity of a machine allows: one table, which is also a section of
 * docs/control.md.
 *
 * Threads: the main thread.
 */
#ifndef VMM_API_RULES_H
#define VMM_API_RULES_H

#include "machine/machine.h"

/* Activities of the machine, as far as requests differ by them. */
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

/* Requests that are not always allowed. */
enum vmm_rule {
	VMM_RULE_PAUSE,
	VMM_RULE_RESUME,
	VMM_RULE_RESET,
	VMM_RULE_SAVE,
	VMM_RULE_CORE,
	VMM_RULE_MIGRATE,
	VMM_RULE_CANCEL,
	VMM_RULE_POSTCOPY,
	VMM_RULE_RESIZE,
	VMM_RULE_RESIZE_DISK,
	VMM_RULE_LIMIT,
	VMM_RULE_CPUS,
	VMM_RULE_DEVICE_ADD,
	VMM_RULE_DEVICE_DEL,
	VMM_NRULES
};

/*
 * -EBUSY and others: the request is not allowed now. Reasons that last precede those that pass: a
 * guest that lost memory is never saved, whatever happens now.
 */
int vmm_rule_check(const struct vmm_machine *m, enum vmm_rule rule, struct vsu_error *err);

/* A cell of the table. NULL: allowed. */
const struct vmm_refusal *vmm_rule_refusal(enum vmm_rule rule, enum vmm_condition condition);
/* The request's command, also for its sentences. */
const char *vmm_rule_name(enum vmm_rule rule);

#endif
