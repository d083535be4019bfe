/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Functions that a CPU runs on the main thread. */
#include <config.h>

#include <vmm-sys-util/event.h>

#include "cpu/cpus_private.h"

static struct varch_main_call *call_next(struct varch_cpus *cpus)
{
	struct varch_main_call *call;

	pthread_mutex_lock(&cpus->lock);
	call = cpus->calls;
	if (call)
		cpus->calls = call->next;
	pthread_mutex_unlock(&cpus->lock);
	return call;
}

void varch_cpus_call_done(struct varch_cpus *cpus, struct varch_main_call *call)
{
	pthread_mutex_lock(&cpus->lock);
	call->done = true;
	cpus->finished++;
	pthread_cond_broadcast(&cpus->changed);
	pthread_mutex_unlock(&cpus->lock);
}

bool varch_cpus_dispatch(struct varch_cpus *cpus)
{
	struct varch_main_call *call;
	uint64_t count;
	bool ended;

	vsu_event_drain(cpus->event_fd, &count);
	while ((call = call_next(cpus)))
		if (call->fn(call->opaque, call))
			varch_cpus_call_done(cpus, call);
	pthread_mutex_lock(&cpus->lock);
	ended = cpus->ended;
	pthread_mutex_unlock(&cpus->lock);
	return ended;
}

/* If the main thread has not begun the call: removes it from the list. */
static void call_remove(struct varch_cpus *cpus, struct varch_main_call *call)
{
	struct varch_main_call **at = &cpus->calls;

	while (*at && *at != call)
		at = &(*at)->next;
	if (*at)
		*at = call->next;
}

static void call_append(struct varch_cpus *cpus, struct varch_main_call *call)
{
	struct varch_main_call **at = &cpus->calls;

	while (*at)
		at = &(*at)->next;
	*at = call;
}

void varch_cpus_call_main(struct varch_cpus *cpus, varch_main_call_fn fn, void *opaque)
{
	struct varch_main_call call = { .fn = fn, .opaque = opaque };

	pthread_mutex_lock(&cpus->lock);
	call_append(cpus, &call);
	vsu_event_signal(cpus->event_fd);
	varch_cpus_leave(cpus);
	cpus->waiting++;
	while (!call.done && !cpus->stopping)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	call_remove(cpus, &call);
	while (cpus->pauses && !cpus->settling && !cpus->stopping)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	cpus->in_guest++;	/* run_guest() checks attention before KVM_RUN */
	cpus->waiting--;
	cpus->finished -= call.done;
	pthread_cond_broadcast(&cpus->changed);
	pthread_mutex_unlock(&cpus->lock);
}
