/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Booting. The steps are the same for every protocol; only the form of the boot
 * information and the initial state of the CPUs differ.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/mmio.h>
#include <vm-memory/access.h>
#include <vm-memory/kvm.h>
#include <vm-memory/region.h>

#include "acpi/tables.h"
#include "boot/builtin/info.h"
#include "boot/initrd.h"
#include "boot/linux/bzimage.h"
#include "boot/pvh/start_info.h"
#include "machine/boot.h"
#include "memory/layout.h"
#include "x86/long_mode.h"

static_assert(VMM_BOOT_STACKS_GPA + VMM_MAX_CPUS * VMM_BOOT_STACK_SIZE <=
	      VMM_BOOT_ACPI_GPA, "stacks end before the tables of ACPI");

#define SERIAL_CONSOLE "console=ttyS0"
/* Linux otherwise looks for a bridge, and reports an error if none exists. */
#define NO_BRIDGE " pci=conf1"
#define ACPI_ROOM (VMM_BOOT_VMGENID_GPA - VMM_BOOT_ACPI_GPA)

/* Everything placed in guest memory for the kernel. */
struct boot {
	struct vmm_machine *m;
	const struct vmem_view *view;
	struct vmm_handover handover;
	uint64_t cmdline_len;
	struct vsu_error *err;
};

/* Linux uses the last console= of the command line for its shell. */
static const char *default_cmdline(const struct vmm_machine *m)
{
	if (m->on_bus || m->loaded.protocol == VMM_PROTOCOL_BUILTIN)
		return m->stdio ? SERIAL_CONSOLE " console=hvc0" : SERIAL_CONSOLE;
	return m->stdio ? SERIAL_CONSOLE NO_BRIDGE " console=hvc0" :
			  SERIAL_CONSOLE NO_BRIDGE;
}

static int write_cmdline(struct boot *b)
{
	const struct vmm_config *c = b->m->config;
	const uint32_t wanted = b->m->loaded.cmdline_max;
	char line[VMM_BOOT_CMDLINE_MAX];
	const int max = wanted && wanted < sizeof(line) ? (int)wanted :
							  (int)sizeof(line) - 1;
	int n = snprintf(line, sizeof(line), "%s%s%s",
			 c->cmdline ? c->cmdline : default_cmdline(b->m),
			 c->append ? " " : "", c->append ? c->append : "");

	if (n > max)
		return vsu_error_set(b->err, -EINVAL, "the kernel command line has %d characters; %d are allowed", n, max);
	b->handover.cmdline_gpa = VMM_BOOT_CMDLINE_GPA;
	b->cmdline_len = (uint64_t)n;
	return vmem_write_exact(b->view, VMM_BOOT_CMDLINE_GPA, line,
				(size_t)n + 1);
}

static int write_initrd(struct boot *b)
{
	const struct vmm_file *initrd = &b->m->initrd;

	if (!initrd->size)
		return 0;
	b->handover.initrd_len = initrd->size;
	return vmm_initrd_load(initrd, b->view, &b->m->loaded,
			       &b->handover.initrd_gpa, b->err);
}

/* Page tables for 64-bit entry points: all memory and all device ranges. */
static int write_tables(struct boot *b)
{
	const struct vmm_machine *m = b->m;
	struct vmm_identity ranges[VMM_LAYOUT_MAX + VMM_MAX_WINDOWS];
	unsigned int i, n = 0;

	for (i = 0; i < b->view->n && i < VMM_LAYOUT_MAX; i++, n++) {
		ranges[n].first = b->view->ranges[i].first;
		ranges[n].len = b->view->ranges[i].span + 1;
	}
	for (i = 0; i < m->shmem.n; i++) {
		if (m->shmem.windows[i].apart)
			continue;
		ranges[n].first = m->shmem.windows[i].gpa;
		ranges[n++].len = m->shmem.windows[i].len;
	}
	return vmm_long_mode_tables(b->view, ranges, n, b->err);
}

/* Pieces that the guest can convert. Regions and pieces have the same order. */
static void mark_private(const struct vmem_map *map, struct cvmm_boot *boot)
{
	unsigned int i;

	for (i = 0; i < vmem_map_count(map) && i < CVMM_BOOT_MAX_MEMORY; i++)
		if (vmem_block_private_fd(vmem_region_block(vmem_map_region(map, i))) >= 0)
			boot->memory[i].flags = CVMM_MEMORY_PRIVATE;
}

