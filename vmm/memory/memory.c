/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Allocation and layout of the guest's memory. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <device-kinds/disk.h>
#include <vm-memory/kvm.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/file_value.h>

#include "memory/memory.h"
#include "owner/owner.h"

/* --------------------------------------------------- what is specified, and checked */

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
	struct varch_place_item *item = &memory->items[memory->n];
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
	struct varch_places layout;
	unsigned int i;
	uint64_t size;

	for (i = 0; i < memory->n; i++) {
		size = vmem_backend_value(memory->backends[i], "size");
		if (!vsu_align_up_overflow(size, VARCH_PAGE, &size))
			memory->items[i].size = size;
	}
	return varch_place_memory(memory->items, memory->n, VARCH_MAX_PHYS_BITS,
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

/* ----------------------------------------------------------------- the allocation */

bool vmm_memory_wants_private(const struct vmm_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->n; i++)
		if (vmem_backend_value(memory->backends[i], "private"))
			return true;
	for (i = 0; i < memory->nblocks; i++)
		if (vmem_block_private_fd(memory->blocks[i]) >= 0)
			return true;
	return false;
}

/* State during the allocation. */
struct making {
	struct vmm_memory *memory;
	const struct varch_vm *kvm;
	struct vsu_error *err;
};

static int look_at_file(struct vmm_memory_file *file, const char *path)
{
	struct stat st = { 0 };

	file->was_there = true;
	if (!path)
		return 0;
	file->path = strdup(path);
	if (!file->path)
		return -ENOMEM;
	file->was_there = vsu_file_value_stat(path, &st) != -ENOENT;
	file->was_empty = file->was_there && S_ISREG(st.st_mode) && !st.st_size;
	return 0;
}

static void log_warning(void *opaque, const char *sentence)
{
	const struct vmm_memory_warn *warn = opaque;

	vmm_log(warn->log, CVMM_LOG_WARNING, NULL, "%s: %s", warn->name, sentence);
}

static bool is_file_at(const struct vmem_block *block, const struct stat *st)
{
	struct stat own;

	return vmem_block_fd(block) >= 0 && !fstat(vmem_block_fd(block), &own) &&
	       own.st_dev == st->st_dev && own.st_ino == st->st_ino;
}

/*
 * True if an earlier piece of this memory created the file, or filled it when
 * it was empty. Then it may grow for this piece, too, in any order of offsets.
 */
static bool was_made_here(const struct vmm_memory *memory, const char *path)
{
	const struct vmm_memory_file *file = memory->file;
	struct stat st;
	unsigned int k;

	if (!path || vsu_file_value_stat(path, &st) < 0)
		return false;
	for (k = 0; k < memory->nblocks; k++)
		if ((!file[k].was_there || file[k].was_empty) &&
		    is_file_at(memory->blocks[k], &st))
			return true;
	return false;
}

/* The other process has populated and locked it. */
static int make_given(struct making *m, unsigned int i)
{
	const struct vmm_memory_given *given = &m->memory->given[i];

	return vmem_backend_alloc_fd(m->memory->backends[i], given->fd, given->fd_offset,
				     given->len, &m->memory->blocks[i], m->err);
}

/* A file that was passed is not opened. */
static int set_file(struct vmem_backend *backend, const char *text, struct vsu_error *err)
{
	struct vsu_file_value v;
	int rc;

	if (!text || !vsu_file_value_is_fd(text))
		return 0;
	rc = vsu_file_value_read(text, &v, err);
	if (!rc)
		vmem_backend_set_file(backend, v.fd);
	return rc < 0 ? vsu_error_prefix(err, rc, "mem-path") : 0;
}

static int make_block(struct making *m, unsigned int i)
{
	struct vmm_memory *memory = m->memory;
	struct vmem_backend *backend = memory->backends[i];
	const char *path = vmem_backend_text(backend, "mem-path");
	int rc;

	vmem_backend_set_vm_fd(backend, m->kvm->vm_fd);
	vmem_backend_leave_prealloc(backend);
	rc = set_file(backend, path, m->err);
	if (rc < 0)
		return rc;
	rc = look_at_file(&memory->file[i], path);
	if (rc < 0)
		return vsu_error_sys(m->err, rc, "mem-path");
	if (was_made_here(memory, path))
		vmem_backend_allow_growth(backend);
	return vmem_backend_alloc(backend, &memory->blocks[i], m->err);
}

