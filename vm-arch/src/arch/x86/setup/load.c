/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A kernel and its boot information, in guest memory. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/cpus.h>
#include <vm-arch/load.h>
#include <vm-memory/access.h>

#include "advise.h"
#include "arch/x86/acpi/tables.h"
#include "arch/x86/boot/linux/bzimage.h"
#include "arch/x86/boot/pvh/start_info.h"
#include "arch/x86/long_mode.h"
#include "boot/cmdline.h"
#include "boot/elf.h"
#include "boot/info.h"
#include "boot/initrd.h"

static_assert(VARCH_BOOT_STACKS_GPA + VARCH_MAX_CPUS * VARCH_BOOT_STACK_SIZE <=
	      VARCH_BOOT_ACPI_GPA, "stacks end before the tables of ACPI");

static_assert(VARCH_BOOT_INFO_GPA + sizeof(struct cvmm_boot) <= VARCH_BOOT_CMDLINE_GPA,
	      "boot information ends before its next");

#define ACPI_ROOM (VARCH_GENERATION_GPA - VARCH_BOOT_ACPI_GPA)

/* Everything placed in guest memory for the kernel. */
struct boot {
	const struct varch_load *load;
	const struct varch_loaded *loaded;
	const struct vmem_view *view;
	struct varch_handover handover;
	uint64_t cmdline_len;
	struct vsu_error *err;
};

static int write_cmdline(struct boot *b)
{
	char line[VARCH_BOOT_CMDLINE_MAX];
	int n = varch_cmdline_build(b->load, b->loaded, line, b->err);

	if (n < 0)
		return n;
	b->handover.cmdline_gpa = VARCH_BOOT_CMDLINE_GPA;
	b->cmdline_len = (uint64_t)n;
	return vmem_write_exact(b->view, VARCH_BOOT_CMDLINE_GPA, line,
				(size_t)n + 1);
}

static int write_initrd(struct boot *b)
{
	const struct varch_file *initrd = b->load->initrd;

	if (!initrd->size)
		return 0;
	b->handover.initrd_len = initrd->size;
	return varch_initrd_load(initrd, b->view, b->loaded,
			       &b->handover.initrd_gpa, b->err);
}

/*
 * Page tables for 64-bit entry points: all memory and all device ranges for built-in guests. Linux
 * makes its own, and needs the kernel and its parameters only, which are below 4 GiB.
 */
static int write_tables(struct boot *b)
{
	const unsigned int nmemory = b->view->n;
	struct varch_board_range *ranges;
	unsigned int i;
	int rc;

	if (b->loaded->protocol != VARCH_PROTOCOL_BUILTIN)
		return varch_long_mode_tables(b->view, NULL, 0, b->err);
	ranges = calloc(nmemory + b->load->nranges, sizeof(*ranges));
	if (!ranges)
		return vsu_error_sys(b->err, -ENOMEM, "page tables");
	for (i = 0; i < nmemory; i++)
		ranges[i] = (struct varch_board_range){
			b->view->ranges[i].first, b->view->ranges[i].span + 1,
		};
	for (i = 0; i < b->load->nranges; i++)
		ranges[nmemory + i] = b->load->ranges[i];
	rc = varch_long_mode_tables(b->view, ranges, nmemory + b->load->nranges, b->err);
	free(ranges);
	return rc;
}

/* -------------------------------------------------------------- boot information */

static int hand_over_builtin(struct boot *b)
{
	struct cvmm_boot boot = {
		.cmdline_gpa = b->handover.cmdline_gpa,
		.cmdline_len = b->cmdline_len,
		.initrd_gpa = b->handover.initrd_gpa,
		.initrd_len = b->handover.initrd_len,
	};
	int rc = varch_builtin_describe(b->load, b->loaded, &boot, b->err);

	return rc ? rc : varch_builtin_hand_over(&boot, b->view, VARCH_BOOT_INFO_GPA);
}

static int write_acpi(struct boot *b)
{
	struct varch_acpi_layout layout;
	unsigned char *bytes = malloc(ACPI_ROOM);
	int rc;

	if (!bytes)
		return vsu_error_sys(b->err, -ENOMEM, "tables of ACPI");
	rc = varch_acpi_build(b->load->board, VARCH_BOOT_ACPI_GPA, bytes, ACPI_ROOM, &layout, b->err);
	if (!rc)
		rc = vmem_write_exact(b->view, VARCH_BOOT_ACPI_GPA, bytes,
				      layout.len);
	free(bytes);
	b->handover.rsdp_gpa = VARCH_BOOT_ACPI_GPA;
	return rc;
}

