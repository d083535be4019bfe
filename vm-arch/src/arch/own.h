/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Functions of an architecture that only this library calls.
 *
 * Threads: as <vm-arch/arch.h>.
 */
#ifndef VARCH_ARCH_OWN_H
#define VARCH_ARCH_OWN_H

#include <vm-arch/arch.h>

struct elf_prstatus;
struct kvm_msi;

/*
 * The type of a VM for KVM_CREATE_VM. -EOPNOTSUPP: KVM has none with private memory.
 */
int varch_vm_type(const struct varch_vm *kvm, bool private_memory, unsigned long *type,
		     struct vsu_error *err);

/* Adds the interrupt controllers to a new VM. -EOPNOTSUPP: a missing capability, which err names. */
int varch_vm_init(struct varch_vm *kvm, struct vsu_error *err);

/*
 * Chooses the features of CPUs before the first is created: those of the state that continues,
 * or if it is NULL those of the model. -EOPNOTSUPP: this host lacks one, which err names.
 */
int varch_cpus_choose(struct varch_vm *kvm, const struct varch_cpu_choice *choice,
		      const struct vsu_state *state, struct vsu_error *err);

/* Sets phys_bits: guest-physical address bits of this host's KVM. */
int varch_phys_bits(struct varch_vm *kvm, struct vsu_error *err);

/* Enables what speeds the VM up, and with private memory what the guest converts it by. */
void varch_vm_tune(struct varch_vm *kvm, bool private_memory);

/*
 * All CPUs of the VM have been created, and none has been set up or connected to interrupts:
 * chooses their features and starts the interrupt controllers.
 */
int varch_cpus_made(struct varch_vm *kvm, const int *cpu_fds, unsigned int n,
		       struct vsu_error *err);

/* The state of the VM except its CPUs: interrupt controllers and clock. A load is of a checked state. */
int varch_vm_save(const struct varch_vm *kvm, struct vsu_state_writer *w, struct vsu_error *err);
int varch_vm_load(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err);

/* Section "cpu" of this number; errors are those of a machine's state. A load is into a new vCPU. */
int varch_cpu_save(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		   struct vsu_state_writer *w, struct vsu_error *err);
int varch_cpu_load(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		   const struct vsu_state *state, struct vsu_error *err);

/*
 * The registers of a CPU as a core file has them (<sys/procfs.h>): VARCH_STATUS_COUNTER is the
 * index of the program counter. Its process id is the number of the CPU from 1 on; 0 is none.
 */
int varch_cpu_status(int cpu_fd, unsigned int cpu, struct elf_prstatus *out, struct vsu_error *err);

/* The state of the registers of power. */
void varch_power_save(const struct varch_power *power, struct vsu_state_writer *w);
int varch_power_load(struct varch_power *power, const struct vsu_state *state, struct vsu_error *err);

/*
 * Sets up a new vCPU of a guest that runs: the processor of first_fd, which is paused, with this
 * number. It waits until another CPU of the guest starts it. -EOPNOTSUPP: this architecture
 * cannot add CPUs.
 */
int varch_cpu_add(const struct varch_vm *kvm, int first_fd, int cpu_fd, unsigned int cpu,
		  struct vsu_error *err);

/* Whether the interrupt controllers receive messages of devices. */
bool varch_has_msi(const struct varch_vm *kvm);

/*
 * Adds to a message its sender, the requester ID of its function on the bus, if the
 * interrupt controllers look at it. Any thread.
 */
void varch_msi_sender(struct kvm_msi *message, uint32_t sender);

#endif
