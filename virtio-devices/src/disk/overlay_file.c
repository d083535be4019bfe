/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The file of an overlay: header, map and flush. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/identity.h"
#include "disk/overlay.h"

#define CLUSTER VIRTDEV_PRIV_CLUSTER
#define MAP_POS 4096u
#define MAP_BLOCK 4096u
/* Bytes of a disk for which the map has room, so that a smaller disk can grow. */
#define ROOM_BYTES (UINT64_C(1) << 40)
#define MAX_BYTES (UINT64_C(1) << 43)
#define FORMAT_VERSION 1u

/* --------------- whether the base is the one that the overlay was made for */

static bool is_known(const struct virtdev_disk_identity *id)
{
	return id->seconds || id->ns;
}

/* Compares the time of the last change, which finds changes between the ends, too. */
static int check_time(const struct virtdev_priv_overlay *o,
		      const struct virtdev_disk_identity *was,
		      const struct virtdev_disk_identity *now, struct vsu_error *err)
{
	if (!is_known(was) || !is_known(now) ||
	    (now->seconds == was->seconds && now->ns == was->ns))
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "the base '%s' was changed after overlay '%s' was made; restore it, or if it has the same content: touch -d @%" PRId64 ".%09" PRIu32 " '%s'",
			     o->base->path, o->path, was->seconds, was->ns,
			     o->base->path);
}

/* -EINVAL: another base, or a changed one. A time of 0 means unknown. */
static int compare_base(const struct virtdev_priv_overlay *o,
			const struct virtdev_disk_identity *was, struct vsu_error *err)
{
	struct virtdev_disk_identity now;
	int rc;

	if (was->bytes != o->base_bytes)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' is for a base of %" PRIu64 " bytes, and '%s' has %" PRIu64 "; use the base that it was made for",
				     o->path, was->bytes, o->base->path, o->base_bytes);
	rc = virtdev_priv_identify(o->base->fd, o->base_bytes, o->base->path, &now, err);
	if (!rc && now.sum != was->sum)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' is for another base than '%s', or the base was changed; use the base that it was made for",
				     o->path, o->base->path);
	return rc ? rc : check_time(o, was, &now, err);
}

static const char magic[8] = "CVMMOVL";

/*
 * Little-endian; each sum covers the fields before it, the second one from seconds on. A
 * file of an earlier version ends with the first sum and zeros.
 */
struct overlay_header {
	char magic[8];
	uint32_t version;
	uint32_t cluster;	/* bytes */
	uint64_t capacity;	/* bytes of the disk */
	uint64_t base_bytes;
	uint64_t base_sum;	/* of the first and the last 64 KiB of the base */
	uint64_t map_bytes;	/* a multiple of 4096 */
	uint64_t sum;
	uint64_t base_seconds;	/* the base's last change, since 1970 */
	uint64_t base_ns;
	uint64_t time_sum;
};

int virtdev_priv_overlay_pwrite(int fd, const void *from, uint64_t len, uint64_t pos)
{
	const char *p = from;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (uint64_t)n;
		pos += (uint64_t)n;
	}
	return 0;
}

/* ------------------------------------------------------------------- the map */

static uint64_t clusters_of(uint64_t bytes)
{
	return bytes / CLUSTER + (bytes % CLUSTER != 0);
}

bool virtdev_priv_overlay_has(const struct virtdev_priv_overlay *o, uint64_t pos)
{
	const uint64_t n = pos / CLUSTER;

	/* Pairs with the release in show(): the data is in the file. */
	return __atomic_load_n(&o->map[n / 8], __ATOMIC_ACQUIRE) >> n % 8 & 1;
}

bool virtdev_priv_overlay_is_empty(const struct virtdev_priv_overlay *o)
{
	return !__atomic_load_n(&o->written, __ATOMIC_ACQUIRE);
}

