/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One request of a thread to the main thread. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "migration/wish.h"

int vmm_wish_init(struct vmm_wish *w)
{
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->fd = vsu_event_new();
	return w->fd < 0 ? w->fd : 0;
}

void vmm_wish_fini(struct vmm_wish *w)
{
	vsu_fd_close(&w->fd);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}

int vmm_wish_ask(struct vmm_wish *w, int what, struct vsu_error *err)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	w->what = what;
	w->err = err;
	w->pending = true;
	vsu_event_signal(w->fd);
	while (w->pending && !w->abandoned)
		pthread_cond_wait(&w->changed, &w->lock);
	rc = w->pending ? vsu_error_set(err, -ECANCELED, "the machine ends") :
			  w->rc;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

void vmm_wish_end(struct vmm_wish *w)
{
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	vsu_event_signal(w->fd);
	pthread_mutex_unlock(&w->lock);
}

enum vmm_wish_news vmm_wish_check(struct vmm_wish *w)
{
	enum vmm_wish_news news;

	vsu_event_drain(w->fd, NULL);
	pthread_mutex_lock(&w->lock);
	news = w->ended ? VMM_WISH_ENDED :
	       w->pending ? VMM_WISH_ASKED : VMM_WISH_NONE;
	pthread_mutex_unlock(&w->lock);
	return news;
}

void vmm_wish_answer(struct vmm_wish *w, int rc)
{
	pthread_mutex_lock(&w->lock);
	w->pending = false;
	w->rc = rc;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void vmm_wish_abandon(struct vmm_wish *w)
{
	pthread_mutex_lock(&w->lock);
	w->abandoned = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}
