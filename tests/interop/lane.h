/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A pair of rings of a network card, from the device side: frames are sent through the
 * receive ring and must return through the transmit ring.
 */
#ifndef INTEROP_LANE_H
#define INTEROP_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>

#include "frames.h"

struct lane {
	struct virtdev *dev;
	bool large;			/* includes frames of more than 1514 bytes */
	bool failed;			/* the reason was printed */
	struct vq *rx, *tx;		/* NULL while stopped */
	uint32_t index, sent, came, end; /* numbers of frames */
	bool fresh;			/* no frame was received since the start */
	/* while fresh, frames with lower numbers may be lost */
	uint32_t given_up;
};

/* Serves the receive ring: sends frames up to the maximum in flight. */
void lane_put(struct lane *l);

/* Serves the transmit ring, like virtdev_queue_turn(). */
int lane_take(struct lane *l);

#endif
