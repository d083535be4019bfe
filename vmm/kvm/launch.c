/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The order of a launch, and the parts that do not depend on the technology. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/fd.h>

#include "kvm/launch.h"
#include "kvm/uapi.h"

static const struct vmm_launch_ops *const tables[] = {
	[VMM_LAUNCH_SNP] = &vmm_launch_snp,
	[VMM_LAUNCH_TDX] = &vmm_launch_tdx,
};

static int probe_type(struct vmm_launch *l, struct vsu_error *err)
{
	int rc;

	if (vmm_kvm_capability(&l->kvm, KVM_CAP_VM_TYPES) & 1 << l->ops->vm_type)
		return 0;
	rc = l->ops->explain(err);
	return rc ? rc : vsu_error_set(err, -EOPNOTSUPP, "this host's KVM does not offer %s machines (bit %lu of KVM_CAP_VM_TYPES); 'dmesg' has the reason",
			     l->ops->name, l->ops->vm_type);
}

static int create_vm(struct vmm_launch *l, struct vsu_error *err)
{
	l->kvm.vm_fd = vmm_kvm_ioctl(l->kvm.kvm_fd, KVM_CREATE_VM,
				     (void *)l->ops->vm_type);
	if (l->kvm.vm_fd < 0)
		return vsu_error_sys(err, l->kvm.vm_fd, "KVM cannot make a VM for %s",
				     l->ops->name);
	return vsu_fd_set_cloexec(l->kvm.vm_fd);
}

int vmm_launch_open(struct vmm_launch *l, enum vmm_launch_kind kind,
		    struct vsu_error *err)
{
	int rc;

	*l = (struct vmm_launch){
		.ops = tables[kind], .kvm = { .kvm_fd = -1, .vm_fd = -1 },
		.device_fd = -1, .first_vcpu_fd = -1,
	};
	rc = vmm_kvm_open_device(&l->kvm, err);
	if (!rc)
		rc = probe_type(l, err);
	if (!rc)
		rc = create_vm(l, err);
	if (!rc)
		rc = l->ops->init(l, err);
	if (rc < 0)
		vmm_launch_close(l);
	return rc;
}

void vmm_launch_close(struct vmm_launch *l)
{
	vsu_fd_close(&l->device_fd);
	vmm_kvm_close(&l->kvm);
}

static int check_range(const struct vmm_launch_range *r, struct vsu_error *err)
{
	const uint64_t bits = r->gpa | r->len | (uintptr_t)r->content;

	return r->len && !(bits % 4096) ? 0 :
	       vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at %#" PRIx64 " of the launch are not whole pages",
			     r->len, r->gpa);
}

static int add_ranges(struct vmm_launch *l, const struct vmm_launch_range *ranges,
		      unsigned int n, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		rc = check_range(&ranges[i], err);
	for (i = 0; !rc && i < n; i++)
		rc = l->ops->add(l, &ranges[i], err);
	return rc;
}

int vmm_launch_run(struct vmm_launch *l, const int *vcpus, unsigned int n,
		   const struct vmm_launch_range *ranges, unsigned int nranges,
		   struct vsu_error *err)
{
	unsigned int i;
	int rc = l->ops->start ? l->ops->start(l, err) : 0;

	l->first_vcpu_fd = vcpus[0];
	for (i = 0; !rc && l->ops->vcpu_init && i < n; i++)
		rc = l->ops->vcpu_init(l, vcpus[i], err);
	if (!rc)
		rc = add_ranges(l, ranges, nranges, err);
	return rc ? rc : l->ops->finish(l, err);
}

int vmm_launch_refuse(enum vmm_launch_kind kind, struct vsu_error *err)
{
	struct vmm_launch l;
	int rc = vmm_launch_open(&l, kind, err);

	if (rc < 0)
		return rc;
	vmm_launch_close(&l);
	return vsu_error_set(err, -EOPNOTSUPP, "this host can create %s machines, but cvmm cannot boot a guest in one yet; leave --confidential out",
			     tables[kind]->name);
}
