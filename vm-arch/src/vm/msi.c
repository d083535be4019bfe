/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM_SIGNAL_MSI. */
#include <config.h>

#include <errno.h>
#include <linux/kvm.h>

#include <vm-arch/vm.h>

#include "arch/own.h"
#include "kvm/ioctl.h"

/* -EPERM: no CPU has the message's destination; -EBUSY: the guest has switched the ITS or its LPIs off. */
int varch_vm_send_msi(const struct varch_vm *kvm, uint32_t sender, uint64_t address, uint32_t data)
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
