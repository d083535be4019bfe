/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Loss of guest memory pages while the guest runs. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>

#include <vm-memory/kvm.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "memory/memory.h"

bool vmm_memory_may_shrink(const struct vmm_memory *memory)
{
	const struct vmem_block *block;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++) {
		block = memory->blocks[i];
		if (vmem_block_fd(block) >= 0 &&
		    !(vmem_block_seals(block) & F_SEAL_SHRINK))
			return true;
	}
	return false;
}

/* Bytes of the block that its file covers, in whole pages. */
static bool file_reach(const struct vmem_block *block, uint64_t *good)
{
	const uint64_t pos = vmem_block_file_pos(block, 0);
	int fd = vmem_block_fd(block);
	uint64_t size;

	if (fd < 0 || vsu_fd_kind(fd) != VSU_FD_REGULAR ||
	    vsu_fd_size(fd, &size))
		return false;
	return !vsu_align_up_overflow(size > pos ? size - pos : 0,
				      vmem_block_page_size(block), good);
}

/*
 * The first lost page of a block: the file is shorter than before, or (probe)
 * cannot provide the page.
 */
static bool find_lost(const struct vmm_memory *memory, unsigned int i,
		      bool probe, uint64_t *off, enum vmm_memory_loss *loss)
{
	const struct vmem_block *block = memory->blocks[i];

	*loss = VMM_MEMORY_CUT;
	if (file_reach(block, off) && *off < memory->good[i])
		return true;
	*loss = VMM_MEMORY_NO_ROOM;
	return probe && vmem_block_fd(block) >= 0 &&
	       !vmem_block_is_bound(block) &&
	       vmem_block_find_missing(block, 0, memory->good[i], off);
}

/*
 * Replaces lost pages by zeros. Unavailable pages are replaced one by one until
 * the table replaces the whole mapping, which bounds the loop.
 */
static bool repair_block(struct vmm_memory *memory, unsigned int i, bool probe)
{
	siginfo_t fault = { .si_signo = SIGBUS, .si_code = BUS_ADRERR };
	enum vmm_memory_loss loss;
	bool repaired = false;
	uint64_t off;

	while (find_lost(memory, i, probe, &off, &loss)) {
		fault.si_addr = vmem_block_hva(memory->blocks[i]) + off;
		if (!vmem_sigbus_fix(memory->sigbus, &fault))
			break;
		repaired = true;
		if (loss == VMM_MEMORY_CUT)
			memory->good[i] = off;
	}
	return repaired;
}

static void repair_blocks(struct vmm_memory *memory, bool probe)
{
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		memory->repairs += repair_block(memory, i, probe);
}

void vmm_memory_mend(struct vmm_memory *memory)
{
	if (!memory->sigbus)
		return;
	pthread_mutex_lock(&memory->repairing);
	repair_blocks(memory, false);
	pthread_mutex_unlock(&memory->repairing);
}

bool vmm_memory_repair(struct vmm_memory *memory, unsigned int cpu, bool probe)
{
	bool may_go_on;

	if (!memory->sigbus)
		return false;
	pthread_mutex_lock(&memory->repairing);
	repair_blocks(memory, probe);
	may_go_on = memory->seen[cpu] != memory->repairs;
	memory->seen[cpu] = memory->repairs;
	pthread_mutex_unlock(&memory->repairing);
	return may_go_on;
}

/* The guest address of a byte of a block. */
static uint64_t gpa_of(const struct vmm_memory *memory, unsigned int item,
		       uint64_t off)
{
	const struct varch_place *piece = memory->layout.pieces;
	unsigned int i;

	for (i = 0; i < memory->layout.n; i++, piece++)
		if (piece->item == item && off >= piece->offset &&
		    off - piece->offset < piece->len)
			return piece->gpa + (off - piece->offset);
	return 0;
}

/* Determines from the file why the table replaced pages. */
static enum vmm_memory_loss loss_of(const struct vmem_block *block,
				    uint64_t *off)
{
	uint64_t good;

	if (vmem_block_damaged(block, off))
		return VMM_MEMORY_DAMAGED;
	*off = 0;
	if (file_reach(block, &good) && good >= vmem_block_len(block))
		return VMM_MEMORY_NO_ROOM;
	return VMM_MEMORY_CUT;
}

bool vmm_memory_next_failure(struct vmm_memory *memory, uint64_t *gpa,
			     enum vmm_memory_loss *loss)
{
	uint64_t off;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++) {
		if (memory->reported[i] || !vmem_block_failed(memory->blocks[i]))
			continue;
		*loss = loss_of(memory->blocks[i], &off);
		memory->reported[i] = true;
		*gpa = gpa_of(memory, i, off);
		return true;
	}
	return false;
}

bool vmm_memory_find_loss(struct vmm_memory *memory, bool probe, uint64_t *gpa,
			  enum vmm_memory_loss *loss)
{
	bool found = false;
	uint64_t off;
	unsigned int i;

	pthread_mutex_lock(&memory->repairing);
	for (i = 0; i < memory->nblocks && !found; i++) {
		found = find_lost(memory, i, probe, &off, loss);
		if (found)
			*gpa = gpa_of(memory, i, 0);
	}
	pthread_mutex_unlock(&memory->repairing);
	return found;
}

uint64_t vmm_memory_failed(const struct vmm_memory *memory)
{
	uint64_t pieces = 0;
	unsigned int i;

	for (i = 0; i < memory->nblocks; i++)
		if (vmem_block_failed(memory->blocks[i]))
			pieces |= UINT64_C(1) << i;
	return pieces;
}

int vmm_memory_check_loss(struct vmm_memory *memory, uint64_t failed,
			  struct vsu_error *err)
{
	enum vmm_memory_loss loss = VMM_MEMORY_CUT;
	const uint64_t now = vmm_memory_failed(memory) & ~failed;
	unsigned int i = 0;
	uint64_t gpa, off;

	if (!now && !vmm_memory_find_loss(memory, false, &gpa, &loss))
		return 0;
	if (now) {
		while (!(now >> i & 1))
			i++;
		loss = loss_of(memory->blocks[i], &off);
		gpa = gpa_of(memory, i, off);
	}
	return vsu_error_set(err, -EFAULT, "memory at %#" PRIx64 " is lost: %s", gpa,
			     vmm_memory_loss_text(loss));
}

const char *vmm_memory_loss_text(enum vmm_memory_loss loss)
{
	static const char *const texts[] = {
		[VMM_MEMORY_CUT] = "its file was truncated",
		[VMM_MEMORY_NO_ROOM] = "its file system is full, or its file cannot be read",
		[VMM_MEMORY_DAMAGED] = "a memory error of the host damaged a page",
	};

	return texts[loss];
}
