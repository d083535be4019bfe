/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "rng": entropy of the host. */
#include <config.h>

#include <assert.h>

#include <device-kinds/kind.h>
#include <virtio-devices/rng.h>

struct rng {
	uint64_t rate;
};
static_assert(sizeof(struct rng) <= VMM_DEVICE_CONFIG_MAX, "a kind's config");

static const struct vmm_device_key keys[] = {
	{ .option = { .name = "rate", .kind = VSU_OPTION_SIZE, .arg = "BYTES",
		      .help = "maximum bytes per second",
		      .preset = "no limit", .example = "64k" },
	  .offset = offsetof(struct rng, rate) },
	{ .option = { .name = NULL } },
};

static int rng_open(const void *config, const struct vmm_device_common *common,
		    struct virtdev **out, struct vsu_error *err)
{
	const struct virtdev_rng_config rng = {
		.size = sizeof(rng), .queue_size_max = common->queue_size,
		.rate = ((const struct rng *)config)->rate,
	};

	return virtdev_rng_new(&rng, out, err);
}

const struct vmm_device_kind vmm_rng_kind = {
	.name = "rng", .summary = "an entropy source",
	.id = VIRTDEV_ID_ENTROPY, .has_daemon = true, .max_queues = 1,
	.min_queue_size = 2, .queue_size = "256", .keys = keys,
	.value = { .key = "rate" },
	.open = rng_open,
};
