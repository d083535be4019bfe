/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Attaches and detaches the queues of a tap interface, its lanes.
 *
 *   attach    takes 0.03 ms, plus the rest of a detach in progress, whose lock (rtnl) the kernel
 *             holds for any queue. It is not posted: the driver's command succeeds only if the
 *             queue is attached, and no request waits in the kernel for longer than one detach
 *   detach    waits for a grace period of the kernel's network, some ms to tens of ms. While a
 *             thread works, it is only posted, and this thread makes the system call
 *
 * Threads: set for one thread at a time; work and work_end for any.
 */
#ifndef VIRTIO_DEVICES_LINK_TAP_LANES_H
#define VIRTIO_DEVICES_LINK_TAP_LANES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether a lane receives frames; unknown for descriptors that were just received. */
enum tap_lane_state { TAP_LANE_UNKNOWN, TAP_LANE_OFF, TAP_LANE_ON };

struct tap_lane {
	int fd;
	enum tap_lane_state state;
	bool posted;		/* a thread is to detach it */
};

struct tap_lanes {
	pthread_mutex_t lock;
	pthread_cond_t changed;	/* posted, busy, ended */
	uint32_t workers;	/* threads in virtdev_priv_tap_lanes_work() */
	uint32_t busy;		/* the lane that a thread detaches, or 0 */
	bool ended;
	uint32_t n;
	struct tap_lane *lane;	/* n of them; the caller closes their descriptors */
};

int virtdev_priv_tap_lanes_init(struct tap_lanes *t, const int *fds, uint32_t n);
/* No thread works. */
void virtdev_priv_tap_lanes_fini(struct tap_lanes *t);

/*
 * The first lane stays attached, so that the interface keeps its carrier. An unchanged lane
 * makes no system call. A posted change fails silently: frames of the lane are lost then.
 */
int virtdev_priv_tap_lanes_set(struct tap_lanes *t, uint32_t lane, bool on);

/* Makes posted changes until work_end, which leaves the rest undone. */
void virtdev_priv_tap_lanes_work(struct tap_lanes *t);
void virtdev_priv_tap_lanes_work_end(struct tap_lanes *t);

#endif
