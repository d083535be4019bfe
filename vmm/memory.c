/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Allocating what --memory asks for and laying it out. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/backend.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "list.h"
#include "memory.h"

#define DEFAULT_MEMORY "size=256M"
#define LIST_MAX 4608		/* a path and the other properties */

/* What is known while the memory is being made. */
struct making {
	struct vmm_memory *memory;
	const struct vmm_kvm *kvm;
	struct vmem_sigbus *sigbus;
	bool shared;
	struct vmm_layout_request requests[VMM_MAX_MEMORY];
	struct vsu_error *err;
};

static int cut_address(struct making *m, unsigned int i, const char *list,
		       char *rest)
{
	struct vmm_layout_request *r = &m->requests[i];
	char value[LIST_MAX];
	int rc = vmm_list_cut(list, "at", rest, value, LIST_MAX);

	if (rc < 0)
		return vsu_error_set(m->err, rc,
			"--memory option %u is too long", i + 1);
	r->has_at = rc;
	if (rc && vsu_parse_size(value, &r->at))
		return vsu_error_set(m->err, -EINVAL, "--memory option %u: "
			"at='%s' is not an address; write it as 0x... or with "
			"a suffix, as in 4G", i + 1, value);
	return 0;
}

/* The properties of one option, without at, into a block. */
static int make_block(struct making *m, unsigned int i, const char *list)
{
	struct vmem_backend *backend;
	int rc = vmem_backend_new(&backend);

	if (rc)
		return vsu_error_sys(m->err, rc, "--memory");
	if (m->shared && !vmm_list_has(list, "backend") &&
	    !vmm_list_has(list, "share"))
		vmem_backend_set_kind(backend, VMEM_KIND_MEMFD);
	vmem_backend_set_sigbus(backend, m->sigbus);
	vmem_backend_set_vm_fd(backend, m->kvm->vm_fd);
	rc = vmem_backend_parse(backend, "--memory", list, m->err);
	if (!rc)
		rc = vmem_backend_alloc(backend, &m->memory->blocks[i],
					m->err);
	vmem_backend_free(backend);
	if (rc)
		return rc;
	m->memory->nblocks = i + 1;
	m->requests[i].size = vmem_block_len(m->memory->blocks[i]);
	return 0;
}

/* A ROM cannot be what a guest boots in, but may be more memory for it. */
static int make_blocks(struct making *m, const struct vmm_options *o)
{
	char rest[LIST_MAX];
	unsigned int i;
	int rc = 0;

	if (!o->nmemory)
		return make_block(m, 0, DEFAULT_MEMORY);
	for (i = 0; !rc && i < o->nmemory; i++) {
		rc = cut_address(m, i, o->memory[i], rest);
		if (!rc)
			rc = make_block(m, i, rest);
	}
	return rc;
}

static int add_region(struct making *m, const struct vmm_layout_piece *piece,
		      struct vmem_map **map)
{
	struct vmem_region_desc desc = {
		.block = m->memory->blocks[piece->request],
		.offset = piece->offset, .gpa = piece->gpa, .len = piece->len,
	};
	struct vmem_region *region;
	struct vmem_map *next;
	int rc = vmem_region_new(&desc, &region, m->err);

	if (rc)
		return rc;
	rc = vmem_map_add(*map, region, &next, m->err);
	vmem_region_unref(region);
	if (rc)
		return rc;
	vmem_map_unref(*map);
	*map = next;
	return 0;
}

static int publish(struct making *m)
{
	const struct vmm_layout *layout = &m->memory->layout;
	struct vmem_map *map;
	unsigned int i;
	int rc = vmem_map_new(&map);

	for (i = 0; !rc && i < layout->n; i++)
		rc = add_region(m, &layout->pieces[i], &map);
	if (!rc)
		rc = vmem_space_new(&m->memory->space);
	if (!rc)
		rc = vmem_space_publish(m->memory->space, map);
	vmem_map_unref(map);
	return rc;
}

int vmm_memory_make(struct vmm_memory *memory, const struct vmm_options *o,
		    bool shared, const struct vmm_kvm *kvm,
		    struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	struct making m = { .memory = memory, .kvm = kvm, .sigbus = sigbus,
			    .shared = shared, .err = err };
	int rc;

	memset(memory, 0, sizeof(*memory));
	memory->sigbus = sigbus;
	rc = make_blocks(&m, o);
	if (!rc)
		rc = vmm_layout_memory(m.requests, memory->nblocks,
				       kvm->phys_bits, &memory->layout, err);
	if (!rc)
		rc = publish(&m);
	if (rc)
		vmm_memory_free(memory);
	return rc;
}

void vmm_memory_free(struct vmm_memory *memory)
{
	unsigned int i;

	vmem_space_free(memory->space);
	for (i = 0; i < memory->nblocks; i++)
		vmem_block_unref(memory->blocks[i]);
	memset(memory, 0, sizeof(*memory));
}

struct vmem_map *vmm_memory_map(const struct vmm_memory *memory)
{
	return vmem_space_current(memory->space);
}

int vmm_memory_check_shared(const struct vmm_memory *memory, const char *who,
			    struct vsu_error *err)
{
	const struct vmem_block *block;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++) {
		block = memory->blocks[i];
		if (vmem_block_fd(block) < 0)
			return vsu_error_set(err, -EINVAL, "%s needs memory "
				"that can be shared: --memory option %u has no"
				" file behind it; use backend=memfd", who,
				i + 1);
		if (!(vmem_block_flags(block) & VMEM_BLOCK_SHARED) &&
		    !(vmem_block_flags(block) & VMEM_BLOCK_ROM))
			return vsu_error_set(err, -EINVAL, "%s needs memory "
				"that can be shared: --memory option %u has "
				"share=off; use share=on", who, i + 1);
	}
	return 0;
}

/* True when the file behind a block ends within it and that was repaired. */
static bool repair_block(const struct vmm_memory *memory,
			 const struct vmem_block *block)
{
	const uint64_t pos = vmem_block_file_pos(block, 0);
	siginfo_t fault = { .si_signo = SIGBUS };
	uint64_t size, good;
	int fd = vmem_block_fd(block);

	if (fd < 0 || !memory->sigbus || vsu_fd_kind(fd) != VSU_FD_REGULAR ||
	    vsu_fd_size(fd, &size) || vmem_block_failed(block))
		return false;
	good = size > pos ? size - pos : 0;
	if (good >= vmem_block_len(block))
		return false;
	fault.si_addr = vmem_block_hva(block) + good;
	return vmem_sigbus_fix(memory->sigbus, &fault);
}

bool vmm_memory_repair(const struct vmm_memory *memory)
{
	bool repaired = false;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		repaired |= repair_block(memory, memory->blocks[i]);
	return repaired;
}
