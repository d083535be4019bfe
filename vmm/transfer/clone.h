/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Resources of the host that two machines must not use at the same time.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TRANSFER_CLONE_H
#define VMM_TRANSFER_CLONE_H

#include "config/device_option.h"

/*
 * -EBUSY, with the resource in the message: the clone writes a file of the original, also one that
 * this only reads, as the base of an overlay; or both use the same socket, interface or address.
 */
int vmm_device_check_clone(const struct vmm_device_spec *clone,
			   const struct vmm_device_spec *original,
			   struct vsu_error *err);

#endif