static bool is_shared_ram(const struct vmem_block *block)
{
	const uint32_t both = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED;

	return (vmem_block_flags(block) & both) == both;
}

/* Two pieces of memory must not use the same bytes of a file. */
static int check_overlap(struct making *m, unsigned int i)
{
	const struct vmm_memory *memory = m->memory;
	unsigned int k;

	for (k = 0; k < i; k++)
		if (is_shared_ram(memory->blocks[k]) &&
		    is_shared_ram(memory->blocks[i]) &&
		    vmem_blocks_overlap(memory->blocks[k], memory->blocks[i]))
			return vsu_error_set(m->err, -EINVAL,
					     "its part of the file overlaps that of %s; choose another offset, or share=off",
					     memory->items[k].name);
	return 0;
}

static int make_checked(struct making *m, unsigned int i)
{
	struct vmm_memory *memory = m->memory;
	int rc;

	vmem_backend_set_sigbus(memory->backends[i], memory->sigbus);
	vmem_backend_set_gpa(memory->backends[i], memory->items[i].at);
	vmem_backend_set_warn(memory->backends[i], log_warning, &memory->warn[i]);
	rc = memory->given[i].len ? make_given(m, i) : make_block(m, i);
	if (rc < 0)
		return rc;
	memory->nblocks = i + 1;
	memory->good[i] = memory->items[i].size = vmem_block_len(memory->blocks[i]);
	return check_overlap(m, i);
}

/* True if piece i reads bytes that another piece of this machine writes. */
static bool reads_own_ram(const struct vmm_memory *memory, unsigned int i)
{
	unsigned int k;

	for (k = 0; k < memory->n; k++)
		if (k != i && is_shared_ram(memory->blocks[k]) &&
		    vmem_blocks_overlap(memory->blocks[k], memory->blocks[i]))
			return true;
	return false;
}

/* Locks the bytes of a named file against other machines. */
static int lock_block(struct making *m, unsigned int i)
{
	struct vmm_memory *memory = m->memory;
	struct vsu_error why = VSU_ERROR_INIT;
	int rc;

	if (!memory->file[i].path || reads_own_ram(memory, i))
		return 0;
	rc = vmem_block_lock(memory->blocks[i], &why);
	if (rc == -EOPNOTSUPP) {
		log_warning(&memory->warn[i], why.msg);
		return 0;
	}
	if (rc < 0 && m->err)
		*m->err = why;
	return rc;
}

static int prealloc_block(struct making *m, unsigned int i)
{
	const struct vmem_backend *backend = m->memory->backends[i];

	if (m->memory->given[i].len || !vmem_backend_value(backend, "prealloc"))
		return 0;
	return vmem_block_prealloc(m->memory->blocks[i],
				   (unsigned int)vmem_backend_value(backend, "prealloc-threads"),
				   m->memory->threads, m->err);
}

/* Executes step for every piece, and names the one that fails. */
static int for_each_block(struct making *m,
			  int (*step)(struct making *m, unsigned int i))
{
	unsigned int i;
	int rc;

	for (i = 0; i < m->memory->n; i++) {
		rc = step(m, i);
		if (rc < 0)
			return vsu_error_prefix(m->err, rc, "%s",
						m->memory->items[i].name);
	}
	return 0;
}

static void free_backends(struct vmm_memory *memory)
{
	while (memory->n)
		vmem_backend_free(memory->backends[--memory->n]);
}

static int add_region(struct making *m, const struct varch_place *piece,
		      struct vmem_map **map)
{
	struct vmem_region_desc desc = {
		.block = m->memory->blocks[piece->item],
		.offset = piece->offset, .gpa = piece->gpa, .len = piece->len,
	};
	struct vmem_region *region;
	struct vmem_map *next;
	int rc = vmem_region_new(&desc, &region, m->err);

	if (rc < 0)
		return rc;
	rc = vmem_map_add(*map, region, &next, m->err);
	vmem_region_unref(region);
	if (rc < 0)
		return rc;
	vmem_map_unref(*map);
	*map = next;
	return 0;
}

