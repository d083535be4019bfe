/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Devices that are written as the list of an option, and read again. */
#ifndef VMM_TESTS_CONFIG_WRITTEN_H
#define VMM_TESTS_CONFIG_WRITTEN_H

#include <stdlib.h>

#include "config/device_option.h"
#include "../util.h"

static inline void ck_same_key(const struct devkind *kind, unsigned int key,
			       const struct vmm_device_spec *a, const struct vmm_device_spec *b)
{
	struct vsu_option_value va, vb;
	uint32_t i = 0;
	bool more;

	do {
		more = devkind_get_value(kind, key, i, a->config, &va);
		ck_assert_int_eq(devkind_get_value(kind, key, i++, b->config, &vb), more);
		ck_assert_uint_eq(va.number, vb.number);
		ck_assert_pstr_eq(va.text, vb.text);
	} while (more);
}

/* All but the positions of strings. */
static inline void ck_same_spec(const struct vmm_device_spec *a, const struct vmm_device_spec *b)
{
	unsigned int i;

	ck_assert_ptr_eq(a->kind, b->kind);
	ck_assert_uint_eq(a->id, b->id);
	ck_assert(a->remote == b->remote && a->spawned == b->spawned && a->kernel == b->kernel);
	ck_assert(a->absent == b->absent && a->allow_fuse == b->allow_fuse);
	ck_assert(a->read_only_windows == b->read_only_windows);
	ck_assert_str_eq(a->socket, b->socket);
	ck_assert_str_eq(a->tag, b->tag);
	ck_assert_uint_eq(a->reconnect_ms, b->reconnect_ms);
	ck_assert_uint_eq(a->queues, b->queues);
	ck_assert_uint_eq(a->queue_size, b->queue_size);
	ck_assert_uint_eq(a->config_size, b->config_size);
	ck_assert_uint_eq(a->max_mappings, b->max_mappings);
	ck_assert_uint_eq(a->max_window_bytes, b->max_window_bytes);
	ck_assert_uint_eq(a->max_mapped_bytes, b->max_mapped_bytes);
	for (i = 0; a->kind && a->kind->keys[i].option.name; i++)
		ck_same_key(a->kind, i, a, b);
}

/* A spec that was read from an option, also as one of --device. */
static inline void ck_reads_back(const struct vmm_device_spec *spec, enum vmm_device_how how)
{
	struct vmm_device_option option = { how == VMM_DEVICE_DISK_PATH ? VMM_DEVICE_DISK : how, NULL };
	struct vmm_device_spec *again = malloc(sizeof(*again));
	struct vsu_error err = VSU_ERROR_INIT;
	char *list;

	for (;;) {
		ck_assert_int_eq(vmm_device_option_write(spec, option.how, false, &list, NULL), 0);
		option.list = list;
		ck_assert_msg(!vmm_device_option_parse(&option, NULL, again, &err), "'%s': %s", list, err.msg);
		ck_same_spec(spec, again);
		free(list);
		if (option.how == VMM_DEVICE_ANY)
			break;
		option.how = VMM_DEVICE_ANY;
	}
	free(again);
}

#endif
