/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A kernel and its boot information, in guest memory. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <vm-arch/cpus.h>
#include <vm-arch/layout.h>
#include <vm-arch/load.h>
#include <vm-memory/access.h>

#include "advise.h"
#include "arch/arm64/acpi/tables.h"
#include "arch/arm64/boot/compressed_image.h"
#include "arch/arm64/boot/device_tree.h"
#include "arch/arm64/boot/efi.h"
#include "arch/arm64/boot/fdt.h"
#include "arch/arm64/boot/linux_image.h"
#include "arch/arm64/cpu.h"
#include "boot/cmdline.h"
#include "boot/elf.h"
#include "boot/info.h"
#include "boot/initrd.h"

/* The first 2 MiB of memory. */
#define INFO_GPA	(VARCH_HOLE_END + 0x2000)
#define CMDLINE_GPA	(VARCH_HOLE_END + 0x4000)
#define TREE_GPA	(VARCH_HOLE_END + 0x10000)
#define EFI_GPA		(VARCH_HOLE_END + 0x20000)
#define ACPI_GPA	(VARCH_HOLE_END + 0x30000)
#define ACPI_END	(VARCH_HOLE_END + 0xf0000)
#define STATE_GPA	(VARCH_HOLE_END + 0xf0000)	/* which the machine stores to */
#define STACKS_GPA	(VARCH_HOLE_END + 0x100000)
#define STACK_SIZE	UINT64_C(0x4000)
#define KERNEL_GPA	VARCH_INITRD_FIRST

static_assert(INFO_GPA + sizeof(struct cvmm_boot) <= CMDLINE_GPA, "boot information ends before its next");
static_assert(CMDLINE_GPA + VARCH_BOOT_CMDLINE_MAX <= TREE_GPA, "so does the command line");
static_assert(TREE_GPA + VARCH_FDT_MAX <= EFI_GPA, "and the device tree");
static_assert(VARCH_GENERATION_GPA >= STATE_GPA && VARCH_GENERATION_GPA + VARCH_PAGE == STACKS_GPA,
	      "the VM Generation ID has 64 KiB of its own");
static_assert(STACKS_GPA + VARCH_MAX_CPUS * STACK_SIZE <= KERNEL_GPA, "stacks end before the kernel");

static_assert(CVMM_ARM64_MACHINE == VARCH_MACHINE_GPA && CVMM_ARM64_SERIAL == VARCH_SERIAL_AT &&
	      CVMM_ARM64_PCI_ECAM == VARCH_PCI_ECAM_GPA, "addresses that built-in guests know");

/* Everything placed in guest memory for the kernel. */
struct boot {
	const struct varch_load *load;
	const struct varch_loaded *loaded;
	const struct vmem_view *view;
	char cmdline[VARCH_BOOT_CMDLINE_MAX];
	uint64_t cmdline_len, initrd_gpa;
	struct vsu_error *err;
};

static int hand_over_builtin(struct boot *b)
{
	struct cvmm_boot boot = {
		.cmdline_gpa = CMDLINE_GPA, .cmdline_len = b->cmdline_len,
		.initrd_gpa = b->initrd_gpa, .initrd_len = b->load->initrd->size,
	};
	int rc = varch_builtin_describe(b->load, b->loaded, &boot, b->err);

	if (!rc)
		rc = vmem_write_exact(b->view, CMDLINE_GPA, b->cmdline, b->cmdline_len + 1);
	return rc ? rc : varch_builtin_hand_over(&boot, b->view, INFO_GPA);
}

static unsigned int gic_of(const struct varch_board *board)
{
	return board->kvm ? board->kvm->gic : 3;
}

static int write_tree(struct boot *b, const struct varch_tree_efi *efi)
{
	struct varch_arm64_caches caches;
	struct varch_device_tree tree = {
		.board = b->load->board, .memory = b->view, .cmdline = b->cmdline,
		.gic = gic_of(b->load->board), .mpidr = varch_arm64_mpidr,
		.caches = &caches, .initrd_gpa = b->initrd_gpa, .initrd_len = b->load->initrd->size, .efi = efi,
	};
	unsigned char *bytes;
	int rc;

	varch_arm64_caches_read(VARCH_ARM64_HOST_CACHES, &caches);
	if (getrandom(&tree.seeds, sizeof(tree.seeds), 0) != sizeof(tree.seeds))
		return vsu_error_sys(b->err, -errno, "random bytes");
	bytes = malloc(VARCH_FDT_MAX);
	if (!bytes)
		return vsu_error_sys(b->err, -ENOMEM, "the device tree");
	rc = varch_device_tree_build(&tree, bytes, VARCH_FDT_MAX, b->err);
	if (rc > 0)
		rc = vmem_write_exact(b->view, TREE_GPA, bytes, (size_t)rc);
	free(bytes);
	return rc;
}

static int hand_over_image(struct boot *b)
{
	return write_tree(b, NULL);
}

/* --------------------------------------------------------------------------------- ACPI */

