/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The launch of an Intel TDX machine. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "kvm/launch.h"
#include "kvm/launch_command.h"
#include "kvm/launch_uapi.h"

static_assert(sizeof(struct vmm_tdx_cmd) == 24, "as the kernel has it");
static_assert(offsetof(struct vmm_tdx_capabilities, cpuid) == 2048, "as the kernel has it");
static_assert(offsetof(struct vmm_tdx_init_vm, cpuid) == 256, "as the kernel has it");
static_assert(sizeof(struct vmm_tdx_mem_region) == 24, "as the kernel has it");

static int tdx_explain(struct vsu_error *err)
{
	char value[8];
	int rc = vmm_launch_parameter("/sys/module/kvm_intel/parameters/ept", value,
				      sizeof(value));

	if (rc < 0)
		return vsu_error_set(err, -EOPNOTSUPP, "TDX needs the kernel module kvm_intel, which is not loaded, and a processor with Intel TDX");
	rc = vmm_launch_parameter("/sys/module/kvm_intel/parameters/tdx", value,
				  sizeof(value));
	if (rc < 0)
		return vsu_error_set(err, -EOPNOTSUPP, "TDX needs Linux 6.16 or newer with CONFIG_KVM_INTEL_TDX on the host: its kvm_intel has no parameter 'tdx'");
	if (value[0] != 'Y')
		return vsu_error_set(err, -EOPNOTSUPP, "TDX is off in this host's kvm_intel; enable TDX in the BIOS and load the module with tdx=1");
	return 0;
}

/* left: as of vmm_launch_repeat(); NULL: the command is complete or not done at all. */
static int tdx_command(int fd, struct vmm_tdx_cmd *cmd, const uint64_t *left,
		   const char *name, struct vsu_error *err)
{
	const uint64_t one = 1;
	int rc = vmm_launch_repeat(fd, cmd, left ? left : &one);

	return rc < 0 ? vsu_error_sys(err, rc, "TDX: %s failed (error of the TDX module %#" PRIx64 ")",
				      name, (uint64_t)cmd->hw_error) : 0;
}

static const struct kvm_cpuid_entry2 *cpuid_find(const struct vmm_tdx_cpuid *t,
						 const struct kvm_cpuid_entry2 *like)
{
	unsigned int i;

	for (i = 0; i < t->nent && i < VMM_TDX_MAX_CPUID; i++)
		if (t->entries[i].function == like->function &&
		    t->entries[i].index == like->index)
			return &t->entries[i];
	return NULL;
}

/* Limits the bits that the VMM can choose to those that KVM supports. */
static void cpuid_limit(struct vmm_tdx_cpuid *bits, const struct vmm_tdx_cpuid *supported)
{
	const struct kvm_cpuid_entry2 *s;
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	for (i = 0; i < bits->nent && i < VMM_TDX_MAX_CPUID; i++) {
		e = &bits->entries[i];
		s = cpuid_find(supported, e);
		e->eax &= s ? s->eax : 0;
		e->ebx &= s ? s->ebx : 0;
		e->ecx &= s ? s->ecx : 0;
		e->edx &= s ? s->edx : 0;
	}
}

struct tables {
	struct vmm_tdx_capabilities caps;
	struct vmm_tdx_cpuid supported;
	struct vmm_tdx_init_vm vm;
};

static int tdx_init_vm(struct vmm_launch *l, struct tables *t, struct vsu_error *err)
{
	struct vmm_tdx_cmd cmd = { .id = VMM_TDX_CAPABILITIES,
				   .data = (uintptr_t)&t->caps };
	int rc;

	t->caps.cpuid.nent = t->supported.nent = VMM_TDX_MAX_CPUID;
	rc = tdx_command(l->kvm.vm_fd, &cmd, NULL, "KVM_TDX_CAPABILITIES", err);
	if (rc < 0)
		return rc;
	rc = vmm_kvm_ioctl(l->kvm.kvm_fd, KVM_GET_SUPPORTED_CPUID, &t->supported);
	if (rc < 0)
		return vsu_error_sys(err, rc, "TDX: KVM_GET_SUPPORTED_CPUID");
	t->vm.xfam = t->caps.supported_xfam;
	t->vm.cpuid = t->caps.cpuid;
	cpuid_limit(&t->vm.cpuid, &t->supported);
	cmd = (struct vmm_tdx_cmd){ .id = VMM_TDX_INIT_VM,
				    .data = (uintptr_t)&t->vm };
	return tdx_command(l->kvm.vm_fd, &cmd, NULL, "KVM_TDX_INIT_VM", err);
}

static int tdx_init(struct vmm_launch *l, struct vsu_error *err)
{
	struct tables *t = calloc(1, sizeof(*t));
	int rc = t ? tdx_init_vm(l, t, err) :
		 vsu_error_set(err, -ENOMEM, "no memory for tables of CPUID");

	free(t);
	return rc;
}

/* The data is the guest's RCX at its start, which firmware reads. */
static int tdx_vcpu_init(struct vmm_launch *l, int vcpu_fd, struct vsu_error *err)
{
	struct vmm_tdx_cmd cmd = { .id = VMM_TDX_INIT_VCPU };

	(void)l;
	return tdx_command(vcpu_fd, &cmd, NULL, "KVM_TDX_INIT_VCPU", err);
}

/* A command of a CPU, although it affects the machine. */
static int tdx_add(struct vmm_launch *l, const struct vmm_launch_range *range,
	       struct vsu_error *err)
{
	struct vmm_tdx_mem_region arg = {
		.source_addr = (uintptr_t)range->content, .gpa = range->gpa,
		.nr_pages = range->len / 4096,
	};
	struct vmm_tdx_cmd cmd = {
		.id = VMM_TDX_INIT_MEM_REGION, .data = (uintptr_t)&arg,
		.flags = range->measured ? VMM_TDX_MEASURE : 0,
	};
	int rc = tdx_command(l->first_vcpu_fd, &cmd, &arg.nr_pages,
			 "KVM_TDX_INIT_MEM_REGION", err);

	return rc < 0 ? vsu_error_prefix(err, rc, "page at %#" PRIx64,
					 arg.gpa) : 0;
}

static int tdx_finish(struct vmm_launch *l, struct vsu_error *err)
{
	struct vmm_tdx_cmd cmd = { .id = VMM_TDX_FINALIZE_VM };

	return tdx_command(l->kvm.vm_fd, &cmd, NULL, "KVM_TDX_FINALIZE_VM", err);
}

const struct vmm_launch_ops vmm_launch_tdx = {
	.name = "TDX", .vm_type = VMM_KVM_TYPE_TDX, .explain = tdx_explain, .init = tdx_init,
	.vcpu_init = tdx_vcpu_init, .add = tdx_add, .finish = tdx_finish,
};
