/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opening KVM and checking its capabilities; eventfds of the VM. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "kvm/kvm.h"
#include "kvm/uapi.h"

static_assert(sizeof(struct vmm_kvm_region2) == 160, "as the kernel has it");

/* Address of three pages, below 4 GiB, reserved for KVM. */
#define TSS_GPA 0xfffbd000

int vmm_kvm_ioctl(int fd, unsigned long request, void *arg)
{
	int rc;

	do
		rc = ioctl(fd, request, arg);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc;
}

int vmm_kvm_capability(const struct vmm_kvm *kvm, int capability)
{
	int rc = ioctl(kvm->vm_fd >= 0 ? kvm->vm_fd : kvm->kvm_fd,
		       KVM_CHECK_EXTENSION, (long)capability);

	return rc < 0 ? 0 : rc;
}

static int device_open(struct vmm_kvm *kvm, struct vsu_error *err)
{
	kvm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm->kvm_fd >= 0)
		return 0;
	return vsu_error_sys(err, -errno, errno == ENOENT ?
		"cannot open '/dev/kvm' (is the kvm module loaded?)" :
		"cannot open '/dev/kvm' (is this user in group kvm?)");
}

static int device_copy(struct vmm_kvm *kvm, int device, struct vsu_error *err)
{
	kvm->kvm_fd = vsu_fd_dup(device);
	return kvm->kvm_fd < 0 ? vsu_error_sys(err, kvm->kvm_fd, "descriptor %d for '/dev/kvm'", device) : 0;
}

static int device_check(const struct vmm_kvm *kvm, struct vsu_error *err)
{
	const int version = vmm_kvm_ioctl(kvm->kvm_fd, KVM_GET_API_VERSION, NULL);

	if (version < 0)
		return vsu_error_sys(err, version, "'/dev/kvm' is not KVM");
	if (version != KVM_API_VERSION)
		return vsu_error_set(err, -EOPNOTSUPP,
			"/dev/kvm has interface version %d; %d is required",
			version, KVM_API_VERSION);
	return 0;
}

/* Required capabilities. */
static const struct needed {
	int capability;
	const char *name;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "memory slots (KVM_CAP_USER_MEMORY)" },
	{ KVM_CAP_IRQCHIP, "interrupt controllers (KVM_CAP_IRQCHIP)" },
	{ KVM_CAP_IOEVENTFD, "notifications by eventfd (KVM_CAP_IOEVENTFD)" },
	{ KVM_CAP_IRQFD, "interrupts by eventfd (KVM_CAP_IRQFD)" },
	{ KVM_CAP_READONLY_MEM, "read-only slots (KVM_CAP_READONLY_MEM)" },
	{ KVM_CAP_IMMEDIATE_EXIT, "stopping a CPU (KVM_CAP_IMMEDIATE_EXIT)" },
	{ KVM_CAP_EXT_CPUID, "CPUID tables (KVM_CAP_EXT_CPUID)" },
};

static int check_needed(const struct vmm_kvm *kvm, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!vmm_kvm_capability(kvm, needed[i].capability))
			return vsu_error_set(err, -EOPNOTSUPP,
				"this host's KVM lacks %s", needed[i].name);
	return 0;
}

/* The VM type that supports private memory without special hardware. */
static int private_type(const struct vmm_kvm *kvm, unsigned long *type,
			struct vsu_error *err)
{
	*type = KVM_X86_SW_PROTECTED_VM;
	if (vmm_kvm_capability(kvm, KVM_CAP_VM_TYPES) & (1 << *type))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "memory with a private half (private=on) needs virtual machines of the type KVM_X86_SW_PROTECTED_VM, which this host's KVM does not offer");
}

static int create_vm(struct vmm_kvm *kvm, bool private_memory,
		     struct vsu_error *err)
{
	unsigned long type = 0;
	int rc = private_memory ? private_type(kvm, &type, err) : 0;

	if (rc < 0)
		return rc;
	kvm->vm_fd = vmm_kvm_ioctl(kvm->kvm_fd, KVM_CREATE_VM, (void *)type);
	if (kvm->vm_fd < 0)
		return vsu_error_sys(err, kvm->vm_fd, "KVM cannot make a VM");
	return vsu_fd_set_cloexec(kvm->vm_fd);
}

static void ask_facts(struct vmm_kvm *kvm)
{
	const int both = VMM_GUEST_MEMFD_MMAP | VMM_GUEST_MEMFD_INIT_SHARED;

	kvm->max_slots = (unsigned int)vmm_kvm_capability(kvm,
							  KVM_CAP_NR_MEMSLOTS);
	kvm->region2 = vmm_kvm_capability(kvm, KVM_CAP_USER_MEMORY2) > 0;
	kvm->guest_memfd = vmm_kvm_capability(kvm, KVM_CAP_GUEST_MEMFD) &&
		(vmm_kvm_capability(kvm, KVM_CAP_GUEST_MEMFD_FLAGS) & both) ==
		both;
}

static int add_interrupt_controllers(struct vmm_kvm *kvm,
				     struct vsu_error *err)
{
	int rc = ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, (long)TSS_GPA);

	if (rc < 0)
		return vsu_error_sys(err, -errno, "KVM_SET_TSS_ADDR");
	rc = vmm_kvm_ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, NULL);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_CREATE_IRQCHIP") : 0;
}

/*
 * By default KVM zaps the guest's page tables of all memory when a slot is
 * removed. This quirk is disabled, because windows change often. If KVM does
 * not support that, only performance suffers.
 */
