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
#ifndef VARCH_ARCH_LOAD_H
#define VARCH_ARCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/board.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct varch_cpu_choice;
struct varch_file;
struct varch_vm;

/* Values of a saved machine. */
enum varch_protocol {
	VARCH_PROTOCOL_BUILTIN,
	VARCH_PROTOCOL_LINUX,	/* a bzImage, by its 64-bit entry */
	VARCH_PROTOCOL_PVH,
	VARCH_PROTOCOL_IMAGE,	/* an Image of Linux on arm64, and a device tree */
	VARCH_PROTOCOL_IMAGE_ACPI, /* the same, and ACPI: the caller's choice for a loaded Image */
	VARCH_NPROTOCOLS
};

/* Parts that only kernels of some protocols find: by ACPI, a device tree, or because they know the registers. */
enum varch_findable {
	VARCH_FINDS_BUTTON = 1,	/* the power button */
	VARCH_FINDS_SLOTS = 2,	/* hot plug of devices */
	VARCH_FINDS_CPUS = 4,	/* hot plug of CPUs */
	VARCH_FINDS_GENERATION = 8, /* a new VM Generation ID */
};

VARCH_API bool varch_guest_finds(enum varch_protocol protocol, enum varch_findable what);

/* A kernel in guest memory, and its requirements. */
struct varch_loaded {
	enum varch_protocol protocol;
	uint64_t entry;
	uint64_t first, end;	/* range of its addresses */
	uint64_t initrd_end;	/* upper limit of the initrd; 0: none */
	uint32_t cmdline_max;	/* maximum length; 0: no limit */
	bool level0;		/* must be entered at privilege level 0 */
	bool any_level;		/* level0 may be set if KVM runs level 0 natively */
	bool finds_pci;		/* of the built-in protocol, and has drivers for PCI */
};

/* The machine as its kernel sees it. */
struct varch_load {
	const struct vmem_map *map;
	const struct varch_file *kernel;
	const struct varch_file *initrd;	/* size 0: none */
	const char *cmdline, *append;	/* append may be NULL */
	bool on_bus;			/* its devices are on a PCI bus */
	/* Its devices on virtio-mmio are those of the built-in protocol, too. */
	const struct varch_board *board;
	const struct varch_board_range *ranges; /* beside memory, that page tables must cover */
	unsigned int nranges;
};

/*
 * Places the kernel. -EFAULT: the place of boot information is not memory; -EBADMSG: not a kernel of a known
 * protocol, malformed, or truncated while it was read; -E2BIG: the guest has too little memory; -EOPNOTSUPP:
 * compressed by a method that this build does not have; -EFBIG: its content is larger than 1 GiB; -ENOMEM.
 */
VARCH_API int varch_load_kernel(const struct varch_file *kernel, const struct vmem_map *map,
		    struct varch_loaded *loaded, struct vsu_error *err) VSU_NODISCARD;

/* -EINVAL: the command line is too long, or the kernel expects no bus. */
VARCH_API int varch_load_hand_over(const struct varch_load *load, const struct varch_loaded *loaded,
		       struct vsu_error *err) VSU_NODISCARD;

/* Sets CPU number, of up to ncpus, to the kernel's entry, or lets it wait for CPU 0. */
VARCH_API int varch_load_cpu(const struct varch_loaded *loaded, const struct varch_vm *kvm, int cpu_fd,
		 unsigned int number, unsigned int ncpus, const struct varch_cpu_choice *choice,
		 struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
