/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Releases threads that wait for pages of a front-end that has disconnected.
 *
 * The session's thread keeps the list of registered memory; any thread releases it. A
 * released guard refuses further memory: messages that the front-end sent before it
 * disconnected must not register pages that nobody would place.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <vm-memory/userfault.h>
#include <vmm-sys-util/fd.h>

#include "backend/postcopy_guard.h"

struct vhost_user_postcopy_guard {
	pthread_mutex_t lock;	/* of everything but the descriptors */
	int epoll;
	int empty;		/* a file without pages: an access raises SIGBUS */
	int sock, faults;	/* of the session; -1: no postcopy */
	bool fails;		/* SIGBUS is repaired */
	bool released;
	struct vhost_user_priv_guarded list[VHOST_USER_PRIV_MAX_GUARDED];
	uint32_t n;
};

int vhost_user_postcopy_guard_new(struct vhost_user_postcopy_guard **out,
				  struct vsu_error *err)
{
	struct vhost_user_postcopy_guard *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return vsu_error_sys(err, -ENOMEM, "a guard of postcopy");
	pthread_mutex_init(&g->lock, NULL);
	g->sock = g->faults = g->empty = -1;
	g->epoll = rc = epoll_create1(EPOLL_CLOEXEC);
	if (rc >= 0)
		g->empty = rc = memfd_create("postcopy-guard", MFD_CLOEXEC);
	if (rc < 0) {
		rc = vsu_error_sys(err, -errno, "a guard of postcopy");
		vhost_user_postcopy_guard_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

void vhost_user_postcopy_guard_free(struct vhost_user_postcopy_guard *g)
{
	if (!g)
		return;
	vhost_user_priv_guard_end(g);
	vsu_fd_close(&g->empty);
	vsu_fd_close(&g->epoll);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

int vhost_user_postcopy_guard_fd(const struct vhost_user_postcopy_guard *g)
{
	return g->epoll;
}

/*
 * A new mapping without pages; if the kernel refuses it, zeros are better than a thread
 * that never continues.
 */
static void release_pages(const struct vhost_user_postcopy_guard *g,
			  struct uffdio_range *pages)
{
	if (g->fails && mmap((void *)(uintptr_t)pages->start, pages->len,
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			     g->empty, 0) != MAP_FAILED)
		(void)!vmem_userfault_wake(g->faults, pages->start, pages->len);
	else
		(void)!vmem_userfault_unregister(g->faults, pages->start, pages->len);
}

static void stop_watching(struct vhost_user_postcopy_guard *g)
{
	if (g->sock >= 0)
		epoll_ctl(g->epoll, EPOLL_CTL_DEL, g->sock, NULL);
	g->sock = -1;
}

void vhost_user_postcopy_guard_release(struct vhost_user_postcopy_guard *g)
{
	uint32_t i;

	pthread_mutex_lock(&g->lock);
	stop_watching(g);
	g->released = g->faults >= 0;
	for (i = 0; g->released && i < g->n; i++)
		release_pages(g, &g->list[i].pages);
	pthread_mutex_unlock(&g->lock);
}

/* A hang-up is always reported. */
int vhost_user_priv_guard_begin(struct vhost_user_postcopy_guard *g, int sock,
				int faults, bool fails)
{
	struct epoll_event hang_up = { .events = 0 };
	int rc = 0;

	if (!g)
		return 0;
	pthread_mutex_lock(&g->lock);
	if (epoll_ctl(g->epoll, EPOLL_CTL_ADD, sock, &hang_up) < 0)
		rc = -errno;
	if (rc == 0) {
		g->sock = sock;
		g->faults = faults;
		g->fails = fails;
		g->released = false;
	}
	pthread_mutex_unlock(&g->lock);
	return rc;
}

static void replace_list(struct vhost_user_postcopy_guard *g,
			 const struct vhost_user_priv_guarded *list, uint32_t n)
{
	struct vhost_user_priv_guarded before[VHOST_USER_PRIV_MAX_GUARDED];
	uint32_t i, nbefore = g->n;

	for (i = 0; i < nbefore; i++)
		before[i] = g->list[i];
	for (i = 0; i < n; i++) {
		g->list[i] = list[i];
		vmem_block_ref(list[i].block);
	}
	g->n = n;
	for (i = 0; i < nbefore; i++)
		vmem_block_unref(before[i].block);
}

int vhost_user_priv_guard_set(struct vhost_user_postcopy_guard *g,
			      const struct vhost_user_priv_guarded *list,
			      uint32_t n)
{
	int rc = 0;

	if (!g)
		return 0;
	pthread_mutex_lock(&g->lock);
	if (g->released)
		rc = -ECONNRESET;
	else
		replace_list(g, list, n);
	pthread_mutex_unlock(&g->lock);
	return rc;
}

void vhost_user_priv_guard_end(struct vhost_user_postcopy_guard *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	stop_watching(g);
	g->faults = -1;
	replace_list(g, NULL, 0);
	pthread_mutex_unlock(&g->lock);
}
