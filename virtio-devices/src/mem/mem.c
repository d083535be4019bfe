/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory device: operations, configuration space and state. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/mem.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/sized.h>

#include "core/device_priv.h"
#include "mem/priv.h"

#define DEFAULT_QUEUE_MAX 64u

/* The driver must not access unplugged blocks (5.15.3). */
#define MEM_F_UNPLUGGED_INACCESSIBLE (UINT64_C(1) << 1)

/* Configuration space (5.15.4). */
struct mem_space {
	struct vsu_le64 block_size;
	struct vsu_le16 node_id;
	uint8_t pad[6];
	struct vsu_le64 addr, region_size, usable_region_size;
	struct vsu_le64 plugged_size, requested_size;
};

/* ------------------------------------------------ configuration and state */

static uint64_t plugged_bytes(const struct mem *m)
{
	return __atomic_load_n(&m->blocks.plugged, __ATOMIC_RELAXED) *
	       VIRTDEV_MEM_BLOCK;
}

static uint64_t requested_bytes(const struct mem *m)
{
	return __atomic_load_n(&m->requested, __ATOMIC_RELAXED);
}

static void mem_config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	const struct mem *m = self;
	const struct vsu_le64 size =
		vsu_le64_make(m->blocks.n * VIRTDEV_MEM_BLOCK);
	struct mem_space space = {
		.block_size = vsu_le64_make(VIRTDEV_MEM_BLOCK),
		.region_size = size, .usable_region_size = size,
		.plugged_size = vsu_le64_make(plugged_bytes(m)),
		.requested_size = vsu_le64_make(requested_bytes(m)),
	};
	uint64_t addr;

	if (!virtdev_region_address(m->dev, MEM_REGION, &addr))
		space.addr = vsu_le64_make(addr);
	memcpy(buf, (const char *)&space + off, len);
}

static void mem_save(void *self, struct virtdev_state_writer *w)
{
	const struct mem *m = self;
	uint64_t i;

	virtdev_state_put_u64(w, m->blocks.n);
	for (i = 0; i < m->blocks.n; i += 8)
		virtdev_state_put_u8(w, (uint8_t)(
			m->blocks.map[i] | m->blocks.map[i + 1] << 1 |
			m->blocks.map[i + 2] << 2 | m->blocks.map[i + 3] << 3 |
			m->blocks.map[i + 4] << 4 | m->blocks.map[i + 5] << 5 |
			m->blocks.map[i + 6] << 6 | m->blocks.map[i + 7] << 7));
	virtdev_state_put_u64(w, requested_bytes(m));
}

static int check_requested(uint64_t bytes, uint64_t len, struct vsu_error *err)
{
	if (!vsu_is_aligned(bytes, VIRTDEV_MEM_BLOCK) || bytes > len)
		return vsu_error_set(err, -EINVAL,
				     "mem: %" PRIu64 " bytes requested; multiples of 2 MiB up to %" PRIu64 " are possible",
				     bytes, len);
	return 0;
}

/*
 * Maps plugged memory before a queue starts, if this process owns the guest's addresses:
 * the content exists or will follow, and other devices may have rings in this memory.
 */
static int show_loaded(struct mem *m, struct vsu_error *err)
{
	uint64_t gpa;
	int rc = virtdev_region_address(m->dev, MEM_REGION, &gpa) ? 0 :
		 virtdev_priv_blocks_show(&m->blocks);

	return rc < 0 ? vsu_error_sys(err, rc, "mem: cannot map plugged memory into the guest") : 0;
}

/* The size determines the length of the bitmap behind it. */
static int mem_load(void *self, uint32_t version,
		    struct virtdev_state_reader *r, struct vsu_error *err)
{
	struct mem *m = self;
	const uint64_t n = virtdev_state_get_u64(r);
	uint64_t i, plugged = 0, requested = requested_bytes(m);
	uint8_t *bits;
	int rc;

	if (n != m->blocks.n)
		return vsu_error_set(err, -EBADMSG,
				     "mem: the state is of a device of %" PRIu64 " blocks of 2 MiB, this one has %" PRIu64,
				     n, m->blocks.n);
	bits = calloc(m->blocks.n / 8, 1);
	if (!bits)
		return vsu_error_sys(err, -ENOMEM, "mem");
	virtdev_state_get_bytes(r, bits, m->blocks.n / 8);
	if (version >= 2)
		requested = virtdev_state_get_u64(r);
	rc = virtdev_state_end(r, err);
	if (!rc)
		rc = check_requested(requested, n * VIRTDEV_MEM_BLOCK, err);
	for (i = 0; !rc && i < m->blocks.n; i++) {
		m->blocks.map[i] = bits[i / 8] >> i % 8 & 1;
		plugged += m->blocks.map[i];
	}
	if (!rc) {
		__atomic_store_n(&m->blocks.plugged, plugged, __ATOMIC_RELAXED);
		__atomic_store_n(&m->requested, requested, __ATOMIC_RELAXED);
		rc = show_loaded(m, err);
	}
	free(bits);
	return rc;
}

