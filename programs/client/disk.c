/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A block driver for a vhost-user back-end. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vhost/protocol.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/checked.h>

#include "disk.h"

/* Bytes of one request. */
#define CHUNK (256u * 1024)
/* Header, data, status. */
#define DESCRIPTORS 3u
#define PAGE 4096u
/* Header and status of one request occupy separate cache lines. */
#define HEADER_SIZE 128u
#define STATUS_AT 64u

/* -------------------------------------------------------------- negotiation */

#define WANTED (VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC | \
		VIRTDEV_BLK_F_SIZE_MAX | VIRTDEV_BLK_F_SEG_MAX | VIRTDEV_BLK_F_RO | VIRTDEV_BLK_F_BLK_SIZE | \
		VIRTDEV_BLK_F_FLUSH | VIRTDEV_BLK_F_TOPOLOGY | VIRTDEV_BLK_F_MQ | \
		VIRTDEV_BLK_F_DISCARD | VIRTDEV_BLK_F_WRITE_ZEROES)

static enum vsu_exit refuse_host(struct vsu_error *err, const char *socket,
				 const char *why)
{
	vsu_error_set(err, -EOPNOTSUPP, "'%s': %s", socket, why);
	return VSU_EXIT_HOST;
}

static enum vsu_exit read_config(struct disk *d, struct vsu_error *err)
{
	struct client *c = &d->q.client;
	const enum vsu_exit status = client_get_config(c, VIRTDEV_BLK_SPACE_SIZE, err);

	if (status != VSU_EXIT_OK)
		return status;
	if (!c->config_len)
		return refuse_host(err, c->socket, "the back-end refused to return the configuration of a disk; it may be another device");
	blk_config_decode(c->config, d->q.features, &d->config);
	return VSU_EXIT_OK;
}

/* Rejects an invalid configuration. */
static enum vsu_exit check_config(struct disk *d, const struct queues_plan *plan,
				  struct vsu_error *err)
{
	const struct blk_config *c = &d->config;
	const char *socket = d->q.client.socket;

	if (vsu_u64_mul_overflow(c->capacity, VIRTDEV_BLK_SECTOR, &d->size))
		return refuse_host(err, socket, "the disk claims a capacity beyond 2^64 bytes");
	d->block = c->blk_size;
	if (!vsu_is_power_of_two(d->block) || d->block < VIRTDEV_BLK_SECTOR ||
	    d->block > CHUNK)
		return refuse_host(err, socket, "the disk's block size is not a power of two from 512 to 256k");
	d->chunk = CHUNK;
	/* some devices offer the limit with value 0 */
	if (c->size_max && c->size_max < d->chunk)
		d->chunk = c->size_max & ~(d->block - 1);
	if (!d->chunk)
		return refuse_host(err, socket, "the disk's maximum request (size_max) is smaller than its blocks");
	if (!c->num_queues)
		return refuse_host(err, socket, "the disk claims to have no queue");
	if (plan->first + plan->n <= c->num_queues)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EINVAL, "option --%s: %" PRIu32 " is not a queue of the disk '%s', which has 0 to %" PRIu32,
		      plan->n > 1 ? "queues" : "queue", plan->first + plan->n - 1,
		      socket, c->num_queues - 1);
	return VSU_EXIT_DATA;
}

/* --------------------------------------------------------------------- life */

/* Layout: headers, then buffers, which begin with a page: a back-end writes others through its page cache. */
static enum vsu_exit start_rings(struct disk *d, struct queues_plan *plan, struct vsu_error *err)
{
	const uint64_t all = (uint64_t)plan->n * plan->slots * HEADER_SIZE;
	const uint64_t headers = (all + PAGE - 1) / PAGE * PAGE;
	enum vsu_exit status;

	plan->room = headers + (uint64_t)plan->n * plan->slots * d->chunk;
	status = queues_start(&d->q, plan, err);
	d->data_gpa = d->q.room_gpa + headers;
	return status;
}

