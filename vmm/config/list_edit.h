/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Writes the list of a device again with other values, and keeps all else as it was typed.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_LIST_EDIT_H
#define VMM_CONFIG_LIST_EDIT_H

#include "config/device.h"

/* An item of the list. */
struct vmm_list_item {
	const struct vmm_device_key *key; /* of the device's kind; else NULL */
	const char *text;	/* as typed; commas of the value are doubled */
	const char *value;	/* in text; NULL: a key alone, or the device's kind */
};

/* The change of an item: insert replaces len bytes of its text at this position. */
struct vmm_list_change {
	bool drop;		/* the whole item */
	size_t at, len;
	char insert[24];
};

/* Fills in a change, which is none so far. */
typedef int (*vmm_list_fn)(void *opaque, const struct vmm_list_item *item,
			   struct vmm_list_change *change, struct vsu_error *err);

/* The caller frees *out. Fails with the result of fn, or -ENOMEM. */
int vmm_list_edit(const struct vmm_device_option *option, vmm_list_fn fn, void *opaque,
		  char **out, struct vsu_error *err);

/*
 * The option's list with these keys ("rate=1M,iops=100") in place of its own. For an
 * operand it is the list of --disk.
 */
int vmm_list_set_keys(const struct vmm_device_option *option, const char *keys,
		      char **out, struct vsu_error *err);

/* The digits of a descriptor's number in the item's value, or NULL. */
const char *vmm_list_item_digits(const struct vmm_list_item *item);

/* The list of --device with names in place of descriptors of this process: "fd:17:/srv/a.img". */
int vmm_list_name_files(const char *list, char **out, struct vsu_error *err);

#endif