static void keep_other_slots(const struct vmm_kvm *kvm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DISABLE_QUIRKS2,
		.args = { KVM_X86_QUIRK_SLOT_ZAP_ALL },
	};

	if (vmm_kvm_capability(kvm, KVM_CAP_DISABLE_QUIRKS2) &
	    KVM_X86_QUIRK_SLOT_ZAP_ALL)
		vmm_kvm_ioctl(kvm->vm_fd, KVM_ENABLE_CAP, &cap);
}

/* Without this hypercall, memory faults indicate the conversions. */
static void enable_map_hypercalls(struct vmm_kvm *kvm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXIT_HYPERCALL,
		.args = { 1 << KVM_HC_MAP_GPA_RANGE },
	};

	kvm->map_hypercall = (vmm_kvm_capability(kvm, KVM_CAP_EXIT_HYPERCALL) &
			      1 << KVM_HC_MAP_GPA_RANGE) &&
		!vmm_kvm_ioctl(kvm->vm_fd, KVM_ENABLE_CAP, &cap);
}

/* The size of a CPU's shared struct kvm_run. */
static int ask_map_size(struct vmm_kvm *kvm, struct vsu_error *err)
{
	const int size = vmm_kvm_ioctl(kvm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);

	if (size < 0)
		return vsu_error_sys(err, size, "KVM_GET_VCPU_MMAP_SIZE");
	if (size < (int)sizeof(struct kvm_run))
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM shares %d bytes for a CPU, which is too few",
				     size);
	kvm->vcpu_map_size = size;
	return 0;
}

int vmm_kvm_open(struct vmm_kvm *kvm, bool private_memory,
		 struct vsu_error *err)
{
	return vmm_kvm_open_given(kvm, NULL, private_memory, err);
}

int vmm_kvm_open_given(struct vmm_kvm *kvm, const int *device, bool private_memory,
		       struct vsu_error *err)
{
	int rc;

	kvm->kvm_fd = kvm->vm_fd = -1;
	kvm->cpuid = NULL;
	rc = device ? device_copy(kvm, *device, err) : device_open(kvm, err);
	if (!rc)
		rc = device_check(kvm, err);
	if (!rc)
		rc = create_vm(kvm, private_memory, err);
	if (!rc)
		rc = check_needed(kvm, err);
	if (!rc)
		rc = add_interrupt_controllers(kvm, err);
	if (!rc)
		rc = ask_map_size(kvm, err);
	if (rc < 0) {
		vmm_kvm_close(kvm);
		return rc;
	}
	keep_other_slots(kvm);
	kvm->map_hypercall = false;
	if (private_memory)
		enable_map_hypercalls(kvm);
	ask_facts(kvm);
	return 0;
}

void vmm_kvm_close(struct vmm_kvm *kvm)
{
	vsu_fd_close(&kvm->vm_fd);
	vsu_fd_close(&kvm->kvm_fd);
	free(kvm->cpuid);
	kvm->cpuid = NULL;
}

static int map_cpu(const struct vmm_kvm *kvm, unsigned int number, int fd,
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

int vmm_kvm_make_cpu(const struct vmm_kvm *kvm, unsigned int number, int *fd,
		     struct kvm_run **run, struct vsu_error *err)
{
	int rc;

	*fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)number);
	if (*fd < 0)
		return vsu_error_sys(err, -errno, "KVM cannot make CPU %u", number);
	rc = map_cpu(kvm, number, *fd, run, err);
	if (rc < 0)
		vsu_fd_close(fd);
	return rc;
}

int vmm_kvm_ioeventfd(const struct vmm_kvm *kvm, const struct vmm_ioeventfd *io,
		      bool on, struct vsu_error *err)
{
	struct kvm_ioeventfd arg = {
		.addr = io->gpa, .len = io->len, .fd = io->event_fd,
		.datamatch = io->match,
		.flags = (io->any ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH) |
			 (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};
	int rc = vmm_kvm_ioctl(kvm->vm_fd, KVM_IOEVENTFD, &arg);

	return rc < 0 ? vsu_error_sys(err, rc,
		"KVM_IOEVENTFD at %#" PRIx64, io->gpa) : 0;
}

int vmm_kvm_irqfd(const struct vmm_kvm *kvm, int event_fd, uint32_t irq,
		  bool on, struct vsu_error *err)
{
	struct kvm_irqfd arg = {
		.fd = (uint32_t)event_fd, .gsi = irq,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};
	int rc = vmm_kvm_ioctl(kvm->vm_fd, KVM_IRQFD, &arg);

	return rc < 0 ? vsu_error_sys(err, rc,
		"KVM_IRQFD for interrupt %" PRIu32, irq) : 0;
}

int vmm_kvm_irqfd_level(const struct vmm_kvm *kvm, int event_fd, int again_fd,
			uint32_t irq, struct vsu_error *err)
{
	struct kvm_irqfd arg = {
		.fd = (uint32_t)event_fd, .gsi = irq,
		.flags = KVM_IRQFD_FLAG_RESAMPLE,
		.resamplefd = (uint32_t)again_fd,
	};
	int rc = vmm_kvm_ioctl(kvm->vm_fd, KVM_IRQFD, &arg);

	return rc < 0 ? vsu_error_sys(err, rc,
		"KVM_IRQFD for the line of interrupt %" PRIu32, irq) : 0;
}
