/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A virtual machine with one page and two instructions. */
#include <config.h>

#include <string.h>
#include <sys/mman.h>

#include <vm-arch/arch.h>
#include <vmm-sys-util/fd.h>

#include "kvm/ioctl.h"
#include "kvm/uapi.h"

#define PAGE 4096u
#define CODE_GPA 0x1000u
#define RFLAGS_FIXED 2u

/* fld1; hlt: every processor supports fld1, but KVM's emulator does not. */
static const unsigned char code[] = { 0xd9, 0xe8, 0xf4 };

static int add_page(int vm, void *page)
{
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = CODE_GPA, .memory_size = PAGE,
		.userspace_addr = (uintptr_t)page,
	};

	memcpy(page, code, sizeof(code));
	return varch_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot);
}

/* In real mode, which is privilege level 0. */
static int set_start(int vcpu)
{
	struct kvm_regs regs = { .rip = CODE_GPA, .rflags = RFLAGS_FIXED };
	struct kvm_sregs sregs;
	int rc = varch_ioctl(vcpu, KVM_GET_SREGS, &sregs);

	if (rc < 0)
		return rc;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	rc = varch_ioctl(vcpu, KVM_SET_SREGS, &sregs);
	return rc < 0 ? rc : varch_ioctl(vcpu, KVM_SET_REGS, &regs);
}

static bool run_fails(const struct varch_vm *kvm, int vcpu)
{
	const size_t size = (size_t)kvm->vcpu_map_size;
	struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, vcpu, 0);
	bool fails;

	if (run == MAP_FAILED)
		return false;
	fails = set_start(vcpu) >= 0 &&
		varch_ioctl(vcpu, KVM_RUN, NULL) >= 0 &&
		run->exit_reason == KVM_EXIT_INTERNAL_ERROR;
	munmap(run, size);
	return fails;
}

bool varch_emulates_level0(const struct varch_vm *kvm)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int vm, vcpu = -1;
	bool emulates = false;

	if (page == MAP_FAILED)
		return false;
	vm = varch_ioctl(kvm->kvm_fd, KVM_CREATE_VM, NULL);
	if (vm >= 0 && add_page(vm, page) >= 0)
		vcpu = varch_ioctl(vm, KVM_CREATE_VCPU, NULL);
	if (vcpu >= 0)
		emulates = run_fails(kvm, vcpu);
	vsu_fd_close(&vcpu);
	vsu_fd_close(&vm);
	munmap(page, PAGE);
	return emulates;
}
