/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices of the machine, from --disk, --rng, --console, --device and
 * operands: a kind that this process implements (kinds/kind.h), or any device
 * id behind a vhost-user socket.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_DEVICE_H
#define VMM_CONFIG_DEVICE_H

#include <stddef.h>

#include <vmm-sys-util/error.h>

#include "config/device_spec.h"
#include "config/machine_config.h"
#include "kinds/kind.h"

/* Finds a kind by its name or option: "blk" or "disk". NULL: unknown. */
const struct vmm_device_kind *vmm_device_kind_named(const char *name,
						    size_t len);

/* The option for this kind, such as "disk", or NULL. */
const char *vmm_device_shorthand(const struct vmm_device_kind *kind);

/* Parses one option. */
int vmm_device_parse(const struct vmm_device_option *option,
		     struct vmm_device_spec *spec, struct vsu_error *err);

#endif
