/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Virtual machines of KVM, for monitors that make their machine themselves. */
#include <config.h>

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vm-arch/layout.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/fd.h>

#include "api/kvm_private.h"
#include "kvm/ioctl.h"
#include <vm-arch/kvm.h>

int varch_kvm_new(const int *device, struct varch_kvm **out, struct vsu_error *err)
{
	struct varch_kvm *k;
	int rc;

	if (!VARCH_HAS_PORTS)
		return vsu_error_set(err, -EOPNOTSUPP, "virtual machines of <vm-arch/kvm.h> are supported on x86-64 only");
	k = calloc(1, sizeof(*k));
	if (!k)
		return vsu_error_sys(err, -ENOMEM, "virtual machine");
	rc = varch_vm_open(&k->kvm, &(struct varch_vm_config){ .device = device }, err);
	if (!rc && varch_slots_new(&k->kvm, &k->slots) < 0) {
		varch_vm_close(&k->kvm);
		rc = vsu_error_sys(err, -ENOMEM, "virtual machine");
	}
	if (rc < 0) {
		free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void varch_kvm_free(struct varch_kvm *kvm)
{
	if (!kvm)
		return;
	varch_slots_free(kvm->slots);
	varch_vm_close(&kvm->kvm);
	free(kvm);
}

int varch_kvm_set_memory(struct varch_kvm *kvm, struct vmem_map *map, struct vsu_error *err)
{
	return varch_slots_apply(kvm->slots, map, err);
}

int varch_kvm_add_irqfd(struct varch_kvm *kvm, int event_fd, uint32_t irq, struct vsu_error *err)
{
	return varch_vm_irqfd(&kvm->kvm, event_fd, irq, true, err);
}

int varch_kvm_add_cpu(struct varch_kvm *kvm, unsigned int number, struct varch_kvm_cpu *out,
		     struct vsu_error *err)
{
	int rc;

	out->fd = -1;
	out->run = NULL;
	out->run_len = (size_t)kvm->kvm.vcpu_map_size;
	rc = varch_vm_make_cpu(&kvm->kvm, number, &out->fd, &out->run, err);
	if (rc < 0)
		vsu_fd_close(&out->fd);
	return rc;
}

void varch_kvm_remove_cpu(struct varch_kvm_cpu *cpu)
{
	if (!cpu->run)
		return;
	munmap(cpu->run, cpu->run_len);
	vsu_fd_close(&cpu->fd);
	cpu->run = NULL;
}
