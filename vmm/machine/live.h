/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The command line that makes the machine as it is now: with the devices and limits
 * that the host has added, removed and changed since the start.
 *
 * A free place between devices is "--device=none", because the number of a device is
 * its slot on the bus.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_LIVE_H
#define VMM_MACHINE_LIVE_H

#include "machine/machine.h"

/* -EBUSY: a device is being added or removed, so that no state describes the machine. */
int vmm_live_check(const struct vmm_machine *m, struct vsu_error *err);
/*
 * Without the command; the caller frees the words. Errors of vmm_live_check().
 * The machine may end before the words.
 */
int vmm_live_words(const struct vmm_machine *m, struct vmm_words *out, struct vsu_error *err);

/* Places up to the last device. */
unsigned int vmm_live_places(const struct vmm_machine *m);

/*
 * Stores the list of "device-add" with the device. Files keep the names that their
 * descriptors were passed with.
 */
int vmm_live_add(struct vmm_device *d, const char *list, struct vsu_error *err);
/* The device has other values of these keys, such as "rate=1M,iops=100". */
int vmm_live_change(const struct vmm_machine *m, struct vmm_device *d, const char *keys,
		    struct vsu_error *err);

/* The host has requested this size. Does nothing if the state has the size. */
int vmm_live_resize(const struct vmm_machine *m, struct vmm_device *d, uint64_t bytes,
		    struct vsu_error *err);

#endif
