/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files behind the guest's memory that are cut short while it runs. */
#include <config.h>

#include <signal.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "memory/memory.h"

/*
 * True when the file behind a block ends earlier than was known and what lies
 * behind its end was repaired. The page in which it ends is whole.
 */
static bool repair_block(struct vmm_memory *memory, unsigned int i)
{
	const struct vmem_block *block = memory->blocks[i];
	const uint64_t pos = vmem_block_file_pos(block, 0);
	siginfo_t fault = { .si_signo = SIGBUS, .si_code = BUS_ADRERR };
	uint64_t size, good;
	int fd = vmem_block_fd(block);

	if (fd < 0 || vsu_fd_kind(fd) != VSU_FD_REGULAR ||
	    vsu_fd_size(fd, &size))
		return false;
	good = size > pos ? size - pos : 0;
	if (vsu_align_up_overflow(good, vmem_block_page_size(block), &good) ||
	    good >= memory->good[i])
		return false;
	fault.si_addr = vmem_block_hva(block) + good;
	if (!vmem_sigbus_fix(memory->sigbus, &fault))
		return false;
	memory->good[i] = good;
	return true;
}

bool vmm_memory_repair(struct vmm_memory *memory, unsigned int cpu)
{
	bool may_go_on;
	unsigned int i;

	if (!memory->sigbus)
		return false;
	pthread_mutex_lock(&memory->repairing);
	for (i = 0; i < memory->nblocks; i++)
		memory->repairs += repair_block(memory, i);
	may_go_on = memory->seen[cpu] != memory->repairs;
	memory->seen[cpu] = memory->repairs;
	pthread_mutex_unlock(&memory->repairing);
	return may_go_on;
}

bool vmm_memory_take_failure(struct vmm_memory *memory, uint64_t *gpa)
{
	const struct vmm_layout *layout = &memory->layout;
	unsigned int i, request;

	for (i = 0; i < layout->n; i++) {
		request = layout->pieces[i].request;
		if (memory->told[request] ||
		    !vmem_block_failed(memory->blocks[request]))
			continue;
		memory->told[request] = true;
		*gpa = layout->pieces[i].gpa;
		return true;
	}
	return false;
}
