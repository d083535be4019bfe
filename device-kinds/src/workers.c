/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Worker threads of a device. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <device-kinds/workers.h>

/* The threads that a process can have: the kernel's PID_MAX_LIMIT. */
#define MAX_THREADS (UINT64_C(1) << 22)

struct devkind_workers {
	struct devkind_work work;
	const struct vsu_threads *threads;
	struct virtdev *dev;
	uint32_t asked, max;	/* requested threads; with replacements */
	uint32_t n;		/* started threads */
	pthread_t ids[];
};

/* Fails only for a device that has no work for threads, which starts none. */
static void *worker_main(void *arg)
{
	const struct devkind_workers *w = arg;

	(void)!w->work.work(w->dev);
	return NULL;
}

int devkind_workers_start(const struct devkind_work *work, const struct vsu_threads *threads,
			  struct virtdev *dev, uint32_t n, struct devkind_workers **out,
			  struct vsu_error *err)
{
	struct devkind_workers *w;
	uint64_t max;
	int rc = 0;

	if (!n || !work || (work->is_needed && !work->is_needed(dev))) {
		*out = NULL;
		return 0;
	}
	max = (uint64_t)n + work->detached_max;
	if (max > MAX_THREADS)
		return vsu_error_set(err, -E2BIG, "%u worker threads and %u replacements are more than a process can have",
				     n, work->detached_max);
	w = calloc(1, sizeof(*w) + (size_t)max * sizeof(w->ids[0]));
	if (!w)
		return vsu_error_sys(err, -ENOMEM, "%u worker threads",
				     n);
	w->work = *work;
	w->threads = threads;
	w->dev = dev;
	w->asked = n;
	w->max = (uint32_t)max;
	while (rc >= 0 && w->n < n) {
		rc = vsu_thread_start(w->threads, &w->ids[w->n], worker_main, w);
		w->n += rc >= 0;
	}
	if (rc < 0) {
		vsu_error_sys(err, rc, "cannot start worker thread %u of %u",
			      w->n + 1, n);
		devkind_workers_end(w);
		return rc;
	}
	*out = w;
	return 0;
}

/* A thread whose detached request has ended stays in addition to its replacement. */
uint32_t devkind_workers_detach(struct devkind_workers *w)
{
	const uint32_t left = w && w->work.detach ? w->work.detach(w->dev) : 0;
	int rc = 0;

	while (rc >= 0 && w && w->n < w->asked + left && w->n < w->max) {
		rc = vsu_thread_start(w->threads, &w->ids[w->n], worker_main, w);
		w->n += rc >= 0;
	}
	return left;
}

void devkind_workers_end(struct devkind_workers *w)
{
	uint32_t i;

	if (!w)
		return;
	w->work.work_end(w->dev);
	for (i = 0; i < w->n; i++)
		pthread_join(w->ids[i], NULL);
	free(w);
}
