/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The life of a block: references, properties, destruction. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#include "priv.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

struct vmem_block *vmem_priv_block_new(enum vmem_kind kind)
{
	struct vmem_block *block = malloc(sizeof(*block));

	if (block)
		*block = (struct vmem_block){
			.refs = 1,
			.kind = kind,
			.fd = -1,
			.private_fd = -1,
			.page_size = vmem_priv_host_page(),
			.sigbus_slot = VMEM_NO_SLOT,
		};
	return block;
}

int vmem_priv_block_map(struct vmem_block *block,
			struct vmem_priv_map_request *req,
			struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	int rc;

	req->fd = block->fd;
	rc = vmem_priv_map(req, &block->mapping);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot map %#zx bytes",
				     req->len);
	block->map_prot = req->prot;
	block->map_flags = req->flags;
	if (!sigbus)
		return 0;
	rc = vmem_priv_sigbus_enter(sigbus, &block->mapping, req,
				    block->page_size, &block->fate,
				    &block->sigbus_slot);
	if (rc < 0)
		return vsu_error_set(err, rc, "too many mappings: the SIGBUS table of this program is full");
	block->sigbus = sigbus;
	return 0;
}

/* Leaves the table first: its entry must never cover the memory of another block. */
static void mapping_leave(struct vmem_block *block,
			  struct vmem_priv_areas *areas)
{
	if (block->discards && block->mapping.hva &&
	    __atomic_load_n(&block->owner, __ATOMIC_RELAXED))
		madvise(block->mapping.hva, block->mapping.len, MADV_REMOVE);
	if (block->sigbus)
		vmem_priv_sigbus_leave(block->sigbus, block->sigbus_slot);
	vmem_priv_areas_add(areas, &block->mapping);
}

/* Consecutive descriptor numbers, ascending or descending. */
struct run {
	int from;
	unsigned int n;
};

/*
 * The fds of one memory table arrive in one message and usually have
 * consecutive numbers.
 */
static void run_add(struct run *run, int fd)
{
	if (fd < 0)
		return;
	if (run->n && fd != run->from - 1 && fd != run->from + (int)run->n) {
		vsu_fd_close_run(run->from, run->n);
		run->n = 0;
	}
	if (!run->n || fd < run->from)
		run->from = fd;
	run->n++;
}

static void block_free(struct vmem_block *block, struct run *run)
{
	if (block->closer)
		vsu_foreign_close(block->closer, &block->fd);
	run_add(run, block->fd);
	vsu_fd_close(&block->private_fd);
	free(block);
}

/* Unmaps all blocks before the first descriptor is closed, which may free pages. */
void vmem_priv_blocks_destroy(struct vmem_block *gone)
{
	struct vmem_priv_areas areas = { NULL, 0 };
	struct run run = { 0, 0 };
	struct vmem_block *block;

	if (!gone)
		return;
	for (block = gone; block; block = block->next_gone)
		mapping_leave(block, &areas);
	vmem_priv_areas_unmap(&areas);
	vmem_priv_reservation_release(gone);
	while ((block = gone)) {
		gone = block->next_gone;
		block_free(block, &run);
	}
	vsu_fd_close_run(run.from, run.n);
}

struct vmem_block *vmem_block_ref(struct vmem_block *block)
{
	__atomic_fetch_add(&block->refs, 1, __ATOMIC_RELAXED);
	return block;
}

void vmem_priv_block_drop(struct vmem_block *block, struct vmem_block **gone)
{
	if (__atomic_fetch_sub(&block->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	block->next_gone = *gone;
	*gone = block;
}

struct vmem_block *vmem_block_unref(struct vmem_block *block)
{
	struct vmem_block *gone = NULL;

	if (block)
		vmem_priv_block_drop(block, &gone);
	vmem_priv_blocks_destroy(gone);
	return NULL;
}

void vmem_blocks_unref(struct vmem_block *const *blocks, size_t n)
{
	struct vmem_block *gone = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		vmem_priv_block_drop(blocks[i], &gone);
	vmem_priv_blocks_destroy(gone);
}

enum vmem_kind vmem_block_kind(const struct vmem_block *block)
{
	return block->kind;
}

uint32_t vmem_block_flags(const struct vmem_block *block)
{
	return block->flags;
}

unsigned char *vmem_block_hva(const struct vmem_block *block)
{
	return block->hva;
}

uint64_t vmem_block_len(const struct vmem_block *block)
{
	return block->len;
}

uint64_t vmem_block_page_size(const struct vmem_block *block)
{
	return block->page_size;
}

int vmem_block_fd(const struct vmem_block *block)
{
	return block->fd;
}

uint64_t vmem_block_file_pos(const struct vmem_block *block, uint64_t off)
{
	return block->fd_offset + off;
}

uint32_t vmem_block_seals(const struct vmem_block *block)
{
	int seals = block->fd < 0 ? -1 : fcntl(block->fd, F_GET_SEALS);

	return seals < 0 ? 0 : (uint32_t)seals;
}

void vmem_block_set_owner(struct vmem_block *block, bool owner)
{
	__atomic_store_n(&block->owner, owner, __ATOMIC_RELAXED);
}

bool vmem_block_is_prealloc(const struct vmem_block *block)
{
	return block->prealloc;
}

bool vmem_block_failed(const struct vmem_block *block)
{
	return __atomic_load_n(&block->fate.failed, __ATOMIC_SEQ_CST);
}

bool vmem_block_damaged(const struct vmem_block *block, uint64_t *off)
{
	const struct vmem_priv_fate *fate = &block->fate;
	const uint64_t hva = (uint64_t)(uintptr_t)block->hva;
	uint64_t at;

	if (!__atomic_load_n(&fate->damaged, __ATOMIC_SEQ_CST))
		return false;
	at = __atomic_load_n(&fate->damaged_at, __ATOMIC_SEQ_CST);
	*off = at > hva ? at - hva : 0;	/* a block may begin inside a page */
	return true;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && !fstat(a, &x) && !fstat(b, &y) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool vmem_blocks_overlap(const struct vmem_block *a, const struct vmem_block *b)
{
	return same_file(a->fd, b->fd) &&
	       vsu_ranges_overlap(vmem_block_file_pos(a, 0), a->len,
				  vmem_block_file_pos(b, 0), b->len);
}
