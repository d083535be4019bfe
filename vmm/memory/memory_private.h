/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory of two layers (private=on): which half of it the guest uses.
 *
 * All of it begins shared. The guest asks for another half by the hypercall
 * KVM_HC_MAP_GPA_RANGE; where the processor itself knows the half that is
 * meant, KVM stops the CPU at the first access to the other one
 * (KVM_EXIT_MEMORY_FAULT). Contents do not move, and the half that is left is
 * given back to the host. Devices see the shared half, whichever is used.
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
	uint64_t conversions;	/* so far */
	struct vmm_private_fault {
		uint64_t gpa;
		bool to_private;
		uint64_t conversions;	/* when it was answered; 0: never */
	} last[VMM_MAX_CPUS];		/* of each CPU */
};

/*
 * Carries out what a CPU wants, over as many regions as it covers. Fails with
 *
 *   -EINVAL   not whole pages of two-layer memory; nothing was changed
 *   -EPROTO   the fault was answered before and nothing has changed since
 *   others    as vmem_kvm_convert()
 */
int vmm_private_convert(struct vmm_private *p, int vm_fd,
			const struct vmem_map *map, unsigned int cpu,
			const struct vmm_conversion *c,
			struct vsu_error *err);

#endif