void virtdev_priv_overlay_show(struct virtdev_priv_overlay *o, uint64_t pos,
			       uint64_t len)
{
	uint64_t n = pos / CLUSTER;

	if (len >= CLUSTER)
		__atomic_store_n(&o->written, 1, __ATOMIC_RELEASE);
	for (; len >= CLUSTER; len -= CLUSTER, n++) {
		__atomic_fetch_or(&o->map[n / 8], (uint8_t)(1u << n % 8), __ATOMIC_RELEASE);
		__atomic_store_n(&o->dirty[n / 8 / MAP_BLOCK], 1, __ATOMIC_RELEASE);
	}
}

/* Copies the blocks with new bits; their data was written before. True: there are some. */
static bool collect_map(struct virtdev_priv_overlay *o, uint8_t *blocks)
{
	bool any = false;
	uint64_t b, i;

	for (b = 0; b < o->map_bytes / MAP_BLOCK; b++) {
		/* Pairs with show(): a bit set after the copy sets dirty again. */
		blocks[b] = __atomic_exchange_n(&o->dirty[b], 0, __ATOMIC_ACQUIRE);
		for (i = b * MAP_BLOCK; blocks[b] && i < (b + 1) * MAP_BLOCK; i++)
			o->stable[i] = __atomic_load_n(&o->map[i], __ATOMIC_ACQUIRE);
		any |= blocks[b];
	}
	return any;
}

static int write_map(const struct virtdev_priv_overlay *o, const uint8_t *blocks)
{
	uint64_t b;
	int rc = 0;

	for (b = 0; !rc && b < o->map_bytes / MAP_BLOCK; b++)
		if (blocks[b])
			rc = virtdev_priv_overlay_pwrite(o->fd, o->stable + b * MAP_BLOCK, MAP_BLOCK,
				       MAP_POS + b * MAP_BLOCK);
	return rc;
}

static int sync_data(struct virtdev_priv_overlay *o)
{
	/* Later flushes must fail as well: the kernel reports lost data once. */
	if (!o->flush_error && fdatasync(o->fd) < 0)
		o->flush_error = -errno;
	return o->flush_error;
}

static int flush_locked(struct virtdev_priv_overlay *o, uint8_t *blocks)
{
	const bool any = collect_map(o, blocks);
	uint64_t b;
	int rc = sync_data(o);

	if (!rc && any)
		rc = write_map(o, blocks);
	if (!rc && any)
		rc = sync_data(o);
	for (b = 0; rc < 0 && b < o->map_bytes / MAP_BLOCK; b++)
		if (blocks[b])
			__atomic_store_n(&o->dirty[b], 1, __ATOMIC_RELEASE);
	return rc;
}

int virtdev_priv_overlay_flush(struct virtdev_priv_overlay *o)
{
	uint8_t *blocks;
	int rc;

	if (o->temporary)
		return 0;	/* lost in a crash in any case */
	blocks = malloc(o->map_bytes / MAP_BLOCK);
	if (!blocks)
		return -ENOMEM;
	pthread_mutex_lock(&o->flush_lock);
	rc = flush_locked(o, blocks);
	pthread_mutex_unlock(&o->flush_lock);
	free(blocks);
	return rc;
}

/* ---------------------------------------------------------------- the header */

/* With flush_lock: the error of a concurrent flush is reported to both. */
static int sync_header(struct virtdev_priv_overlay *o)
{
	int rc;

	if (o->temporary)
		return 0;
	pthread_mutex_lock(&o->flush_lock);
	rc = sync_data(o);
	pthread_mutex_unlock(&o->flush_lock);
	return rc;
}

static uint64_t sum_time(const struct overlay_header *h)
{
	return virtdev_priv_sum(&h->base_seconds,
		      offsetof(struct overlay_header, time_sum) -
		      offsetof(struct overlay_header, base_seconds));
}

static int write_header(struct virtdev_priv_overlay *o, uint64_t capacity,
			struct vsu_error *err)
{
	struct overlay_header h = {
		.version = htole32(FORMAT_VERSION), .cluster = htole32(CLUSTER),
		.capacity = htole64(capacity), .base_bytes = htole64(o->base_bytes),
		.map_bytes = htole64(o->map_bytes),
	};
	int rc;