/* Memory map and ACPI tables, for both Linux protocols. */
static int describe_pc(struct boot *b)
{
	int rc = varch_e820_make(b->view, &b->handover.memory, b->err);

	if (rc < 0)
		return rc;
	rc = write_acpi(b);
	return rc ? rc : varch_reset_vector_write(b->view);
}

static int hand_over_linux(struct boot *b)
{
	int rc = describe_pc(b);

	return rc ? rc : varch_bzimage_hand_over(b->load->kernel, b->loaded,
					       &b->handover, b->view,
					       VARCH_BOOT_INFO_GPA, b->err);
}

static int hand_over_pvh(struct boot *b)
{
	int rc = describe_pc(b);

	return rc ? rc : varch_pvh_hand_over(&b->handover, b->view,
					   VARCH_BOOT_INFO_GPA);
}

#define BY_ACPI (VARCH_FINDS_BUTTON | VARCH_FINDS_SLOTS | VARCH_FINDS_CPUS | VARCH_FINDS_GENERATION)

/* A protocol: its boot information, the initial state of the CPUs, and what the guest finds. */
static const struct protocol {
	int (*hand_over)(struct boot *b);
	enum varch_x86_entry first, others;
	unsigned int finds;	/* enum varch_findable */
} protocols[VARCH_NPROTOCOLS] = {
	[VARCH_PROTOCOL_BUILTIN] = { hand_over_builtin, VARCH_X86_LEVEL3,
				   VARCH_X86_LEVEL3, VARCH_FINDS_SLOTS },
	[VARCH_PROTOCOL_LINUX] = { hand_over_linux, VARCH_X86_LINUX,
				 VARCH_X86_WAITS, BY_ACPI },
	[VARCH_PROTOCOL_PVH] = { hand_over_pvh, VARCH_X86_PVH, VARCH_X86_WAITS, BY_ACPI },
};

bool varch_guest_finds(enum varch_protocol protocol, enum varch_findable what)
{
	return protocols[protocol].finds & what;
}

/* -------------------------------------------------------------------- the steps */

/* The range reserved for boot information. */
static int check_low_memory(const struct vmem_view *view, struct vsu_error *err)
{
	if (vmem_check_range(view, 0, VARCH_BOOT_KERNEL_GPA, VMEM_WRITE))
		return 0;
	return varch_advise(err, vsu_error_set(err, -EFAULT, "the guest boots in its first MiB, which must be writable memory"),
			    VARCH_ADVICE_MEMORY_AT_0);
}

int varch_load_kernel(const struct varch_file *kernel, const struct vmem_map *map,
		    struct varch_loaded *loaded, struct vsu_error *err)
{
	const struct vmem_view *view = vmem_map_view(map);
	int rc = check_low_memory(view, err);

	if (rc < 0)
		return rc;
	return varch_bzimage_is(kernel) ? varch_bzimage_load(kernel, view, loaded, err) :
					varch_elf_load(kernel, view, loaded, err);
}

int varch_load_hand_over(const struct varch_load *load, const struct varch_loaded *loaded,
		       struct vsu_error *err)
{
	struct boot b = {
		.load = load, .loaded = loaded, .view = vmem_map_view(load->map), .err = err,
	};
	int rc = write_cmdline(&b);

	if (!rc)
		rc = write_initrd(&b);
	if (!rc)
		rc = protocols[loaded->protocol].hand_over(&b);
	return rc ? rc : write_tables(&b);
}

int varch_load_cpu(const struct varch_loaded *loaded, const struct varch_vm *kvm, int cpu_fd,
		 unsigned int number, unsigned int ncpus, const struct varch_cpu_choice *choice,
		 struct vsu_error *err)
{
	const struct protocol *protocol = &protocols[loaded->protocol];
	const struct varch_x86_start start = {
		.how = loaded->level0 ? VARCH_X86_LEVEL0 :
		       number ? protocol->others : protocol->first,
		.entry = loaded->entry, .rdi = VARCH_BOOT_INFO_GPA, .rbx = VARCH_BOOT_INFO_GPA,
		.rsi = loaded->protocol == VARCH_PROTOCOL_BUILTIN ? number : VARCH_BOOT_INFO_GPA,
		.stack_top = VARCH_BOOT_STACKS_GPA + (number + 1) * VARCH_BOOT_STACK_SIZE,
		.ncpus = ncpus, .choice = *choice,
	};

	return varch_x86_start_cpu(kvm, cpu_fd, number, &start, err);
}