static int hand_over_builtin(struct boot *b)
{
	const struct vmm_machine *m = b->m;
	struct cvmm_boot boot = {
		.ncpus = m->config->cpus,
		.flags = (m->loaded.level0 ? CVMM_BOOT_LEVEL0 : 0) |
			 (m->on_bus ? CVMM_BOOT_PCI : 0),
		.cmdline_gpa = b->handover.cmdline_gpa,
		.cmdline_len = b->cmdline_len,
		.initrd_gpa = b->handover.initrd_gpa,
		.initrd_len = b->handover.initrd_len,
	};
	unsigned int i;

	if (m->on_bus && !m->loaded.finds_pci)
		return vsu_error_set(b->err, -EINVAL, "this built-in kernel expects devices at fixed addresses and supports no bus; leave --transport out");
	for (i = 0; !m->on_bus && i < m->ndevices && i < CVMM_BOOT_MAX_DEVICES; i++) {
		boot.devices[i].gpa = m->devices[i].gpa;
		boot.devices[i].len = VIRTDEV_MMIO_SIZE;
		boot.devices[i].irq = m->devices[i].irq;
	}
	boot.ndevices = i;
	mark_private(vmm_memory_map(&m->memory), &boot);
	return vmm_builtin_hand_over(&boot, b->view, VMM_BOOT_INFO_GPA);
}

/*
 * Collects the address ranges for ACPI, adjacent ones merged; returns their
 * number. Windows that serve as memory are described by their device only.
 */
static unsigned int describe_windows(const struct vmm_machine *m,
				     struct vmm_acpi_window *windows)
{
	const struct vmm_window *w = m->shmem.windows;
	unsigned int i, n = 0;

	for (i = 0; i < m->shmem.n; i++)
		if (w[i].room && !w[i].apart)
			windows[n++] = (struct vmm_acpi_window){ w[i].gpa,
								 w[i].room };
	return n;
}

static int describe_machine(const struct vmm_machine *m, void *bytes,
			    struct vmm_acpi_layout *layout,
			    struct vsu_error *err)
{
	struct vmm_acpi_device devices[VMM_MAX_DEVICES];
	struct vmm_acpi_slot slots[VMM_DEVICE_PLACES];
	struct vmm_acpi_window windows[VMM_MAX_WINDOWS];
	const struct vmm_acpi_pci pci = {
		.ecam_gpa = VMM_PCI_ECAM_GPA, .ecam_len = VMM_PCI_ECAM_LEN,
		.window_gpa = VMM_PCI_WINDOW_GPA,
		.window_len = VMM_PCI_WINDOW_LEN,
		.nslots = VMM_DEVICE_PLACES, .slots = slots,
	};
	struct vmm_acpi_machine machine = {
		.ncpus = m->config->cpus, .pci = m->on_bus ? &pci : NULL,
		.ndevices = m->on_bus ? 0 : m->ndevices, .devices = devices,
		.windows = windows, .generation_gpa = VMM_BOOT_VMGENID_GPA,
	};
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		devices[i] = (struct vmm_acpi_device){
			(uint32_t)m->devices[i].gpa, VIRTDEV_MMIO_SIZE,
			m->devices[i].irq };
	for (i = 0; i < VMM_DEVICE_PLACES; i++)
		slots[i] = (struct vmm_acpi_slot){ i + 1,
						   VMM_FIRST_DEVICE_IRQ + i };
	machine.nwindows = describe_windows(m, windows);
	return vmm_acpi_build(&machine, VMM_BOOT_ACPI_GPA, bytes, ACPI_ROOM,
			      layout, err);
}

static int write_acpi(struct boot *b)
{
	struct vmm_acpi_layout layout;
	unsigned char *bytes = malloc(ACPI_ROOM);
	int rc;

	if (!bytes)
		return vsu_error_sys(b->err, -ENOMEM, "tables of ACPI");
	rc = describe_machine(b->m, bytes, &layout, b->err);
	if (!rc)
		rc = vmem_write_exact(b->view, VMM_BOOT_ACPI_GPA, bytes,
				      layout.len);
	free(bytes);
	b->handover.rsdp_gpa = VMM_BOOT_ACPI_GPA;
	return rc;
}

