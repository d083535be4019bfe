/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks the pieces of guest memory, and prepares the memory of a machine. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checked.h>

#include "memory/memory.h"
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

/* Applies circumstances that are not part of the properties. */
static int apply_use(struct vmem_backend *backend, const struct vmm_memory_use *use,
		     struct vsu_error *err)
{
	if (use->shared && !vmem_backend_given(backend, "backend") &&
	    !vmem_backend_given(backend, "share"))
		vmem_backend_set_kind(backend, VMEM_KIND_MEMFD);
	return use->trial && vmem_backend_value(backend, "discard-data") ?
	       vmem_backend_set(backend, "discard-data", "off", err) : 0;
}

/*
 * Checks the properties for a host that supports everything. So an invalid option is
 * rejected before any file is opened, and equally on all hosts.
 */
static int check_sound(const struct vmem_backend *backend,
		       struct vsu_error *err)
{
	const struct vmem_backend_facts facts = {
		.size = sizeof(facts), .host_page = VARCH_PAGE,
		.page_size = VARCH_PAGE, .huge_page = VARCH_PAGE,
		.kvm = UINT32_MAX,
	};

	return vmem_backend_check(backend, &facts, err);
}

static int copy_piece(struct vmm_memory *memory, const struct vmm_memory_spec *spec,
		      const struct vmm_memory_use *use, struct vsu_error *err)
{
	struct vmm_layout_item *item = &memory->items[memory->n];
	struct vmem_backend *backend;
	int rc = vmem_backend_copy(spec->backend, &backend);

	if (rc < 0)
		return vsu_error_sys(err, rc, "%s", item->name);
	memory->backends[memory->n++] = backend;
	item->has_at = spec->has_at;
	item->at = spec->at;
	rc = apply_use(backend, use, err);
	if (!rc)
		rc = check_sound(backend, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", item->name) : 0;
}

/* Checks the addresses for the widest processor. */
static int check_addresses(struct vmm_memory *memory, struct vsu_error *err)
{
	struct vmm_layout layout;
	unsigned int i;
	uint64_t size;

	for (i = 0; i < memory->n; i++) {
		size = vmem_backend_value(memory->backends[i], "size");
		if (!vsu_align_up_overflow(size, VARCH_PAGE, &size))
			memory->items[i].size = size;
	}
	return vmm_layout_memory(memory->items, memory->n, VMM_MAX_PHYS_BITS,
				 &layout, err);
}

int vmm_memory_init(struct vmm_memory *memory, const struct vmm_memory_specs *specs,
		    const struct vmm_memory_use *use, struct vsu_error *err)
{
	static const struct vmm_memory_use none = { .log = NULL };
	unsigned int i;
	int rc = 0;

	use = use ? use : &none;
	memset(memory, 0, sizeof(*memory));
	memory->threads = use->threads;
	pthread_mutex_init(&memory->repairing, NULL);
	for (i = 0; i < specs->n; i++) {
		vmm_memory_specs_name(specs, i, memory->items[i].name,
				      sizeof(memory->items[i].name));
		memory->warn[i] = (struct vmm_memory_warn){ use->log, memory->items[i].name };
	}
	for (i = 0; rc >= 0 && i < specs->n; i++)
		rc = copy_piece(memory, &specs->list[i], use, err);
	return rc < 0 ? rc : check_addresses(memory, err);
}

int vmm_memory_specs_check(const struct vmm_memory_specs *specs, const struct vmm_memory_use *use,
			   struct vsu_error *err)
{
	struct vmm_memory *memory = calloc(1, sizeof(*memory));
	int rc;

	if (!memory)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = vmm_memory_init(memory, specs, use, err);
	vmm_memory_free(memory);
	free(memory);
	return rc;
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
