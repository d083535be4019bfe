/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The destination of a migration that may switch to post-copy: the guest starts before
 * its memory has arrived (migration/page_fetch.h). If the source is lost before the rest
 * has arrived, the guest is lost: this process ends.
 *
 *   open      the source announces it: userfaultfd must be permitted
 *   check     the machine exists: memory and devices must be able to wait for pages
 *   receive   the list of missing pages
 *   begin     from then on the memory can be used, and the stream belongs to a thread
 *   say, go   as with the stream: "loaded", wait for "go", "running"
 *
 * Threads: the main thread.
 */
#ifndef VMM_TRANSFER_POSTCOPY_H
#define VMM_TRANSFER_POSTCOPY_H

#include "machine/machine.h"

int vmm_postcopy_open(struct vmm_machine *m, struct vsu_error *err);

/* Does nothing without an announcement. -EOPNOTSUPP, with the memory or the device. */
int vmm_postcopy_check(struct vmm_machine *m, struct vsu_error *err);

/*
 * If *section is the first of the list, receives all of it: *section becomes the one
 * behind it.
 */
int vmm_postcopy_receive(struct vmm_machine *m, struct vsu_state_section *section,
			 struct vsu_error *err);
/* Does nothing without a list. */
int vmm_postcopy_begin(struct vmm_machine *m, struct vsu_error *err);

/* True from begin on, until all pages have arrived. */
bool vmm_postcopy_is_active(const struct vmm_machine *m);
/* True when the guest runs here. */
bool vmm_postcopy_is_confirmed(const struct vmm_machine *m);

int vmm_postcopy_say(struct vmm_machine *m, const char *name, struct vsu_error *err);
int vmm_postcopy_go(struct vmm_machine *m, uint32_t *paused, struct vsu_error *err);

/* Bytes that have not arrived; 0 when the memory is complete. */
uint64_t vmm_postcopy_left(const struct vmm_machine *m);
/* Pages that were requested of the source; 0, likewise. */
uint64_t vmm_postcopy_requests(const struct vmm_machine *m);

/* Called in any state. No thread uses the memory then, or all of it has arrived. */
void vmm_postcopy_free(struct vmm_machine *m);

#endif
