/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writing the boot information into guest memory and starting the CPUs. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vm-memory/access.h>

#include "../../../guest/protocol.h"
#include "x86/long_mode.h"
#include "boot/builtin/info.h"
#include "boot/initrd.h"

static_assert(VMM_BOOT_INFO_GPA + sizeof(struct cvmm_boot) <=
	      VMM_BOOT_CMDLINE_GPA, "boot information ends before its next");
static_assert(VMM_BOOT_STACKS_GPA + VMM_MAX_CPUS * VMM_BOOT_STACK_SIZE <=
	      VMM_BOOT_KERNEL_GPA, "stacks end before the kernel");

#define DEFAULT_CMDLINE "console=ttyS0"

static int write_cmdline(struct vmm_machine *m, const struct vmem_view *view,
			 struct cvmm_boot *boot, struct vsu_error *err)
{
	const struct vmm_options *o = m->options;
	char line[VMM_BOOT_CMDLINE_MAX];
	int n = snprintf(line, sizeof(line), "%s%s%s",
			 o->cmdline ? o->cmdline : DEFAULT_CMDLINE,
			 o->append ? " " : "", o->append ? o->append : "");

	if (n >= (int)sizeof(line))
		return vsu_error_set(err, -EINVAL, "the kernel command line "
			"has %d characters; %d are allowed", n,
			(int)sizeof(line) - 1);
	boot->cmdline_gpa = VMM_BOOT_CMDLINE_GPA;
	boot->cmdline_len = (uint64_t)n;
	return vmem_write_exact(view, VMM_BOOT_CMDLINE_GPA, line,
				(size_t)n + 1);
}

static void describe_memory(const struct vmem_view *view,
			    struct cvmm_boot *boot)
{
	uint32_t i;

	for (i = 0; i < view->n && i < CVMM_BOOT_MAX_MEMORY; i++) {
		boot->memory[i].gpa = view->ranges[i].first;
		boot->memory[i].len = view->ranges[i].span + 1;
		boot->memory[i].flags =
			view->ranges[i].flags & VMEM_WRITE ? 0
							   : CVMM_MEMORY_ROM;
	}
	boot->nmemory = i;
}

static void describe_devices(const struct vmm_machine *m,
			     struct cvmm_boot *boot)
{
	unsigned int i;

	for (i = 0; i < m->ndevices && i < CVMM_BOOT_MAX_DEVICES; i++) {
		boot->devices[i].gpa = m->devices[i].gpa;
		boot->devices[i].len = 0x1000;
		boot->devices[i].irq = m->devices[i].irq;
	}
	boot->ndevices = i;
}

static int write_initrd(struct vmm_machine *m, const struct vmem_view *view,
			struct cvmm_boot *boot, struct vsu_error *err)
{
	if (!m->initrd.bytes)
		return 0;
	boot->initrd_len = m->initrd.size;
	return vmm_initrd_load(&m->initrd, view, &m->loaded,
			       &boot->initrd_gpa, err);
}

static int write_info(struct vmm_machine *m, const struct vmem_view *view,
		      struct vsu_error *err)
{
	struct cvmm_boot boot = {
		.magic = CVMM_BOOT_MAGIC, .version = CVMM_BOOT_VERSION,
		.size = sizeof(boot), .ncpus = m->options->cpus,
		.flags = m->loaded.level0 ? CVMM_BOOT_LEVEL0 : 0,
	};
	int rc = write_cmdline(m, view, &boot, err);

	if (!rc)
		rc = write_initrd(m, view, &boot, err);
	if (rc)
		return rc;
	describe_memory(view, &boot);
	describe_devices(m, &boot);
	return vmem_write_exact(view, VMM_BOOT_INFO_GPA, &boot, sizeof(boot));
}

static int write_tables(const struct vmm_machine *m,
			const struct vmem_view *view, struct vsu_error *err)
{
	struct vmm_identity ranges[VMM_LAYOUT_MAX + VMM_MAX_WINDOWS];
	unsigned int i, n = 0;

	for (i = 0; i < view->n && i < VMM_LAYOUT_MAX; i++, n++) {
		ranges[n].first = view->ranges[i].first;
		ranges[n].len = view->ranges[i].span + 1;
	}
	for (i = 0; i < m->shmem.n; i++, n++) {
		ranges[n].first = m->shmem.windows[i].gpa;
		ranges[n].len = m->shmem.windows[i].len;
	}
	return vmm_long_mode_tables(view, ranges, n, err);
}

static int start_cpus(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_x86_start start = {
		.entry = m->loaded.entry, .rdi = VMM_BOOT_INFO_GPA,
		.level0 = m->loaded.level0,
	};
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->options->cpus; i++) {
		start.rsi = i;
		start.stack_top = VMM_BOOT_STACKS_GPA +
				  (i + 1) * VMM_BOOT_STACK_SIZE;
		rc = vmm_x86_start_cpu(&m->kvm, vmm_cpus_fd(m->cpus, i), i,
				       &start, err);
	}
	return rc;
}

/* Everything of the protocol's own lies there. */
static int check_low_memory(const struct vmem_view *view,
			    struct vsu_error *err)
{
	if (vmem_check_range(view, 0, VMM_BOOT_KERNEL_GPA, VMEM_WRITE))
		return 0;
	return vsu_error_set(err, -EFAULT, "the guest boots in its first MiB, "
		"and not all of that is writable memory; place some with "
		"--memory at=0");
}

int vmm_boot_prepare(struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmem_view *view = vmem_map_view(vmm_memory_map(&m->memory));
	int rc = check_low_memory(view, err);

	if (!rc)
		rc = vmm_kernel_load(&m->kernel, view, &m->loaded, err);
	if (!rc)
		rc = write_info(m, view, err);
	if (!rc)
		rc = write_tables(m, view, err);
	if (!rc)
		rc = start_cpus(m, err);
	vmm_kernel_close(&m->kernel);	/* the guest has its own copy */
	vmm_file_free(&m->initrd);
	return rc;
}