/* Memory map and ACPI tables, for both Linux protocols. */
static int describe_pc(struct boot *b)
{
	int rc = vmm_e820_make(b->view, &b->handover.memory, b->err);

	if (rc < 0)
		return rc;
	rc = write_acpi(b);
	return rc ? rc : vmm_reset_vector_write(b->view);
}

static int hand_over_linux(struct boot *b)
{
	int rc = describe_pc(b);

	return rc ? rc : vmm_bzimage_hand_over(&b->m->kernel, &b->m->loaded,
					       &b->handover, b->view,
					       VMM_BOOT_INFO_GPA, b->err);
}

static int hand_over_pvh(struct boot *b)
{
	int rc = describe_pc(b);

	return rc ? rc : vmm_pvh_hand_over(&b->handover, b->view,
					   VMM_BOOT_INFO_GPA);
}

/* A protocol: its boot information, and the initial state of the CPUs. */
static const struct protocol {
	int (*hand_over)(struct boot *b);
	enum vmm_x86_entry first, others;
} protocols[] = {
	[VMM_PROTOCOL_BUILTIN] = { hand_over_builtin, VMM_X86_LEVEL3,
				   VMM_X86_LEVEL3 },
	[VMM_PROTOCOL_LINUX] = { hand_over_linux, VMM_X86_LINUX,
				 VMM_X86_WAITS },
	[VMM_PROTOCOL_PVH] = { hand_over_pvh, VMM_X86_PVH, VMM_X86_WAITS },
};

static int start_cpus(struct boot *b, const struct protocol *protocol)
{
	struct vmm_machine *m = b->m;
	struct vmm_x86_start start = {
		.entry = m->loaded.entry, .rdi = VMM_BOOT_INFO_GPA,
		.rbx = VMM_BOOT_INFO_GPA, .ncpus = m->config->cpus,
		.model = m->config->cpu_model,
	};
	const bool builtin = m->loaded.protocol == VMM_PROTOCOL_BUILTIN;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->config->cpus; i++) {
		start.how = i ? protocol->others : protocol->first;
		if (m->loaded.level0)
			start.how = VMM_X86_LEVEL0;
		start.rsi = builtin ? i : VMM_BOOT_INFO_GPA;
		start.stack_top = VMM_BOOT_STACKS_GPA +
				  (i + 1) * VMM_BOOT_STACK_SIZE;
		rc = vmm_x86_start_cpu(&m->kvm, vmm_cpus_fd(m->cpus, i), i,
				       &start, b->err);
	}
	return rc;
}

/* The range reserved for boot information. */
static int check_low_memory(struct boot *b)
{
	if (vmem_check_range(b->view, 0, VMM_BOOT_KERNEL_GPA, VMEM_WRITE))
		return 0;
	return vsu_error_set(b->err, -EFAULT, "the guest boots in its first MiB, which must be writable memory; place some with --memory at=0");
}

static int load_kernel(struct boot *b)
{
	struct vmm_machine *m = b->m;

	return vmm_bzimage_is(&m->kernel) ?
		vmm_bzimage_load(&m->kernel, b->view, &m->loaded, b->err) :
		vmm_kernel_load(&m->kernel, b->view, &m->loaded, b->err);
}

int vmm_boot_prepare(struct vmm_machine *m, struct vsu_error *err)
{
	struct boot b = {
		.m = m, .view = vmem_map_view(vmm_memory_map(&m->memory)),
		.err = err,
	};
	const struct protocol *protocol;
	int rc = check_low_memory(&b);

	if (!rc)
		rc = load_kernel(&b);
	protocol = &protocols[m->loaded.protocol];
	if (!rc)
		rc = write_cmdline(&b);
	if (!rc)
		rc = write_initrd(&b);
	if (!rc)
		rc = protocol->hand_over(&b);
	if (!rc)
		rc = write_tables(&b);
	if (!rc)
		rc = start_cpus(&b, protocol);
	vmm_kernel_close(&m->kernel);	/* the guest has its own copy */
	vmm_file_close(&m->initrd);
	return rc;
}
