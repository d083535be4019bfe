/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory that devices have plugged, in a migration: the source keeps its blocks as they
 * are, and the destination plugs the same ones before it receives their content.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TRANSFER_PLUGGED_H
#define VMM_TRANSFER_PLUGGED_H

#include "machine/machine.h"

/* All devices or none. -EAGAIN: one is changing its blocks. A release succeeds. */
int vmm_plugged_hold(const struct vmm_machine *m, bool held, struct vsu_error *err);

/* Plugs the regions of the section "plugged". -EINVAL: no device has these addresses. */
int vmm_plugged_make(const struct vmm_machine *m, const struct vsu_state *state,
		     struct vsu_error *err);

#endif
