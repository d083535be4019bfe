/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A change of memory while rings run, as a whole: what the back-end refuses of
 * it is taken back with the rest.
 */
#include <config.h>

#include "frontend/frontend_priv.h"

static const struct fe_step memory_steps[] = {
	{ .send = vhost_user_priv_fe_send_memory,
	  .count = vhost_user_priv_fe_memory_count },
	{ .send = vhost_user_priv_fe_get_features },
};

static void memory_done(struct vhost_user_frontend *f);

static void memory_refused(struct vhost_user_frontend *f,
			   const struct fe_pending *p,
			   const struct vsu_error *err)
{
	if (p->request == VHOST_USER_GET_FEATURES ||
	    !f->mem.former) {	/* going back was refused too */
		vhost_user_priv_fe_doom(f, err);
		return;
	}
	if (!f->mem.refused)
		f->mem.why = *err;
	f->mem.refused = true;
	if (p->item < f->mem.nchanges)
		f->mem.changes[p->item].refused = true;
}

static const struct fe_sequence change_memory = {
	.steps = memory_steps,
	.n = sizeof(memory_steps) / sizeof(memory_steps[0]),
	.done = memory_done,
	.refused = memory_refused,
};

static void forget_former(struct vhost_user_frontend *f)
{
	f->mem.former = vmem_map_unref(f->mem.former);
}

/* A refusal takes the whole change back: the back-end has the former map. */
static int go_back(struct vhost_user_frontend *f)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	vmem_map_unref(f->mem.wanted);
	f->mem.wanted = f->mem.former;
	f->mem.former = NULL;
	rc = vhost_user_priv_fe_plan_memory(f, &err);
	if (rc < 0)
		vhost_user_priv_fe_doom(f, &err);
	else if (f->mem.nchanges)
		vhost_user_priv_fe_begin(f, &change_memory);
	return rc;
}

static void memory_done(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_settle_memory(f);
	if (f->mem.refused && f->mem.former &&
	    (go_back(f) < 0 || f->seq))
		return;
	forget_former(f);
	if (f->ops.memory)
		f->ops.memory(f->opaque, f->mem.refused ? &f->mem.why : NULL);
}

int vhost_user_priv_fe_change_memory(struct vhost_user_frontend *f,
				     struct vmem_map *former,
				     struct vsu_error *err)
{
	int rc = vhost_user_priv_fe_plan_memory(f, err);

	if (rc < 0)
		return rc;
	f->mem.former = former;
	f->mem.refused = false;
	vhost_user_priv_fe_begin(f, &change_memory);
	vhost_user_priv_fe_push(f);
	return 0;
}
