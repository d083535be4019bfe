/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The area in which rings record chains in flight. The front-end keeps it for
 * the back-end's replacement. The back-end allocates it, because the layout is
 * the back-end's.
 *
 * The area is attached when the ring starts: its format and the size of the
 * ring are known only then.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/priv.h"
#include "wire/descriptor.h"
#include <vm-memory/block.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#define SEALS (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define ALIGNMENT 8u	/* of the counters in its entries */
#define PART_ALIGNMENT 64u

/*
 * QEMU 10 requests parts of "queue-size" entries (128 for a disk), and then starts rings
 * of up to 1024, the maximum of its virtqueues. Each part has at
 * least 1024 entries, or queue_size_max if that is smaller.
 */
#define ENTRIES_MIN 1024u

static int check_extent(const struct vhost_user_backend *b, const char *name,
			const struct vhost_user_inflight *in,
			struct vsu_error *err)
{
	if (in->num_queues == 0 || in->num_queues > b->config.nrings) {
		vsu_error_set(err, -EBADMSG,
			      "%s for %u rings, the device has %u", name,
			      in->num_queues, b->config.nrings);
		vsu_error_operands(err, 0, in->num_queues,
				   b->config.nrings);
		return -EBADMSG;
	}
	if (in->queue_size == 0 || in->queue_size > b->config.queue_size_max) {
		vsu_error_set(err, -EBADMSG,
			      "%s for rings of %u entries, 1 to %u are allowed",
			      name, in->queue_size, b->config.queue_size_max);
		vsu_error_operands(err, 0, in->queue_size,
				   b->config.queue_size_max);
		return -EBADMSG;
	}
	return 0;
}

/* Bytes of a ring's part, for all formats that are or may be negotiated. */
static uint64_t part_size(const struct vhost_user_backend *b, uint32_t entries)
{
	return vq_inflight_size(entries,
				vhost_user_priv_has_features(b) ? b->features : b->offered);
}

/* making one */

static uint32_t entries_made(const struct vhost_user_backend *b,
			     uint32_t asked)
{
	uint32_t least = b->config.queue_size_max < ENTRIES_MIN ?
			 b->config.queue_size_max : ENTRIES_MIN;

	return asked > least ? asked : least;
}

static int new_area(uint64_t size)
{
	int fd = memfd_create("vhost-user-inflight",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		rc = -errno;
		vsu_fd_close(&fd);
		return rc;
	}
	return fd;
}

static int check_get(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int rc = check_extent(b, "GET_INFLIGHT_FD", &msg->payload.inflight,
			      err);

	return rc < 0 ? rc : VHOST_USER_PRIV_GO;
}

static int get_area(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_inflight *in = &msg->payload.inflight;
	uint64_t size = in->num_queues *
			part_size(b, entries_made(b, in->queue_size));
	int fd;

	in->mmap_size = size;
	in->mmap_offset = 0;
	fd = new_area(vhost_user_priv_kept_file_size(b, in));
	if (fd < 0)
		return vsu_error_sys(err, fd,
				     "GET_INFLIGHT_FD: cannot make %" PRIu64 " bytes of memory",
				     size);
	b->reply_fd = fd;
	vhost_user_priv_kept_make(b, in, fd);
	in->padding = 0;
	msg->hdr.size = sizeof(*in);
	return 0;
}

/* taking one */

static int map_area(const struct vhost_user_backend *b,
		    const struct vhost_user_inflight *in, int fd,
		    struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_fd_desc desc = {
		.fd = fd,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.fd_offset = in->mmap_offset,
		.len = in->mmap_size,
		.sigbus = b->config.sigbus,
		.closer = b->config.closer,
	};
	int rc = vhost_user_priv_check_file(fd, b->config.served_files,
					    "SET_INFLIGHT_FD", err);

	if (rc < 0)
		return rc;
	rc = vhost_user_priv_of_peer(vmem_block_new_fd(&desc, out, err), err);
	return rc < 0 ? vsu_error_prefix(err, rc, "SET_INFLIGHT_FD") : 0;
}

static int check_area(const struct vhost_user_backend *b,
		      const struct vhost_user_inflight *in,
		      struct vsu_error *err)
{
	uint64_t need = in->num_queues * part_size(b, in->queue_size), end;

