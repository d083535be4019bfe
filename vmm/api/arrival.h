/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The wait for a guest that comes from another machine (the option "incoming"): a thread makes
 * the machine, while its owner dispatches a descriptor that stays the machine's.
 *
 * Threads: that of the machine, except cancel, which is for any.
 */
#ifndef VMM_API_ARRIVAL_H
#define VMM_API_ARRIVAL_H

#include <stdbool.h>

#include "cvmm/machine.h"

struct cvmm_arrival;

bool cvmm_priv_arrival_is_needed(const struct cvmm_options *options);

/*
 * Starts the thread, which calls cvmm_priv_machine_make() and uses m until it is joined. -EINVAL:
 * the address.
 */
int cvmm_priv_arrival_new(struct cvmm_machine *m, const struct cvmm_options *options,
			  struct cvmm_arrival **out, struct vsu_error *err);

/* Joins the thread and returns its status: 0, or that of a machine which has ended. Once. */
int cvmm_priv_arrival_join(struct cvmm_arrival *a);

/* Whether the thread has ended; does not block. */
bool cvmm_priv_arrival_is_over(const struct cvmm_arrival *a);

/* Readable when the thread ends, and later when the loop is, which follow adds. */
int cvmm_priv_arrival_fd(const struct cvmm_arrival *a);
int cvmm_priv_arrival_follow(const struct cvmm_arrival *a, int loop_fd);

/* The source is not awaited any longer. */
void cvmm_priv_arrival_cancel(const struct cvmm_arrival *a);

/* Called after the thread was joined; NULL is ignored. */
void cvmm_priv_arrival_free(struct cvmm_arrival *a);

#endif
