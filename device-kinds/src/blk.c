/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "blk": a disk over a raw image or a block device. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <device-kinds/disk.h>
#include <device-kinds/kind.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/disk.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/file_value.h>

#include "disk/format.h"
#include "disk/module.h"
#include "limit_rows.h"

#define MAX_SERIAL 20u
/* The kernel may keep the image of a killed program locked for this time. */
#define UNLOCK_WAIT_NS UINT64_C(1000000000)
#define POLL_MS 2

/* Indexed by enum virtdev_disk_engine. */
static const char *const engines[] = {
	"auto", "io_uring", "sync", "mmap", NULL,
};

/* Names and meanings are QEMU's; the bits of an index are two properties. */
static const char *const caches[] = {
	"writeback", "writethrough", "none", "directsync", NULL,
};
#define CACHE_THROUGH	1u
#define CACHE_DIRECT	2u

enum { STALL_ERROR, STALL_WAIT };
#define NS_PER_MS UINT64_C(1000000)

static const char *const stalls[] = { "error", "wait", NULL };

enum { LOCKING_ON, LOCKING_OFF };
static const char *const locking[] = { "on", "off", NULL };

struct blk {
	const char *path, *serial;
	const char *overlay;
	uint64_t read_only, engine, locking, cache, block_size, snapshot, format;
	uint64_t on_stall, stall_timeout;
	struct virtdev_rate_limits limits;
};
static_assert(sizeof(struct blk) <= DEVKIND_MAX_CONFIG, "a kind's config");

static const struct devkind_key keys[] = {
	{ .option = { .name = "path", .kind = VSU_OPTION_STRING, .arg = "FILE",
		      .help = "the raw image, block device, or address nbd://HOST/EXPORT" },
	  .daemon_name = "blk-file", .refers = DEVKIND_REFERS_IMAGE, .read_if = { "readonly", "overlay", "snapshot" },
	  .offset = offsetof(struct blk, path),
	  .required = true },
	{ .option = { .name = "readonly", .kind = VSU_OPTION_FLAG,
		      .help = "the guest may not write" },
	  .daemon_name = "read-only",
	  .offset = offsetof(struct blk, read_only) },
	{ .option = { .name = "serial", .kind = VSU_OPTION_STRING,
		      .arg = "TEXT",
		      .help = "at most 20 bytes (the end of FILE)" },
	  .refers = DEVKIND_REFERS_TEXT,
	  .offset = offsetof(struct blk, serial), .max_len = MAX_SERIAL },
	{ .option = { .name = "engine", .kind = VSU_OPTION_CHOICE,
		      .choices = engines, .preset = "auto",
		      .help = "how requests reach the host; mmap: files in RAM" },
	  .offset = offsetof(struct blk, engine) },
	{ .option = { .name = "cache", .kind = VSU_OPTION_CHOICE,
		      .choices = caches, .preset = "writeback",
		      .help = "use of the page cache; none: O_DIRECT" },
	  .offset = offsetof(struct blk, cache) },
	{ .option = { .name = "block-size", .kind = VSU_OPTION_SIZE,
		      .arg = "BYTES", .min = 512, .max = 65536,
		      .preset = "the host's",
		      .help = "logical block size" },
	  .offset = offsetof(struct blk, block_size) },
	{ .option = { .name = "locking", .kind = VSU_OPTION_CHOICE,
		      .choices = locking, .preset = "on",
		      .help = "lock FILE; off: another process may write to it" },
	  .offset = offsetof(struct blk, locking) },
	{ .option = { .name = "overlay", .kind = VSU_OPTION_STRING, .arg = "FILE",
		      .help = "file for what the guest writes; the image is only read" },
	  .refers = DEVKIND_REFERS_IMAGE,
	  .offset = offsetof(struct blk, overlay) },
	{ .option = { .name = "snapshot", .kind = VSU_OPTION_FLAG,
		      .help = "discard what the guest writes at the end" },
	  .refers = DEVKIND_REFERS_TEMPORARY,
	  .offset = offsetof(struct blk, snapshot) },
	DEVKIND_PRIV_DISK_FORMAT_ROW(offsetof(struct blk, format)),
	{ .option = { .name = "on-stall", .kind = VSU_OPTION_CHOICE,
		      .choices = stalls, .preset = "error",
		      .help = "requests while the server of an address is away: fail, or wait" },
	  .offset = offsetof(struct blk, on_stall) },
	{ .option = { .name = "stall-timeout", .kind = VSU_OPTION_TIME,
		      .min = 1, .max = 86400000, .preset = "10, and 30 for a reply",
		      .help = "with on-stall=error: how long they wait first" },
	  .offset = offsetof(struct blk, stall_timeout) },
	DEVKIND_PRIV_LIMIT_ROWS("", "bytes of reads and writes", "requests",
				offsetof(struct blk, limits)),
	{ .option = { .name = NULL } },
};

