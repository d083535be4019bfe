/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device behind an IOMMU: misses that the kernel reports, and translations
 * that we send.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <virtio-queue/queue.h>
#include <vm-memory/iotlb.h>
#include <vmm-sys-util/checked.h>

#include "kernel/priv.h"

#define PERMISSIONS (VMEM_READ | VMEM_WRITE)

_Static_assert(VHOST_ACCESS_RO == VMEM_READ && VHOST_ACCESS_WO == VMEM_WRITE,
	       "permissions of the kernel");

int vhost_kern_fd(const struct vhost_kern *k)
{
	return k->fd;
}

int vhost_kern_iotlb_next(struct vhost_kern *k, uint64_t *iova,
			  uint32_t *access)
{
	struct vhost_msg_v2 msg;
	ssize_t n = read(k->fd, &msg, sizeof(msg));

	if (n <= 0)
		return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
	if (n != (ssize_t)sizeof(msg) || msg.type != VHOST_IOTLB_MSG_V2 ||
	    msg.iotlb.type != VHOST_IOTLB_MISS || !msg.iotlb.perm ||
	    msg.iotlb.perm & ~PERMISSIONS)
		return -EBADMSG;
	*iova = msg.iotlb.iova;
	*access = msg.iotlb.perm;
	return 1;
}

static int send_iotlb(const struct vhost_kern *k,
		      const struct vhost_iotlb_msg *iotlb,
		      struct vsu_error *err)
{
	struct vhost_msg_v2 msg;

	memset(&msg, 0, sizeof(msg));	/* padding must not leak stack content */
	msg.type = VHOST_IOTLB_MSG_V2;
	msg.iotlb.iova = iotlb->iova;
	msg.iotlb.size = iotlb->size;
	msg.iotlb.uaddr = iotlb->uaddr;
	msg.iotlb.perm = iotlb->perm;
	msg.iotlb.type = iotlb->type;
	if (!(k->features & VQ_F_ACCESS_PLATFORM))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "'%s': the driver has not negotiated VIRTIO_F_ACCESS_PLATFORM",
				     k->name);
	if (write(k->fd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg))
		return 0;
	return vsu_error_sys(err, -errno, "'%s': %" PRIu64 " bytes at I/O address %#" PRIx64,
			     k->name, (uint64_t)iotlb->size,
			     (uint64_t)iotlb->iova);
}

static int check_range(const struct vhost_kern *k, uint64_t iova, uint64_t len,
		       struct vsu_error *err)
{
	uint64_t last;

	if (len && !vsu_u64_add_overflow(iova, len - 1, &last))
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "'%s': %#" PRIx64 " bytes at I/O address %#" PRIx64,
			     k->name, len, iova);
}

int vhost_kern_iotlb_update(struct vhost_kern *k,
			    const struct vmem_iotlb_entry *entry,
			    struct vsu_error *err)
{
	const void *at = vhost_kern_priv_find(k->map, entry->gpa, entry->len);
	const struct vhost_iotlb_msg iotlb = {
		.iova = entry->iova, .size = entry->len,
		.uaddr = (uintptr_t)at, .perm = (__u8)entry->perm,
		.type = VHOST_IOTLB_UPDATE,
	};
	int rc = check_range(k, entry->iova, entry->len, err);

	if (rc < 0)
		return rc;
	if (!entry->perm || entry->perm & ~PERMISSIONS)
		return vsu_error_set(err, -EINVAL,
				     "'%s': permission %" PRIu32 " for I/O address %#" PRIx64,
				     k->name, entry->perm, entry->iova);
	if (!at)
		return vsu_error_set(err, -EFAULT,
				     "'%s': %#" PRIx64 " bytes at guest address %#" PRIx64 " are not in one region of its memory",
				     k->name, entry->len, entry->gpa);
	return send_iotlb(k, &iotlb, err);
}

static int range_invalidate(const struct vhost_kern *k, uint64_t iova,
			    uint64_t len, struct vsu_error *err)
{
	const struct vhost_iotlb_msg iotlb = {
		.iova = iova, .size = len, .type = VHOST_IOTLB_INVALIDATE,
	};

	return send_iotlb(k, &iotlb, err);
}

int vhost_kern_iotlb_invalidate(struct vhost_kern *k, uint64_t iova,
				uint64_t len, struct vsu_error *err)
{
	int rc = check_range(k, iova, len, err);

	return rc < 0 ? rc : range_invalidate(k, iova, len, err);
}

/*
 * A length of 2^64 cannot be expressed, so the last byte is a separate range.
 */
int vhost_kern_priv_iotlb_flush(const struct vhost_kern *k,
				 struct vsu_error *err)
{
	int rc = range_invalidate(k, 0, UINT64_MAX, err);

	return rc < 0 ? rc : range_invalidate(k, UINT64_MAX, 1, err);
}
