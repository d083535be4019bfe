/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the first bytes of an image, whose file server may not respond. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/thread.h>

#include "disk/head.h"

/* The caller and its thread share it; the second of the two to leave frees it. */
struct reading {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done, is_late;	/* under lock */
	int fd;
	ssize_t n;
	char bytes[DEVKIND_DISK_HEAD];
};

static ssize_t read_now(int fd, char *bytes)
{
	ssize_t n;

	do {
		n = pread(fd, bytes, DEVKIND_DISK_HEAD, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void reading_free(struct reading *r)
{
	pthread_cond_destroy(&r->done);
	pthread_mutex_destroy(&r->lock);
	vsu_fd_close(&r->fd);
	free(r);
}

static void *read_on_thread(void *arg)
{
	struct reading *r = arg;
	const ssize_t n = read_now(r->fd, r->bytes);
	bool is_late;

	pthread_mutex_lock(&r->lock);
	r->n = n;
	r->is_done = true;
	is_late = r->is_late;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
	if (is_late)
		reading_free(r);
	return NULL;
}

static struct reading *reading_new(int fd)
{
	struct reading *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (!r)
		return NULL;
	r->fd = vsu_fd_dup(fd);
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->done, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

/* Whether the read was done in time; otherwise the thread frees r. */
static bool wait_done(struct reading *r)
{
	struct timespec limit;
	bool is_done;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += DEVKIND_PRIV_DISK_HEAD_SECONDS;
	pthread_mutex_lock(&r->lock);
	while (!r->is_done && !rc)
		rc = pthread_cond_timedwait(&r->done, &r->lock, &limit);
	is_done = r->is_done;
	r->is_late = !is_done;
	pthread_mutex_unlock(&r->lock);
	return is_done;
}

static ssize_t read_served(int fd, char *bytes)
{
	struct reading *r = reading_new(fd);
	pthread_t thread;
	ssize_t n;
	int rc;

	if (!r)
		return -ENOMEM;
	rc = r->fd < 0 ? r->fd : vsu_thread_start(NULL, &thread, read_on_thread, r);
	if (rc < 0) {
		reading_free(r);
		return rc;
	}
	if (!wait_done(r)) {
		pthread_detach(thread);
		return -ETIMEDOUT;
	}
	pthread_join(thread, NULL);
	n = r->n;
	memcpy(bytes, r->bytes, sizeof(r->bytes));
	reading_free(r);
	return n;
}

ssize_t devkind_priv_disk_head_read(int fd, char bytes[DEVKIND_DISK_HEAD])
{
	return vsu_foreign_kind(fd) == VSU_FOREIGN_SERVED ? read_served(fd, bytes) :
							    read_now(fd, bytes);
}
