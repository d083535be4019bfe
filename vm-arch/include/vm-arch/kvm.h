/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's system calls as used by cvmm, each with an error message, and the
 * capabilities of the host's KVM. Contains no policy.
 *
 * Threads: no state; the VM is opened and closed by one.
 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#define VMM_MAX_CHIPS 2u
#define VMM_LENGTH_WORDS 8u

struct kvm_cpuid2;
struct kvm_run;

struct vmm_kvm {
	int kvm_fd, vm_fd;
	int vcpu_map_size;	/* size of a vCPU's shared struct kvm_run */
	unsigned int max_slots;
	unsigned int phys_bits;	/* width of a guest physical address */
	bool region2;		/* KVM_SET_USER_MEMORY_REGION2 */
	bool guest_memfd;	/* mappable and fully shared */
	bool map_hypercall;	/* the guest can report which memory is private */
	struct kvm_cpuid2 *cpuid; /* of x86: supported leaves, once fetched; NULL: not yet */
	unsigned int nchips;	/* devices of KVM that are interrupt controllers */
	int chips[VMM_MAX_CHIPS];
	unsigned int gic;	/* of arm64: version of the GIC, 2 or 3 */
	uint32_t cpu_features;	/* of arm64: optional ones of its CPUs, as bits of KVM */
	uint64_t vector_lengths[VMM_LENGTH_WORDS]; /* of SVE, a bit for each 128 bits; all 0: not yet known */
};

/* Closes what vmm_kvm_open() of vm/open.h has opened. */
void vmm_kvm_close(struct vmm_kvm *kvm);

/*
 * Creates CPU number: its descriptor and its struct kvm_run of vcpu_map_size bytes. KVM
 * creates a CPU once: *fd, -1 at first, remains open for the next call where only run could
 * not be mapped.
 */
int vmm_kvm_make_cpu(const struct vmm_kvm *kvm, unsigned int number, int *fd,
		     struct kvm_run **run, struct vsu_error *err);

/* ioctl(), repeated after EINTR; returns a negative errno on failure. */
int vmm_kvm_ioctl(int fd, unsigned long request, void *arg);

/* The value of a capability; 0: not supported. */
int vmm_kvm_capability(const struct vmm_kvm *kvm, int capability);

/*
 * A write of len bytes at gpa signals event_fd; unless any, only if it equals
 * match.
 */
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

/* Raises or lowers an interrupt line (VMM_LINE() of its interrupt). Any thread. */
int vmm_kvm_set_line(const struct vmm_kvm *kvm, uint32_t line, bool high);

#endif
