/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file "working-set" in the folder from which the machine continues: the command
 * "working-set" writes it, and --prefetch reads it.
 *
 * Threads: the main thread. A thread of its own lists pages and writes the file.
 */
#ifndef VMM_TRANSFER_RECORDING_H
#define VMM_TRANSFER_RECORDING_H

#include "machine/machine.h"
#include "memory/working_set.h"

/*
 * m->restore.recording is its subject for vmm_answers_send() until the end.
 * -EOPNOTSUPP: the machine's memory is not mapped from a folder, or was prefetched;
 * -EBUSY: another one is in progress; -EACCES: the owner has no pagemap.
 */
int vmm_recording_begin(struct vmm_machine *m, struct vsu_error *err);

/* The machine ends. */
void vmm_recording_free(struct vmm_machine *m);

/* The file of the folder, for --prefetch. -ENOENT: there is none. */
int vmm_recording_load(const char *folder, struct vmm_working_set *set,
		       struct vsu_error *err);

#endif
