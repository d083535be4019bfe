/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared memory regions: which there are, and requests to map into them. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend_priv.h"
#include <vmm-sys-util/checked.h>

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* regions */

int vhost_user_priv_shmem_init(struct vhost_user_backend *b,
			       struct vsu_error *err)
{
	struct vhost_user_backend_config *c = &b->config;
	uint32_t i;

	if (c->nshmem > VHOST_USER_MAX_SHMEM)
		return vsu_error_set(err, -EINVAL,
				     "%u shared memory regions, the limit is %u",
				     c->nshmem, VHOST_USER_MAX_SHMEM);
	if (c->nshmem && !c->shmem_sizes)
		return vsu_error_set(err, -EINVAL,
				     "%u shared memory regions without sizes",
				     c->nshmem);
	for (i = 0; i < c->nshmem; i++) {
		if (!vsu_is_aligned(c->shmem_sizes[i], page_size()))
			return vsu_error_set(err, -EINVAL,
					     "shared memory region %u has %llu bytes, which is no multiple of the page size",
					     i, (unsigned long long)
					     c->shmem_sizes[i]);
		b->shmem_sizes[i] = c->shmem_sizes[i];
	}
	c->shmem_sizes = b->shmem_sizes;
	return 0;
}

static int get_config(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_shmem_config *c = &msg->payload.shmem;
	uint32_t i;

	(void)err;
	memset(c, 0, sizeof(*c));
	for (i = 0; i < b->config.nshmem; i++) {
		c->sizes[i] = b->shmem_sizes[i];
		c->nregions += c->sizes[i] != 0;
	}
	msg->hdr.size = sizeof(*c);
	return 0;
}

/* requests */

static int check_range(const struct vhost_user_backend *b,
		       const struct vhost_user_shmem_request *r,
		       struct vsu_error *err)
{
	uint64_t size = b->shmem_sizes[r->shmid], mask = page_size();

	if (!size)
		return vsu_error_set(err, -EINVAL,
				     "the device has no shared memory region %u",
				     r->shmid);
	if (r->len == 0 || vsu_range_exceeds(r->offset, r->len, size))
		return vsu_error_set(err, -EINVAL,
				     "%#llx bytes at %#llx are not within region %u of %#llx bytes",
				     (unsigned long long)r->len,
				     (unsigned long long)r->offset, r->shmid,
				     (unsigned long long)size);
	if (!vsu_is_aligned(r->offset | r->len | r->fd_offset, mask))
		return vsu_error_set(err, -EINVAL,
				     "%#llx bytes at %#llx of region %u, from %#llx of the file, are not whole pages",
				     (unsigned long long)r->len,
				     (unsigned long long)r->offset, r->shmid,
				     (unsigned long long)r->fd_offset);
	return 0;
}

/* An answer is needed: without it nobody knows what the guest sees. */
static int check_can_ask(const struct vhost_user_backend *b,
			 struct vsu_error *err)
{
	uint64_t need = VHOST_USER_PROTOCOL_BIT(SHMEM) |
			VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
			VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) |
			VHOST_USER_PROTOCOL_BIT(REPLY_ACK);

	if ((b->protocol_features & need) != need || !b->have_backend_channel)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the front-end takes no shared memory mappings");
	if (b->ending || !vhost_user_priv_any_started(b))
		return vsu_error_set(err, -EPROTO,
				     "mappings can be asked for only while a ring is started");
	if (b->nasked == VHOST_USER_PRIV_MAX_ASKED)
		return vsu_error_set(err, -EAGAIN,
				     "%u requests of this device are unanswered",
				     b->nasked);
	return 0;
}

int vhost_user_backend_shmem_map(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err)
{
	const struct vhost_user_shmem_mmap payload = {
		.shmid = request->shmid,
		.fd_offset = request->fd_offset,
		.shm_offset = request->offset,
		.len = request->len,
		.flags = request->writable ? VHOST_USER_SHMEM_RW : 0,
	};
	int rc = check_can_ask(b, err);

	if (rc == 0)
		rc = check_range(b, request, err);
	if (rc < 0)
		return rc;
	if (request->fd < 0)
		return vsu_error_set(err, -EINVAL,
				     "a mapping needs a descriptor");
	return vhost_user_priv_backend_channel_ask(b, VHOST_USER_BACKEND_SHMEM_MAP, &payload, &request->fd,
		   cookie, err);
}

int vhost_user_backend_shmem_unmap(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err)
{
	const struct vhost_user_shmem_mmap payload = {
		.shmid = request->shmid,
		.shm_offset = request->offset,
		.len = request->len,
	};
	int rc = check_can_ask(b, err);

	if (rc == 0)
		rc = check_range(b, request, err);
	return rc < 0 ? rc : vhost_user_priv_backend_channel_ask(b, VHOST_USER_BACKEND_SHMEM_UNMAP, &payload,
				 NULL, cookie, err);
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_GET_SHMEM_CONFIG, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, get_config, NULL },
};

VHOST_USER_PRIV_HANDLERS(shmem_handlers, handlers);
