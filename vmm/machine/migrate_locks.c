/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The locks of disks and memory, which the destination of a migration takes over. */
#include <config.h>

#include "machine/disks.h"
#include "machine/migrate_private.h"

int vmm_migrate_unlock_memory(struct vmm_migration *g, struct vsu_error *err)
{
	struct vmm_memory *memory = &g->m->memory;
	int rc = vmm_memory_open_locks(memory, g->sender.shared, err);

	g->held = memory->locked;
	if (!rc)
		vmm_memory_unlock(memory);
	return rc;
}

void vmm_migrate_release(struct vmm_migration *g)
{
	vmm_disks_unlock(g->m);
	vmm_memory_set_owner(&g->m->memory, g->sender.shared, false);
	g->unlocked = true;
}

int vmm_migrate_reclaim(struct vmm_migration *g, struct vsu_error *err)
{
	struct vmm_memory *memory = &g->m->memory;
	int rc;

	if (!g->unlocked) {
		(void)!vmm_memory_lock(memory, g->held, NULL);
		return 0;
	}
	rc = vmm_memory_lock(memory, g->sender.shared | g->held, err);
	if (!rc)
		rc = vmm_disks_lock(g->m, err);
	if (rc < 0)
		return rc;
	vmm_memory_set_owner(memory, g->sender.shared, true);
	g->unlocked = false;
	return 0;
}