	memcpy(h.magic, magic, sizeof(h.magic));
	h.base_sum = htole64(o->origin.sum);
	h.sum = htole64(virtdev_priv_sum(&h, offsetof(struct overlay_header, sum)));
	h.base_seconds = htole64((uint64_t)o->origin.seconds);
	h.base_ns = htole64(o->origin.ns);
	if (h.base_seconds || h.base_ns)
		h.time_sum = htole64(sum_time(&h));
	rc = virtdev_priv_overlay_pwrite(o->fd, &h, sizeof(h), 0);
	if (!rc)
		rc = sync_header(o);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot write '%s'", o->path) : 0;
}

/* The size of the file with all clusters of the disk. */
static uint64_t file_bytes(uint64_t map_bytes, uint64_t capacity)
{
	return MAP_POS + map_bytes + clusters_of(capacity) * CLUSTER;
}

int virtdev_priv_overlay_grow(struct virtdev_priv_overlay *o, uint64_t capacity,
			      struct vsu_error *err)
{
	if (clusters_of(capacity) > o->map_bytes * 8)
		return vsu_error_set(err, -EFBIG,
				     "overlay '%s' has room for %" PRIu64 " bytes, not %" PRIu64,
				     o->path, o->map_bytes * 8 * CLUSTER, capacity);
	if (ftruncate(o->fd, (off_t)file_bytes(o->map_bytes, capacity)) < 0)
		return vsu_error_sys(err, -errno, "'%s' cannot grow for a disk of %" PRIu64 " bytes",
				     o->path, capacity);
	return write_header(o, capacity, err);
}

static int refuse_damage(const struct virtdev_priv_overlay *o, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL, "the header of overlay '%s' is damaged", o->path);
}

static int check_header(const struct virtdev_priv_overlay *o,
			const struct overlay_header *h, struct vsu_error *err)
{
	const uint64_t capacity = le64toh(h->capacity), map_bytes = le64toh(h->map_bytes);

	if (memcmp(h->magic, magic, sizeof(magic)))
		return vsu_error_set(err, -EINVAL,
				     "'%s' is not an overlay; name one, or an empty file, which becomes one",
				     o->path);
	if (le32toh(h->version) != FORMAT_VERSION || le32toh(h->cluster) != CLUSTER)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' has version %u and clusters of %u bytes; supported are version %u and %u bytes",
				     o->path, le32toh(h->version), le32toh(h->cluster),
				     FORMAT_VERSION, CLUSTER);
	if (virtdev_priv_sum(h, offsetof(struct overlay_header, sum)) != le64toh(h->sum) ||
	    !capacity || capacity % 512 || capacity > MAX_BYTES ||
	    capacity < le64toh(h->base_bytes) || !map_bytes || map_bytes % MAP_BLOCK ||
	    map_bytes > MAX_BYTES / CLUSTER / 8 || clusters_of(capacity) > map_bytes * 8)
		return refuse_damage(o, err);
	return 0;
}

static int check_base(struct virtdev_priv_overlay *o, const struct overlay_header *h,
		      struct vsu_error *err)
{
	const struct virtdev_disk_identity was = {
		.bytes = le64toh(h->base_bytes), .sum = le64toh(h->base_sum),
		.seconds = (int64_t)le64toh(h->base_seconds),
		.ns = (uint32_t)le64toh(h->base_ns),
	};
	int rc = h->time_sum && sum_time(h) != le64toh(h->time_sum) ?
		 refuse_damage(o, err) :
		 compare_base(o, &was, err);

	if (!rc)
		o->origin = was;
	return rc;
}

