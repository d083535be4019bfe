/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "mem": memory hot plug (virtio-mem). */
#include <config.h>

#include <assert.h>

#include <device-kinds/kind.h>
#include <virtio-devices/mem.h>

struct mem {
	uint64_t len, requested;
};
static_assert(sizeof(struct mem) <= DEVKIND_MAX_CONFIG, "a kind's config");

static const struct devkind_key keys[] = {
	{ .option = { .name = "size", .kind = VSU_OPTION_SIZE, .arg = "BYTES",
		      .help = "maximum size, in steps of 128M",
		      .example = "4G" },
	  .offset = offsetof(struct mem, len) },
	{ .option = { .name = "requested", .kind = VSU_OPTION_SIZE,
		      .arg = "BYTES", .preset = "0",
		      .help = "initial size",
		      .example = "1G" },
	  .offset = offsetof(struct mem, requested) },
	{ .option = { .name = NULL } },
};

static int mem_open(const void *config, const struct devkind_common *common,
		    struct virtdev **out, struct vsu_error *err)
{
	const struct mem *m = config;
	const struct virtdev_mem_config mem = {
		.size = sizeof(mem), .len = m->len, .requested = m->requested,
		.queue_size_max = common->queue_size,
	};

	return virtdev_mem_new(&mem, out, err);
}

static const struct devkind kind = {
	.name = "mem", .summary = "hot-pluggable memory (virtio-mem)",
	.id = VIRTDEV_ID_MEMORY, .max_queues = 1,
	.min_queue_size = 2, .queue_size = "64", .keys = keys,
	.value = { .refusal = "a size without a key; memory that is plugged while the guest runs is 'size=SIZE', and that of its start is the option 'memory'" },
	.open = mem_open, .resize = virtdev_mem_set_requested,
	.hold = virtdev_mem_hold, .plug = virtdev_mem_plug,
};

const struct devkind *devkind_mem(void)
{
	return &kind;
}
