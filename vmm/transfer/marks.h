/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Bitmaps of the pages that our devices write (vm-memory/dirty.h), and a log of those
 * that other processes write, only during a migration: they cost each access.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TRANSFER_MARKS_H
#define VMM_TRANSFER_MARKS_H

#include "machine/machine.h"

/*
 * Replaces the guest's map by one with bitmaps, which *map references. All devices are
 * paused: none has a request of the previous map. If vmm_marks_end() does not follow, the
 * caller ends the log (sharing.h).
 */
int vmm_marks_begin(struct vmm_machine *m, struct vmem_map **map,
		    struct vhost_dirty_log *log, struct vsu_error *err);

/*
 * Back to a map without them, if that is possible. Before paused devices resume: they
 * start without a log, which is freed.
 */
void vmm_marks_end(struct vmm_machine *m, struct vhost_dirty_log *log);

#endif
