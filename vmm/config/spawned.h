/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Devices with backend=spawn: their keys become options of the daemon that cvmm starts.
 *
 * Threads: no state.
 */
#ifndef VMM_DEVICES_SPAWNED_H
#define VMM_DEVICES_SPAWNED_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "config/device_spec.h"

/* Keeps the value of one of the kind's keys; what names the key in messages. */
int vmm_device_spawn_key(struct vmm_device_spec *spec, const struct vmm_device_key *key,
			 const char *what, const struct vsu_option_value *value,
			 struct vsu_error *err);

/* After all keys: checks and completes the spec. */
int vmm_device_check_spawned(struct vmm_device_spec *spec, const char *option,
			     const char *list, struct vsu_error *err);

#endif