static uint32_t mem_stats(void *self, struct virtdev_stat *stats, uint32_t max)
{
	const struct mem *m = self;
	const struct virtdev_stat all[] = {
		{ "requested", requested_bytes(m) },
		{ "plugged", plugged_bytes(m) },
	};
	const uint32_t n = sizeof(all) / sizeof(all[0]);

	memcpy(stats, all, (n < max ? n : max) * sizeof(all[0]));
	return n;
}

/* --------------------------------------------------------------------- life */

static void mem_free(void *self)
{
	struct mem *m = self;

	virtdev_priv_blocks_fini(&m->blocks);
	free(m);
}

static const struct virtdev_ops mem_ops = {
	.size = sizeof(mem_ops), .name = "mem",
	.config_read = mem_config_read,
	.queue_start = virtdev_priv_mem_start,
	.queue_serve = virtdev_priv_mem_serve,
	.queue_drain = virtdev_priv_mem_drain,
	.queue_stop = virtdev_priv_mem_stop,
	.state_version = 2, .state_save = mem_save, .state_load = mem_load,
	.stats = mem_stats, .free = mem_free,
};

static int read_config(const struct virtdev_mem_config *config,
		       struct virtdev_mem_config *c, struct vsu_error *err)
{
	int rc = vsu_copy_sized(c, sizeof(*c), config,
				"struct virtdev_mem_config", err);

	if (rc < 0)
		return rc;
	if (!c->len || !vsu_is_aligned(c->len, VIRTDEV_MEM_PIECE) ||
	    c->len > VIRTDEV_MEM_MAX)
		return vsu_error_set(err, -EINVAL,
				     "mem: a size of %" PRIu64 " bytes; multiples of 128 MiB up to 8 TiB are possible",
				     c->len);
	if (c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "mem: a queue of %" PRIu32 " entries; at most %u are possible",
				     c->queue_size_max, VQ_MAX_SIZE);
	return check_requested(c->requested, c->len, err);
}

static int make_mem(const struct virtdev_mem_config *c, struct mem **out,
		    struct vsu_error *err)
{
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_MEMORY, .nqueues = 1, .nregions = 1,
		.queue_size_max = c->queue_size_max ? c->queue_size_max :
				  DEFAULT_QUEUE_MAX,
		.config_size = sizeof(struct mem_space),
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED |
			    MEM_F_UNPLUGGED_INACCESSIBLE,
		.regions = { { .id = MEM_REGION, .len = c->len,
			       .flags = VIRTDEV_REGION_APART } },
	};
	struct mem *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return vsu_error_sys(err, -ENOMEM, "mem");
	m->requested = c->requested;
	rc = virtdev_priv_blocks_init(&m->blocks, c->len);
	if (rc < 0)
		vsu_error_sys(err, rc, "mem");
	else
		rc = virtdev_new(&mem_ops, &info, m, &m->dev, err);
	if (rc < 0) {
		mem_free(m);
		return rc;
	}
	m->blocks.dev = m->dev;
	*out = m;
	return 0;
}

int virtdev_mem_new(const struct virtdev_mem_config *config,
		    struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_mem_config c = { 0 };
	struct mem *m = NULL;
	int rc = read_config(config, &c, err);

	if (rc < 0)
		return rc;
	rc = make_mem(&c, &m, err);
	if (rc < 0)
		return rc;
	*out = m->dev;
	return 0;
}

int virtdev_mem_set_requested(struct virtdev *dev, uint64_t bytes,
			      struct vsu_error *err)
{
	struct mem *m = virtdev_priv_self(dev, mem_stats);
	int rc;

	if (!m)
		return vsu_error_set(err, -EINVAL, "this device is not memory");
	rc = check_requested(bytes, m->blocks.n * VIRTDEV_MEM_BLOCK, err);
	if (rc < 0)
		return rc;
	__atomic_store_n(&m->requested, bytes, __ATOMIC_RELAXED);
	virtdev_config_changed(dev);
	return 0;
}

int virtdev_mem_hold(struct virtdev *dev, bool held)
{
	struct mem *m = virtdev_priv_self(dev, mem_stats);

	if (!m)
		return -EINVAL;
	if (held && m->job.runs)
		return -EAGAIN;
	m->held = held;
	return 0;
}

int virtdev_mem_plug(struct virtdev *dev, uint64_t offset, uint64_t len,
		     struct vsu_error *err)
{
	struct mem *m = virtdev_priv_self(dev, mem_stats);
	int rc;

	if (!m)
		return vsu_error_set(err, -EINVAL, "this device is not memory");
	if (!len || !vsu_is_aligned(offset | len, VIRTDEV_MEM_BLOCK) ||
	    vsu_range_exceeds(offset, len, m->blocks.n * VIRTDEV_MEM_BLOCK))
		return vsu_error_set(err, -EINVAL,
				     "mem: %" PRIu64 " bytes at %#" PRIx64 " are not whole blocks of the device",
				     len, offset);
	rc = virtdev_priv_blocks_plug(&m->blocks, offset / VIRTDEV_MEM_BLOCK,
				      len / VIRTDEV_MEM_BLOCK);
	return rc < 0 ? vsu_error_sys(err, rc, "mem: cannot map plugged memory") : 0;
}
