/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Virtual machines of KVM for monitors of their own making: their memory slots follow a map of
 * vm-memory. CPUs are descriptors and shared structs of <linux/kvm.h>, which their owner runs.
 * A machine of <cvmm/machine.h> has all of this.
 *
 * On x86-64 only: elsewhere varch_kvm_new() fails with -EOPNOTSUPP.
 *
 * Failures of KVM's calls are their errno, with the name of the call.
 *
 * Threads: one at a time for a VM, except that KVM_RUN of each CPU is on a thread of its own.
 */
#ifndef VARCH_KVM_H
#define VARCH_KVM_H

#include <stddef.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct varch_kvm;
struct kvm_run;

/*
 * Opens /dev/kvm and creates a VM with the interrupt controllers of a PC. device: a descriptor
 * of /dev/kvm, which is duplicated, in place of its path; or NULL. -ENOENT, -EACCES and
 * similar: /dev/kvm; -EOPNOTSUPP: a capability of KVM is missing; -ENOMEM.
 */
VARCH_API int varch_kvm_new(const int *device, struct varch_kvm **out,
			  struct vsu_error *err) VSU_NODISCARD;

/* After the CPUs are removed. NULL: no effect. */
VARCH_API void varch_kvm_free(struct varch_kvm *kvm);

/*
 * Makes the guest's memory that of the map, which the VM references: slots that both maps
 * have in common stay. If a visible region is replaced by another at the same addresses, no
 * CPU may run meanwhile. On failure the former map stays. -ENOSPC: KVM has too few slots.
 */
VARCH_API int varch_kvm_set_memory(struct varch_kvm *kvm, struct vmem_map *map,
				 struct vsu_error *err) VSU_NODISCARD;

/*
 * From now on, a signal on the eventfd, which KVM keeps open, is an edge of interrupt irq of
 * the I/O APIC, from 0 to 23. -EBUSY: the eventfd has an interrupt.
 */
VARCH_API int varch_kvm_add_irqfd(struct varch_kvm *kvm, int event_fd, uint32_t irq,
				struct vsu_error *err) VSU_NODISCARD;

/* A CPU: number counts from 0. */
struct varch_kvm_cpu {
	int fd;			/* for KVM_RUN and KVM's other calls */
	struct kvm_run *run;	/* shared with KVM */
	size_t run_len;		/* bytes of it */
};

/* Adds a CPU in the state of its reset; run is NULL after a failure. -EEXIST: it exists. */
VARCH_API int varch_kvm_add_cpu(struct varch_kvm *kvm, unsigned int number,
			      struct varch_kvm_cpu *out, struct vsu_error *err) VSU_NODISCARD;
/* Closes it, unless run is NULL; KVM keeps its number until the VM is freed. */
VARCH_API void varch_kvm_remove_cpu(struct varch_kvm_cpu *cpu);

VSU_END_DECLS

#endif
