/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The wait for a guest that comes from another machine (the option "incoming"): a thread makes
 * the machine, while its owner dispatches a descriptor that stays the machine's.
 *
 * Threads: that of the machine, except cancel, which is for any.
 */
#ifndef VMM_API_ARRIVAL_H
#define VMM_API_ARRIVAL_H

#include <pthread.h>
#include <stdbool.h>

#include "api/configuration.h"
#include "api/options.h"

struct cvmm_arrival {
	struct cvmm_options *options; /* a copy */
	struct vmm_peer_guard guard;	/* makes the source's stream end with cancel_fd */
	int fd;			/* readable when the thread ends, later also for the loop */
	int cancel_fd, done_fd;
	pthread_t thread;
	bool runs;		/* the thread is not joined */
	bool starts;		/* the owner has started the machine */
	int status;		/* of the thread's work: 0, or that of a machine which has ended */
};

struct cvmm_machine;

bool cvmm_priv_arrival_is_needed(const struct cvmm_options *options);

/*
 * make is called on the thread: 0, or an exit status and m->why. -EINVAL: the address. Free
 * the arrival in each case.
 */
int cvmm_priv_arrival_begin(struct cvmm_machine *m, const struct cvmm_options *options,
			    int (*make)(struct cvmm_machine *m, const struct cvmm_options *options,
					const struct vmm_peer_guard *guard, struct vsu_error *err),
			    struct vsu_error *err);

/* Whether the thread has ended; does not block. */
bool cvmm_priv_arrival_is_over(const struct cvmm_arrival *a);
/* Waits for its end. */
void cvmm_priv_arrival_join(struct cvmm_arrival *a);
/* The loop's descriptor takes the place of the thread's. */
int cvmm_priv_arrival_follow(struct cvmm_arrival *a, int loop_fd);

/* The source is not awaited any longer. */
void cvmm_priv_arrival_cancel(const struct cvmm_arrival *a);

void cvmm_priv_arrival_free(struct cvmm_arrival *a);

#endif
