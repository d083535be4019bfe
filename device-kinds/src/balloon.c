/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "balloon": memory that the guest returns to the host. */
#include <config.h>

#include <assert.h>

#include <device-kinds/kind.h>
#include <virtio-devices/balloon.h>

struct balloon {
	uint64_t target, deflate_on_oom, reporting;
};
static_assert(sizeof(struct balloon) <= DEVKIND_MAX_CONFIG,
	      "a kind's config");

static const struct devkind_key keys[] = {
	{ .option = { .name = "size", .kind = VSU_OPTION_SIZE, .arg = "BYTES",
		      .help = "initial size: memory that the guest releases",
		      .preset = "0", .example = "512M" },
	  .offset = offsetof(struct balloon, target) },
	{ .option = { .name = "deflate-on-oom", .kind = VSU_OPTION_FLAG,
		      .help = "deflate when the guest runs out of memory" },
	  .offset = offsetof(struct balloon, deflate_on_oom) },
	{ .option = { .name = "free-page-reporting", .kind = VSU_OPTION_FLAG,
		      .help = "return free pages of the guest to the host" },
	  .offset = offsetof(struct balloon, reporting) },
	{ .option = { .name = NULL } },
};

static int balloon_open(const void *config,
			const struct devkind_common *common,
			struct virtdev **out, struct vsu_error *err)
{
	const struct balloon *b = config;
	const struct virtdev_balloon_config balloon = {
		.size = sizeof(balloon), .space = common->space,
		.queue_size_max = common->queue_size, .target = b->target,
		.deflate_on_oom = b->deflate_on_oom,
		.reporting = b->reporting, .may_discard = common->is_ram,
		.opaque = common->ram_owner,
	};

	return virtdev_balloon_new(&balloon, out, err);
}

/* If a request is open already, the driver answers that one. */
static void balloon_refresh(struct virtdev *dev)
{
	(void)!virtdev_balloon_ask_stats(dev);
}

static const struct devkind kind = {
	.name = "balloon", .summary = "memory balloon",
	.id = VIRTDEV_ID_BALLOON, .max_queues = 1,
	.min_queue_size = 2, .queue_size = "128", .keys = keys,
	.value = { .key = "size" },
	.open = balloon_open, .resize = virtdev_balloon_set_target,
	.resize_key = "size",
	.refresh = balloon_refresh,
};

const struct devkind *devkind_balloon(void)
{
	return &kind;
}
