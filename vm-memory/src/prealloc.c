/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Slices of a block, each populated by the next free thread. A NUMA policy
 * belongs to the mapping, so it applies whichever thread populates a page.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/thread.h>

#include "priv.h"

/* Small enough that threads end together, large enough for little overhead. */
#define SLICE (UINT64_C(16) << 20)

struct work {
	struct vmem_block *block;
	uint64_t len, slice;
	uint64_t next;		/* atomic: start of the next slice */
	pthread_mutex_t lock;	/* guards the following members */
	int rc;
	struct vsu_error why;
};

/* Records the first failure; no thread starts another slice. */
static void work_fail(struct work *w, int rc, const struct vsu_error *why)
{
	pthread_mutex_lock(&w->lock);
	if (!w->rc) {
		w->rc = rc;
		w->why = *why;
	}
	pthread_mutex_unlock(&w->lock);
	__atomic_store_n(&w->next, w->len, __ATOMIC_RELAXED);
}

static void *slice_populate(void *arg)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct work *w = arg;
	uint64_t off, n;
	int rc = 0;

	while (!rc) {
		off = __atomic_fetch_add(&w->next, w->slice, __ATOMIC_RELAXED);
		if (off >= w->len)
			break;
		n = w->len - off < w->slice ? w->len - off : w->slice;
		rc = vmem_block_populate(w->block, off, n, &err);
		if (rc < 0)
			work_fail(w, rc, &err);
	}
	return NULL;
}

/* If a thread cannot be started, the others populate its slices. */
static void populate_on(struct work *w, const struct vsu_threads *threads, pthread_t *thread,
			uint64_t n)
{
	uint64_t started = 0;

	while (started < n &&
	       !vsu_thread_start(threads, &thread[started], slice_populate, w))
		started++;
	slice_populate(w);
	while (started)
		pthread_join(thread[--started], NULL);
}

int vmem_block_prealloc(struct vmem_block *block, unsigned int nthreads,
			const struct vsu_threads *threads, struct vsu_error *err)
{
	struct work w = { .block = block, .len = block->len,
			  .slice = block->page_size > SLICE ? block->page_size : SLICE };
	const uint64_t slices = (w.len - 1) / w.slice + 1;
	const uint64_t others = nthreads ? (nthreads < slices ? nthreads : slices) - 1 : 0;
	pthread_t *thread = others ? calloc(others, sizeof(*thread)) : NULL;

	if (others && !thread)
		return vsu_error_sys(err, -ENOMEM, "prealloc-threads");
	pthread_mutex_init(&w.lock, NULL);
	populate_on(&w, threads, thread, others);
	pthread_mutex_destroy(&w.lock);
	free(thread);
	if (w.rc && err)
		*err = w.why;
	return w.rc;
}
