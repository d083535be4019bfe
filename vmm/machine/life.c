/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The activities of a machine, what may follow each, and why nothing else may. */
#include <config.h>

#include <errno.h>
#include <stddef.h>

#include "machine/life.h"

#define TO(activity) (1u << (activity))
#define GUEST (TO(VMM_RUNS) | TO(VMM_PAUSED) | TO(VMM_DAMAGED))

static const struct row {
	unsigned int next;
	struct vmm_refusal otherwise;
} rows[VMM_NACTIVITIES] = {
	[VMM_IS_MADE] = { GUEST | TO(VMM_ARRIVES) | TO(VMM_ENDED),
		{ -EBUSY, "the machine is being made" } },
	[VMM_RUNS] = { TO(VMM_PAUSED) | TO(VMM_DAMAGED) | TO(VMM_SAVES) | TO(VMM_MIGRATES) |
		TO(VMM_CONVERTS) | TO(VMM_ENDED), { 0, NULL } },
	[VMM_PAUSED] = { TO(VMM_RUNS) | TO(VMM_DAMAGED) | TO(VMM_SAVES) | TO(VMM_MIGRATES) |
		TO(VMM_CONVERTS) | TO(VMM_ENDED), { 0, NULL } },
	/* A CPU may have requested a conversion before. */
	[VMM_DAMAGED] = { TO(VMM_CONVERTS) | TO(VMM_ENDED),
		{ -EPERM, "the guest lost a part of its memory" } },
	[VMM_ARRIVES] = { GUEST | TO(VMM_ENDED),
		{ -EBUSY, "the guest's memory is still arriving from the source of its migration; try again after the event 'memory-arrived'" } },
	[VMM_SAVES] = { GUEST | TO(VMM_ENDED), { -EBUSY, "the machine is being saved" } },
	[VMM_MIGRATES] = { GUEST | TO(VMM_ENDED), { -EBUSY, "the machine is being migrated" } },
	[VMM_CONVERTS] = { GUEST | TO(VMM_ENDED),
		{ -EBUSY, "devices are paused while the guest converts private memory; try again" } },
	[VMM_ENDED] = { 0, { -EPERM, "the machine has ended" } },
};

const struct vmm_refusal *vmm_life_refusal(enum vmm_activity now)
{
	return rows[now].otherwise.text ? &rows[now].otherwise : NULL;
}

static bool life_allows(enum vmm_activity from, enum vmm_activity to)
{
	return rows[from].next & TO(to);
}

int vmm_life_check(const struct vmm_life *l, enum vmm_activity to, struct vsu_error *err)
{
	const struct vmm_refusal *why = vmm_life_refusal(l->now);

	if (life_allows(l->now, to))
		return 0;
	return why ? vsu_error_set(err, why->code, "%s", why->text) :
		     vsu_error_set(err, -EPERM, "the machine already runs");
}

void vmm_life_start(struct vmm_life *l, enum vmm_activity job)
{
	const enum vmm_activity to = job == VMM_RUNS ? l->guest : job;

	if (life_allows(l->now, to))
		l->now = to;
}

int vmm_life_begin(struct vmm_life *l, enum vmm_activity job, struct vsu_error *err)
{
	int rc = vmm_life_check(l, job, err);

	if (!rc)
		l->now = job;
	return rc;
}

void vmm_life_finish(struct vmm_life *l)
{
	if (l->now != VMM_IS_MADE && life_allows(l->now, l->guest))
		l->now = l->guest;
}

void vmm_life_end(struct vmm_life *l)
{
	l->now = VMM_ENDED;
}

bool vmm_life_is_active(const struct vmm_life *l)
{
	return l->now != VMM_IS_MADE && l->now != VMM_ENDED;
}

bool vmm_life_set_guest(struct vmm_life *l, enum vmm_activity guest)
{
	const bool only = l->now == l->guest;

	if (!life_allows(l->guest, guest))
		return false;
	l->guest = guest;
	if (only)
		l->now = guest;
	return true;
}
