/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device behind an IOMMU: the owner's updates, and the back-end's misses. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "frontend/priv.h"
#include <vm-memory/access.h>
#include <vm-memory/iotlb.h>
#include <vmm-sys-util/checked.h>

static int send_iotlb(struct vhost_user_frontend *f,
		      const struct vhost_user_iotlb *m, struct vsu_error *err)
{
	const struct fe_request r = {
		.number = VHOST_USER_IOTLB_MSG,
		.head = m,
		.head_len = sizeof(*m),
		.note = { .ring = FE_NO_ITEM },
	};

	if (f->reconnect.away || !fe_translates(f) ||
	    f->state == VHOST_USER_FRONTEND_READY ||
	    f->state == VHOST_USER_FRONTEND_NEGOTIATING)
		return vsu_error_set(err, -EPROTO,
				     "IOTLB_MSG: the rings of '%s' do not run, or not with ACCESS_PLATFORM",
				     f->peer);
	return vhost_user_priv_fe_request_now(f, &r, err);
}

static int check_entry(const struct vhost_user_frontend *f,
		       const struct vmem_iotlb_entry *e, struct vsu_error *err)
{
	uint64_t last;

	if (!e->len || vsu_u64_add_overflow(e->iova, e->len - 1, &last) ||
	    !e->perm || e->perm & ~(VMEM_READ | VMEM_WRITE))
		return vsu_error_set(err, -EINVAL,
				     "IOTLB_MSG: an entry of %#" PRIx64 " bytes at I/O address %#" PRIx64 ", permission %u",
				     e->len, e->iova, e->perm);
	if (!f->mem.wanted ||
	    !vmem_check_range(vmem_map_view(f->mem.wanted), e->gpa, e->len, 0))
		return vsu_error_set(err, -EFAULT,
				     "IOTLB_MSG: guest address %#" PRIx64 " of %#" PRIx64 " bytes is not in the memory table",
				     e->gpa, e->len);
	return 0;
}

int vhost_user_frontend_iotlb_update(struct vhost_user_frontend *f,
				     const struct vmem_iotlb_entry *entry,
				     struct vsu_error *err)
{
	const struct vhost_user_iotlb m = {
		.iova = entry->iova,
		.size = entry->len,
		.user_addr = fe_user_addr(f, entry->gpa),
		.perm = (entry->perm & VMEM_READ ? VHOST_USER_IOTLB_READ : 0) |
			(entry->perm & VMEM_WRITE ? VHOST_USER_IOTLB_WRITE : 0),
		.type = VHOST_USER_IOTLB_UPDATE,
	};
	int rc = check_entry(f, entry, err);

	return rc < 0 ? rc : send_iotlb(f, &m, err);
}

int vhost_user_frontend_iotlb_invalidate(struct vhost_user_frontend *f,
					 uint64_t iova, uint64_t len,
					 struct vsu_error *err)
{
	const struct vhost_user_iotlb m = {
		.iova = iova, .size = len, .type = VHOST_USER_IOTLB_INVALIDATE,
	};
	uint64_t last;

	if (!len || vsu_u64_add_overflow(iova, len - 1, &last))
		return vsu_error_set(err, -EINVAL,
				     "IOTLB_MSG: %#" PRIx64 " bytes at I/O address %#" PRIx64 " to invalidate",
				     len, iova);
	return send_iotlb(f, &m, err);
}

/* Updates that the owner sends inside the callback precede the reply. */
static int serve_iotlb(struct vhost_user_frontend *f,
		       const struct vhost_user_priv_msg *msg, int *fd,
		       struct vsu_error *why)
{
	const struct vhost_user_iotlb *m = &msg->payload.iotlb;
	uint32_t access = (m->perm & VHOST_USER_IOTLB_READ ? VMEM_READ : 0) |
			  (m->perm & VHOST_USER_IOTLB_WRITE ? VMEM_WRITE : 0);
	int (*tell)(void *opaque, uint64_t iova, uint32_t access) = NULL;
	int rc;

	(void)fd;
	if (!f->device.iotlb_miss || !fe_translates(f))
		return vsu_error_set(why, -EOPNOTSUPP,
				     "ACCESS_PLATFORM was not negotiated");
	if (m->type == VHOST_USER_IOTLB_MISS)
		tell = f->device.iotlb_miss;
	else if (m->type == VHOST_USER_IOTLB_ACCESS_FAIL)
		tell = f->device.iotlb_access_fail;
	if (!tell)
		return vsu_error_set(why, -EBADMSG,
				     "its type is %u, which is not supported",
				     m->type);
	if (!access || m->perm & ~(VHOST_USER_IOTLB_READ | VHOST_USER_IOTLB_WRITE))
		return vsu_error_set(why, -EBADMSG,
				     "its access is %u, 1 to 3 are allowed",
				     m->perm);
	rc = tell(f->opaque, m->iova, access);
	vhost_user_priv_fe_flush(f);
	return rc;
}

static int accept_iotlb(struct vhost_user_frontend *f,
			const struct fe_pending *p,
			const struct vhost_user_priv_msg *msg,
			struct vsu_error *err)
{
	int result = !msg ? -ECONNRESET : msg->payload.u64 ? -EREMOTEIO : 0;

	(void)p;
	(void)err;
	if (f->device.iotlb_done)
		f->device.iotlb_done(f->opaque, result);
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(IOTLB_MSG), .accept = accept_iotlb, .reports = true },
	{ FE_SERVED(IOTLB_MSG), .serve = serve_iotlb },
};
FE_HANDLERS(iotlb, rows);
