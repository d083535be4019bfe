/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates KVM's GICv3 and ITS, or its GICv2. */
#include <config.h>

#include <errno.h>

#include <vm-arch/layout.h>
#include <vmm-sys-util/fd.h>

#include "arch/arm64/gic.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

/* Private interrupts of the CPUs, and the shared ones: a multiple of 32. */
#define INTERRUPTS (32 + VARCH_SHARED_IRQS)

/* The versions, preferred first: registers of the distributor, and those for CPUs. */
static const struct model {
	unsigned int version;
	uint32_t type;
	uint32_t distributor, cpus;	/* attributes of their addresses */
	uint64_t cpus_gpa;
} models[] = {
	{ 3, KVM_DEV_TYPE_ARM_VGIC_V3, KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_REDIST,
	  VARCH_GIC_CPUS_GPA },
	{ 2, KVM_DEV_TYPE_ARM_VGIC_V2, KVM_VGIC_V2_ADDR_TYPE_DIST, KVM_VGIC_V2_ADDR_TYPE_CPU,
	  VARCH_GICV2_CPUS_GPA },
};

#define NMODELS (sizeof(models) / sizeof(models[0]))

static int make_chip(struct varch_vm *kvm, uint32_t type)
{
	struct kvm_create_device device = { .type = type };
	int rc = varch_ioctl(kvm->vm_fd, KVM_CREATE_DEVICE, &device);
	int fd = (int)device.fd;

	if (rc < 0)
		return rc;
	if (vsu_fd_set_cloexec(fd) < 0) {
		vsu_fd_close(&fd);
		return -EBADF;
	}
	kvm->chips[kvm->nchips++] = fd;
	return 0;
}

static int set_attribute(const struct varch_vm *kvm, enum varch_gic_chip chip, uint32_t group,
			 uint64_t attribute, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attribute, .addr = (uintptr_t)value };

	return varch_ioctl(kvm->chips[chip], KVM_SET_DEVICE_ATTR, &a);
}

static int place_gic(const struct varch_vm *kvm, const struct model *m, struct vsu_error *err)
{
	uint64_t distributor = VARCH_GIC_GPA, cpus = m->cpus_gpa;
	uint32_t interrupts = INTERRUPTS;
	int rc = set_attribute(kvm, VARCH_GIC, KVM_DEV_ARM_VGIC_GRP_ADDR, m->distributor, &distributor);

	if (!rc)
		rc = set_attribute(kvm, VARCH_GIC, KVM_DEV_ARM_VGIC_GRP_ADDR, m->cpus, &cpus);
	if (!rc)
		rc = set_attribute(kvm, VARCH_GIC, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts);
	return rc < 0 ? vsu_error_sys(err, rc, "the addresses of KVM's GICv%u", m->version) : 0;
}

/* A KVM without ITS has no messages: devices are not on PCI. */
static int make_its(struct varch_vm *kvm, struct vsu_error *err)
{
	uint64_t gpa = VARCH_ITS_GPA;
	int rc = make_chip(kvm, KVM_DEV_TYPE_ARM_VGIC_ITS);

	if (rc == -ENODEV)
		return 0;
	if (!rc)
		rc = set_attribute(kvm, VARCH_ITS, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &gpa);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM's ITS") : 0;
}

int varch_gic_make(struct varch_vm *kvm, struct vsu_error *err)
{
	const struct model *m = models;
	int rc = make_chip(kvm, m->type);

	while (rc == -ENODEV && ++m < models + NMODELS)
		rc = make_chip(kvm, m->type);
	if (rc == -ENODEV)
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM has no GICv3 or GICv2, the interrupt controllers that guests on arm64 need");
	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM's GICv%u", m->version);
	kvm->gic = m->version;
	rc = place_gic(kvm, m, err);
	return rc || m->version == 2 ? rc : make_its(kvm, err);
}

int varch_gic_begin(const struct varch_vm *kvm, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < kvm->nchips; i++)
		rc = set_attribute(kvm, i, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM cannot initialize its GICv%u", kvm->gic) : 0;
}

bool varch_gic_has_its(const struct varch_vm *kvm)
{
	return kvm->nchips > VARCH_ITS;
}
