/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Allocating what --memory asks for and laying it out. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/parse.h>

#include "cli/list.h"
#include "memory/memory.h"
#include "memory/prealloc.h"
#include "log.h"

#define DEFAULT_MEMORY "size=256M"
#define LIST_MAX 4608		/* a path and the other properties */

static int cut_address(struct vmm_layout_request *r, unsigned int i,
		       const char *list, char *rest, struct vsu_error *err)
{
	char value[LIST_MAX];
	int rc = vmm_list_cut(list, "at", rest, value, LIST_MAX);

	if (rc < 0)
		return vsu_error_set(err, rc, "--memory option %u is too long",
				     i + 1);
	r->has_at = rc;
	if (rc && vsu_parse_size(value, &r->at))
		return vsu_error_set(err, -EINVAL, "--memory option %u: "
			"at='%s' is not an address; write it as 0x... or with "
			"a suffix, as in 4G", i + 1, value);
	return 0;
}

static char *path_of(const char *list)
{
	char rest[LIST_MAX], path[LIST_MAX], *from, *to;

	if (vmm_list_cut(list, "mem-path", rest, path, LIST_MAX) != 1)
		return NULL;
	for (from = to = path; *from; from++) {
		from += from[0] == ',' && from[1] == ',';
		*to++ = *from;
	}
	*to = 0;
	return strdup(path);
}

/* A trial leaves what is in files. */
static int keep_data(struct vmem_backend *backend, struct vsu_error *err)
{
	return vmem_backend_value(backend, "discard-data") ?
	       vmem_backend_set(backend, "discard-data", "off", err) : 0;
}

static int parse_one(struct vmm_memory *memory, const char *list,
		     const struct vmm_options *o, bool shared,
		     struct vsu_error *err)
{
	const unsigned int i = memory->n;
	struct vmem_backend *backend;
	char rest[LIST_MAX];
	int rc = cut_address(&memory->requests[i], i, list, rest, err);

	if (rc)
		return rc;
	rc = vmem_backend_new(&backend);
	if (rc)
		return vsu_error_sys(err, rc, "--memory");
	memory->file[memory->n].path = path_of(rest);
	memory->backends[memory->n++] = backend;
	if (shared && !vmm_list_has(rest, "backend") &&
	    !vmm_list_has(rest, "share"))
		vmem_backend_set_kind(backend, VMEM_KIND_MEMFD);
	rc = vmem_backend_parse(backend, "--memory", rest, err);
	return rc || !o->dry_run ? rc : keep_data(backend, err);
}

int vmm_memory_parse(struct vmm_memory *memory, const struct vmm_options *o,
		     bool shared, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	memset(memory, 0, sizeof(*memory));
	pthread_mutex_init(&memory->repairing, NULL);
	if (!o->nmemory)
		return parse_one(memory, DEFAULT_MEMORY, o, shared, err);
	for (i = 0; !rc && i < o->nmemory; i++)
		rc = parse_one(memory, o->memory[i], o, shared, err);
	return rc;
}

/* Whether a host that has everything would take it. */
static bool is_sound(const struct vmem_backend *backend)
{
	const struct vmem_backend_facts facts = {
		.size = sizeof(facts), .host_page = VMM_PAGE,
		.page_size = VMM_PAGE, .huge_page = VMM_PAGE, .kvm = UINT32_MAX,
	};

	return !vmem_backend_check(backend, &facts, NULL);
}

/* What is refused anyway had better be refused for what is wrong with it. */
bool vmm_memory_wants_private(const struct vmm_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->n; i++)
		if (vmem_backend_value(memory->backends[i], "private") &&
		    is_sound(memory->backends[i]))
			return true;
	return false;
}

/* What is known while the memory is being made. */
struct making {
	struct vmm_memory *memory;
	const struct vmm_kvm *kvm;
	struct vsu_error *err;
};

static void look_at_file(struct vmm_memory_file *file)
{
	struct stat st = { 0 };

	file->was_there = !file->path || !stat(file->path, &st) ||
			  errno != ENOENT;
	file->was_empty = file->path && file->was_there &&
			  S_ISREG(st.st_mode) && !st.st_size;
}

static int prealloc(const struct vmem_backend *backend,
		    struct vmem_block *block, struct vsu_error *err)
{
	if (!vmem_backend_value(backend, "prealloc"))
		return 0;
	return vmm_prealloc(block, (unsigned int)
			    vmem_backend_value(backend, "prealloc-threads"),
			    err);
}

static void warn(void *opaque, const char *sentence)
{
	(void)opaque;
	prog_log(PROG_LOG_WARNING, NULL, "%s", sentence);
}

