/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A VM for other monitors, of kvm.c and boot.c. */
#ifndef VMM_API_KVM_PRIVATE_H
#define VMM_API_KVM_PRIVATE_H

#include <vm-arch/slots.h>
#include <vm-arch/vm.h>

struct varch_kvm {
	struct varch_vm kvm;
	struct varch_slots *slots;
};

#endif
