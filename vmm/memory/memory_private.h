/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory with a private half (private=on): which half the guest uses.
 *
 * All of it starts shared. The guest changes the half by the hypercall
 * KVM_HC_MAP_GPA_RANGE. If the processor itself distinguishes both, KVM stops a
 * CPU at its first access to the other half (KVM_EXIT_MEMORY_FAULT). Contents
 * are not copied, and the unused half is returned to the host. Devices always
 * use the shared half.
 *
 * Threads: the main thread.
 */
#ifndef VMM_PRIVATE_H
#define VMM_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "cpu/cpus.h"

struct vmm_private {
	uint64_t conversions;	/* number of conversions */
	struct vmm_private_fault {
		uint64_t gpa;
		bool to_private;
		uint64_t conversions;	/* the number at its last conversion; 0: none */
	} last[VMM_MAX_CPUS];		/* per CPU */
};

/*
 * Converts a range, which may cover several regions.
 *
 *   -EINVAL   not whole pages of private memory; nothing was changed
 *   -EPROTO   the same fault was handled before, without a change since
 *   others    as vmem_kvm_convert()
 */
int vmm_private_convert(struct vmm_private *p, int vm_fd,
			const struct vmem_map *map, unsigned int cpu,
			const struct vmm_conversion *c,
			struct vsu_error *err);

#endif