	if (vsu_u64_add_overflow(in->mmap_offset, in->mmap_size, &end) ||
	    in->mmap_offset % ALIGNMENT)
		return vsu_error_set(err, -EBADMSG,
				     "SET_INFLIGHT_FD of %#" PRIx64 " bytes at %#" PRIx64 ", which wraps or is not aligned to %u",
				     in->mmap_size,
				     in->mmap_offset,
				     ALIGNMENT);
	if (in->mmap_size >= need)
		return 0;
	vsu_error_set(err, -EBADMSG,
		      "SET_INFLIGHT_FD of %#" PRIx64 " bytes, %u rings of %u entries need %#" PRIx64,
		      in->mmap_size, in->num_queues,
		      in->queue_size, need);
	vsu_error_operands(err, VHOST_USER_SET_INFLIGHT_FD, in->mmap_size,
			   need);
	return -EBADMSG;
}

static int check_set(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_inflight *in = &msg->payload.inflight;
	int rc = check_extent(b, "SET_INFLIGHT_FD", in, err);

	if (rc == 0)
		rc = check_area(b, in, err);
	if (rc < 0)
		return rc;
	if (vhost_user_priv_any_active(b))
		return vsu_error_set(err, -EPROTO,
				     "SET_INFLIGHT_FD while a ring is started");
	vhost_user_priv_unstage(b);
	rc = map_area(b, in, msg->fds[0], &b->mem.staged_block, err);
	return rc < 0 ? rc : VHOST_USER_PRIV_GO;
}

static int set_area(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_inflight *in = &msg->payload.inflight;
	int rc = vhost_user_priv_inflight_drop(b);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the previous in-flight area");
	b->inflight.block = b->mem.staged_block;
	b->mem.staged_block = NULL;
	b->inflight.rings = in->num_queues;
	b->inflight.entries = in->queue_size;
	b->inflight.part_len = in->mmap_size / in->num_queues / PART_ALIGNMENT *
			   PART_ALIGNMENT;
	b->rings_changed = true;
	vhost_user_priv_kept_map(b, in, msg->fds[0]);
	return 0;
}

/* using it */

/* Detaches the area from all queues, then unmaps it. */
int vhost_user_priv_inflight_drop(struct vhost_user_backend *b)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && b->rings && i < b->config.nrings; i++)
		rc = vq_set_inflight(b->rings[i].vq, NULL, 0);
	if (rc == 0) {
		vhost_user_priv_kept_unmap(b);
		b->inflight.block = vmem_block_unref(b->inflight.block);
	}
	return rc;
}

/*
 * A ring may be larger than the front-end announced: the area's length decides, of
 * which each ring has an equal part.
 */
int vhost_user_priv_inflight_attach(const struct vhost_user_backend *b,
				    uint32_t index, struct vsu_error *err)
{
	const struct vhost_user_priv_ring *ring = &b->rings[index];
	uint32_t entries = b->inflight.entries;
	int rc;

	if (!b->inflight.block || index >= b->inflight.rings)
		return vq_set_inflight(ring->vq, NULL, 0);
	if (ring->size > entries)
		entries = ring->size;
	if (vq_inflight_size(entries, b->features) > b->inflight.part_len)
		return vsu_error_set(err, -EBADMSG,
				     "ring %u: its part of the in-flight area has %" PRIu64
				     " bytes, too few for %u entries",
				     index, b->inflight.part_len, entries);
	rc = vq_set_inflight(ring->vq, vmem_block_hva(b->inflight.block) +
			     index * b->inflight.part_len, entries);
	return rc < 0 ? vsu_error_sys(err, rc, "ring %u: the in-flight area",
				      index) : 0;
}

bool vhost_user_priv_inflight_failed(const struct vhost_user_backend *b)
{
	return (b->inflight.block && vmem_block_failed(b->inflight.block)) ||
	       (b->inflight.kept && vmem_block_failed(b->inflight.kept));
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_GET_INFLIGHT_FD, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_get, get_area, NULL },
	{ VHOST_USER_SET_INFLIGHT_FD, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_set, set_area, NULL },
};

VHOST_USER_PRIV_HANDLERS(inflight_handlers, handlers);
