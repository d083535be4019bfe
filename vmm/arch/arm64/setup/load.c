/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A kernel and its boot information, in guest memory. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <vm-memory/access.h>

#include "arch/arm64/boot/compressed_image.h"
#include "arch/arm64/boot/device_tree.h"
#include "arch/arm64/boot/fdt.h"
#include "arch/arm64/boot/linux_image.h"
#include "arch/arm64/cpu.h"
#include "arch/load.h"
#include "boot/cmdline.h"
#include "boot/elf.h"
#include "boot/info.h"
#include "boot/initrd.h"
#include "cpu/cpus.h"
#include "target/layout.h"

/* The first 2 MiB of memory. */
#define INFO_GPA	(VMM_HOLE_END + 0x2000)
#define CMDLINE_GPA	(VMM_HOLE_END + 0x4000)
#define TREE_GPA	(VMM_HOLE_END + 0x10000)
#define STACKS_GPA	(VMM_HOLE_END + 0x100000)
#define STACK_SIZE	UINT64_C(0x4000)
#define KERNEL_GPA	VMM_INITRD_FIRST

static_assert(INFO_GPA + sizeof(struct cvmm_boot) <= CMDLINE_GPA, "boot information ends before its next");
static_assert(CMDLINE_GPA + VMM_BOOT_CMDLINE_MAX <= TREE_GPA, "so does the command line");
static_assert(TREE_GPA + VMM_FDT_MAX <= VMM_GENERATION_GPA, "and the device tree");
static_assert(STACKS_GPA + VMM_MAX_CPUS * STACK_SIZE <= KERNEL_GPA, "stacks end before the kernel");

static_assert(CVMM_ARM64_MACHINE == VMM_MACHINE_GPA && CVMM_ARM64_SERIAL == VMM_SERIAL_AT &&
	      CVMM_ARM64_PCI_ECAM == VMM_PCI_ECAM_GPA, "addresses that built-in guests know");

/* Everything placed in guest memory for the kernel. */
struct boot {
	const struct vmm_load *load;
	const struct vmm_loaded *loaded;
	const struct vmem_view *view;
	char cmdline[VMM_BOOT_CMDLINE_MAX];
	uint64_t cmdline_len, initrd_gpa;
	struct vsu_error *err;
};

static int hand_over_builtin(struct boot *b)
{
	struct cvmm_boot boot = {
		.cmdline_gpa = CMDLINE_GPA, .cmdline_len = b->cmdline_len,
		.initrd_gpa = b->initrd_gpa, .initrd_len = b->load->initrd->size,
	};
	int rc = vmm_builtin_describe(b->load, b->loaded, &boot, b->err);

	if (!rc)
		rc = vmem_write_exact(b->view, CMDLINE_GPA, b->cmdline, b->cmdline_len + 1);
	return rc ? rc : vmm_builtin_hand_over(&boot, b->view, INFO_GPA);
}

static int hand_over_image(struct boot *b)
{
	struct vmm_device_tree tree = {
		.board = b->load->board, .memory = b->view, .cmdline = b->cmdline,
		.gic = b->load->board->kvm ? b->load->board->kvm->gic : 3, .mpidr = vmm_arm64_mpidr,
		.initrd_gpa = b->initrd_gpa, .initrd_len = b->load->initrd->size,
	};
	unsigned char *bytes;
	int rc;

	if (getrandom(&tree.seeds, sizeof(tree.seeds), 0) != sizeof(tree.seeds))
		return vsu_error_sys(b->err, -errno, "random bytes");
	bytes = malloc(VMM_FDT_MAX);
	if (!bytes)
		return vsu_error_sys(b->err, -ENOMEM, "the device tree");
	rc = vmm_device_tree_build(&tree, bytes, VMM_FDT_MAX, b->err);
	if (rc > 0)
		rc = vmem_write_exact(b->view, TREE_GPA, bytes, (size_t)rc);
	free(bytes);
	return rc;
}

static int check_low_memory(const struct vmem_view *view, struct vsu_error *err)
{
	if (vmem_check_range(view, VMM_HOLE_END, KERNEL_GPA - VMM_HOLE_END, VMEM_WRITE))
		return 0;
	return vsu_error_set(err, -EFAULT, "the guest boots in the 2 MiB at 0x40000000, which must be writable memory; place some with --memory at=0x40000000");
}

int vmm_load_kernel(const struct vmm_kernel *kernel, const struct vmem_map *map,
		    struct vmm_loaded *loaded, struct vsu_error *err)
{
	const struct vmem_view *view = vmem_map_view(map);
	int rc = check_low_memory(view, err);

	if (rc < 0)
		return rc;
	if (vmm_linux_image_is(kernel))
		return vmm_linux_image_load(kernel, view, loaded, err);
	if (vmm_compressed_image_is(kernel))
		return vmm_compressed_image_load(kernel, view, loaded, err);
	rc = vmm_kernel_load(kernel, view, loaded, err);
	loaded->level0 = true;
	loaded->any_level = false;
	return rc;
}

int vmm_load_hand_over(const struct vmm_load *load, const struct vmm_loaded *loaded,
		       struct vsu_error *err)
{
	struct boot b = {
		.load = load, .loaded = loaded, .view = vmem_map_view(load->map), .err = err,
	};
	int rc = vmm_cmdline_build(load, loaded, b.cmdline, err);

	if (rc < 0)
		return rc;
	b.cmdline_len = (uint64_t)rc;
	rc = load->initrd->size ? vmm_initrd_load(load->initrd, b.view, loaded, &b.initrd_gpa, err) : 0;
	if (rc < 0)
		return rc;
	return loaded->protocol == VMM_PROTOCOL_BUILTIN ? hand_over_builtin(&b) : hand_over_image(&b);
}

/* A device tree has no hot plug. */
bool vmm_arch_guest_finds(enum vmm_protocol protocol, enum vmm_findable what)
{
	return protocol == VMM_PROTOCOL_BUILTIN ? what == VMM_FINDS_SLOTS :
						  what & (VMM_FINDS_BUTTON | VMM_FINDS_GENERATION);
}

int vmm_load_cpu(const struct vmm_loaded *loaded, const struct vmm_kvm *kvm, int cpu_fd,
		 unsigned int number, unsigned int ncpus, const struct vmm_cpu_choice *choice,
		 struct vsu_error *err)
{
	const bool builtin = loaded->protocol == VMM_PROTOCOL_BUILTIN;
	const struct vmm_arm64_start start = {
		.entry = loaded->entry, .waits = number && !builtin,
		.x0 = builtin ? INFO_GPA : TREE_GPA, .x1 = builtin ? number : 0,
		.stack_top = builtin ? STACKS_GPA + (number + 1) * STACK_SIZE : 0,
	};

	(void)kvm;
	(void)ncpus;
	(void)choice;
	return vmm_arm64_start_cpu(cpu_fd, number, &start, err);
}
