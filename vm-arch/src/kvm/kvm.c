/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM's calls, CPUs, and eventfds of the VM. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-arch/vm.h>
#include <vmm-sys-util/fd.h>

#include "kvm/ioctl.h"
#include "kvm/uapi.h"

static_assert(sizeof(struct varch_region2) == 160, "as the kernel has it");

int varch_ioctl(int fd, unsigned long request, void *arg)
{
	int rc;

	do
		rc = ioctl(fd, request, arg);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc;
}

int varch_vm_capability(const struct varch_vm *kvm, int capability)
{
	int rc = ioctl(kvm->vm_fd >= 0 ? kvm->vm_fd : kvm->kvm_fd,
		       KVM_CHECK_EXTENSION, (long)capability);

	return rc < 0 ? 0 : rc;
}

void varch_vm_close(struct varch_vm *kvm)
{
	while (kvm->nchips)
		vsu_fd_close(&kvm->chips[--kvm->nchips]);
	vsu_fd_close(&kvm->vm_fd);
	vsu_fd_close(&kvm->kvm_fd);
	free(kvm->cpuid);
	kvm->cpuid = NULL;
}

static int map_cpu(const struct varch_vm *kvm, unsigned int number, int fd,
		   struct kvm_run **run, struct vsu_error *err)
{
	void *map;

	if (vsu_fd_set_cloexec(fd) < 0)
		return vsu_error_sys(err, -EBADF, "CPU %u", number);
	map = mmap(NULL, (size_t)kvm->vcpu_map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return vsu_error_sys(err, -errno, "cannot map CPU %u", number);
	*run = map;
	return 0;
}

static int cpu_failed(const struct varch_vm *kvm, unsigned int number, int code, struct vsu_error *err)
{
	if (code == EINVAL && kvm->max_cpus && number >= kvm->max_cpus)
		return vsu_error_set(err, -EOPNOTSUPP, "machines of this host's KVM have up to %u CPUs; use fewer", kvm->max_cpus);
	return vsu_error_sys(err, -code, "KVM cannot make CPU %u", number);
}

int varch_vm_make_cpu(const struct varch_vm *kvm, unsigned int number, int *fd,
		     struct kvm_run **run, struct vsu_error *err)
{
	if (*fd < 0)
		*fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)number);
	if (*fd < 0)
		return cpu_failed(kvm, number, errno, err);
	return map_cpu(kvm, number, *fd, run, err);
}

int varch_vm_ioeventfd(const struct varch_vm *kvm, const struct varch_ioeventfd *io,
		      bool on, struct vsu_error *err)
{
	struct kvm_ioeventfd arg = {
		.addr = io->gpa, .len = io->len, .fd = io->event_fd,
		.datamatch = io->match,
		.flags = (io->any ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH) |
			 (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};
	int rc = varch_ioctl(kvm->vm_fd, KVM_IOEVENTFD, &arg);

	return rc < 0 ? vsu_error_sys(err, rc,
		"KVM_IOEVENTFD at %#" PRIx64, io->gpa) : 0;
}

int varch_vm_irqfd(const struct varch_vm *kvm, int event_fd, uint32_t irq,
		  bool on, struct vsu_error *err)
{
	struct kvm_irqfd arg = {
		.fd = (uint32_t)event_fd, .gsi = irq,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};
	int rc = varch_ioctl(kvm->vm_fd, KVM_IRQFD, &arg);

	return rc < 0 ? vsu_error_sys(err, rc,
		"KVM_IRQFD for interrupt %" PRIu32, irq) : 0;
}

int varch_vm_set_line(const struct varch_vm *kvm, uint32_t line, bool high)
{
	struct kvm_irq_level arg = { .irq = line, .level = high };

	return varch_ioctl(kvm->vm_fd, KVM_IRQ_LINE, &arg);
}
