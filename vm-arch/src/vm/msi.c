/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM_SIGNAL_MSI. */
#include <config.h>

#include <errno.h>
#include <linux/kvm.h>

#include <vm-arch/arch.h>
#include <vm-arch/msi.h>

#include "arch/own.h"
#include "kvm/ioctl.h"

int varch_msi_check(const struct varch_vm *kvm, struct vsu_error *err)
{
	if (!varch_has_msi(kvm))
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM has no interrupt controller for messages (ITS); use --transport=mmio");
	if (!varch_vm_capability(kvm, KVM_CAP_SIGNAL_MSI))
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM cannot send messages (KVM_CAP_SIGNAL_MSI); use --transport=mmio");
	return 0;
}

/* -EPERM: no CPU has the message's destination; -EBUSY: the guest has switched the ITS or its LPIs off. */
int varch_msi_send(const struct varch_vm *kvm, uint32_t sender, uint64_t address, uint32_t data)
{
	struct kvm_msi message = {
		.address_lo = (uint32_t)address, .address_hi = (uint32_t)(address >> 32),
		.data = data,
	};
	int rc;

	varch_msi_sender(&message, sender);
	rc = varch_ioctl(kvm->vm_fd, KVM_SIGNAL_MSI, &message);
	return rc >= 0 || rc == -EPERM || rc == -EBUSY ? 0 : rc;
}
