/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VM of KVM with the interrupt controllers of its architecture, and KVM's system calls, each
 * with an error message.
 *
 * Threads: no state; the VM is opened and closed by one. Interrupts are for any.
 */
#ifndef VARCH_VM_H
#define VARCH_VM_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_MAX_CHIPS 2u
#define VARCH_LENGTH_WORDS 8u

struct kvm_cpuid2;
struct kvm_run;
struct varch_cpu_choice;
struct varch_cpus;
struct vsu_state;

/* Any code may read the members; only this library writes them. */
struct varch_vm {
	int kvm_fd, vm_fd;
	struct varch_cpus *cpus; /* between their start and stop, or NULL; main thread */
	int vcpu_map_size;	/* size of a vCPU's shared struct kvm_run */
	unsigned int max_slots;
	unsigned int max_cpus;	/* of a VM of this host; 0: not known */
	unsigned int phys_bits;	/* width of a guest physical address */
	bool msi;		/* messages of devices are interrupts: varch_vm_send_msi() */
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

/* All is borrowed during the call; all zeros are a VM whose CPUs have what this host offers. */
struct varch_vm_config {
	const int *device;	/* a descriptor of /dev/kvm, which is duplicated; NULL: it is opened */
	bool private_memory;	/* a VM of the type with private memory */
	const struct varch_cpu_choice *choice;	/* the model of its CPUs; NULL: the host's */
	const struct vsu_state *state;	/* in place of choice: CPUs that continue; or NULL */
};

/*
 * Creates a VM with interrupt controllers. config NULL: all zeros. -ENOENT, -EACCES and similar:
 * the device node; -EOPNOTSUPP: a missing capability, or a feature of the state that this host
 * lacks; -EBADMSG: the state; or the error of a KVM call.
 */
VARCH_API int varch_vm_open(struct varch_vm *kvm, const struct varch_vm_config *config,
		 struct vsu_error *err) VSU_NODISCARD;
/* Closes what varch_vm_open() has opened. */
VARCH_API void varch_vm_close(struct varch_vm *kvm);

/*
 * A write of len bytes at gpa signals event_fd; unless any is set, only a write of
 * the value match does.
 */
struct varch_ioeventfd {
	uint64_t gpa;
	uint32_t len;
	int event_fd;
	uint32_t match;
	bool any;
};

VARCH_API int varch_vm_ioeventfd(const struct varch_vm *kvm, const struct varch_ioeventfd *io,
		      bool on, struct vsu_error *err) VSU_NODISCARD;

/* A signal on event_fd pulses interrupt irq. */
VARCH_API int varch_vm_irqfd(const struct varch_vm *kvm, int event_fd, uint32_t irq,
		  bool on, struct vsu_error *err) VSU_NODISCARD;

/* Raises or lowers an interrupt line: VARCH_LINE of its interrupt. */
VARCH_API int varch_vm_set_line(const struct varch_vm *kvm, uint32_t line, bool high) VSU_NODISCARD;

/*
 * Sends a message of a device (MSI), which needs no descriptor and no entry in a table of KVM, so
 * that a machine can have any number of vectors. sender: requester ID of the function. 0: sent,
 * or the guest does not receive it; -EINVAL or another errno: KVM refuses the address.
 */
VARCH_API int varch_vm_send_msi(const struct varch_vm *kvm, uint32_t sender, uint64_t address, uint32_t data) VSU_NODISCARD;

VSU_END_DECLS

#endif
