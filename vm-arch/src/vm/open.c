/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opening KVM, checking its capabilities, and creating a VM. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vm-arch/arch.h>
#include <vm-arch/cpu_choice.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/fd.h>

#include "arch/own.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

static int device_open(struct varch_vm *kvm, struct vsu_error *err)
{
	kvm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm->kvm_fd >= 0)
		return 0;
	return vsu_error_sys(err, -errno, errno == ENOENT ?
		"cannot open '/dev/kvm' (is the kvm module loaded?)" :
		"cannot open '/dev/kvm' (is this user in group kvm?)");
}

static int device_copy(struct varch_vm *kvm, int device, struct vsu_error *err)
{
	kvm->kvm_fd = vsu_fd_dup(device);
	return kvm->kvm_fd < 0 ? vsu_error_sys(err, kvm->kvm_fd, "descriptor %d for '/dev/kvm'", device) : 0;
}

static int device_check(const struct varch_vm *kvm, struct vsu_error *err)
{
	const int version = varch_ioctl(kvm->kvm_fd, KVM_GET_API_VERSION, NULL);

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
};

static int check_needed(const struct varch_vm *kvm, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!varch_vm_capability(kvm, needed[i].capability))
			return vsu_error_set(err, -EOPNOTSUPP,
				"this host's KVM lacks %s", needed[i].name);
	return 0;
}

static int create_vm(struct varch_vm *kvm, bool private_memory,
		     struct vsu_error *err)
{
	unsigned long type = 0;
	int rc = varch_vm_type(kvm, private_memory, &type, err);

	if (rc < 0)
		return rc;
	kvm->vm_fd = varch_ioctl(kvm->kvm_fd, KVM_CREATE_VM, (void *)type);
	if (kvm->vm_fd < 0)
		return vsu_error_sys(err, kvm->vm_fd, "KVM cannot make a VM");
	return vsu_fd_set_cloexec(kvm->vm_fd);
}

static void ask_facts(struct varch_vm *kvm)
{
	const int both = VARCH_GUEST_MEMFD_MMAP | VARCH_GUEST_MEMFD_INIT_SHARED;

	kvm->max_slots = (unsigned int)varch_vm_capability(kvm,
							  KVM_CAP_NR_MEMSLOTS);
	kvm->max_cpus = (unsigned int)varch_vm_capability(kvm, KVM_CAP_MAX_VCPUS);
	kvm->msi = varch_has_msi(kvm) && varch_vm_capability(kvm, KVM_CAP_SIGNAL_MSI) > 0;
	kvm->region2 = varch_vm_capability(kvm, KVM_CAP_USER_MEMORY2) > 0;
	kvm->guest_memfd = varch_vm_capability(kvm, KVM_CAP_GUEST_MEMFD) &&
		(varch_vm_capability(kvm, KVM_CAP_GUEST_MEMFD_FLAGS) & both) ==
		both;
}

/* The size of a CPU's shared struct kvm_run. */
static int ask_map_size(struct varch_vm *kvm, struct vsu_error *err)
{
	const int size = varch_ioctl(kvm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);

	if (size < 0)
		return vsu_error_sys(err, size, "KVM_GET_VCPU_MMAP_SIZE");
	if (size < (int)sizeof(struct kvm_run))
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM shares %d bytes for a CPU, which is too few",
				     size);
	kvm->vcpu_map_size = size;
	return 0;
}

static int make_vm(struct varch_vm *kvm, const struct varch_vm_config *config, struct vsu_error *err)
{
	static const struct varch_cpu_choice host = { .model = VARCH_CPU_HOST };
	int rc = config->device ? device_copy(kvm, *config->device, err) : device_open(kvm, err);

	if (!rc)
		rc = device_check(kvm, err);
	if (!rc)
		rc = create_vm(kvm, config->private_memory, err);
	if (!rc)
		rc = check_needed(kvm, err);
	if (!rc)
		rc = varch_vm_init(kvm, err);
	if (!rc)
		rc = ask_map_size(kvm, err);
	if (!rc)
		rc = varch_phys_bits(kvm, err);
	return rc ? rc : varch_cpus_choose(kvm, config->choice ? config->choice : &host, config->state, err);
}

int varch_vm_open(struct varch_vm *kvm, const struct varch_vm_config *config, struct vsu_error *err)
{
	static const struct varch_vm_config usual;
	int rc;

	*kvm = (struct varch_vm){ .kvm_fd = -1, .vm_fd = -1 };
	config = config ? config : &usual;
	rc = make_vm(kvm, config, err);
	if (rc < 0) {
		varch_vm_close(kvm);
		return rc;
	}
	varch_vm_tune(kvm, config->private_memory);
	ask_facts(kvm);
	return 0;
}
