/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Places a kernel, and everything that it is given, in a guest's memory, and sets the CPUs to
 * its entry. The steps are the same for every protocol; only the form of the boot information
 * and the initial state of the CPUs differ. Requires no machine.
 *
 * Order: kernel, hand over, CPUs.
 *
 * Threads: no state.
 */
#ifndef VMM_SETUP_LOAD_H
#define VMM_SETUP_LOAD_H

#include "arch/x86/acpi/tables.h"
#include "boot/elf.h"
#include "arch/x86/long_mode.h"

/* The machine as its kernel sees it. */
struct vmm_load {
	const struct vmem_map *map;
	const struct vmm_kernel *kernel;
	const struct vmm_file *initrd;	/* size 0: none */
	const char *cmdline, *append;	/* append may be NULL */
	bool on_bus;			/* its devices are on a PCI bus */
	/* Its devices on virtio-mmio are those of the built-in protocol, too. */
	const struct vmm_acpi_machine *acpi;
	const struct vmm_identity *ranges; /* beside memory, that page tables must cover */
	unsigned int nranges;
};

/* -EFAULT: the first MiB is not memory; others as vmm_kernel_load(), vmm_bzimage_load(). */
int vmm_load_kernel(const struct vmm_kernel *kernel, const struct vmem_map *map,
		    struct vmm_loaded *loaded, struct vsu_error *err);

/* -EINVAL: the command line is too long, or the kernel expects no bus. */
int vmm_load_hand_over(const struct vmm_load *load, const struct vmm_loaded *loaded,
		       struct vsu_error *err);

/* Sets CPU number, of ncpus, to the kernel's entry, or lets it wait for CPU 0. */
int vmm_load_cpu(const struct vmm_loaded *loaded, const struct vmm_kvm *kvm, int cpu_fd,
		 unsigned int number, unsigned int ncpus, const struct vmm_cpu_choice *choice,
		 struct vsu_error *err);

#endif
