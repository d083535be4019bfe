/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a raw image or a block device as a disk, over vhost-user. */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/disk.h>

#include "daemon.h"

enum {
	BLK_FILE = DAEMON_OWN,
	READ_ONLY,
	NUM_QUEUES,
	QUEUE_SIZE,
	ENGINE,
	SERIAL,
};

#define MAX_SERIAL 20u

/* In the order of enum virtdev_disk_engine. */
static const char *const engines[] = {
	"auto", "io_uring", "sync", "mmap", NULL,
};

static const struct vsu_option options[] = {
	DAEMON_OPTIONS,
	{ .name = "blk-file", .kind = VSU_OPTION_STRING, .arg = "FILE",
	  .help = "the raw image or block device to serve" },
	{ .name = "read-only", .kind = VSU_OPTION_FLAG,
	  .help = "do not let the guest write" },
	{ .name = "num-queues", .kind = VSU_OPTION_U64, .arg = "N",
	  .help = "queues that a guest may use", .min = 1, .max = 256 },
	{ .name = "queue-size", .kind = VSU_OPTION_U64, .arg = "N",
	  .help = "entries that a queue may have (default 1024)",
	  .min = 4, .max = 32768 },
	{ .name = "engine", .kind = VSU_OPTION_CHOICE, .arg = "ENGINE",
	  .help = "auto, io_uring, sync (a thread per queue) or mmap (RAM)",
	  .choices = engines },
	{ .name = "serial", .kind = VSU_OPTION_STRING, .arg = "TEXT",
	  .help = "the disk's serial number, at most 20 bytes (end of FILE)" },
	{ .name = NULL },
};

struct blk_options {
	struct virtdev_disk_file file;
	struct virtdev_blk_config blk;
};

static int take_serial(struct blk_options *o, const char *text,
		       struct vsu_error *err)
{
	if (strlen(text) > MAX_SERIAL)
		return vsu_error_set(err, -EINVAL,
				     "option --serial: '%s' has %zu bytes, at most %u are possible",
				     text, strlen(text), MAX_SERIAL);
	o->blk.serial = text;
	return 0;
}

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct blk_options *o = opaque;

	switch (index) {
	case BLK_FILE:
		o->file.path = value->text;
		return 0;
	case READ_ONLY:
		o->file.read_only = value->number;
		return 0;
	case NUM_QUEUES:
		o->blk.nqueues = (uint32_t)value->number;
		return 0;
	case QUEUE_SIZE:
		o->blk.queue_max = (uint32_t)value->number;
		return 0;
	case ENGINE:
		o->file.engine = (uint32_t)value->number;
		return 0;
	case SERIAL:
		return take_serial(o, value->text, err);
	}
	return -EINVAL;
}

/* Guests want a name to tell disks by: the end of the file's, if not told. */
static const char *default_serial(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	return len > MAX_SERIAL ? name + len - MAX_SERIAL : name;
}

/* How the program ends when the image cannot be had. */
static int open_status(int rc)
{
	switch (-rc) {
	case EINVAL:
		return VSU_EXIT_DATA;
	case EBUSY:
		return VSU_EXIT_BUSY;
	case EOPNOTSUPP:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return VSU_EXIT_HOST;
	}
	return VSU_EXIT_INPUT;
}

static int make_blk(void *opaque, struct vmem_sigbus *sigbus,
		    struct virtdev **out, struct vsu_error *err)
{
	struct blk_options *o = opaque;
	int rc;

	if (!o->file.path) {
		vsu_error_set(err, -EINVAL,
			      "--blk-file=FILE is not given; name the image to serve");
		return VSU_EXIT_USAGE;
	}
	o->file.sigbus = sigbus;
	rc = virtdev_disk_file_open(&o->file, &o->blk.disk, err);
	if (rc < 0) {
		vsu_error_prefix(err, rc, rc == -EOPNOTSUPP ? "--engine" :
				 "--blk-file");
		return open_status(rc);
	}
	if (!o->blk.serial)
		o->blk.serial = default_serial(o->file.path);
	rc = virtdev_blk_new(&o->blk, out, err);
	if (rc < 0)
		virtdev_disk_free(o->blk.disk);
	return rc < 0 ? VSU_EXIT_HOST : VSU_EXIT_OK;
}

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-blk",
		.summary = "Serves a raw disk image to QEMU or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"block\",\n"
				"  \"features\": [\n"
				"    \"read-only\",\n"
				"    \"blk-file\"\n"
				"  ]\n"
				"}",
		.options = options,
		.option = take_option,
		.make = make_blk,
	};
	struct blk_options o = {
		.file = { .size = sizeof(o.file) },
		.blk = { .size = sizeof(o.blk) },
	};

	return daemon_main(&daemon, &o, argc, argv);
}
