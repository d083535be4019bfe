/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Kernels, for monitors that make their machine themselves. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vm-arch/arch.h>
#include <vm-arch/cpu_choice.h>
#include <vm-arch/cpus.h>
#include <vm-arch/file.h>
#include <vm-arch/kernel.h>
#include <vm-arch/layout.h>
#include <vm-arch/load.h>
#include <vmm-sys-util/sized.h>

#include "api/kvm_private.h"
#include "arch/own.h"
#include <vm-arch/boot.h>

#define MAX_DEVICES 19u		/* interrupts from 5 to 23 */

struct varch_kernel {
	struct varch_loaded loaded;
	unsigned int ncpus;
};

static int check_config(const struct varch_kernel_config *c, struct vsu_error *err)
{
	if (!c->kernel)
		return vsu_error_set(err, -EINVAL, "boot: config->kernel is NULL; name a file");
	if (c->ncpus > VARCH_MAX_CPUS)
		return vsu_error_set(err, -EINVAL, "boot: config->ncpus is %u; %u are possible",
				     c->ncpus, (unsigned int)VARCH_MAX_CPUS);
	if (c->ndevices > MAX_DEVICES)
		return vsu_error_set(err, -ENOSPC, "boot: config->ndevices is %u; %u are possible",
				     c->ndevices, MAX_DEVICES);
	return vsu_check_array(c->devices, c->ndevices, "boot: config->devices", err);
}

static int hand_over(const struct varch_kernel *k, const struct varch_kernel_config *c,
		     struct varch_load *load, struct vsu_error *err)
{
	struct varch_board_device devices[MAX_DEVICES];
	const struct varch_board board = {
		.ncpus = k->ncpus, .ndevices = c->ndevices, .devices = devices,
		.generation_gpa = VARCH_GENERATION_GPA,
	};
	unsigned int i;

	for (i = 0; i < c->ndevices; i++)
		devices[i] = (struct varch_board_device){
			c->devices[i].gpa, c->devices[i].len, c->devices[i].irq,
		};
	load->board = &board;
	return varch_load_hand_over(load, &k->loaded, err);
}

static int load_files(struct varch_kernel *k, const struct varch_kernel_config *c,
		      struct vmem_map *map, struct vsu_error *err)
{
	struct varch_file kernel;
	struct varch_file initrd = { .fd = -1 };
	struct varch_load load = {
		.map = map, .kernel = &kernel, .initrd = &initrd,
		.cmdline = c->cmdline ? c->cmdline : "",
	};
	int rc = varch_file_open(&kernel, "kernel", c->kernel, err);

	if (rc < 0)
		return rc;
	if (c->initrd)
		rc = varch_file_open(&initrd, "initrd", c->initrd, err);
	if (!rc)
		rc = varch_load_kernel(&kernel, map, &k->loaded, err);
	if (!rc)
		rc = hand_over(k, c, &load, err);
	varch_file_close(&initrd);
	varch_file_close(&kernel);
	return rc;
}

int varch_kernel_load(struct vmem_map *map, const struct varch_kernel_config *config,
		     struct varch_kernel **out, struct vsu_error *err)
{
	struct varch_kernel_config c;
	struct varch_kernel *k;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct varch_kernel_config", err);

	if (!rc)
		rc = check_config(&c, err);
	if (rc < 0)
		return rc;
	k = calloc(1, sizeof(*k));
	if (!k)
		return vsu_error_sys(err, -ENOMEM, "kernel");
	k->ncpus = c.ncpus ? c.ncpus : 1;
	rc = load_files(k, &c, map, err);
	if (rc < 0) {
		free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void varch_kernel_free(struct varch_kernel *kernel)
{
	free(kernel);
}

int varch_kernel_enter(const struct varch_kernel *kernel, struct varch_kvm *kvm,
		      const struct varch_kvm_cpu *cpu, unsigned int number,
		      struct vsu_error *err)
{
	static const struct varch_cpu_choice choice = { .model = VARCH_CPU_HOST };

	if (number >= kernel->ncpus)
		return vsu_error_set(err, -EINVAL, "boot: CPU %u of a kernel that was loaded for %u",
				     number, kernel->ncpus);
	if (kernel->loaded.protocol != VARCH_PROTOCOL_BUILTIN && !varch_is_usual(&kvm->kvm))
		return vsu_error_set(err, -EOPNOTSUPP, "boot: the kernel was loaded for other interrupt controllers than those of this host's KVM");
	return varch_load_cpu(&kernel->loaded, &kvm->kvm, cpu->fd, number, kernel->ncpus,
			    &choice, err);
}
