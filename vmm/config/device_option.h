/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices of the machine, from --disk, --rng, --console, --device and
 * operands: a kind that this process implements (<device-kinds/kind.h>), or any device
 * id behind a vhost-user socket.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_DEVICE_OPTION_H
#define VMM_CONFIG_DEVICE_OPTION_H

#include <stddef.h>

#include <device-kinds/kind.h>
#include <vmm-sys-util/error.h>

#include "config/device_spec.h"

/* Finds a kind by its name or option: "blk" or "disk". NULL: unknown. */
const struct devkind *vmm_device_kind_named(const char *name,
					    size_t len);

/* The option for this kind, such as "disk", or NULL. */
const char *vmm_device_shorthand(const struct devkind *kind);

/* Descriptors that were passed with a list, which names them by other numbers. */
struct vmm_device_fds {
	void *opaque;
	/* The descriptor of the digits that *at points to, which moves behind them; word is their item. */
	int (*find)(void *opaque, const char *word, const char **at, struct vsu_error *err);
	/* Called after the last key: an error if one is not used. */
	int (*end)(void *opaque, struct vsu_error *err);
};

/*
 * Parses one option; the spec has the descriptors that the list names. Fails also as fds do. Without
 * fds the numbers are of this process.
 */
int vmm_device_option_parse(const struct vmm_device_option *option, const struct vmm_device_fds *fds,
			    struct vmm_device_spec *spec, struct vsu_error *err);

/*
 * Writes the list that vmm_device_option_parse() reads as this spec, for --device or the option of its
 * kind, with the names of the keys in the order of their table. Values of 0 are left out. names:
 * an image that is a descriptor with a name ("fd:17:/srv/a.img") is written as that name. The
 * caller frees *out. -E2BIG: the reader would refuse the length; -ENOMEM.
 */
int vmm_device_option_write(const struct vmm_device_spec *spec, enum vmm_device_how how, bool names,
			    char **out, struct vsu_error *err);

#endif
