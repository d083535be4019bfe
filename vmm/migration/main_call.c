/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One call of the main thread by another thread. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "migration/main_call.h"

int vmm_main_call_init(struct vmm_main_call *c)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->fd = vsu_event_new();
	return c->fd < 0 ? c->fd : 0;
}

void vmm_main_call_fini(struct vmm_main_call *c)
{
	vsu_fd_close(&c->fd);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
}

int vmm_main_call_wait(struct vmm_main_call *c, int what, struct vsu_error *err)
{
	int rc;

	pthread_mutex_lock(&c->lock);
	c->what = what;
	c->err = err;
	if (c->state == VMM_MAIN_CALL_NONE)
		c->state = VMM_MAIN_CALL_PENDING;
	vsu_event_signal(c->fd);
	while (c->state == VMM_MAIN_CALL_PENDING)
		pthread_cond_wait(&c->changed, &c->lock);
	rc = c->state == VMM_MAIN_CALL_ABANDONED ?
	     vsu_error_set(err, -ECANCELED, "the machine ends") : c->rc;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void vmm_main_call_end(struct vmm_main_call *c)
{
	pthread_mutex_lock(&c->lock);
	c->state = VMM_MAIN_CALL_ENDED;
	vsu_event_signal(c->fd);
	pthread_mutex_unlock(&c->lock);
}

enum vmm_main_call_state vmm_main_call_check(struct vmm_main_call *c)
{
	enum vmm_main_call_state state;

	vsu_event_drain(c->fd, NULL);
	pthread_mutex_lock(&c->lock);
	state = c->state;
	pthread_mutex_unlock(&c->lock);
	return state;
}

void vmm_main_call_reply(struct vmm_main_call *c, int rc)
{
	pthread_mutex_lock(&c->lock);
	if (c->state == VMM_MAIN_CALL_PENDING)
		c->state = VMM_MAIN_CALL_NONE;
	c->rc = rc;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void vmm_main_call_abandon(struct vmm_main_call *c)
{
	pthread_mutex_lock(&c->lock);
	c->state = VMM_MAIN_CALL_ABANDONED;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}
