/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The keys of options of devices and memory, and kinds of devices, from the tables of the parsers. */
#include <config.h>

#include <string.h>

#include <device-kinds/kind.h>

#include "cvmm/option_table.h"
#include "config/device_option.h"
#include "config/device_rows.h"
#include "config/option_rows.h"
#include "memory/memory_options.h"

/* Returns the number of rows with the terminator. */
static size_t copy_rows(const struct vsu_option *rows, struct vsu_option *table, size_t n)
{
	size_t count = 0;

	do {
		if (count < n)
			table[count] = rows[count];
	} while (rows[count++].name);
	return count;
}

size_t cvmm_option_keys(const char *name, struct vsu_option *table, size_t n, size_t *common)
{
	const struct vmm_option_row *row = name ? vmm_option_named(name, strlen(name)) : NULL;
	struct vsu_option keys[VMM_DEVICE_ROWS], of_memory[VMM_MEMORY_ROWS];
	unsigned int first;

	if (name && !strcmp(name, "memory")) {
		vmm_memory_rows(of_memory);
		return copy_rows(of_memory, table, n);
	}
	if (!row || !row->how || row->option.kind == VSU_OPTION_OPERAND)
		return 0;
	first = vmm_device_rows(vmm_option_kind(row), keys);
	if (common)
		*common = first;
	return copy_rows(keys, table, n);
}

const char *cvmm_option_kind(const char *name)
{
	const struct devkind *kind = name ? vmm_device_kind_named(name, strlen(name)) : NULL;

	return kind ? kind->name : NULL;
}

const char *cvmm_option_of_kind(const char *name)
{
	const struct devkind *kind = name ? devkind_find(name, strlen(name)) : NULL;

	return kind ? vmm_device_shorthand(kind) : NULL;
}
