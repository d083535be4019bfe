/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The pieces of guest memory that are specified. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory_specs.h"

#define PRESET_NAME "the default memory of 256 MiB"

void vmm_memory_specs_name(const struct vmm_memory_specs *specs, unsigned int i,
			   char *name, size_t size)
{
	if (specs->preset)
		snprintf(name, size, "%s", PRESET_NAME);
	else if (specs->n == 1)
		snprintf(name, size, "%s", specs->what);
	else
		snprintf(name, size, "%s %u", specs->what, i + 1);
}

bool vmm_memory_specs_private(const struct vmm_memory_specs *specs)
{
	unsigned int i;

	for (i = 0; i < specs->n; i++)
		if (vmem_backend_value(specs->list[i].backend, "private"))
			return true;
	return false;
}

void vmm_memory_specs_free(struct vmm_memory_specs *specs)
{
	unsigned int i;

	for (i = 0; i < VMM_MAX_PIECES; i++)
		vmem_backend_free(specs->list[i].backend);
	memset(specs, 0, sizeof(*specs));
}
