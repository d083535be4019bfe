/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Flushes the disks of this process on a thread of its own: the server of a file, such as a
 * network mount, may hang, and the kernel offers no way to end such a flush.
 *
 * A flush that its caller no longer waits for continues. Until it ends, its disks are in
 * use, and the next flush waits for it first.
 *
 * Threads: one at a time, for a machine: that of a save or of a migration, or the main thread
 * without either.
 */
#ifndef VMM_MACHINE_DISK_FLUSH_H
#define VMM_MACHINE_DISK_FLUSH_H

#include "machine/machine.h"

/*
 * Writes the disks to stable storage; waits for it. The devices stay the same meanwhile.
 * -ECANCELED: cancel_fd is readable, -1: none. -ETIMEDOUT: until_ns, in the time of
 * vsu_now_ns(), has passed, 0: no limit. Else the error of a disk.
 */
int vmm_disks_flush(struct vmm_machine *m, int cancel_fd, uint64_t until_ns,
		    struct vsu_error *err);

/* True: a flush that nothing waits for uses the disks. */
bool vmm_disks_are_flushing(struct vmm_machine *m);

/*
 * For the end of the machine: waits two seconds for such a flush, and then releases it.
 * False: its thread still uses the disks, which must not be freed.
 */
bool vmm_disks_end_flush(struct vmm_machine *m);

#endif
