/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory that other processes can have too: the check of its options, and its lock. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "cvmm/configuration.h"
#include "memory/memory.h"

/*
 * Locks on pieces that two processes have after a migration, each by an open file
 * description of its own: locks of the received description would be the other process's
 * too. Page n of a file is locked at n + LOCK_BASE, which is beyond the content of any
 * file, and below the locks of pieces of named files (vm-memory/src/lock.c).
 */
#define LOCK_BASE (INT64_C(1) << 61)

int vmm_memory_check_shared(const struct vmm_memory *memory, const char *who,
			    struct vsu_error *err)
{
	const struct vmem_block *block;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++) {
		block = memory->blocks[i];
		if (vmem_block_fd(block) < 0)
			return vsu_error_set(err, -EINVAL,
					     "%s needs memory that can be shared: %s has no file behind it; use backend=memfd",
					     who, memory->items[i].name);
		if (!(vmem_block_flags(block) & VMEM_BLOCK_SHARED) &&
		    !(vmem_block_flags(block) & VMEM_BLOCK_ROM))
			return vsu_error_set(err, -EINVAL,
					     "%s needs memory that can be shared: %s has share=off; use share=on",
					     who, memory->items[i].name);
	}
	return 0;
}

/* ------------------------------------------------------------------------ locks */

/* The pages of a piece, as positions of locks. */
static struct flock lock_of(const struct vmem_block *block, short type)
{
	const uint64_t pos = vmem_block_file_pos(block, 0);
	const uint64_t first = pos / VARCH_PAGE;
	const uint64_t last = (pos + vmem_block_len(block) - 1) / VARCH_PAGE;

	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET,
		.l_start = LOCK_BASE + (int64_t)first, .l_len = (int64_t)(last - first + 1),
	};
}

static int refuse_lock(int code, struct vsu_error *err)
{
	vsu_error_sys(err, code, "cannot open the guest's memory again to lock it");
	(void)vsu_error_operands(err, CVMM_ADVICE_FOLDER, 0, 0);
	return code;
}

static int open_lock(struct vmm_memory *memory, unsigned int i, struct vsu_error *err)
{
	char name[64];
	int fd;

	if (memory->lock_open >> i & 1)
		return 0;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", vmem_block_fd(memory->blocks[i]));
	fd = open(name, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return refuse_lock(-errno, err);
	memory->lock_fd[i] = fd;
	memory->lock_open |= UINT64_C(1) << i;
	return 0;
}

int vmm_memory_open_locks(struct vmm_memory *memory, uint64_t pieces,
			  struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < memory->nblocks; i++)
		if (pieces >> i & 1)
			rc = open_lock(memory, i, err);
	return rc;
}

static int lock_piece(struct vmm_memory *memory, unsigned int i, struct vsu_error *err)
{
	struct flock lock = lock_of(memory->blocks[i], F_WRLCK);

	if (fcntl(memory->lock_fd[i], F_OFD_SETLK, &lock) == 0) {
		memory->locked |= UINT64_C(1) << i;
		return 0;
	}
	return errno == EACCES || errno == EAGAIN ?
	       vsu_error_set(err, -EBUSY, "another process runs the guest in this memory") :
	       vsu_error_sys(err, -errno, "cannot lock the guest's memory");
}

static void unlock_pieces(struct vmm_memory *memory, uint64_t pieces)
{
	struct flock lock;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++) {
		if (!(memory->locked & pieces & UINT64_C(1) << i))
			continue;
		lock = lock_of(memory->blocks[i], F_UNLCK);
		(void)!fcntl(memory->lock_fd[i], F_OFD_SETLK, &lock);
	}
	memory->locked &= ~pieces;
}

int vmm_memory_lock(struct vmm_memory *memory, uint64_t pieces, struct vsu_error *err)
{
	const uint64_t before = memory->locked;
	unsigned int i;
	int rc = vmm_memory_open_locks(memory, pieces, err);

	for (i = 0; !rc && i < memory->nblocks; i++)
		if (pieces & ~before & UINT64_C(1) << i)
			rc = lock_piece(memory, i, err);
	if (rc < 0)
		unlock_pieces(memory, ~before);
	return rc;
}

void vmm_memory_unlock(struct vmm_memory *memory)
{
	unlock_pieces(memory, UINT64_MAX);
}

void vmm_memory_close_locks(struct vmm_memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		if (memory->lock_open >> i & 1)
			vsu_fd_close(&memory->lock_fd[i]);
	memory->lock_open = memory->locked = 0;
}

/* ------------------------------------------------------------------------- owner */

uint64_t vmm_memory_given(const struct vmm_memory *memory)
{
	uint64_t pieces = 0;
	unsigned int i;

	for (i = 0; i < VMM_MAX_PIECES; i++)
		if (memory->given[i].len)
			pieces |= UINT64_C(1) << i;
	return pieces;
}

void vmm_memory_set_owner(const struct vmm_memory *memory, uint64_t pieces, bool owner)
{
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		if (pieces >> i & 1)
			vmem_block_set_owner(memory->blocks[i], owner);
}
