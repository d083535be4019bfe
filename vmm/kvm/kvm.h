/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The system calls of KVM that cvmm makes, each with its sentence, and what
 * this host's KVM can do. Nothing here decides anything.
 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

struct vmm_kvm {
	int kvm_fd, vm_fd;
	int vcpu_map_size;	/* bytes of a vCPU's shared struct kvm_run */
	unsigned int max_slots;
	unsigned int phys_bits;	/* guest-physical address width */
	bool region2;		/* KVM_SET_USER_MEMORY_REGION2 */
	bool guest_memfd;	/* mappable and fully shared */
	bool map_hypercall;	/* the guest may say which memory is private */
};

/*
 * Opens /dev/kvm and makes a VM with interrupt controllers. Codes: -ENOENT,
 * -EACCES and the like for the device, -EOPNOTSUPP for a capability that is
 * missing, others for what failed. private_memory: of a kind whose guest has
 * memory that it keeps to itself.
 */
int vmm_kvm_open(struct vmm_kvm *kvm, bool private_memory,
		 struct vsu_error *err);
void vmm_kvm_close(struct vmm_kvm *kvm);

/* ioctl() that is repeated after EINTR; the negative errno of a failure. */
int vmm_kvm_ioctl(int fd, unsigned long request, void *arg);

/* The value of a capability, 0 when it is missing. */
int vmm_kvm_capability(const struct vmm_kvm *kvm, int capability);

/* A store of len bytes at gpa (of value match, unless any) signals event_fd. */
struct vmm_ioeventfd {
	uint64_t gpa;
	uint32_t len;
	int event_fd;
	uint32_t match;
	bool any;
};

int vmm_kvm_ioeventfd(const struct vmm_kvm *kvm, const struct vmm_ioeventfd *io,
		      bool on, struct vsu_error *err);

/* A signal on event_fd pulses interrupt irq. */
int vmm_kvm_irqfd(const struct vmm_kvm *kvm, int event_fd, uint32_t irq,
		  bool on, struct vsu_error *err);

/*
 * A signal on event_fd raises the line of interrupt irq. When the guest has
 * served it, the line falls and again_fd is signalled: whoever still has a
 * reason signals event_fd again. Taken away by vmm_kvm_irqfd().
 */
int vmm_kvm_irqfd_level(const struct vmm_kvm *kvm, int event_fd, int again_fd,
			uint32_t irq, struct vsu_error *err);

#endif