/*
 * Guests distinguish disks by their serial; default: the last bytes of the
 * file's name.
 */
static const char *default_serial(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	return len > MAX_SERIAL ? name + len - MAX_SERIAL : name;
}

/*
 * After a program was killed, its image may still be locked by requests that
 * the kernel has not completed. Their writes must not follow ours, so wait for
 * the lock.
 */
static int open_image(const struct virtdev_disk_file *file,
		      struct virtdev_disk **out, struct vsu_error *err)
{
	const uint64_t limit = vsu_now_ns() + UNLOCK_WAIT_NS;
	int rc;

	while ((rc = virtdev_disk_file_open(file, out, err)) == -EBUSY &&
	       vsu_now_ns() < limit)
		poll(NULL, 0, POLL_MS);
	return rc;
}

static int open_file(const struct blk *b, const struct devkind_common *common,
		     struct virtdev_disk **out, struct vsu_error *err)
{
	struct virtdev_disk_file file = {
		.size = sizeof(file),
		.read_only = b->read_only, .engine = (uint32_t)b->engine,
		.sigbus = common->sigbus,
		.unlocked = common->unlocked || b->locking == LOCKING_OFF,
		.direct = b->cache & CACHE_DIRECT,
		.block_size = (uint32_t)b->block_size,
	};
	struct vsu_file_value image;
	int rc = vsu_file_value_read(b->path, &image, err);

	if (rc < 0)
		return rc;
	file.path = image.name;
	file.has_fd = image.has_fd;
	file.fd = image.fd;
	return open_image(&file, out, err);
}

/* The combinations that an overlay does not support. */
static int check_overlay(const struct blk *b, struct vsu_error *err)
{
	const char *key = b->overlay ? "overlay" : "snapshot";

	if (b->overlay && b->snapshot)
		return vsu_error_set(err, -EINVAL, "overlay and snapshot exclude each other: snapshot=on keeps nothing; leave one out");
	if (b->overlay && !*b->overlay)
		return vsu_error_set(err, -EINVAL, "key 'overlay': the value is empty; name a file");
	if (devkind_disk_is_address(b->path))
		return vsu_error_set(err, -EINVAL, "'%s' is not a file, which %s requires", b->path, key);
	if (b->read_only)
		return vsu_error_set(err, -EINVAL, "readonly and %s exclude each other: the image is only read in any case; leave one out", key);
	if (b->engine != VIRTDEV_DISK_ENGINE_AUTO && b->engine != VIRTDEV_DISK_ENGINE_SYNC)
		return vsu_error_set(err, -EINVAL, "engine=%s is not supported with %s; use auto or sync",
				     engines[b->engine], key);
	if (b->cache & CACHE_DIRECT)
		return vsu_error_set(err, -EINVAL, "cache=%s is not supported with %s; use writeback or writethrough",
				     caches[b->cache], key);
	return 0;
}

static int name_layers(const struct blk *b, struct virtdev_disk_overlay *overlay,
		       struct vsu_error *err)
{
	struct vsu_file_value base, top = { .name = NULL };
	int rc = vsu_file_value_read(b->path, &base, err);

	if (!rc && b->overlay)
		rc = vsu_file_value_read(b->overlay, &top, err);
	if (rc < 0)
		return rc;
	overlay->base = base.name;
	overlay->has_base_fd = base.has_fd;
	overlay->base_fd = base.fd;
	overlay->path = top.name;
	overlay->has_fd = top.has_fd;
	overlay->fd = top.fd;
	return 0;
}

static int open_layered(const struct blk *b, const struct devkind_common *common,
			struct virtdev_disk **out, struct vsu_error *err)
{
	struct virtdev_disk_overlay overlay = {
		.size = sizeof(overlay),
		.folder = b->overlay ? NULL : devkind_priv_disk_folder(),
		/* A migration needs the file of the other process. */
		.may_init = !common->unlocked,
		.unlocked = common->unlocked || b->locking == LOCKING_OFF,
		.block_size = (uint32_t)b->block_size,
	};
	const uint64_t limit = vsu_now_ns() + UNLOCK_WAIT_NS;
	int rc = check_overlay(b, err);

