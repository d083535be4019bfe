/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Configuration space, state and counters of a balloon. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-devices/state.h>
#include <vmm-sys-util/checked.h>

#include "balloon/priv.h"
#include "core/device_priv.h"

int virtdev_priv_balloon_set_features(void *self, uint64_t features,
				      struct vsu_error *err)
{
	(void)err;
	((struct balloon *)self)->features = features;
	return 0;
}

void virtdev_priv_balloon_config_read(void *self, uint32_t off, void *buf,
				      uint32_t len)
{
	const struct balloon *b = self;

	memcpy(buf, (const char *)&b->space + off, len);
}

/* Any thread may read these words. */
static void word_store(struct vsu_le32 *word, struct vsu_le32 value)
{
	__atomic_store_n(&word->raw, value.raw, __ATOMIC_RELAXED);
}

static uint64_t word_bytes(const struct vsu_le32 *word)
{
	const struct vsu_le32 value = {
		__atomic_load_n(&word->raw, __ATOMIC_RELAXED)
	};

	return (uint64_t)vsu_le32_load(value) * VIRTDEV_BALLOON_PAGE;
}

static bool lies_in(uint32_t off, uint32_t len, size_t member)
{
	return off >= member && off + len <= member + sizeof(struct vsu_le32);
}

int virtdev_priv_balloon_config_write(void *self, uint32_t off, const void *buf,
				      uint32_t len)
{
	struct balloon *b = self;
	struct balloon_space space = b->space;

	if (!lies_in(off, len, offsetof(struct balloon_space, actual)) &&
	    !lies_in(off, len, offsetof(struct balloon_space, poison_val)))
		return -EPERM;
	memcpy((char *)&space + off, buf, len);
	word_store(&b->space.actual, space.actual);
	word_store(&b->space.poison_val, space.poison_val);
	return 0;
}

/* A reset keeps the target, which belongs to the host. */
void virtdev_priv_balloon_reset(void *self)
{
	struct balloon *b = self;

	b->features = 0;
	word_store(&b->space.actual, vsu_le32_make(0));
	word_store(&b->space.poison_val, vsu_le32_make(0));
}

void virtdev_priv_balloon_save(void *self, struct virtdev_state_writer *w)
{
	const struct balloon *b = self;

	virtdev_state_put_u32(w, vsu_le32_load(b->space.actual));
	virtdev_state_put_u32(w, vsu_le32_load(b->space.poison_val));
}

int virtdev_priv_balloon_load(void *self, uint32_t version,
			      struct virtdev_state_reader *r, struct vsu_error *err)
{
	struct balloon *b = self;
	const uint32_t actual = virtdev_state_get_u32(r);
	const uint32_t poison_val = virtdev_state_get_u32(r);
	int rc = virtdev_state_end(r, err);

	(void)version;
	if (rc < 0)
		return rc;
	word_store(&b->space.actual, vsu_le32_make(actual));
	word_store(&b->space.poison_val, vsu_le32_make(poison_val));
	return 0;
}

static uint64_t count_of(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

uint32_t virtdev_priv_balloon_stats(void *self, struct virtdev_stat *stats,
				    uint32_t max)
{
	const struct balloon *b = self;
	const uint64_t *guest = b->stats.last.value;
	const struct virtdev_stat all[] = {
		{ "target", word_bytes(&b->space.num_pages) },
		{ "actual", word_bytes(&b->space.actual) },
		{ "inflated", count_of(&b->inflated) },
		{ "reported", count_of(&b->reported) },
		{ "kept", count_of(&b->giveback.kept) },
		{ "guest_swapped_in", count_of(&guest[VIRTDEV_BALLOON_SWAP_IN]) },
		{ "guest_swapped_out", count_of(&guest[VIRTDEV_BALLOON_SWAP_OUT]) },
		{ "guest_major_faults", count_of(&guest[VIRTDEV_BALLOON_MAJOR_FAULTS]) },
		{ "guest_minor_faults", count_of(&guest[VIRTDEV_BALLOON_MINOR_FAULTS]) },
		{ "guest_free", count_of(&guest[VIRTDEV_BALLOON_FREE]) },
		{ "guest_total", count_of(&guest[VIRTDEV_BALLOON_TOTAL]) },
		{ "guest_available", count_of(&guest[VIRTDEV_BALLOON_AVAILABLE]) },
		{ "guest_caches", count_of(&guest[VIRTDEV_BALLOON_CACHES]) },
		{ "guest_reports", count_of(&b->stats.last.reports) },
	};
	const uint32_t n = sizeof(all) / sizeof(all[0]);

	memcpy(stats, all, (n < max ? n : max) * sizeof(all[0]));
	return n;
}

int virtdev_priv_balloon_check_target(uint64_t bytes, struct vsu_error *err)
{
	if (!vsu_is_aligned(bytes, VIRTDEV_BALLOON_PAGE) ||
	    bytes / VIRTDEV_BALLOON_PAGE > UINT32_MAX)
		return vsu_error_set(err, -EINVAL,
				     "balloon: %" PRIu64 " bytes; the size must be a multiple of 4096 below 16 TiB",
				     bytes);
	return 0;
}

void virtdev_priv_balloon_store_target(struct balloon *b, uint64_t bytes)
{
	word_store(&b->space.num_pages,
		   vsu_le32_make((uint32_t)(bytes / VIRTDEV_BALLOON_PAGE)));
}

int virtdev_balloon_set_target(struct virtdev *dev, uint64_t bytes,
			       struct vsu_error *err)
{
	struct balloon *b = virtdev_priv_self(dev, virtdev_priv_balloon_stats);
	int rc;

	if (!b)
		return vsu_error_set(err, -EINVAL, "this device is not a balloon");
	rc = virtdev_priv_balloon_check_target(bytes, err);
	if (rc < 0)
		return rc;
	virtdev_priv_balloon_store_target(b, bytes);
	virtdev_config_changed(dev);
	return 0;
}

int virtdev_priv_balloon_size(const struct virtdev *dev,
			     struct virtdev_balloon_size *out)
{
	const struct balloon *b = virtdev_priv_self(dev, virtdev_priv_balloon_stats);

	if (!b)
		return -EINVAL;
	out->target = word_bytes(&b->space.num_pages);
	out->actual = word_bytes(&b->space.actual);
	out->inflated = count_of(&b->inflated);
	out->reported = count_of(&b->reported);
	out->kept = count_of(&b->giveback.kept);
	return 0;
}
