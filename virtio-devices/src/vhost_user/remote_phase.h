/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The phase of a device whose queues a back-end serves: a state machine over what the
 * driver, the owner and the session do.
 *
 *   CONNECTS    the first handshake is in progress
 *   SERVED      the session has the queues, as far as the driver has started any
 *   WAITS       the driver has started them; the next back-end gets them
 *   PAUSES      they are stopping; their positions follow
 *   RESUMES     likewise, but the pause was given up meanwhile
 *   PAUSED      they have stopped at their positions
 *   CONTINUES   they start at their positions as soon as a back-end is connected
 *   FAILED      the session has ended
 *
 * Threads: confined.
 */
#ifndef VIRTIO_DEVICES_REMOTE_PHASE_H
#define VIRTIO_DEVICES_REMOTE_PHASE_H

#include <stdbool.h>

enum remote_phase {
	REMOTE_CONNECTS,
	REMOTE_SERVED,
	REMOTE_WAITS,
	REMOTE_PAUSES,
	REMOTE_RESUMES,
	REMOTE_PAUSED,
	REMOTE_CONTINUES,
	REMOTE_FAILED,
	REMOTE_PHASES,		/* their number */
};

enum remote_event {
	REMOTE_ON_READY,	/* the handshake is complete */
	REMOTE_ON_START,	/* the driver starts its queues; a back-end is connected */
	REMOTE_ON_START_AWAY,	/* the driver starts its queues; none is connected */
	REMOTE_ON_RESET,	/* the driver resets the device */
	REMOTE_ON_PAUSE,	/* the owner stops the queues, and keeps their positions */
	REMOTE_ON_STOPPED,	/* they have stopped for that */
	REMOTE_ON_CHANGED,	/* likewise, but the driver has reset or started single queues */
	REMOTE_ON_RESUME,	/* the owner continues the device; a back-end is connected */
	REMOTE_ON_RESUME_AWAY,	/* the owner continues the device; none is connected */
	REMOTE_ON_LOAD,		/* a saved state was loaded */
	REMOTE_ON_LOST,		/* the back-end disconnected, and another one may follow */
	REMOTE_ON_BACK,		/* it is there, or the session is free for a start that waits */
	REMOTE_ON_FAILED,	/* the session has ended */
	REMOTE_EVENTS,		/* their number */
};

/* Changes the phase. False: the event is impossible or has no effect in this phase. */
bool virtdev_priv_remote_enter(enum remote_phase *phase, enum remote_event event);

#endif
