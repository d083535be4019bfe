/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Booting: describes the machine to its kernel. */
#include <config.h>

#include <errno.h>

#include <device-kinds/disk.h>
#include <virtio-devices/mmio.h>
#include <vm-arch/arch.h>
#include <vm-arch/kernel.h>
#include <vm-arch/layout.h>
#include <vm-arch/load.h>
#include <vmm-sys-util/fd.h>

#include "setup/steps.h"

#define SERIAL_CONSOLE "console=ttyS0"

/* The machine as ACPI and its kernel see it. */
struct description {
	struct varch_board_device devices[VMM_MAX_DEVICES];
	struct varch_board_slot slots[VMM_DEVICE_PLACES];
	struct varch_board_window windows[VMM_MAX_WINDOWS];
	struct varch_board_range ranges[VMM_MAX_WINDOWS];
	unsigned int nranges;
	struct varch_board_pci pci;
	struct varch_board machine;
};

/* Linux uses the last console= of the command line for its shell. */
static const char *default_cmdline(const struct vmm_machine *m)
{
	if (m->on_bus || m->loaded.protocol == VARCH_PROTOCOL_BUILTIN)
		return m->stdio ? SERIAL_CONSOLE " console=hvc0" : SERIAL_CONSOLE;
	return m->stdio ? SERIAL_CONSOLE VARCH_CMDLINE_NO_BUS " console=hvc0" :
			  SERIAL_CONSOLE VARCH_CMDLINE_NO_BUS;
}

/*
 * Windows that serve as memory are described by their device only. ACPI has adjacent ones
 * merged.
 */
static void describe_windows(const struct vmm_machine *m, struct description *d)
{
	const struct vmm_window *w = m->shmem.windows;
	unsigned int i, n = 0;

	for (i = 0; i < m->shmem.n; i++) {
		if (w[i].apart)
			continue;
		d->ranges[d->nranges++] = (struct varch_board_range){ w[i].gpa, w[i].len };
		if (w[i].room)
			d->windows[n++] = (struct varch_board_window){ w[i].gpa, w[i].room };
	}
	d->machine.nwindows = n;
}

static void describe_machine(const struct vmm_machine *m, struct description *d)
{
	unsigned int i;

	*d = (struct description){
		.pci = { .ecam_gpa = VARCH_PCI_ECAM_GPA, .ecam_len = VARCH_PCI_ECAM_LEN,
			 .window_gpa = VARCH_PCI_WINDOW_GPA, .window_len = VARCH_PCI_WINDOW_LEN,
			 .nslots = VMM_DEVICE_PLACES, .slots = d->slots },
		.machine = { .kvm = &m->kvm, .ncpus = m->config->cpus.n,
			     .nlater = m->config->cpus.max - m->config->cpus.n,
			     .pci = m->on_bus ? &d->pci : NULL,
			     .ndevices = m->on_bus ? 0 : m->ndevices, .devices = d->devices,
			     .windows = d->windows, .generation_gpa = VARCH_GENERATION_GPA },
	};
	for (i = 0; i < m->ndevices; i++)
		d->devices[i] = (struct varch_board_device){
			(uint32_t)m->devices[i].gpa, VIRTDEV_MMIO_SIZE,
			m->devices[i].irq };
	for (i = 0; i < VMM_DEVICE_PLACES; i++)
		d->slots[i] = (struct varch_board_slot){ i + 1, VARCH_FIRST_DEVICE_IRQ + i };
	describe_windows(m, d);
}

static int hand_over(struct vmm_machine *m, struct vsu_error *err)
{
	struct description d;
	struct varch_load load = {
		.map = vmm_memory_map(&m->memory), .kernel = &m->kernel, .initrd = &m->initrd,
		.cmdline = m->config->cmdline ? m->config->cmdline : default_cmdline(m),
		.append = m->config->append, .on_bus = m->on_bus, .board = &d.machine,
		.ranges = d.ranges,
	};

	describe_machine(m, &d);
	load.nranges = d.nranges;
	return varch_load_hand_over(&load, &m->loaded, err);
}

static int choose_acpi(struct vmm_machine *m, struct vsu_error *err)
{
	if (m->loaded.protocol == VARCH_PROTOCOL_BUILTIN)
		return vsu_error_set(err, -EINVAL, "option --acpi: a built-in kernel knows the machine and reads no description of it; leave the option out");
	/* Linux on x86-64 always finds it */
	if (m->loaded.protocol == VARCH_PROTOCOL_IMAGE)
		m->loaded.protocol = VARCH_PROTOCOL_IMAGE_ACPI;
	return 0;
}

/* Would be placed in memory as it is: Linux ignores such an initrd. */
static int refuse_image(const struct varch_file *file, struct vsu_error *err)
{
	char head[DEVKIND_DISK_HEAD];
	const size_t len = file->size < sizeof(head) ? (size_t)file->size : sizeof(head);
	const ssize_t n = vsu_fd_pread_full(file->fd, head, len, 0);
	const char *format = n < 0 ? NULL : devkind_disk_format_of(head, (size_t)n);

	if (!format)
		return 0;
	return vsu_error_set(err, -EBADMSG, "%s '%s' begins like a %s image of a disk; name the file of the %s itself",
			     file->what, file->path, format, file->what);
}

int vmm_boot_open(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = varch_kernel_is_program_name(m->config->kernel) ?
		 vsu_error_set(err, -EINVAL, "kernel '%s': the name stands for a kernel that a program installs, and is no file; give the path of the ELF file", m->config->kernel) :
		 varch_file_open(&m->kernel, "kernel", m->config->kernel, err);

	if (!rc)
		rc = refuse_image(&m->kernel, err);
	if (rc < 0 || !m->config->initrd)
		return rc;
	rc = varch_file_open(&m->initrd, "initrd", m->config->initrd, err);
	return rc ? rc : refuse_image(&m->initrd, err);
}

int vmm_boot_prepare(struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;
	int rc = varch_load_kernel(&m->kernel, vmm_memory_map(&m->memory), &m->loaded, err);

	if (!rc && m->loaded.any_level)
		m->loaded.level0 = !varch_emulates_level0(&m->kvm);
	if (!rc && m->config->acpi)
		rc = choose_acpi(m, err);
	if (!rc)
		rc = hand_over(m, err);
	for (i = 0; !rc && i < m->config->cpus.n; i++)
		rc = varch_load_cpu(&m->loaded, &m->kvm, m->cpus->cpu[i].fd, i,
				  m->config->cpus.max, &m->config->cpu.choice, err);
	varch_file_close(&m->kernel);	/* the guest has its own copy */
	varch_file_close(&m->initrd);
	return rc;
}
