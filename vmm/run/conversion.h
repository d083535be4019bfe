/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Conversions of private memory while devices use it: one after the other, in the
 * order of the requests. If a device still uses pages that become private, CPUs and
 * devices are paused until its requests have ended, or the time of a stop is over.
 *
 * Threads: as stated.
 */
#ifndef VMM_RUN_CONVERSION_H
#define VMM_RUN_CONVERSION_H

#include "machine/machine.h"

/*
 * A callback of struct varch_cpu_hooks, with a struct vmm_machine as opaque: fails as
 * vmm_private_begin() and vmm_private_finish(). -EBUSY: a device did not complete its
 * requests in time, and nothing is changed; -ECANCELED: the machine ends. The CPU's
 * thread.
 */
int vmm_conversion_run(void *machine, unsigned int cpu,
		       const struct varch_conversion *c, struct vsu_error *err);

#endif
