/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One request of a thread to the main thread. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "migration/main_request.h"

int vmm_main_request_init(struct vmm_main_request *r)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->fd = vsu_event_new();
	return r->fd < 0 ? r->fd : 0;
}

void vmm_main_request_fini(struct vmm_main_request *r)
{
	vsu_fd_close(&r->fd);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
}

int vmm_main_request_wait(struct vmm_main_request *r, int what, struct vsu_error *err)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	r->what = what;
	r->err = err;
	r->pending = true;
	vsu_event_signal(r->fd);
	while (r->pending && !r->abandoned)
		pthread_cond_wait(&r->changed, &r->lock);
	rc = r->pending ? vsu_error_set(err, -ECANCELED, "the machine ends") :
			  r->rc;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void vmm_main_request_end(struct vmm_main_request *r)
{
	pthread_mutex_lock(&r->lock);
	r->ended = true;
	vsu_event_signal(r->fd);
	pthread_mutex_unlock(&r->lock);
}

enum vmm_main_request_event vmm_main_request_check(struct vmm_main_request *r)
{
	enum vmm_main_request_event event;

	vsu_event_drain(r->fd, NULL);
	pthread_mutex_lock(&r->lock);
	event = r->ended ? VMM_MAIN_REQUEST_ENDED :
	       r->pending ? VMM_MAIN_REQUEST_PENDING : VMM_MAIN_REQUEST_NONE;
	pthread_mutex_unlock(&r->lock);
	return event;
}

void vmm_main_request_reply(struct vmm_main_request *r, int rc)
{
	pthread_mutex_lock(&r->lock);
	r->pending = false;
	r->rc = rc;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

void vmm_main_request_abandon(struct vmm_main_request *r)
{
	pthread_mutex_lock(&r->lock);
	r->abandoned = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}
