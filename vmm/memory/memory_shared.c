/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory that other processes can have too: the check of its options, and its lock. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "memory/memory.h"

/*
 * A lock on one byte far beyond the content of the first shared file, by an open file
 * description of its own: locks of the received description would be the other process's
 * too. Locks of pieces of named files (vm-memory/lock.c) are on their content.
 */
#define LOCKED_BYTE (INT64_MAX - 1)

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
					     who, memory->requests[i].name);
		if (!(vmem_block_flags(block) & VMEM_BLOCK_SHARED) &&
		    !(vmem_block_flags(block) & VMEM_BLOCK_ROM))
			return vsu_error_set(err, -EINVAL,
					     "%s needs memory that can be shared: %s has share=off; use share=on",
					     who, memory->requests[i].name);
	}
	return 0;
}

static const struct vmem_block *first_shared(const struct vmm_memory *memory)
{
	const uint32_t both = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		if (vmem_block_fd(memory->blocks[i]) >= 0 &&
		    (vmem_block_flags(memory->blocks[i]) & both) == both &&
		    vmem_block_kind(memory->blocks[i]) != VMEM_KIND_GUEST_MEMFD)
			return memory->blocks[i];
	return NULL;
}

static int lock_file(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = LOCKED_BYTE, .l_len = 1 };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
}

int vmm_memory_lock(struct vmm_memory *memory, struct vsu_error *err)
{
	const struct vmem_block *block = first_shared(memory);
	char name[64];
	int fd, rc;

	if (!block || memory->locked)
		return 0;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", vmem_block_fd(block));
	fd = open(name, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot open the guest's memory again to lock it; a sandbox needs its folder (--sandbox=on,folder=FOLDER)");
	rc = lock_file(fd);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc == -EBUSY ?
		       vsu_error_set(err, rc, "another process runs the guest in this memory") :
		       vsu_error_sys(err, rc, "cannot lock the guest's memory");
	}
	memory->locked = true;
	memory->lock_fd = fd;
	return 0;
}

void vmm_memory_unlock(struct vmm_memory *memory)
{
	if (memory->locked)
		vsu_fd_close(&memory->lock_fd);
	memory->locked = false;
}
