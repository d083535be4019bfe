/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ends of a migration after which the guest does not continue here. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "machine/migrate_private.h"

void vmm_migrate_end_moved(struct vmm_migration *g)
{
	const uint64_t runs_ns = g->sender.running_ns ? g->sender.running_ns : vsu_now_ns();
	char members[96];

	snprintf(members, sizeof(members),
		 ",\"sent\":%" PRIu64 ",\"downtime_us\":%" PRIu64,
		 g->sender.progress.sent, (runs_ns - g->stopped_ns) / 1000);
	vmm_control_answer(g->m->control, g, members, NULL);
	/* exec: of "cvmm ctl" arrives as a descriptor */
	if (strstr(g->options.address, "fd:"))
		vmm_cpus_end(g->m->cpus, VSU_EXIT_MIGRATED, "the guest moved to the other end of the client's connection");
	else
		vmm_cpus_end(g->m->cpus, VSU_EXIT_MIGRATED, "the guest moved to '%s'", g->options.address);
}

/* The memory here is older than what the guest has done there since. */
void vmm_migrate_end_lost(struct vmm_migration *g)
{
	const struct vsu_error why = g->err;
	struct vmm_sender_progress now;

	vmm_sender_progress(&g->sender, &now);
	vsu_error_set(&g->err, g->rc, "migrate: %s; %" PRIu64 " bytes of the guest's memory had not been sent, and the guest is lost",
		      why.msg, now.left);
	vmm_control_answer(g->m->control, g, "", &g->err);
	vmm_control_publish(g->m->control, "migration-failed", "");
	vmm_cpus_end(g->m->cpus, VSU_EXIT_HOST, "%s", g->err.msg);
}
