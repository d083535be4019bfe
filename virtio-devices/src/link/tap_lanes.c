/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Attaches and detaches the queues of a tap interface, on a thread of the caller. */
#include <config.h>

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include "link/tap_lanes.h"

int virtdev_priv_tap_lanes_init(struct tap_lanes *t, const int *fds, uint32_t n)
{
	uint32_t i;

	*t = (struct tap_lanes){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
		.n = n, .lane = calloc(n, sizeof(*t->lane)),
	};
	if (!t->lane)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		t->lane[i].fd = fds[i];
	return 0;
}

void virtdev_priv_tap_lanes_fini(struct tap_lanes *t)
{
	free(t->lane);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
}

static int queue_set(int fd, bool on)
{
	struct ifreq request = {
		.ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE,
	};

	/* EINVAL: the lane was in that state before */
	return ioctl(fd, TUNSETQUEUE, &request) < 0 && errno != EINVAL ?
	       -errno : 0;
}

static int change_now(struct tap_lane *lane, bool on)
{
	int rc = queue_set(lane->fd, on);

	if (!rc)
		lane->state = on ? TAP_LANE_ON : TAP_LANE_OFF;
	return rc;
}

static int set_locked(struct tap_lanes *t, uint32_t i, bool on)
{
	struct tap_lane *lane = &t->lane[i];

	lane->posted = false;
	while (on && t->busy == i)
		pthread_cond_wait(&t->changed, &t->lock);
	if (lane->state == (on ? TAP_LANE_ON : TAP_LANE_OFF))
		return 0;
	if (on || !t->workers || t->ended)
		return change_now(lane, on);
	lane->posted = true;
	pthread_cond_broadcast(&t->changed);
	return 0;
}

int virtdev_priv_tap_lanes_set(struct tap_lanes *t, uint32_t lane, bool on)
{
	int rc;

	if (!lane)
		return 0;
	pthread_mutex_lock(&t->lock);
	rc = set_locked(t, lane, on);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

/* The first posted lane, or 0, as lane 0 is never posted. */
static uint32_t next_posted(const struct tap_lanes *t)
{
	uint32_t i;

	for (i = 1; i < t->n; i++)
		if (t->lane[i].posted)
			return i;
	return 0;
}

static void detach_pair(struct tap_lanes *t, uint32_t i)
{
	int rc;

	t->lane[i].posted = false;
	t->busy = i;
	pthread_mutex_unlock(&t->lock);
	rc = queue_set(t->lane[i].fd, false);
	pthread_mutex_lock(&t->lock);
	if (!rc)
		t->lane[i].state = TAP_LANE_OFF;
	t->busy = 0;
	pthread_cond_broadcast(&t->changed);
}

void virtdev_priv_tap_lanes_work(struct tap_lanes *t)
{
	uint32_t i;

	pthread_mutex_lock(&t->lock);
	t->workers++;
	while (!t->ended) {
		i = t->busy ? 0 : next_posted(t);
		if (i)
			detach_pair(t, i);
		else
			pthread_cond_wait(&t->changed, &t->lock);
	}
	t->workers--;
	pthread_mutex_unlock(&t->lock);
}

void virtdev_priv_tap_lanes_work_end(struct tap_lanes *t)
{
	pthread_mutex_lock(&t->lock);
	t->ended = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}