	rc = rc ? rc : name_layers(b, &overlay, err);
	if (rc < 0)
		return rc;
	while ((rc = virtdev_disk_overlay_open(&overlay, out, err)) == -EBUSY &&
	       vsu_now_ns() < limit)
		poll(NULL, 0, POLL_MS);
	return rc;
}

static int check_stall(const struct blk *b, struct vsu_error *err)
{
	if ((b->on_stall || b->stall_timeout) && !devkind_disk_is_address(b->path))
		return vsu_error_set(err, -EINVAL, "'%s' is a file, whose requests wait in the kernel: on-stall and stall-timeout are for addresses, such as nbd://HOST",
				     b->path);
	if (b->on_stall == STALL_WAIT && b->stall_timeout)
		return vsu_error_set(err, -EINVAL, "on-stall=wait has no limit; leave out stall-timeout");
	return 0;
}

static int open_address(const struct blk *b, uint32_t queues,
			struct virtdev_disk **out, struct vsu_error *err)
{
	const struct devkind_priv_disk_want want = {
		.address = b->path, .read_only = b->read_only,
		.queues = queues ? queues : 1,
		.waits = b->on_stall == STALL_WAIT,
		.patience_ns = b->stall_timeout * NS_PER_MS,
	};

	if (b->engine != VIRTDEV_DISK_ENGINE_AUTO || b->block_size ||
	    b->cache & CACHE_DIRECT || b->locking == LOCKING_OFF)
		return vsu_error_set(err, -EINVAL,
				     "'%s' is not a file, which engine, block-size, locking and cache=none or directsync require",
				     b->path);
	return devkind_priv_disk_open(&want, out, err);
}

static int open_disk(const struct blk *b, const struct devkind_common *common,
		     struct virtdev_disk **out, struct vsu_error *err)
{
	int rc = check_stall(b, err);

	if (rc < 0)
		return rc;
	if (devkind_disk_is_address(b->path) && !b->overlay && !b->snapshot)
		return open_address(b, common->queues, out, err);
	rc = devkind_priv_disk_check_format(b->path, b->format, common->continues, err);
	if (rc < 0)
		return rc;
	return b->overlay || b->snapshot ? open_layered(b, common, out, err) :
					   open_file(b, common, out, err);
}

static int blk_open(const void *config, const struct devkind_common *common,
		    struct virtdev **out, struct vsu_error *err)
{
	const struct blk *b = config;
	struct virtdev_blk_config blk = {
		.size = sizeof(blk), .nqueues = common->queues,
		.queue_size_max = common->queue_size,
		.serial = b->serial ? b->serial : default_serial(vsu_file_value_name(b->path)),
		.writethrough = b->cache & CACHE_THROUGH,
		.limits = b->limits,
	};
	int rc = open_disk(b, common, &blk.disk, err);

	if (rc < 0)
		return rc;
	/*
	 * channels to an NBD server are connections, which the filter permits
	 */
	blk.early_channels = common->confined && !devkind_disk_is_address(b->path);
	rc = virtdev_blk_new(&blk, out, err);
	if (rc < 0)
		virtdev_disk_free(blk.disk);
	return rc;
}

static int blk_limit(struct virtdev *dev, const void *config,
		     struct vsu_error *err)
{
	return virtdev_blk_set_limits(dev, &((const struct blk *)config)->limits,
				      err);
}

static void blk_describe(const void *config, struct devkind_facts *facts)
{
	const struct blk *b = config;

	facts->file = vsu_file_value_name(b->overlay ? b->overlay : b->path);
	if (!b->overlay && devkind_disk_is_address(b->path))
		facts->file = NULL;
	facts->writes = !b->read_only && !b->snapshot;
	facts->temporary = b->snapshot;
	facts->locks = b->locking == LOCKING_ON;
	facts->connects = !facts->file;
}

static const struct devkind kind = {
	.name = "blk", .summary = "a disk", .id = VIRTDEV_ID_BLOCK,
	.has_daemon = true, .max_queues = 256, .min_queue_size = 4, .queue_size = "1024",
	.keys = keys,
	.value = { .key = "path" },
	.open = blk_open, .resize = virtdev_blk_resize, .limit = blk_limit,
	.set_locked = virtdev_blk_set_locked, .flush = virtdev_blk_flush,
	.identify = virtdev_blk_identify,
	.describe = blk_describe, .replacement = "--format=raw",
};

const struct devkind *devkind_blk(void)
{
	return &kind;
}
