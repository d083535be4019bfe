/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pauses and the end of the CPU threads.
 *
 * A thread increments in_guest before it runs the guest, and decrements it when
 * attention is requested. The requester sets the attention flag under the lock,
 * makes KVM_RUN return (immediate_exit covers the window before it is entered),
 * and waits until in_guest is 0.
 */
#include <config.h>

#include <errno.h>
#include <time.h>

#include <vmm-sys-util/event.h>

#include "cpu/cpus_private.h"

#define NS_PER_S UINT64_C(1000000000)
/* Time limit for a CPU to leave the guest, with margin for swap and load. */
#define STOP_NS (4 * NS_PER_S)
#define PAUSE_NS (20 * NS_PER_S)

/* Makes every CPU check the state. Requires the lock. */
static void request_attention(struct vmm_cpus *cpus)
{
	unsigned int i;

	__atomic_store_n(&cpus->attention, 1, __ATOMIC_RELEASE);
	for (i = 0; i < cpus->config.n; i++) {
		if (!cpus->cpu[i].started)
			continue;
		__atomic_store_n(&cpus->cpu[i].run->immediate_exit, 1,
				 __ATOMIC_RELAXED);
		cpus->cpu[i].kicked = true;
		pthread_kill(cpus->cpu[i].thread, VMM_CPU_KICK);
	}
	pthread_cond_broadcast(&cpus->changed);
}

/* Waits until no CPU is in the guest; false after ns. Requires the lock. */
static bool wait_for_cpus(struct vmm_cpus *cpus, uint64_t ns)
{
	uint64_t end = vsu_now_ns() + ns;
	const struct timespec until = {
		.tv_sec = (time_t)(end / NS_PER_S),
		.tv_nsec = (long)(end % NS_PER_S),
	};
	int rc = 0;

	while (cpus->in_guest && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&cpus->changed, &cpus->lock,
					    &until);
	return !cpus->in_guest;
}

/* The same without limit; calls stuck after ns. Requires the lock. */
static void wait_or_report(struct vmm_cpus *cpus, uint64_t ns)
{
	if (cpus->config.patience_ns)
		ns = cpus->config.patience_ns;
	if (cpus->config.stuck && !wait_for_cpus(cpus, ns)) {
		pthread_mutex_unlock(&cpus->lock);
		cpus->config.stuck(cpus->config.hooks.opaque);
		pthread_mutex_lock(&cpus->lock);
	}
	while (cpus->in_guest)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
}

void vmm_cpus_pause(struct vmm_cpus *cpus)
{
	pthread_mutex_lock(&cpus->lock);
	if (cpus->pauses++ == 0) {
		cpus->pause_began_ns = vsu_now_ns();
		request_attention(cpus);
	}
	wait_or_report(cpus, PAUSE_NS);
	pthread_mutex_unlock(&cpus->lock);
}

void vmm_cpus_resume(struct vmm_cpus *cpus)
{
	pthread_mutex_lock(&cpus->lock);
	if (--cpus->pauses == 0) {
		cpus->paused_ns += vsu_now_ns() - cpus->pause_began_ns;
		if (!cpus->stopping)
			__atomic_store_n(&cpus->attention, 0, __ATOMIC_RELEASE);
	}
	pthread_cond_broadcast(&cpus->changed);
	pthread_mutex_unlock(&cpus->lock);
}

uint64_t vmm_cpus_paused_ns(struct vmm_cpus *cpus)
{
	uint64_t sum;

	pthread_mutex_lock(&cpus->lock);
	sum = cpus->paused_ns + (cpus->pauses ? vsu_now_ns() - cpus->pause_began_ns : 0);
	pthread_mutex_unlock(&cpus->lock);
	return sum;
}

static bool are_settled(const struct vmm_cpus *cpus)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < cpus->config.n; i++)
		all = all && __atomic_load_n(&cpus->cpu[i].settled,
					     __ATOMIC_ACQUIRE);
	return all;
}

int vmm_cpus_settle(struct vmm_cpus *cpus)
{
	int rc;

	pthread_mutex_lock(&cpus->lock);
	cpus->settling = true;
	pthread_cond_broadcast(&cpus->changed);
	while (cpus->finished)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	wait_or_report(cpus, PAUSE_NS);
	cpus->settling = false;
	rc = cpus->waiting ? -EAGAIN : are_settled(cpus) ? 0 : -EBUSY;
	pthread_mutex_unlock(&cpus->lock);
	return rc;
}

void vmm_cpus_stop(struct vmm_cpus *cpus, int *status, struct vsu_error *err)
{
	unsigned int i;

	pthread_mutex_lock(&cpus->lock);
	cpus->stopping = true;
	request_attention(cpus);
	wait_or_report(cpus, STOP_NS);
	pthread_mutex_unlock(&cpus->lock);
	for (i = 0; i < cpus->config.n; i++) {
		if (cpus->cpu[i].started)
			pthread_join(cpus->cpu[i].thread, NULL);
		cpus->cpu[i].started = false;
	}
	if (cpus->ended) {
		*status = cpus->status;
		*err = cpus->why;
	}
}
