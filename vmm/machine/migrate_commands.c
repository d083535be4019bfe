/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands and reports during a migration. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/event.h>

#include "json.h"
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

void vmm_migrate_report(const struct vmm_machine *m, struct prog_json *to)
{
	static const char *const phases[] = {
		[VMM_SENDER_CONNECTS] = "connecting",
		[VMM_SENDER_COPIES] = "copying",
		[VMM_SENDER_STOPPED] = "stopped",
		[VMM_SENDER_COMMITTED] = "unknown",
		[VMM_SENDER_POSTCOPY] = "post-copy",
	};
	const struct vmm_migration *g = m->pause.migration;
	struct vmm_sender_progress p;

	if (!g)
		return;
	vmm_sender_progress(&g->sender, &p);
	/* Until the answer arrives: the guest is stopped, and nothing failed. */
	if (p.phase == VMM_SENDER_COMMITTED && g->hand_over != VMM_UNKNOWN)
		p.phase = VMM_SENDER_STOPPED;
	prog_json_open(to, "migration", '{');
	prog_json_text(to, "phase", phases[p.phase]);
	prog_json_u64(to, "round", p.round);
	prog_json_u64(to, "sent", p.sent);
	prog_json_u64(to, "left", p.left);
	prog_json_u64(to, "throttle", g->throttle.percent);
	prog_json_close(to, '}');
}
