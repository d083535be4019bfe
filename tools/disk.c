/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A block driver for a vhost-user back-end. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/checked.h>

#include "disk.h"

#define PAGE 4096u
/* Guest address of the memory; not 0, so that a stray 0 is detected. */
#define BASE UINT64_C(0x100000)
/* Bytes of one request. */
#define CHUNK (256u * 1024)
/* Header, data, status. */
#define DESCRIPTORS 3u
/* Header and status of one request occupy separate cache lines. */
#define HEADER_SIZE 128u
#define STATUS_AT 64u
#define MIN_RING 8u
#define TABLE_SIZE (DESCRIPTORS * 16u)

/* -------------------------------------------------------------- negotiation */

#define WANTED (VQ_F_VERSION_1 | VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC | \
		VIRTDEV_BLK_F_SIZE_MAX | VIRTDEV_BLK_F_SEG_MAX | VIRTDEV_BLK_F_RO | VIRTDEV_BLK_F_BLK_SIZE | \
		VIRTDEV_BLK_F_FLUSH | VIRTDEV_BLK_F_TOPOLOGY | VIRTDEV_BLK_F_MQ | \
		VIRTDEV_BLK_F_DISCARD | VIRTDEV_BLK_F_WRITE_ZEROES)

static enum vsu_exit refuse_host(struct vsu_error *err, const char *socket,
				 const char *why)
{
	vsu_error_set(err, -EOPNOTSUPP, "'%s': %s", socket, why);
	return VSU_EXIT_HOST;
}

static enum vsu_exit negotiate(struct disk *d, struct vsu_error *err)
{
	uint64_t offered = vhost_user_frontend_features(d->client.fe);
	const char *socket = d->client.socket;
	enum vsu_exit status;

	if (!(offered & VQ_F_VERSION_1))
		return refuse_host(err, socket, "the back-end lacks the feature VERSION_1; only devices of VIRTIO 1.0 and later are supported");
	d->features = offered & WANTED;
	status = client_get_config(&d->client, VIRTDEV_BLK_SPACE_SIZE, err);
	if (status != VSU_EXIT_OK)
		return status;
	if (!d->client.config_len)
		return refuse_host(err, socket, "the back-end refused to return the configuration of a disk; it may be another device");
	blk_config_decode(d->client.config, d->features, &d->config);
	return VSU_EXIT_OK;
}

/* Rejects an invalid configuration. */
static enum vsu_exit check_config(struct disk *d, struct vsu_error *err)
{
	const struct blk_config *c = &d->config;
	const char *socket = d->client.socket;

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
	if (d->queue + d->nqueues <= c->num_queues)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EINVAL, "option --%s: %" PRIu32 " is not a queue of the disk '%s', which has 0 to %" PRIu32,
		      d->nqueues > 1 ? "queues" : "queue", d->queue + d->nqueues - 1,
		      socket, c->num_queues - 1);
	return VSU_EXIT_DATA;
}

/* ------------------------------------------------------------------- memory */

/* Ring entries per request: one if indirect tables are available. */
static uint32_t entries_each(const struct disk *d)
{
	return d->features & VQ_F_INDIRECT_DESC ? 1 : DESCRIPTORS;
}

static uint32_t ring_size(const struct disk *d)
{
	uint32_t size = MIN_RING;

	while (size < d->nslots * entries_each(d))
		size *= 2;
	return size;
}

static uint64_t page_up(uint64_t v)
{
	return (v + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* Layout: rings with their tables, headers and buffers in one region. */
static int make_memory(struct disk *d, struct vsu_error *err)
{
	const uint32_t slots = d->nslots * d->nqueues;
	struct vq_layout layout;
	int rc;

	rc = vq_ring_layout(ring_size(d), d->features, &layout);
	if (rc < 0)
		return vsu_error_sys(err, rc, "ring of the disk");
	d->tables_at = page_up(layout.size);
	d->stride = page_up(d->tables_at + ring_size(d) * TABLE_SIZE);
	d->headers_gpa = BASE + d->nqueues * d->stride;
	d->data_gpa = page_up(d->headers_gpa + (uint64_t)slots * HEADER_SIZE);
	return ring_memory(&d->map, BASE, page_up(d->data_gpa - BASE +
						  (uint64_t)slots * d->chunk),
			   err);
}

static unsigned char *at(const struct disk *d, uint64_t gpa, uint64_t len)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(d->map), &hint, gpa, len,
				   VMEM_READ | VMEM_WRITE);
}

/* --------------------------------------------------------------------- life */