static enum vsu_exit try_open(struct disk *d, const char *socket, struct queues_plan *plan,
			      struct vsu_error *err)
{
	enum vsu_exit status = queues_open(&d->q, socket, VHOST_USER_PROTOCOL_BIT(CONFIG),
					   WANTED, err);

	if (status != VSU_EXIT_OK)
		return status;
	d->nslots = plan->slots;
	status = read_config(d, err);
	if (status == VSU_EXIT_OK)
		status = check_config(d, plan, err);
	if (status == VSU_EXIT_OK)
		status = start_rings(d, plan, err);
	if (status != VSU_EXIT_OK)
		queues_close(&d->q, false);
	return status;
}

/* Back-ends do not report their maximum ring size: halve it and retry. */
enum vsu_exit disk_open(struct disk *d, const char *socket, uint32_t queue,
			uint32_t nqueues, uint32_t nslots, struct vsu_error *err)
{
	struct queues_plan plan = {
		.first = queue, .n = nqueues, .slots = nslots, .chain = DESCRIPTORS,
	};
	enum vsu_exit status = try_open(d, socket, &plan, err);

	while (status != VSU_EXIT_OK && queues_refused(&d->q) && d->q.size > QUEUES_MIN_SIZE) {
		plan.slots = queues_slots(&d->q, d->q.size / 2, DESCRIPTORS);
		status = try_open(d, socket, &plan, err);
	}
	return status;
}

/* ----------------------------------------------------------------- requests */

static uint64_t header_gpa(const struct disk *d, uint32_t slot)
{
	return d->q.room_gpa + (uint64_t)slot * HEADER_SIZE;
}

static uint64_t buffer_gpa(const struct disk *d, uint32_t slot)
{
	return d->data_gpa + (uint64_t)slot * d->chunk;
}

unsigned char *disk_buffer(struct disk *d, uint32_t slot)
{
	return queues_at(&d->q, buffer_gpa(d, slot), d->chunk);
}

static void write_header(struct disk *d, uint32_t slot,
			 enum virtdev_blk_type type, uint64_t offset)
{
	const struct virtdev_blk_header header = {
		.type = vsu_le32_make(type),
		.sector = vsu_le64_make(offset / VIRTDEV_BLK_SECTOR),
	};
	unsigned char *p = queues_at(&d->q, header_gpa(d, slot), HEADER_SIZE);

	memcpy(p, &header, sizeof(header));
	p[STATUS_AT] = BLK_STATUS_NONE;
}

enum vsu_exit disk_submit(struct disk *d, uint32_t slot,
			  enum virtdev_blk_type type, uint64_t offset,
			  uint32_t len, struct vsu_error *err)
{
	const uint64_t gpa = header_gpa(d, slot);
	struct vq_buffer buffers[DESCRIPTORS] = {
		{ gpa, sizeof(struct virtdev_blk_header), 0 },
	};
	unsigned int n = 1;
	int rc;

	if (len)
		buffers[n++] = (struct vq_buffer){ buffer_gpa(d, slot), len,
						   type == VIRTDEV_BLK_T_IN };
	buffers[n++] = (struct vq_buffer){ gpa + STATUS_AT, 1, 1 };
	write_header(d, slot, type, offset);
	rc = vq_driver_add(d->q.rings[slot / d->nslots].driver, buffers, n, slot);
	if (!rc)
		return VSU_EXIT_OK;
	vsu_error_sys(err, rc, "'%s': cannot add a request to its ring",
		      d->q.client.socket);
	return VSU_EXIT_HOST;
}

uint8_t disk_status(struct disk *d, uint32_t slot)
{
	const unsigned char *p = queues_at(&d->q, header_gpa(d, slot), HEADER_SIZE);

	return __atomic_load_n(p + STATUS_AT, __ATOMIC_RELAXED);
}
