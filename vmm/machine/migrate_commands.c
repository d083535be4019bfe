/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands and reports during a migration. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/event.h>

#include "machine/events.h"
#include "machine/hand_over.h"
#include "machine/migrate.h"
#include "machine/migrate_private.h"

enum vmm_hand_over vmm_migrate_hand_over(const struct vmm_machine *m)
{
	return m->pause.migration ? vmm_hand_over_now(m->pause.migration) : VMM_OURS;
}

int vmm_migrate_switch(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_migration *g = m->pause.migration;

	if (!g->options.postcopy)
		return vsu_error_set(err, -EINVAL, "the migration was started without 'postcopy', so the destination is not prepared; cancel it, and repeat it with 'postcopy'");
	vmm_sender_switch(&g->sender);
	return 0;
}

void vmm_migrate_cancel(struct vmm_machine *m)
{
	struct vmm_migration *g = m->pause.migration;

	g->cancelled = true;
	vsu_event_signal(g->cancel_fd);
}

void vmm_migrate_progress(const struct vmm_machine *m, struct cvmm_progress *out)
{
	static const enum cvmm_phase phases[] = {
		[VMM_SENDER_CONNECTS] = CVMM_PHASE_CONNECTING,
		[VMM_SENDER_COPIES] = CVMM_PHASE_COPYING,
		[VMM_SENDER_STOPPED] = CVMM_PHASE_STOPPED,
		[VMM_SENDER_COMMITTED] = CVMM_PHASE_UNKNOWN,
		[VMM_SENDER_POSTCOPY] = CVMM_PHASE_POSTCOPY,
	};
	const struct vmm_migration *g = m->pause.migration;
	struct vmm_sender_progress p;

	if (!g)
		return;
	vmm_sender_progress(&g->sender, &p);
	/* Until the answer arrives: the guest is stopped, and nothing failed. */
	if (p.phase == VMM_SENDER_COMMITTED && g->hand_over != VMM_UNKNOWN)
		p.phase = VMM_SENDER_STOPPED;
	out->phase = phases[p.phase];
	out->round = p.round;
	out->sent = p.sent;
	out->left = p.left;
	out->throttle = g->throttle.percent;
}

void vmm_migrate_publish_progress(const struct vmm_machine *m)
{
	struct cvmm_event e = { .kind = CVMM_EVENT_MIGRATING };

	vmm_migrate_progress(m, &e.progress);
	vmm_event_publish(m, &e);
}
