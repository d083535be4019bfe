/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loading of kernels for monitors of their own making: a bzImage of Linux by its 64-bit entry
 * (Documentation/arch/x86/boot.rst of Linux), or an ELF file by PVH, each with a memory map, an
 * initrd, a command line and tables of ACPI (ACPI 6.4, chapter 5: hardware-reduced). A machine
 * of <cvmm/machine.h> has all of this.
 *
 *	rc = varch_kernel_load(map, &config, &kernel, &err);
 *	rc = varch_kvm_add_cpu(kvm, 0, &cpu, &err);
 *	rc = varch_kernel_enter(kernel, kvm, &cpu, 0, &err);
 *
 * Memory: the map has a region at 0 with more than 1 MiB. The first MiB is that of boot
 * information and tables; kernel and initrd are above it.
 *
 * The tables describe CPUs, the devices of the configuration, and registers of I/O ports: the
 * serial port at VARCH_SERIAL_COM1, and those below, which the monitor implements.
 *
 * Threads: a kernel is used by one at a time.
 */
#ifndef VARCH_BOOT_H
#define VARCH_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/kvm.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct varch_kernel;

/* Bytes of I/O ports, which the guest writes. */
#define VARCH_PORT_END 0x600u	/* a built-in kernel ends: 0 is success */
#define VARCH_PORT_SLEEP 0x620u	/* sleep control of ACPI: bits 2 to 4, 5 to power off; bit 5: now */
#define VARCH_PORT_RESTART 0x622u /* reset register of ACPI: 1 resets */

/* Fixed layout. Registers of a device on virtio-mmio, and its interrupt, from 5 to 23. */
struct varch_kernel_device {
	uint32_t gpa, len, irq;
};

struct varch_kernel_config {
	size_t size;		/* sizeof(struct varch_kernel_config); not 0 */
	const char *kernel;	/* a path or "fd:N" */
	const char *initrd;	/* a path or "fd:N"; NULL: none */
	const char *cmdline;	/* NULL: empty */
	unsigned int ncpus;	/* 0: 1 */
	const struct varch_kernel_device *devices;
	unsigned int ndevices;
};

/*
 * Copies the kernel, which is not trusted, and all that it is given to the guest's memory;
 * config is borrowed during the call. -EINVAL: no size or kernel, or the command line is too
 * long; -ENOENT and similar: a file; -EBADMSG: a kernel of no known protocol, truncated or
 * damaged; -EOPNOTSUPP: compressed by a method that this build does not have; -EFBIG: larger than
 * 1 GiB; -E2BIG, -EFAULT: too little memory, or none at 0; -ENOSPC: too many devices or regions; -ENOMEM.
 */
VARCH_API int varch_kernel_load(struct vmem_map *map, const struct varch_kernel_config *config,
			      struct varch_kernel **out, struct vsu_error *err) VSU_NODISCARD;
VARCH_API void varch_kernel_free(struct varch_kernel *kernel);

/*
 * Sets a CPU's CPUID table and registers: CPU 0 to the kernel's entry; others wait for
 * its message, except those of a built-in kernel. -EINVAL: number is not below ncpus.
 */
VARCH_API int varch_kernel_enter(const struct varch_kernel *kernel, struct varch_kvm *kvm,
			       const struct varch_kvm_cpu *cpu, unsigned int number,
			       struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
