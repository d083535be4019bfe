/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The command line that makes the machine as it is now: with the devices and limits
 * that the host has added, removed and changed since the start.
 *
 * A free place between devices is "--device=none", because the number of a device is
 * its slot on the bus. Memory, and a device that was added or changed, is written from its typed values; files
 * of an added one keep the names that their descriptors were passed with. All others keep their
 * options as they were typed.
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
 * The host has requested this size of a device, which becomes a value of its spec; nothing
 * changes if the size belongs to the device's state.
 */
void vmm_live_resize(struct vmm_device *d, uint64_t bytes);
/*
 * Parses keys that can change while the device runs, and applies them to dev, its model. Other keys
 * of that kind keep their values.
 */
int vmm_live_limit(struct vmm_device *d, struct virtdev *dev, const char *list,
		   struct vsu_error *err);
/* That size, or the one of the option, of a device whose kind has a resize_key. */
uint64_t vmm_live_size(const struct vmm_device *d);

#endif
