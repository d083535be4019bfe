/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "pmem": a file that the guest uses as memory. */
#include <config.h>

#include <assert.h>

#include <device-kinds/disk.h>
#include <device-kinds/kind.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/pmem.h>
#include <vmm-sys-util/file_value.h>

#include "disk/format.h"

/*
 * The first values of enum virtdev_disk_engine, without mmap: the file is
 * mapped already.
 */
static const char *const engines[] = { "auto", "io_uring", "sync", NULL };

struct pmem {
	const char *path;
	uint64_t len, read_only, engine, format;
};
static_assert(sizeof(struct pmem) <= DEVKIND_MAX_CONFIG, "a kind's config");
static_assert(VIRTDEV_DISK_ENGINE_IO_URING == 1 &&
	      VIRTDEV_DISK_ENGINE_SYNC == 2, "the order of engines");

static const struct devkind_key keys[] = {
	{ .option = { .name = "path", .kind = VSU_OPTION_STRING, .arg = "FILE",
		      .help = "the file, of a multiple of 2 MiB" },
	  .refers = DEVKIND_REFERS_IMAGE, .read_if = { "readonly" },
	  .offset = offsetof(struct pmem, path), .required = true },
	{ .option = { .name = "size", .kind = VSU_OPTION_SIZE, .arg = "BYTES",
		      .help = "length of the part that is used, from its beginning",
		      .preset = "the file's", .example = "1G" },
	  .offset = offsetof(struct pmem, len) },
	{ .option = { .name = "readonly", .kind = VSU_OPTION_FLAG,
		      .help = "stores of the guest are dropped, and its flushes fail" },
	  .offset = offsetof(struct pmem, read_only) },
	{ .option = { .name = "engine", .kind = VSU_OPTION_CHOICE,
		      .choices = engines, .preset = "auto",
		      .help = "how flushes reach the host; sync blocks until they end" },
	  .offset = offsetof(struct pmem, engine) },
	DEVKIND_PRIV_DISK_FORMAT_ROW(offsetof(struct pmem, format)),
	{ .option = { .name = NULL } },
};

static int pmem_open(const void *config, const struct devkind_common *common,
		     struct virtdev **out, struct vsu_error *err)
{
	const struct pmem *p = config;
	struct virtdev_disk_file file = {
		.size = sizeof(file),
		.read_only = p->read_only, .engine = (uint32_t)p->engine,
		.unlocked = common->unlocked,
	};
	struct virtdev_pmem_config pmem = {
		.size = sizeof(pmem), .len = p->len,
		.queue_size_max = common->queue_size,
	};
	struct vsu_file_value image;
	int rc = vsu_file_value_read(p->path, &image, err);

	if (rc >= 0)
		rc = devkind_priv_disk_check_format(p->path, p->format, common->continues, err);
	if (rc < 0)
		return rc;
	file.path = image.name;
	file.has_fd = image.has_fd;
	file.fd = image.fd;
	rc = virtdev_disk_file_open(&file, &pmem.disk, err);
	if (rc < 0)
		return rc;
	rc = virtdev_pmem_new(&pmem, out, err);
	if (rc < 0)
		virtdev_disk_free(pmem.disk);
	return rc;
}

static void pmem_describe(const void *config, struct devkind_facts *facts)
{
	const struct pmem *p = config;

	facts->file = vsu_file_value_name(p->path);
	facts->writes = !p->read_only;
	facts->locks = true;
}

static const struct devkind kind = {
	.name = "pmem", .summary = "a file as persistent memory",
	.id = VIRTDEV_ID_PMEM, .max_queues = 1,
	.min_queue_size = 2, .queue_size = "64", .keys = keys,
	.value = { .key = "path" },
	.open = pmem_open, .describe = pmem_describe,
	.set_locked = virtdev_pmem_set_locked, .flush = virtdev_pmem_flush,
	.identify = virtdev_pmem_identify,
};

const struct devkind *devkind_pmem(void)
{
	return &kind;
}
