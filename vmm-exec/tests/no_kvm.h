/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether tests can make a VM here. */
#ifndef TESTS_NO_KVM_H
#define TESTS_NO_KVM_H

#include <vm-arch/vm.h>

/* NULL, or why no VM can be made here. */
static inline const char *no_kvm(void)
{
	static struct vsu_error err;
	struct varch_vm kvm;

	if (varch_vm_open(&kvm, NULL, &err))
		return err.msg;
	varch_vm_close(&kvm);
	return NULL;
}

#endif
