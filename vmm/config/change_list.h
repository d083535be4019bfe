/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The list of keys of a device whose properties were changed while it ran.
 *
 * Threads: any.
 */
#ifndef VMM_CHANGE_LIST_H
#define VMM_CHANGE_LIST_H

#include "config/device.h"

/*
 * The option's list with these keys ("rate=1M,iops=100") in place of its own. For an
 * operand it is the list of --disk. The caller frees *out.
 */
int vmm_device_list_change(const struct vmm_device_option *option,
			   const struct vmm_device_kind *kind, const char *keys,
			   char **out, struct vsu_error *err);

#endif