static int alloc_map(struct virtdev_priv_overlay *o, uint64_t map_bytes,
		     struct vsu_error *err)
{
	o->map = calloc(1, map_bytes);
	o->stable = calloc(1, map_bytes);
	o->dirty = calloc(1, map_bytes / MAP_BLOCK);
	if (!o->map || !o->stable || !o->dirty)
		return vsu_error_sys(err, -ENOMEM, "overlay '%s'", o->path);
	o->map_bytes = map_bytes;
	o->data = MAP_POS + map_bytes;
	return 0;
}

static int init_file(struct virtdev_priv_overlay *o, uint64_t *capacity,
		     struct vsu_error *err)
{
	const uint64_t want = o->base_bytes > ROOM_BYTES / 2 ? o->base_bytes * 2 : ROOM_BYTES;
	uint64_t map_bytes;
	int rc;

	if (o->base_bytes > MAX_BYTES / 2)
		return vsu_error_set(err, -EFBIG, "'%s' has %" PRIu64 " bytes; the base of an overlay has at most %" PRIu64,
				     o->base->path, o->base_bytes, MAX_BYTES / 2);
	map_bytes = clusters_of(want) / 8;
	map_bytes += (MAP_BLOCK - map_bytes % MAP_BLOCK) % MAP_BLOCK;
	rc = virtdev_priv_identify(o->base->fd, o->base_bytes, o->base->path, &o->origin, err);
	if (!rc)
		rc = alloc_map(o, map_bytes, err);
	if (!rc)
		rc = virtdev_priv_overlay_grow(o, o->base_bytes, err);
	*capacity = o->base_bytes;
	return rc;
}

/* Adds the bits of the file; bits of an earlier load and of later writes remain. */
static int read_map(struct virtdev_priv_overlay *o, uint64_t capacity)
{
	const uint64_t used = clusters_of(capacity) / 8 + 1;
	const uint64_t bytes = used < o->map_bytes ? used : o->map_bytes;
	uint8_t block[MAP_BLOCK];
	uint64_t at, len, i;
	int rc;

	for (at = 0; at < bytes; at += len) {
		len = bytes - at < sizeof(block) ? bytes - at : sizeof(block);
		rc = virtdev_priv_read_all(o->fd, block, len, MAP_POS + at);
		if (rc < 0)
			return rc;
		for (i = 0; i < len; i++)
			if (block[i]) {
				__atomic_fetch_or(&o->map[at + i], block[i], __ATOMIC_RELEASE);
				__atomic_store_n(&o->written, 1, __ATOMIC_RELEASE);
			}
	}
	return 0;
}

static int load_file(struct virtdev_priv_overlay *o, uint64_t size,
		     uint64_t *capacity, struct vsu_error *err)
{
	struct overlay_header h = { 0 };
	uint64_t needed;
	int rc = size < sizeof(h) ? 0 : virtdev_priv_read_all(o->fd, &h, sizeof(h), 0);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read '%s'", o->path);
	rc = check_header(o, &h, err);
	if (!rc)
		rc = check_base(o, &h, err);
	if (rc < 0)
		return rc;
	needed = file_bytes(le64toh(h.map_bytes), le64toh(h.capacity));
	if (size < needed)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' is truncated: it has %" PRIu64 " bytes of %" PRIu64,
				     o->path, size, needed);
	if (o->map && o->map_bytes != le64toh(h.map_bytes))
		return vsu_error_set(err, -EINVAL, "overlay '%s' was replaced by another one",
				     o->path);
	if (!o->map)
		rc = alloc_map(o, le64toh(h.map_bytes), err);
	if (!rc)
		rc = read_map(o, le64toh(h.capacity));
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read '%s'", o->path);
	*capacity = le64toh(h.capacity);
	return 0;
}

int virtdev_priv_overlay_load(struct virtdev_priv_overlay *o, bool may_init,
			      uint64_t *capacity, struct vsu_error *err)
{
	struct stat st;

	if (fstat(o->fd, &st) < 0)
		return vsu_error_sys(err, -errno, "cannot inspect '%s'", o->path);
	if (!st.st_size && may_init)
		return init_file(o, capacity, err);
	return load_file(o, (uint64_t)st.st_size, capacity, err);
}
