/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A pair of rings of a network card, as the device has them: frames go into the
 * receiving one, and are to come back through the sending one.
 */
#ifndef INTEROP_LANE_H
#define INTEROP_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>

#include "frames.h"

struct lane {
	struct virtdev *dev;
	bool large;			/* frames of more than 1514 bytes, too */
	bool failed;			/* why was printed */
	struct vq *rx, *tx;		/* while they run */
	uint32_t index, sent, came, end; /* numbers of frames */
	bool fresh;			/* nothing came since the start */
	uint32_t given_up;		/* fresh: numbers below may be lost */
};

/* A turn of the receiving ring: as many frames as may be under way. */
void lane_put(struct lane *l);

/* A turn of the sending ring, as virtdev_queue_turn(). */
int lane_take(struct lane *l);

#endif