static int write_tables(struct boot *b)
{
	struct varch_arm64_caches caches;
	const struct varch_arm64_acpi machine = {
		.board = b->load->board, .gic = gic_of(b->load->board), .mpidr = varch_arm64_mpidr, .caches = &caches,
	};
	const size_t room = ACPI_END - ACPI_GPA;
	struct varch_arm64_acpi_layout layout;
	unsigned char *bytes = malloc(room);
	int rc;

	if (!bytes)
		return vsu_error_sys(b->err, -ENOMEM, "tables of ACPI");
	varch_arm64_caches_read(VARCH_ARM64_HOST_CACHES, &caches);
	rc = varch_arm64_acpi_build(&machine, ACPI_GPA, bytes, room, &layout, b->err);
	if (!rc)
		rc = vmem_write_exact(b->view, ACPI_GPA, bytes, layout.len);
	free(bytes);
	return rc;
}

static int write_efi(struct boot *b, struct varch_tree_efi *out)
{
	const struct varch_efi efi = {
		.memory = b->view, .gpa = EFI_GPA, .rsdp_gpa = ACPI_GPA,
		.tables = { EFI_GPA, ACPI_END - EFI_GPA }, .reserved = { STATE_GPA, STACKS_GPA - STATE_GPA },
	};
	unsigned char bytes[16384];
	struct varch_efi_layout layout;
	int rc = varch_efi_build(&efi, bytes, sizeof(bytes), &layout, b->err);

	if (rc < 0)
		return rc;
	*out = (struct varch_tree_efi){
		.system_gpa = EFI_GPA, .map_gpa = EFI_GPA + layout.map, .map_len = (uint32_t)layout.map_len,
		.descriptor_len = VARCH_EFI_DESCRIPTOR_LEN, .descriptor_version = VARCH_EFI_DESCRIPTOR_VERSION,
	};
	return vmem_write_exact(b->view, EFI_GPA, bytes, layout.len);
}

static int hand_over_acpi(struct boot *b)
{
	struct varch_tree_efi efi;
	int rc = write_tables(b);

	if (!rc)
		rc = write_efi(b, &efi);
	return rc ? rc : write_tree(b, &efi);
}

/* A protocol: its boot information, and what the guest finds. A device tree has no hot plug. */
static const struct protocol {
	int (*hand_over)(struct boot *b);
	unsigned int finds;	/* enum varch_findable */
} protocols[VARCH_NPROTOCOLS] = {
	[VARCH_PROTOCOL_BUILTIN] = { hand_over_builtin, VARCH_FINDS_SLOTS },
	[VARCH_PROTOCOL_IMAGE] = { hand_over_image, VARCH_FINDS_BUTTON | VARCH_FINDS_GENERATION },
	[VARCH_PROTOCOL_IMAGE_ACPI] = { hand_over_acpi, VARCH_FINDS_BUTTON | VARCH_FINDS_GENERATION | VARCH_FINDS_SLOTS },
};

bool varch_guest_finds(enum varch_protocol protocol, enum varch_findable what)
{
	return protocols[protocol].finds & what;
}

/* ---------------------------------------------------------------------------- the steps */

static int check_low_memory(const struct vmem_view *view, struct vsu_error *err)
{
	if (vmem_check_range(view, VARCH_HOLE_END, KERNEL_GPA - VARCH_HOLE_END, VMEM_WRITE))
		return 0;
	return varch_advise(err, vsu_error_set(err, -EFAULT, "the guest boots in the 2 MiB at 0x40000000, which must be writable memory"),
			    VARCH_ADVICE_MEMORY_AT_1G);
}

int varch_load_kernel(const struct varch_file *kernel, const struct vmem_map *map,
		    struct varch_loaded *loaded, struct vsu_error *err)
{
	const struct vmem_view *view = vmem_map_view(map);
	int rc = check_low_memory(view, err);

	if (rc < 0)
		return rc;
	if (varch_linux_image_is(kernel))
		return varch_linux_image_load(kernel, view, loaded, err);
	if (varch_compressed_image_is(kernel))
		return varch_compressed_image_load(kernel, view, loaded, err);
	rc = varch_elf_load(kernel, view, loaded, err);
	loaded->level0 = true;
	loaded->any_level = false;
	return rc;
}

int varch_load_hand_over(const struct varch_load *load, const struct varch_loaded *loaded,
		       struct vsu_error *err)
{
	struct boot b = {
		.load = load, .loaded = loaded, .view = vmem_map_view(load->map), .err = err,
	};
	int rc = varch_cmdline_build(load, loaded, b.cmdline, err);

	if (rc < 0)
		return rc;
	b.cmdline_len = (uint64_t)rc;
	rc = load->initrd->size ? varch_initrd_load(load->initrd, b.view, loaded, &b.initrd_gpa, err) : 0;
	if (rc < 0)
		return rc;
	return protocols[loaded->protocol].hand_over(&b);
}

int varch_load_cpu(const struct varch_loaded *loaded, const struct varch_vm *kvm, int cpu_fd,
		 unsigned int number, unsigned int ncpus, const struct varch_cpu_choice *choice,
		 struct vsu_error *err)
{
	const bool builtin = loaded->protocol == VARCH_PROTOCOL_BUILTIN;
	const struct varch_arm64_start start = {
		.entry = loaded->entry, .waits = number && !builtin,
		.x0 = builtin ? INFO_GPA : TREE_GPA, .x1 = builtin ? number : 0,
		.stack_top = builtin ? STACKS_GPA + (number + 1) * STACK_SIZE : 0,
	};

	(void)kvm;
	(void)ncpus;
	(void)choice;
	return varch_arm64_start_cpu(cpu_fd, number, &start, err);
}