static int make_block(struct making *m, unsigned int i)
{
	struct vmm_memory *memory = m->memory;
	struct vmem_backend *backend = memory->backends[i];
	int rc;

	vmem_backend_set_sigbus(backend, memory->sigbus);
	vmem_backend_set_vm_fd(backend, m->kvm->vm_fd);
	vmem_backend_set_warn(backend, warn, NULL);
	vmem_backend_leave_prealloc(backend);
	look_at_file(&memory->file[i]);
	rc = vmem_backend_alloc(backend, &memory->blocks[i], m->err);
	if (rc)
		return rc;
	memory->nblocks = i + 1;
	memory->requests[i].size = vmem_block_len(memory->blocks[i]);
	memory->good[i] = memory->requests[i].size;
	return prealloc(backend, memory->blocks[i], m->err);
}

static bool is_shared_ram(const struct vmem_block *block)
{
	const uint32_t both = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED;

	return (vmem_block_flags(block) & both) == both;
}

/* Two pieces of memory that are the same bytes of a file would fight. */
static int check_overlap(struct making *m, unsigned int i)
{
	const struct vmm_memory *memory = m->memory;
	unsigned int k;

	for (k = 0; k < i; k++)
		if (is_shared_ram(memory->blocks[k]) &&
		    is_shared_ram(memory->blocks[i]) &&
		    vmem_blocks_overlap(memory->blocks[k], memory->blocks[i]))
			return vsu_error_set(m->err, -EINVAL, "--memory option"
				" %u: its part of the file is also that of "
				"option %u; choose another offset, or "
				"share=off", i + 1, k + 1);
	return 0;
}

static int make_blocks(struct making *m)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->memory->n; i++) {
		rc = make_block(m, i);
		if (!rc)
			rc = check_overlap(m, i);
	}
	return rc;
}

static void free_backends(struct vmm_memory *memory)
{
	while (memory->n)
		vmem_backend_free(memory->backends[--memory->n]);
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
	struct vmem_map *map = NULL;
	unsigned int i;
	int rc = vmem_space_new(&m->memory->space);

	if (!rc)
		rc = vmem_map_new(&map);
	if (rc)
		return vsu_error_sys(m->err, rc, "the map of the memory");
	for (i = 0; !rc && i < layout->n; i++)
		rc = add_region(m, &layout->pieces[i], &map);
	if (!rc)
		rc = vmem_space_publish(m->memory->space, map);
	vmem_map_unref(map);
	return rc;
}

/*
 * The first 2 MiB hold small things that are written one by one: a huge page
 * would make all of it resident before the guest has begun.
 */
static void keep_small(const struct vmm_memory *memory)
{
	const struct vmem_view *view = vmem_map_view(vmm_memory_map(memory));
	const uint64_t low = UINT64_C(2) << 20;

	if (view->n && !view->ranges[0].first && view->ranges[0].span >= low)
		madvise(view->ranges[0].hva, low, MADV_NOHUGEPAGE);
}

int vmm_memory_make(struct vmm_memory *memory, const struct vmm_kvm *kvm,
		    struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	struct making m = { .memory = memory, .kvm = kvm, .err = err };
	int rc;

	memory->sigbus = sigbus;
	rc = make_blocks(&m);
	if (!rc)
		rc = vmm_layout_memory(memory->requests, memory->nblocks,
				       kvm->phys_bits, &memory->layout, err);
	if (!rc)
		rc = publish(&m);
	if (!rc)
		keep_small(memory);
	free_backends(memory);
	return rc;
}

void vmm_memory_keep_files(struct vmm_memory *memory)
{
	unsigned int i;

	for (i = 0; i < VMM_MAX_MEMORY; i++) {
		free(memory->file[i].path);
		memory->file[i].path = NULL;
	}
}

/* Of a block that was never made there is no file, or not ours. */
static void undo_files(struct vmm_memory *memory)
{
	const struct vmm_memory_file *file;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++) {
		file = &memory->file[i];
		if (file->path && !file->was_there)
			unlink(file->path);
		else if (file->path && file->was_empty &&
			 ftruncate(vmem_block_fd(memory->blocks[i]), 0))
			errno = 0;	/* it is longer, and all zeros */
	}
	vmm_memory_keep_files(memory);
}

void vmm_memory_free(struct vmm_memory *memory)
{
	unsigned int i;

	undo_files(memory);
	vmem_space_free(memory->space);
	for (i = 0; i < memory->nblocks; i++)
		vmem_block_unref(memory->blocks[i]);
	free_backends(memory);
	pthread_mutex_destroy(&memory->repairing);
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
