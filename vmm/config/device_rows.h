/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The keys of a device's property list, as tables: first those of its kind, or of
 * devices selected by id, then those common to all devices.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_DEVICE_ROWS_H
#define VMM_CONFIG_DEVICE_ROWS_H

#include <vmm-sys-util/option_place.h>

#include "config/device_spec.h"

/* Keys of devices selected by id. */
enum {
	VMM_KEY_ID,
	VMM_KEY_CONFIG_SIZE,
	VMM_KEY_ALLOW_FUSE,
	VMM_KEY_MAX_MAPPINGS,
	VMM_KEY_MAX_WINDOW_BYTES,
	VMM_KEY_TAG,
	VMM_KEY_MAX_MAPPED_BYTES,
	VMM_KEYS_ANY,
};

/* Common keys, relative to the first one. */
enum {
	VMM_KEY_BACKEND,
	VMM_KEY_QUEUES,
	VMM_KEY_QUEUE_SIZE,
	VMM_KEY_RECONNECT,
	VMM_KEY_READ_ONLY_WINDOWS,
	VMM_KEYS_COMMON,
};

/* A key that is not of a kind. */
struct vmm_spec_key {
	struct vsu_option option;
	enum devkind_refers refers;
	struct vsu_place place; /* in struct vmm_device_spec, of a value that is only stored */
};

extern const struct vmm_spec_key vmm_common_keys[VMM_KEYS_COMMON];
extern const struct vmm_spec_key vmm_any_keys[VMM_KEYS_ANY];

/* Rows of keys and of aliases, including the terminator. */
#define VMM_DEVICE_ROWS \
	(DEVKIND_MAX_KEYS + VMM_KEYS_COMMON + DEVKIND_ALIAS_ROWS)

/*
 * Fills the keys of a kind; NULL: of devices selected by id. Returns how many
 * precede the common keys.
 */
unsigned int vmm_device_rows(const struct devkind *kind,
			     struct vsu_option rows[VMM_DEVICE_ROWS]);

#endif
