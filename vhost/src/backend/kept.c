/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The room behind the in-flight area in which the device leaves its state for a
 * replacement of this process.
 */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include <vhost/backend_device.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/fd.h>

#include "backend/priv.h"
#include "wire/kept.h"

static struct vhost_user_priv_kept *head_of(const struct vhost_user_backend *b)
{
	return (struct vhost_user_priv_kept *)vmem_block_hva(b->inflight.kept);
}

static void *room_of(const struct vhost_user_backend *b)
{
	return (unsigned char *)vmem_block_hva(b->inflight.kept) +
	       VHOST_USER_PRIV_KEPT_HEAD;
}

static uint64_t room_size(const struct vhost_user_backend *b)
{
	return b->ops.kept && b->config.kept_size ?
	       VHOST_USER_PRIV_KEPT_HEAD + (uint64_t)b->config.kept_size : 0;
}

uint64_t vhost_user_priv_kept_file_size(const struct vhost_user_backend *b,
					const struct vhost_user_inflight *in)
{
	const uint64_t room = room_size(b);
	uint64_t at;

	return room && vhost_user_priv_kept_at(in, &at) ? at + room : in->mmap_size;
}

void vhost_user_priv_kept_make(const struct vhost_user_backend *b,
			       const struct vhost_user_inflight *in, int fd)
{
	const uint64_t magic = VHOST_USER_PRIV_KEPT_MAGIC;
	uint64_t at;

	/* without the magic number the room is not used */
	if (room_size(b) && vhost_user_priv_kept_at(in, &at) &&
	    pwrite(fd, &magic, sizeof(magic), (off_t)at) < 0)
		return;
}

/* An area without a room, such as that of another program, has no state. */
void vhost_user_priv_kept_map(struct vhost_user_backend *b,
			      const struct vhost_user_inflight *in, int fd)
{
	struct vmem_fd_desc desc = {
		.fd = fd, .flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.len = room_size(b), .sigbus = b->config.sigbus,
		.closer = b->config.closer,
	};
	uint64_t size;

	if (!desc.len || !vhost_user_priv_kept_at(in, &desc.fd_offset) ||
	    vsu_fd_size(fd, &size) < 0 || size < desc.fd_offset ||
	    size - desc.fd_offset < desc.len ||
	    vmem_block_new_fd(&desc, &b->inflight.kept, NULL) < 0)
		return;
	if (__atomic_load_n(&head_of(b)->magic, __ATOMIC_ACQUIRE) !=
	    VHOST_USER_PRIV_KEPT_MAGIC) {
		b->inflight.kept = vmem_block_unref(b->inflight.kept);
		return;
	}
	b->ops.kept(b->opaque, room_of(b), b->config.kept_size);
}

void vhost_user_priv_kept_clear(const struct vhost_user_backend *b)
{
	if (b->inflight.kept)
		memset(room_of(b), 0, b->config.kept_size);
}

void vhost_user_priv_kept_unmap(struct vhost_user_backend *b)
{
	if (!b->inflight.kept)
		return;
	b->ops.kept(b->opaque, NULL, 0);
	b->inflight.kept = vmem_block_unref(b->inflight.kept);
}

void vhost_user_backend_kept_loaded(struct vhost_user_backend *b)
{
	if (b->inflight.kept)
		__atomic_fetch_add(&head_of(b)->loads, 1, __ATOMIC_RELEASE);
}
