/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Changes of memory by the owner. While rings run a change is atomic: if the
 * back-end refuses one piece, the whole change is reverted.
 */
#include <config.h>

#include <errno.h>

#include "frontend/priv.h"

/*
 * The barrier is needed despite acknowledgements: libvhost-user acknowledges
 * memory that it could not map and disconnects at the next message.
 */
static const struct fe_step memory_steps[] = {
	{ .send = vhost_user_priv_fe_send_memory,
	  .count = vhost_user_priv_fe_memory_count },
	{ .send = vhost_user_priv_fe_confirm_memory },
	{ .send = vhost_user_priv_fe_barrier },
};

static void memory_done(struct vhost_user_frontend *f);

static void memory_refused(struct vhost_user_frontend *f,
			   const struct fe_pending *p,
			   const struct vsu_error *err)
{
	if (p->request == VHOST_USER_GET_FEATURES ||
	    f->mem.change == FE_MEMORY_REVERTS) {
		vhost_user_priv_fe_fail(f, err);
		return;
	}
	if (!f->mem.refused)
		f->mem.why = *err;
	f->mem.refused = true;
	if (p->item < f->mem.nchanges)
		f->mem.changes[p->item].refused = true;
}

static const struct fe_sequence memory_sequence = {
	.steps = memory_steps,
	.n = sizeof(memory_steps) / sizeof(memory_steps[0]),
	.done = memory_done,
	.refused = memory_refused,
};

/* Reverts the refused change: the back-end gets the previous map again. */
static int revert_change(struct vhost_user_frontend *f)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	vmem_map_unref(f->mem.wanted);
	f->mem.wanted = f->mem.old;
	f->mem.old = NULL;
	f->mem.change = FE_MEMORY_REVERTS;
	rc = vhost_user_priv_fe_plan_memory(f, &err);
	if (rc < 0)
		vhost_user_priv_fe_fail(f, &err);
	else if (f->mem.nchanges)
		vhost_user_priv_fe_begin(f, &memory_sequence);
	return rc;
}

static void memory_done(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_apply_answers(f);
	if (f->mem.refused && f->mem.change == FE_MEMORY_CHANGES &&
	    (revert_change(f) < 0 || f->progress.seq))
		return;
	f->mem.old = vmem_map_unref(f->mem.old);
	f->mem.change = FE_MEMORY_SETTLED;
	if (f->ops.memory)
		f->ops.memory(f->opaque, f->mem.refused ? &f->mem.why : NULL);
}

/* On success the change owns the reference on old. */
static int change_memory(struct vhost_user_frontend *f, struct vmem_map *old,
			 struct vsu_error *err)
{
	int rc = vhost_user_priv_fe_plan_memory(f, err);

	if (rc < 0)
		return rc;
	f->mem.old = old;
	f->mem.change = FE_MEMORY_CHANGES;
	f->mem.refused = false;
	vhost_user_priv_fe_begin(f, &memory_sequence);
	vhost_user_priv_fe_push(f);
	return 0;
}

static int check_when(const struct vhost_user_frontend *f,
		      struct vsu_error *err)
{
	if (f->state == VHOST_USER_FRONTEND_STARTING ||
	    f->state == VHOST_USER_FRONTEND_STOPPING ||
	    (f->state == VHOST_USER_FRONTEND_RUNNING && f->progress.seq))
		return vsu_error_set(err, -EBUSY,
				     "memory: another change of the session with '%s' is under way",
				     f->peer);
	if (f->state == VHOST_USER_FRONTEND_DEAD)
		return vsu_error_set(err, -ECONNRESET,
				     "memory: the session with '%s' is dead",
				     f->peer);
	return 0;
}

int vhost_user_frontend_set_memory(struct vhost_user_frontend *f,
				   struct vmem_map *map, struct vsu_error *err)
{
	struct vmem_map *old = f->mem.wanted;
	int rc = check_when(f, err);

	if (!rc)
		rc = vhost_user_priv_fe_check_memory(f, map, err);
	if (!rc)
		rc = vhost_user_priv_fe_check_logged(f, map, err);
	if (rc < 0)
		return rc;
	f->mem.wanted = vmem_map_ref(map);
	if (f->state != VHOST_USER_FRONTEND_RUNNING) {
		vmem_map_unref(old);
		return 0;
	}
	rc = change_memory(f, old, err);
	if (rc < 0) {
		vmem_map_unref(f->mem.wanted);
		f->mem.wanted = old;
	}
	return rc;
}
