/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a machine, which is refused by name. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "arch/arch.h"

static int refuse_state(struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "saving and migrating are not supported on arm64");
}

int vmm_arch_vm_save(const struct vmm_kvm *kvm, struct vmm_state_writer *w, struct vsu_error *err)
{
	(void)kvm;
	(void)w;
	return refuse_state(err);
}

int vmm_arch_vm_load(const struct vmm_kvm *kvm, const struct vmm_state *state, struct vsu_error *err)
{
	(void)kvm;
	(void)state;
	return refuse_state(err);
}

int vmm_arch_cpu_save(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu,
		      struct vmm_state_writer *w, struct vsu_error *err)
{
	(void)kvm;
	(void)cpu_fd;
	(void)cpu;
	(void)w;
	return refuse_state(err);
}

int vmm_arch_cpu_load(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu,
		      const struct vmm_state *state, struct vsu_error *err)
{
	(void)kvm;
	(void)cpu_fd;
	(void)cpu;
	(void)state;
	return refuse_state(err);
}

bool vmm_arch_cpu_name(const struct vmm_state *state, unsigned char name[48])
{
	(void)state;
	memset(name, 0, 48);
	return false;
}
