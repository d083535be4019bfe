/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reading device options and making in-process devices. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-devices/blk.h>

#include "devices/devices.h"

#define ID_BLOCK 2

/* Keys of --disk and of --device; both tables begin alike. */
enum { BACKEND, QUEUES, QUEUE_SIZE, PATH, READONLY, SERIAL, ENGINE };
enum { ID = QUEUE_SIZE + 1, CONFIG_SIZE, ALLOW_FUSE };

static const char *const engines[] = { "auto", "io_uring", "sync",
					"mmap", NULL };

#define COMMON_ROWS							\
	[BACKEND] = { .name = "backend", .kind = VSU_OPTION_STRING,	\
		      .arg = "inline|user:SOCKET",			\
		      .help = "who serves the queues" },		\
	[QUEUES] = { .name = "queues", .kind = VSU_OPTION_U64,		\
		     .help = "number of queues", .min = 1, .max = 256 }, \
	[QUEUE_SIZE] = { .name = "queue-size", .kind = VSU_OPTION_U64,	\
			 .help = "entries of a queue", .min = 2, .max = 32768 }

const struct vsu_option vmm_disk_keys[] = {
	COMMON_ROWS,
	[PATH] = { .name = "path", .kind = VSU_OPTION_STRING, .arg = "FILE",
		   .help = "raw disk image" },
	[READONLY] = { .name = "readonly", .kind = VSU_OPTION_FLAG,
		       .help = "no writes" },
	[SERIAL] = { .name = "serial", .kind = VSU_OPTION_STRING,
		     .help = "up to 20 characters" },
	[ENGINE] = { .name = "engine", .kind = VSU_OPTION_CHOICE,
		     .help = "how the file is reached", .choices = engines },
	{ .name = NULL },
};

const struct vsu_option vmm_device_keys[] = {
	COMMON_ROWS,
	[ID] = { .name = "id", .kind = VSU_OPTION_U64,
		 .help = "VIRTIO device id", .min = 1, .max = 63 },
	[CONFIG_SIZE] = { .name = "config-size", .kind = VSU_OPTION_U64,
			  .arg = "BYTES", .help = "of configuration space",
			  .max = 256 },
	[ALLOW_FUSE] = { .name = "allow-fuse", .kind = VSU_OPTION_FLAG,
			 .help = "regions over files of FUSE and network mounts" },
	{ .name = NULL },
};

static int copy_text(char *to, size_t size, const char *text, const char *key,
		     struct vsu_error *err)
{
	if (strlen(text) >= size)
		return vsu_error_set(err, -EINVAL, "key '%s': '%s' is longer "
				     "than %zu characters", key, text,
				     size - 1);
	strcpy(to, text);
	return 0;
}

static int set_backend(struct vmm_device_spec *spec, const char *text,
		       struct vsu_error *err)
{
	if (!strcmp(text, "inline"))
		return 0;
	if (strncmp(text, "user:", 5) || !text[5])
		return vsu_error_set(err, -EINVAL, "key 'backend': '%s' is "
			"neither 'inline' nor 'user:SOCKET'", text);
	spec->remote = true;
	return copy_text(spec->socket, sizeof(spec->socket), text + 5,
			 "backend", err);
}

static int on_common(struct vmm_device_spec *spec, unsigned int index,
		     const struct vsu_option_value *value,
		     struct vsu_error *err)
{
	if (index == BACKEND)
		return set_backend(spec, value->text, err);
	if (index == QUEUES)
		spec->queues = (uint32_t)value->number;
	else
		spec->queue_size = (uint32_t)value->number;
	return 0;
}

static int on_disk_key(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_device_spec *spec = opaque;

	switch (index) {
	case PATH:
		return copy_text(spec->path, sizeof(spec->path), value->text,
				 "path", err);
	case SERIAL:
		return copy_text(spec->serial, sizeof(spec->serial),
				 value->text, "serial", err);
	case READONLY:
		spec->read_only = value->number;
		return 0;
	case ENGINE:
		spec->engine = (uint32_t)value->number;
		return 0;
	default:
		return on_common(spec, index, value, err);
	}
}

static int on_device_key(void *opaque, unsigned int index,
			 const struct vsu_option_value *value,
			 struct vsu_error *err)
{
	struct vmm_device_spec *spec = opaque;

	if (index == ID)
		spec->id = (uint32_t)value->number;
	else if (index == CONFIG_SIZE)
		spec->config_size = (uint32_t)value->number;
	else if (index == ALLOW_FUSE)
		spec->allow_fuse = value->number;
	else
		return on_common(spec, index, value, err);
	return 0;
}

static int check_disk(const struct vmm_device_spec *spec, const char *list,
		      struct vsu_error *err)
{
	if (spec->remote && spec->path[0])
		return vsu_error_set(err, -EINVAL, "--disk '%s': 'path' and "
			"'backend=user:' exclude each other", list);
	if (spec->remote && (spec->serial[0] || spec->read_only))
		return vsu_error_set(err, -EINVAL, "--disk '%s': 'serial' and "
			"'readonly' are the back-end's to say", list);
	if (spec->remote && spec->engine)
		return vsu_error_set(err, -EINVAL, "--disk '%s': 'engine' is "
			"the back-end's to choose", list);
	if (!spec->remote && !spec->path[0])
		return vsu_error_set(err, -EINVAL, "--disk '%s': needs "
			"'path=FILE' or 'backend=user:SOCKET'", list);
	return 0;
}

static int check_device(const struct vmm_device_spec *spec, const char *list,
			struct vsu_error *err)
{
	if (!spec->id)
		return vsu_error_set(err, -EINVAL, "--device '%s': needs "
			"'id=N', the VIRTIO device id", list);
	if (!spec->remote)
		return vsu_error_set(err, -EINVAL, "--device '%s': needs "
			"'backend=user:SOCKET'", list);
	return 0;
}

int vmm_device_parse(const struct vmm_device_option *option,
		     struct vmm_device_spec *spec, struct vsu_error *err)
{
	char scratch[4608];
	int rc;

	memset(spec, 0, sizeof(*spec));
	spec->id = option->kind == VMM_DEVICE_ANY ? 0 : ID_BLOCK;
	if (option->kind == VMM_DEVICE_DISK_PATH)
		return copy_text(spec->path, sizeof(spec->path), option->list,
				 "path", err);
	if (option->kind == VMM_DEVICE_DISK) {
		rc = vsu_option_parse_list(vmm_disk_keys, "--disk",
					   option->list, scratch,
					   sizeof(scratch), on_disk_key, spec,
					   err);
		return rc ? rc : check_disk(spec, option->list, err);
	}
	rc = vsu_option_parse_list(vmm_device_keys, "--device", option->list,
				   scratch, sizeof(scratch), on_device_key,
				   spec, err);
	return rc ? rc : check_device(spec, option->list, err);
}

int vmm_device_open(const struct vmm_device_spec *spec,
		    struct vmem_sigbus *sigbus, struct virtdev **out,
		    struct vsu_error *err)
{
	const struct virtdev_disk_file file = {
		.size = sizeof(file), .path = spec->path,
		.read_only = spec->read_only, .engine = spec->engine,
		.sigbus = sigbus,
	};
	struct virtdev_blk_config blk = {
		.size = sizeof(blk), .nqueues = spec->queues,
		.queue_max = spec->queue_size, .serial = spec->serial,
	};
	int rc = virtdev_disk_file_open(&file, &blk.disk, err);

	if (rc)
		return rc;
	rc = virtdev_blk_new(&blk, out, err);
	if (rc)
		virtdev_disk_free(blk.disk);
	return rc;
}