static int map_publish(struct making *m)
{
	const struct varch_places *layout = &m->memory->layout;
	struct vmem_map *map = NULL;
	unsigned int i;
	int rc = vmem_space_new(&m->memory->space);

	if (!rc)
		rc = vmem_map_new(&map);
	if (rc < 0)
		return vsu_error_sys(m->err, rc, "the map of the memory");
	for (i = 0; !rc && i < layout->n; i++)
		rc = add_region(m, &layout->pieces[i], &map);
	if (!rc)
		rc = vmem_space_publish(m->memory->space, map);
	vmem_map_unref(map);
	return rc;
}

/*
 * The first 2 MiB hold small structures. A huge page would make all of it
 * resident before the guest starts.
 */
static void keep_small(const struct vmm_memory *memory)
{
	const struct vmem_view *view = vmem_map_view(vmm_memory_map(memory));
	const uint64_t low = UINT64_C(2) << 20;

	if (view->n && !view->ranges[0].first && view->ranges[0].span >= low)
		madvise(view->ranges[0].hva, low, MADV_NOHUGEPAGE);
}

int vmm_memory_make(struct vmm_memory *memory, const struct varch_vm *kvm,
		    struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	struct making m = { .memory = memory, .kvm = kvm, .err = err };
	int rc;

	memory->sigbus = sigbus;
	rc = for_each_block(&m, make_checked);
	if (!rc)
		rc = for_each_block(&m, lock_block);
	if (!rc)
		rc = for_each_block(&m, prealloc_block);
	if (!rc)
		rc = varch_place_memory(memory->items, memory->nblocks,
				       kvm->phys_bits, &memory->layout, err);
	if (!rc)
		rc = map_publish(&m);
	if (!rc)
		keep_small(memory);
	free_backends(memory);
	return rc;
}

void vmm_memory_keep_files(struct vmm_memory *memory)
{
	unsigned int i;

	for (i = 0; i < VMM_MAX_PIECES; i++) {
		free(memory->file[i].path);
		memory->file[i].path = NULL;
	}
}

/* If a block was not allocated, its file does not exist or is not ours. */
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
			errno = 0;	/* longer than before, and all zeros */
	}
	vmm_memory_keep_files(memory);
}

void vmm_memory_free(struct vmm_memory *memory)
{
	unsigned int i;

	undo_files(memory);
	vmm_memory_close_locks(memory);
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

int vmm_memory_piece(const struct vmm_memory *memory,
		     const struct vmem_region *region)
{
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		if (memory->blocks[i] == vmem_region_block(region))
			return (int)i;
	return -1;
}

bool vmm_memory_has(const struct vmm_memory *memory,
		    const struct vmem_region *region)
{
	return vmm_memory_piece(memory, region) >= 0;
}

int vmm_memory_check_images(const struct vmm_memory *memory, struct vsu_error *err)
{
	const char *path, *format;
	unsigned int i;

	for (i = 0; i < memory->n; i++) {
		path = vmem_backend_text(memory->backends[i], "mem-path");
		if (!path || !vmem_backend_value(memory->backends[i], "share") ||
		    vmem_backend_value(memory->backends[i], "readonly"))
			continue;
		format = devkind_disk_format(path);
		if (format)
			return vsu_error_set(err, -EINVAL, "%s: mem-path '%s' begins like a %s image of a disk, which the guest would overwrite; name another file, or give share=off",
					     memory->items[i].name, vsu_file_value_name(path), format);
	}
	return 0;
}

int vmm_memory_check_disk(const struct vmm_memory *memory, const char *text,
			  bool read_only, struct vsu_error *err)
{
	struct stat st;
	unsigned int i;

	if (vsu_file_value_stat(text, &st) < 0)
		return 0;	/* opening it reports the error */
	for (i = 0; i < memory->nblocks; i++)
		if (is_file_at(memory->blocks[i], &st) &&
		    (!read_only || is_shared_ram(memory->blocks[i])))
			return vsu_error_set(err, -EINVAL,
					     "disk '%s' is also the file of %s; a disk needs a file of its own, as it is locked as a whole, also where the memory does not use it",
					     vsu_file_value_name(text), memory->items[i].name);
	return 0;
}
