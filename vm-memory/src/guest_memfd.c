/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * guest_memfd: memory that belongs to a KVM virtual machine. The only file that calls KVM's
 * ioctls, on a descriptor that the program passed.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <vm-memory/kvm.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "backend.h"
#include "uapi.h"

/* The capability's value; 0 if the kernel does not know it. */
static uint64_t vm_capability(int vm_fd, unsigned long which)
{
	int value = ioctl(vm_fd, VMEM_KVM_CHECK_EXTENSION, which);

	return value > 0 ? (uint64_t)value : 0;
}

/* No KVM capability reports this, so compare the kernel's release. */
static bool keeps_policy(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname host;

	if (uname(&host) < 0 ||
	    sscanf(host.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 19);
}

void vmem_priv_kvm_facts(int vm_fd, struct vmem_backend_facts *facts)
{
	uint64_t flags = vm_capability(vm_fd, VMEM_KVM_CAP_GUEST_MEMFD_FLAGS);

	facts->kvm = VMEM_KVM_PRESENT;
	if (vm_capability(vm_fd, VMEM_KVM_CAP_GUEST_MEMFD))
		facts->kvm |= VMEM_KVM_GUEST_MEMFD;
	if (flags & VMEM_GMEM_FLAG_MMAP)
		facts->kvm |= VMEM_KVM_GMEM_MMAP;
	if (flags & VMEM_GMEM_FLAG_INIT_SHARED)
		facts->kvm |= VMEM_KVM_GMEM_SHARED;
	if (vm_capability(vm_fd, VMEM_KVM_CAP_MEMORY_ATTRIBUTES) &
	    VMEM_ATTRIBUTE_PRIVATE)
		facts->kvm |= VMEM_KVM_PRIVATE;
	if (keeps_policy())
		facts->kvm |= VMEM_KVM_GMEM_POLICY;
}

/*
 * KVM cannot set close-on-exec at creation: between the two calls, another thread that
 * forks and executes a program passes it on.
 */
int vmem_priv_guest_memfd(int vm_fd, uint64_t size, uint64_t flags)
{
	struct vmem_kvm_create_guest_memfd args = { size, flags, { 0 } };
	int fd = ioctl(vm_fd, VMEM_KVM_CREATE_GUEST_MEMFD, &args), rc;

	if (fd < 0)
		return -errno;
	rc = vsu_fd_set_cloexec(fd);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc;
	}
	return fd;
}

int vmem_block_private_fd(const struct vmem_block *block)
{
	return block->private_fd;
}

bool vmem_block_is_bound(const struct vmem_block *block)
{
	return block->bound;
}

const char *vmem_block_slot_name(const struct vmem_block *block, bool rom)
{
	if (block->private_fd >= 0)
		return "two-layer";
	if (block->bound)
		return "bound";
	return rom ? "readonly" : "plain";
}

static int check_piece(const struct vmem_region *region, uint64_t off,
		       uint64_t len, struct vsu_error *err)
{
	uint64_t page = vmem_priv_host_page();

	if (vsu_range_exceeds(off, len, vmem_region_len(region)))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at %#"
				     PRIx64 " exceed a region of %#" PRIx64,
				     len, off, vmem_region_len(region));
	if (!len || !vsu_is_aligned(off | len | vmem_region_gpa(region), page))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at %#"
				     PRIx64 " are not whole pages", len, off);
	if (vmem_region_block(region)->private_fd < 0)
		return vsu_error_set(err, -EINVAL, "region %#" PRIx64
				     " has no private half (private=on)",
				     vmem_region_gpa(region));
	return 0;
}

static int set_attributes(int vm_fd, const struct vmem_region *region,
			  uint64_t off, uint64_t len, bool to_private)
{
	struct vmem_kvm_memory_attributes args = {
		vmem_region_gpa(region) + off, len,
		to_private ? VMEM_ATTRIBUTE_PRIVATE : 0, 0
	};

	return ioctl(vm_fd, VMEM_KVM_SET_MEMORY_ATTRIBUTES, &args) < 0 ?
	       -errno : 0;
}

/* The private file has no offset: byte n of it is byte n of the block. */
static int punch_private(const struct vmem_region *region, uint64_t off,
			 uint64_t len)
{
	int fd = vmem_region_block(region)->private_fd, rc;

	do {
		rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)(vmem_region_offset(region) + off),
			       (off_t)len);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/*
 * Returns whole pages of the shared half to the host; these may be huge. Parts of pages at
 * both ends are cleared, so that they read as zeros when they become shared.
 */
static int discard_shared(const struct vmem_region *region, uint64_t off,
			  uint64_t len, struct vsu_error *err)
{
	struct vmem_block *block = vmem_region_block(region);
	const uint64_t page = vmem_block_page_size(block);
	const uint64_t at = vmem_region_offset(region) + off;
	const uint64_t from = (at + page - 1) & ~(page - 1);
	const uint64_t end = (at + len) & ~(page - 1);
	int rc;

	if (from > end)		/* all within one page */
		return vmem_priv_block_clear(block, at, len, err);
	rc = vmem_priv_block_clear(block, at, from - at, err);
	if (!rc)
		rc = vmem_priv_block_clear(block, end, at + len - end, err);
	return rc < 0 || from == end ? rc :
	       vmem_block_discard(block, from, end - from, err);
}

int vmem_kvm_convert(int vm_fd, const struct vmem_region *region, uint64_t off,
		     uint64_t len, bool to_private, struct vsu_error *err)
{
	int rc = check_piece(region, off, len, err);

	if (rc < 0)
		return rc;
	rc = set_attributes(vm_fd, region, off, len, to_private);
	if (rc == -ENOTTY)
		return vsu_error_set(err, -EOPNOTSUPP, "the KVM of this host has no memory attributes");
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot convert %#" PRIx64
				     " bytes at %#" PRIx64, len,
				     vmem_region_gpa(region) + off);
	if (to_private)
		return discard_shared(region, off, len, err);
	rc = punch_private(region, off, len);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot release the previous contents") : 0;
}
