/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Saves the machine into a new folder:
 *
 *   state         sections (<vmm-sys-util/state.h>)
 *   memory        the guest's memory (memory/image.h)
 *   machine.json  the command line, for "cvmm run --from"
 *
 * The guest is paused until they are written. The folder appears under its name when it
 * is on the disk; after a failure it is removed, and the guest continues.
 *
 * Threads: the main thread. A thread of its own writes the files.
 */
#ifndef VMM_TRANSFER_SAVE_H
#define VMM_TRANSFER_SAVE_H

#include "cvmm/requests.h"
#include "cvmm/status.h"
#include "machine/machine.h"

/* The sections that this version writes or reads (docs/state-format.md), up to a row without a name. */
extern const struct vsu_state_kind vmm_state_kinds[];

/* The architecture of a state that names none. */
#define VMM_STATE_ARCHITECTURE "x86-64"

/*
 * m->pause.save is its subject for vmm_answers_send() until the end. -EOPNOTSUPP: what
 * the machine has cannot be saved; -EEXIST: the folder exists; -EBUSY, -EPERM: what the
 * machine does does not allow it.
 */
int vmm_save_begin(struct vmm_machine *m, const struct cvmm_save *save,
		   struct vsu_error *err);

/* False: no save. Otherwise: bytes of memory that were written, and all; total is 0 before. */
bool vmm_save_progress(const struct vmm_machine *m, struct cvmm_progress *out);
/* An event, during a save. */
void vmm_save_publish_progress(const struct vmm_machine *m);

/* The machine ends: a save that is written is completed, another one cancelled and removed. */
void vmm_save_free(struct vmm_machine *m);

/*
 * Parts of it, for a migration too. Check: -EOPNOTSUPP as above. Describe
 * begins a state and appends what the machine consists of. Collect appends
 * everything but the end; the CPUs and devices are stopped (stop.h).
 */
int vmm_save_check(const struct vmm_machine *m, struct vsu_error *err);
int vmm_save_describe(const struct vmm_machine *m, struct vsu_state_writer *w,
		      struct vsu_error *err);
/* The memory that is saved, which the caller releases. */
int vmm_save_map(const struct vmm_machine *m, struct vmem_map **out,
		 struct vsu_error *err);
int vmm_save_collect(struct vmm_machine *m, struct vsu_state_writer *w,
		     struct vsu_error *err);
/* Appends the end. */
int vmm_save_finish(struct vsu_state_writer *w, struct vsu_error *err);

#endif
