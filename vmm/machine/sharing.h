/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Whether this process serves a device, or another one that uses the guest's memory.
 *
 * Threads: the main thread; any while the devices stay the same.
 */
#ifndef VMM_MACHINE_SHARING_H
#define VMM_MACHINE_SHARING_H

#include "machine/machine.h"

/* True if a device is behind a socket, so that memory must be shared. */
bool vmm_machine_wants_shared(const struct vmm_machine *m);

/*
 * NULL: another process or the kernel serves it, or it was removed. The functions of
 * its kind require the device.
 */
struct virtdev *vmm_machine_local_device(const struct vmm_device *d);

/* For a migration: -EOPNOTSUPP if another process stores to memory without a log. */
int vmm_sharing_check_log(const struct vmm_machine *m, struct vsu_error *err);
/*
 * Other processes and the kernel log the pages that they write, if there are such. The devices are
 * paused, and begin the log when they resume.
 */
int vmm_sharing_begin_log(struct vmm_machine *m, struct vhost_dirty_log *log,
			  struct vsu_error *err);
/*
 * At any time after it, also after a failure or for a log of zeros. The kernel writes into
 * the memory of the log until then; frees it.
 */
void vmm_sharing_end_log(struct vmm_machine *m, struct vhost_dirty_log *log);
/* Their devices are paused: logs the rings. */
void vmm_sharing_log_rings(const struct vmm_machine *m,
			   const struct vhost_dirty_log *log);

#endif
