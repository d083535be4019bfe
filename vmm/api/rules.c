/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of requests and activities. */
#include <config.h>

#include <errno.h>

#include "api/rules.h"
#include "run/debugger.h"
#include "transfer/migrate.h"

static const struct vmm_refusal
	saved = { -EBUSY, "another save is in progress, or waits for its file after it failed" },
	moves = { -EBUSY, "a migration is in progress" },
	handed = { -EBUSY, "the guest is about to continue at the destination; repeat it there, or here if the migration fails" },
	limited = { -EBUSY, "the destination already has the limits of this machine; repeat it there, or here if the migration fails" },
	sized = { -EBUSY, "a disk cannot be resized while the machine is being migrated" },
	stays = { -ENOENT, "no migration is in progress" },
	moved = { -EBUSY, "the guest already runs at the destination, which receives the rest of its memory" },
	over = { -EPERM, "the guest lost a part of its memory and cannot continue; see --on-memory-error" },
	debugged = { -EBUSY, "a debugger is connected (--gdb), which alone stops and continues the guest and has breakpoints in its memory; detach it" },
	listed = { -EBUSY, "a debugger is connected (--gdb), which has asked for the list of CPUs; detach it" },
	busy = { 0, NULL };	/* the reason of the activity, from life.c */

#define WHILE(condition, why) [VMM_WHILE_##condition] = &(why)
#define WHILE_MOVES(why) WHILE(COPIES, why), WHILE_GOES(why)
#define WHILE_GOES(why) WHILE(HANDED, why), WHILE(THERE, why), WHILE(UNKNOWN, why)
#define WHILE_STAYS(why) WHILE(RUNS, why), WHILE(PAUSED, why), WHILE(DAMAGED, why), \
	WHILE(ARRIVES, why), WHILE(SAVES, why), WHILE(CONVERTS, why), WHILE(DEBUGGED, why)
/* They change the machine, of which a save or a migration has a description. */
#define CHANGES { WHILE(SAVES, busy), WHILE(CONVERTS, busy), WHILE(ARRIVES, busy), WHILE_MOVES(busy) }
/* Private memory, which is converted, is never saved. */
#define NEEDS_STATE { WHILE(DAMAGED, busy), WHILE(ARRIVES, busy), WHILE(SAVES, saved), WHILE(DEBUGGED, debugged), \
	WHILE_MOVES(moves) }

static const struct rule {
	const char *name;
	const struct vmm_refusal *cells[VMM_NCONDITIONS];	/* NULL: allowed */
} rules[VMM_NRULES] = {
	[VMM_RULE_PAUSE] = { "pause", { WHILE(DEBUGGED, debugged), WHILE_GOES(handed) } },
	[VMM_RULE_RESUME] = { "resume", { WHILE(DAMAGED, over), WHILE(DEBUGGED, debugged),
		WHILE(HANDED, handed), WHILE(THERE, handed) } },
	[VMM_RULE_RESET] = { "reset", CHANGES },
	[VMM_RULE_SAVE] = { "save", NEEDS_STATE },
	[VMM_RULE_CORE] = { "core", NEEDS_STATE },
	[VMM_RULE_MIGRATE] = { "migrate", NEEDS_STATE },
	[VMM_RULE_CANCEL] = { "migrate-cancel", { WHILE_STAYS(stays), WHILE(THERE, moved), WHILE(UNKNOWN, stays) } },
	[VMM_RULE_POSTCOPY] = { "migrate-postcopy", { WHILE_STAYS(stays), WHILE(UNKNOWN, stays) } },
	[VMM_RULE_RESIZE] = { "resize", { WHILE_GOES(handed) } },
	[VMM_RULE_RESIZE_DISK] = { "resize", { WHILE(COPIES, sized), WHILE_GOES(handed) } },
	[VMM_RULE_LIMIT] = { "limit", { WHILE_MOVES(limited) } },
	[VMM_RULE_CPUS] = { "cpus", { WHILE(DAMAGED, busy), WHILE(SAVES, busy), WHILE(CONVERTS, busy),
		WHILE(ARRIVES, busy), WHILE(DEBUGGED, listed), WHILE_MOVES(busy) } },
	[VMM_RULE_DEVICE_ADD] = { "device-add", CHANGES },
	[VMM_RULE_DEVICE_DEL] = { "device-del", CHANGES },
};

static const enum vmm_condition conditions[VMM_NACTIVITIES] = {
	[VMM_PAUSED] = VMM_WHILE_PAUSED, [VMM_DAMAGED] = VMM_WHILE_DAMAGED,
	[VMM_ARRIVES] = VMM_WHILE_ARRIVES, [VMM_SAVES] = VMM_WHILE_SAVES,
	[VMM_CONVERTS] = VMM_WHILE_CONVERTS, [VMM_MIGRATES] = VMM_WHILE_COPIES,
};

static const enum vmm_condition of_migration[VMM_NHAND_OVERS] = {
	[VMM_OURS] = VMM_WHILE_COPIES, [VMM_STOPPED] = VMM_WHILE_HANDED,
	[VMM_RELEASED] = VMM_WHILE_HANDED, [VMM_THEIRS] = VMM_WHILE_THERE,
	[VMM_UNKNOWN] = VMM_WHILE_UNKNOWN, [VMM_LOST] = VMM_WHILE_THERE,
};

static enum vmm_condition condition_of(const struct vmm_machine *m)
{
	const enum vmm_activity now = m->pause.life.now;

	if (now == VMM_MIGRATES)
		return of_migration[vmm_migrate_hand_over(m)];
	return (now == VMM_RUNS || now == VMM_PAUSED) && vmm_debugger_is_connected(m) ?
	       VMM_WHILE_DEBUGGED : conditions[now];
}

static enum vmm_activity activity_of(enum vmm_condition condition)
{
	enum vmm_activity a = VMM_NACTIVITIES - 1;

	if (condition >= VMM_WHILE_COPIES)
		return VMM_MIGRATES;
	while (a > 0 && conditions[a] != condition)
		a--;
	return a;
}

const struct vmm_refusal *vmm_rule_refusal(enum vmm_rule rule, enum vmm_condition condition)
{
	const struct vmm_refusal *why = rules[rule].cells[condition];

	return why == &busy ? vmm_life_refusal(activity_of(condition)) : why;
}

const char *vmm_rule_name(enum vmm_rule rule)
{
	return rules[rule].name;
}

int vmm_rule_check(const struct vmm_machine *m, enum vmm_rule rule, struct vsu_error *err)
{
	const struct vmm_refusal *lasts = vmm_rule_refusal(rule, VMM_WHILE_DAMAGED);
	const struct vmm_refusal *why = vmm_rule_refusal(rule, condition_of(m));

	if (m->pause.life.guest == VMM_DAMAGED && lasts && lasts->code == -EPERM)
		why = lasts;
	return why ? vsu_error_set(err, why->code, "%s: %s", rules[rule].name, why->text) : 0;
}
