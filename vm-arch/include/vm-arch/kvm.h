/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's system calls as used by cvmm, each with an error message, and the
 * capabilities of the host's KVM. Contains no policy.
 *
 * Threads: no state; the VM is opened and closed by one.
 */
#ifndef VARCH_KVM_H
#define VARCH_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#define VARCH_MAX_CHIPS 2u
#define VARCH_LENGTH_WORDS 8u

struct kvm_cpuid2;
struct kvm_run;

struct varch_vm {
	int kvm_fd, vm_fd;
	int vcpu_map_size;	/* size of a vCPU's shared struct kvm_run */
	unsigned int max_slots;
	unsigned int phys_bits;	/* width of a guest physical address */
	bool region2;		/* KVM_SET_USER_MEMORY_REGION2 */
	bool guest_memfd;	/* mappable and fully shared */
	bool map_hypercall;	/* the guest can report which memory is private */
	struct kvm_cpuid2 *cpuid; /* of x86: supported leaves, once fetched; NULL: not yet */
	unsigned int nchips;	/* devices of KVM that are interrupt controllers */
	int chips[VARCH_MAX_CHIPS];
	unsigned int gic;	/* of arm64: version of the GIC, 2 or 3 */
	uint32_t cpu_features;	/* of arm64: optional ones of its CPUs, as bits of KVM */
	uint64_t vector_lengths[VARCH_LENGTH_WORDS]; /* of SVE, a bit for each 128 bits; all 0: not yet known */
};

/* Closes what varch_vm_open() of vm/open.h has opened. */
void varch_vm_close(struct varch_vm *kvm);

/*
 * Creates CPU number: its descriptor and its struct kvm_run of vcpu_map_size bytes. KVM
 * creates a CPU once: *fd, -1 at first, remains open for the next call where only run could
 * not be mapped.
 */
int varch_vm_make_cpu(const struct varch_vm *kvm, unsigned int number, int *fd,
		     struct kvm_run **run, struct vsu_error *err);

/* ioctl(), repeated after EINTR; returns a negative errno on failure. */
int varch_ioctl(int fd, unsigned long request, void *arg);

/* The value of a capability; 0: not supported. */
int varch_vm_capability(const struct varch_vm *kvm, int capability);

/*
 * A write of len bytes at gpa signals event_fd; unless any, only if it equals
 * match.
 */
struct varch_ioeventfd {
	uint64_t gpa;
	uint32_t len;
	int event_fd;
	uint32_t match;
	bool any;
};

int varch_vm_ioeventfd(const struct varch_vm *kvm, const struct varch_ioeventfd *io,
		      bool on, struct vsu_error *err);

/* A signal on event_fd pulses interrupt irq. */
int varch_vm_irqfd(const struct varch_vm *kvm, int event_fd, uint32_t irq,
		  bool on, struct vsu_error *err);

/* Raises or lowers an interrupt line (VARCH_LINE() of its interrupt). Any thread. */
int varch_vm_set_line(const struct varch_vm *kvm, uint32_t line, bool high);

#endif
