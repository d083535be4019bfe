/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The dirty log of a migration: memory of the front-end with a bit for each
 * 4 KiB of guest addresses that were written.
 *
 * It is written while VHOST_USER_F_LOG_ALL is agreed. A front-end that starts
 * a device in the middle of a migration agrees on it before it gives the log:
 * until then no ring runs, so that nothing is written unlogged.
 */
#include <config.h>

#include <errno.h>

#include "backend/backend_priv.h"
#include <vm-memory/block.h>

#define BITS_PER_BYTE 8u

static bool wants_log(const struct vhost_user_backend *b)
{
	return b->features & VHOST_USER_F_LOG_ALL;
}

bool vhost_user_priv_lacks_log(const struct vhost_user_backend *b)
{
	return wants_log(b) && !b->log;
}

/* Bytes of a log that has a bit for every page of the table. */
static uint64_t log_needed(const struct vhost_user_priv_table *t)
{
	const struct vhost_user_mem_region *r;
	uint64_t last = 0;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		r = &t->slots[i].wire;
		if (r->guest_addr + (r->size - 1) > last)
			last = r->guest_addr + (r->size - 1);
	}
	return t->n ? last / VHOST_USER_LOG_PAGE / BITS_PER_BYTE + 1 : 0;
}

static int map_log(const struct vhost_user_backend *b,
		   const struct vhost_user_log *log, int fd,
		   struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_fd_desc desc = {
		.fd = fd,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.fd_offset = log->mmap_offset,
		.len = log->mmap_size,
		.sigbus = b->config.sigbus,
	};
	int rc = vmem_block_new_fd(&desc, out, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "SET_LOG_BASE") : 0;
}

int vhost_user_priv_check_log_base(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err)
{
	const struct vhost_user_log *log = &msg->payload.log;
	uint64_t need = log_needed(&b->table);
	int rc;

	if (msg->hdr.size != sizeof(*log) || msg->nfds != 1)
		return vsu_error_set(err, -EPROTO,
				     "SET_LOG_BASE needs a size, an offset and a descriptor");
	if (log->mmap_size < need) {
		vsu_error_set(err, -EINVAL,
			      "SET_LOG_BASE of %#llx bytes, the memory needs %#llx",
			      (unsigned long long)log->mmap_size,
			      (unsigned long long)need);
		vsu_error_operands(err, 0, VHOST_USER_SET_LOG_BASE,
				   log->mmap_size, need);
		return -EINVAL;
	}
	vhost_user_priv_unstage(b);
	rc = map_log(b, log, msg->fds[0], &b->staged_log, err);
	if (rc < 0)
		return rc;
	return wants_log(b) ? VHOST_USER_PRIV_QUIET : VHOST_USER_PRIV_GO;
}

/* Says to every ring whether it logs. They are quiet, or had no log before. */
void vhost_user_priv_log_switch(struct vhost_user_backend *b)
{
	const struct vq_log *log = wants_log(b) && b->log ? &b->log_area : NULL;
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		vq_set_log(b->rings[i].vq, log);
}

void vhost_user_priv_log_drop(struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; b->rings && i < b->config.nrings; i++)
		vq_set_log(b->rings[i].vq, NULL);
	b->log = vmem_block_unref(b->log);
}

/* The former log is unmapped before the answer; the payload is echoed. */
int vhost_user_priv_set_log_base(struct vhost_user_backend *b,
				 struct vhost_user_priv_msg *msg,
				 struct vsu_error *err)
{
	struct vmem_block *former = b->log;

	(void)msg;
	(void)err;
	b->log = b->staged_log;
	b->staged_log = NULL;
	b->log_area.base = vmem_block_hva(b->log);
	b->log_area.size = vmem_block_len(b->log);
	vhost_user_priv_log_switch(b);
	vmem_block_unref(former);
	b->unsettled = true;
	return 0;
}

/* Nobody waits for it: the front-end looks at the log when it wants to. */
int vhost_user_priv_set_log_fd(struct vhost_user_backend *b,
			       struct vhost_user_priv_msg *msg,
			       struct vsu_error *err)
{
	(void)b;
	(void)msg;
	(void)err;
	return 0;
}

bool vhost_user_priv_log_failed(const struct vhost_user_backend *b)
{
	return b->log && vmem_block_failed(b->log);
}

void vhost_user_priv_ring_log(struct vhost_user_priv_ring *ring)
{
	vq_set_ring_log(ring->vq, ring->addr.flags & VHOST_USER_VRING_F_LOG,
			ring->addr.log_guest_addr);
}