/* A call of any ring is a signal on one eventfd. */
static int share_call(struct disk *d, struct ring *r, struct vsu_error *err)
{
	if (r == d->rings) {
		d->call_fd = r->call_fd;
		return 0;
	}
	if (dup3(d->call_fd, r->call_fd, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "cannot share an eventfd");
	return 0;
}

static int make_ring(struct disk *d, uint32_t i, struct vsu_error *err)
{
	struct vq_driver_config config = {
		.map = d->map,
		.gpa = BASE + i * d->stride,
		.features = d->features,
		.size = ring_size(d),
	};
	int rc;

	if (d->features & VQ_F_INDIRECT_DESC) {
		config.indirect_max = DESCRIPTORS;
		config.indirect_gpa = config.gpa + d->tables_at;
	}
	rc = ring_open(&d->rings[i], &config, err);
	return rc < 0 ? rc : share_call(d, &d->rings[i], err);
}

static int make_rings(struct disk *d, struct vsu_error *err)
{
	int rc = make_memory(d, err);
	uint32_t i;

	for (i = 0; rc == 0 && i < d->nqueues; i++)
		rc = make_ring(d, i, err);
	return rc;
}

static int start(struct disk *d, struct vsu_error *err)
{
	struct vhost_user_frontend *fe = d->client.fe;
	int rc = vhost_user_frontend_set_memory(fe, d->map, err);
	uint32_t i;

	for (i = 0; !rc && i < d->nqueues; i++)
		rc = ring_describe(&d->rings[i], &d->client, d->queue + i, err);
	if (!rc)
		rc = vhost_user_frontend_start(fe, d->features, err);
	return rc;
}

static enum vsu_exit set_up(struct disk *d, struct vsu_error *err)
{
	enum vsu_exit status = negotiate(d, err);

	if (status == VSU_EXIT_OK)
		status = check_config(d, err);
	if (status != VSU_EXIT_OK)
		return status;
	if (make_rings(d, err) < 0 || start(d, err) < 0)
		return VSU_EXIT_HOST;
	return client_wait(&d->client, err);
}

/* Returns whether the session ended because the ring is too large. */
static bool ring_refused(const struct disk *d)
{
	const struct vsu_error *why = &d->client.reason;

	return d->client.dead && why->code == -EPROTO &&
	       why->arg == VHOST_USER_SET_VRING_NUM;
}

static enum vsu_exit try_open(struct disk *d, const char *socket,
			      uint32_t queue, uint32_t nqueues, uint32_t nslots,
			      struct vsu_error *err)
{
	enum vsu_exit status;
	uint32_t i;

	memset(d, 0, sizeof(*d));
	for (i = 0; i < nqueues; i++)
		d->rings[i] = RING_NONE;
	d->queue = queue;
	d->nqueues = nqueues;
	d->nslots = nslots;
	status = client_open(&d->client, socket,
			     VHOST_USER_PROTOCOL_BIT(CONFIG), err);
	if (status != VSU_EXIT_OK)
		return status;
	status = set_up(d, err);
	if (status != VSU_EXIT_OK)
		disk_close(d, false);
	return status;
}

/* Back-ends do not report their maximum ring size: halve it and retry. */
enum vsu_exit disk_open(struct disk *d, const char *socket, uint32_t queue,
			uint32_t nqueues, uint32_t nslots, struct vsu_error *err)
{
	enum vsu_exit status = try_open(d, socket, queue, nqueues, nslots, err);

	while (status != VSU_EXIT_OK && ring_refused(d) &&
	       ring_size(d) > MIN_RING) {
		nslots = ring_size(d) / 2 / entries_each(d);
		status = try_open(d, socket, queue, nqueues, nslots, err);
	}
	return status;
}

void disk_close(struct disk *d, bool in_order)
{
	struct vsu_error ignored = VSU_ERROR_INIT;
	uint32_t i;

	if (in_order && !d->client.dead &&
	    !vhost_user_frontend_stop(d->client.fe, &ignored))
		(void)client_wait(&d->client, &ignored);
	client_close(&d->client);
	for (i = 0; i < d->nqueues; i++)
		ring_close(&d->rings[i]);
	vmem_map_unref(d->map);
}

/* ----------------------------------------------------------------- requests */

static uint64_t header_gpa(const struct disk *d, uint32_t slot)
{
	return d->headers_gpa + (uint64_t)slot * HEADER_SIZE;
}

static uint64_t buffer_gpa(const struct disk *d, uint32_t slot)
{
	return d->data_gpa + (uint64_t)slot * d->chunk;
}

unsigned char *disk_buffer(struct disk *d, uint32_t slot)
{
	return at(d, buffer_gpa(d, slot), d->chunk);
}

static void write_header(struct disk *d, uint32_t slot,
			 enum virtdev_blk_type type, uint64_t offset)
{
	const struct virtdev_blk_header header = {
		.type = vsu_le32_make(type),
		.sector = vsu_le64_make(offset / VIRTDEV_BLK_SECTOR),
	};
	unsigned char *p = at(d, header_gpa(d, slot), HEADER_SIZE);

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
	rc = vq_driver_add(d->rings[slot / d->nslots].driver, buffers, n, slot);
	if (!rc)
		return VSU_EXIT_OK;
	vsu_error_sys(err, rc, "'%s': cannot add a request to its ring",
		      d->client.socket);
	return VSU_EXIT_HOST;
}

void disk_kick(struct disk *d)
{
	uint32_t i;

	for (i = 0; i < d->nqueues; i++)
		ring_kick(&d->rings[i]);
}

/* Takes turns, so that a fast queue does not hide the others. */
int disk_collect(struct disk *d, uint32_t *slot)
{
	uint32_t i, written;
	uint64_t cookie;
	int rc = 0;

	for (i = 0; rc == 0 && i < d->nqueues; i++) {
		rc = vq_driver_collect(d->rings[d->next].driver, &cookie, &written);
		d->next = (d->next + 1) % d->nqueues;
	}
	if (rc == 1)
		*slot = (uint32_t)cookie;
	return rc;
}

uint8_t disk_status(struct disk *d, uint32_t slot)
{
	const unsigned char *p = at(d, header_gpa(d, slot), HEADER_SIZE);

	return __atomic_load_n(p + STATUS_AT, __ATOMIC_RELAXED);
}

bool disk_want_call(struct disk *d)
{
	bool some = false;
	uint32_t i;

	for (i = 0; i < d->nqueues; i++)
		if (vq_driver_enable_call(d->rings[i].driver))
			some = true;
	return some;
}
