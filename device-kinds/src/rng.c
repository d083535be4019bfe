/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "rng": entropy of the host. */
#include <config.h>

#include <assert.h>

#include <device-kinds/kind.h>
#include <virtio-devices/rng.h>

struct rng {
	uint64_t rate;
};
static_assert(sizeof(struct rng) <= DEVKIND_MAX_CONFIG, "a kind's config");

static const struct devkind_key keys[] = {
	{ .option = { .name = "rate", .kind = VSU_OPTION_SIZE, .arg = "BYTES",
		      .help = "maximum bytes per second",
		      .preset = "no limit", .example = "64k" },
	  .offset = offsetof(struct rng, rate) },
	{ .option = { .name = NULL } },
};

static int rng_open(const void *config, const struct devkind_common *common,
		    struct virtdev **out, struct vsu_error *err)
{
	const struct virtdev_rng_config rng = {
		.size = sizeof(rng), .queue_size_max = common->queue_size,
		.rate = ((const struct rng *)config)->rate,
	};

	return virtdev_rng_new(&rng, out, err);
}

static const struct devkind kind = {
	.name = "rng", .summary = "an entropy source",
	.id = VIRTDEV_ID_ENTROPY, .has_daemon = true, .max_queues = 1,
	.min_queue_size = 2, .queue_size = "256", .keys = keys,
	.value = { .key = "rate" },
	.open = rng_open,
};

const struct devkind *devkind_rng(void)
{
	return &kind;
}
