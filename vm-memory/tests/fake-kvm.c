/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake-kvm.h"
#include "uapi.h"

struct fake_kvm fake_kvm;

static int capability(uintptr_t which)
{
	switch (which) {
	case VMEM_KVM_CAP_GUEST_MEMFD:
		return 1;
	case VMEM_KVM_CAP_GUEST_MEMFD_FLAGS:
		return VMEM_GMEM_FLAG_MMAP | VMEM_GMEM_FLAG_INIT_SHARED;
	case VMEM_KVM_CAP_MEMORY_ATTRIBUTES:
		return VMEM_ATTRIBUTE_PRIVATE;
	}
	return 0;
}

/* Not close-on-exec, as KVM's is not. */
static int make(const struct vmem_kvm_create_guest_memfd *args)
{
	int fd = memfd_create("guest_memfd", 0);

	if (fd < 0 || ftruncate(fd, (off_t)args->size) < 0) {
		close(fd);
		return -1;
	}
	fake_kvm.made++;
	fake_kvm.flags = args->flags;
	return fd;
}

static int convert(const struct vmem_kvm_memory_attributes *args)
{
	fake_kvm.conversions++;
	fake_kvm.address = args->address;
	fake_kvm.size = args->size;
	fake_kvm.attributes = args->attributes;
	return 0;
}

int fake_kvm_ioctl(unsigned long request, void *arg)
{
	if (request == VMEM_KVM_CHECK_EXTENSION)
		return capability((uintptr_t)arg);
	errno = fake_kvm.refuse;
	if (fake_kvm.refuse)
		return -1;
	if (request == VMEM_KVM_CREATE_GUEST_MEMFD)
		return make(arg);
	if (request == VMEM_KVM_SET_MEMORY_ATTRIBUTES)
		return convert(arg);
	errno = ENOTTY;
	return -1;
}
