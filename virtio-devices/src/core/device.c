/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The core of a device, common to all models and servers. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/rate.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/sized.h>

#include "core/device_priv.h"
#include "core/device_struct.h"

/* Queue numbers have 16 bits. */
#define MAX_QUEUES 65535u

static int check_queues(const char *name, const struct virtdev_info *info,
			struct vsu_error *err)
{
	const uint32_t size = info->queue_size_max;

	if (!info->nqueues || info->nqueues > MAX_QUEUES)
		return vsu_error_set(err, -EINVAL,
				     "%s: info->nqueues is %" PRIu32 "; a device has 1 to %u queues",
				     name, info->nqueues, MAX_QUEUES);
	if (!size || size > VQ_MAX_SIZE || (size & (size - 1)))
		return vsu_error_set(err, -EINVAL,
				     "%s: info->queue_size_max is %" PRIu32 "; the size of a queue is a power of 2 from 1 to %u",
				     name, size, VQ_MAX_SIZE);
	return 0;
}

static int check_device(const char *name, const struct virtdev_info *info,
			struct vsu_error *err)
{
	if (!name || !*name)
		return vsu_error_set(err, -EINVAL,
				     "the device has no ops->name; name its kind, such as \"blk\"");
	if (!info)
		return vsu_error_set(err, -EINVAL, "%s: info is NULL; describe the device", name);
	if (!info->id)
		return vsu_error_set(err, -EINVAL,
				     "%s: info->id is 0, which VIRTIO reserves; set the number of the device's kind (ids.h)",
				     name);
	if (!virtdev_priv_has_good_regions(info))
		return vsu_error_set(err, -EINVAL,
				     "%s: info->regions has a length that is 0 or not a multiple of 4096, a duplicate id, or more than %u regions",
				     name, VIRTDEV_REGIONS);
	return check_queues(name, info, err);
}

int virtdev_new(const struct virtdev_ops *ops, const struct virtdev_info *info,
		void *self, struct virtdev **out, struct vsu_error *err)
{
	struct virtdev *dev = calloc(1, sizeof(*dev));
	int rc;

	if (!dev)
		return vsu_error_sys(err, -ENOMEM, "device");
	rc = vsu_copy_sized(&dev->ops, sizeof(dev->ops), ops,
			    "struct virtdev_ops", err);
	if (rc >= 0)
		rc = check_device(dev->ops.name, info, err);
	if (rc < 0) {
		free(dev);
		return rc;
	}
	dev->info = *info;
	dev->self = self;
	*out = dev;
	return 0;
}

void virtdev_free(struct virtdev *dev)
{
	if (!dev)
		return;
	if (dev->transport)
		*dev->transport = NULL;
	if (dev->ops.free)
		dev->ops.free(dev->self);
	free(dev);
}

void *virtdev_priv_self(const struct virtdev *dev, virtdev_priv_stats_fn *stats)
{
	return dev->ops.stats == stats ? dev->self : NULL;
}

void virtdev_notify(struct virtdev *dev, uint32_t queue)
{
	if (dev->server.notify)
		dev->server.notify(dev->server_opaque, queue);
}

void virtdev_config_changed(struct virtdev *dev)
{
	if (dev->server.config_changed)
		dev->server.config_changed(dev->server_opaque);
}

void virtdev_queue_broken(struct virtdev *dev, uint32_t queue)
{
	if (dev->server.queue_broken)
		dev->server.queue_broken(dev->server_opaque, queue);
}

int virtdev_queue_missed(struct virtdev *dev, uint32_t queue)
{
	return dev->server.queue_missed ?
	       dev->server.queue_missed(dev->server_opaque, queue) : 0;
}

int virtdev_queue_wait(struct virtdev *dev, uint32_t queue, uint64_t ns)
{
	return dev->server.queue_wait ?
	       dev->server.queue_wait(dev->server_opaque, queue, ns) : 1;
}

void virtdev_priv_queue_wake(struct virtdev *dev, uint32_t queue)
{
	if (dev->server.queue_wake)
		dev->server.queue_wake(dev->server_opaque, queue);
}

/* A turn of a model; notifications go to the device's server. */
struct server_turn {
	struct virtdev *dev;
	uint32_t queue;
	struct vq_turn model;
};

static uint32_t turn_serve(void *opaque, struct vq *q, struct vq_chain *chain)
{
	const struct server_turn *t = opaque;

	return t->model.serve(t->model.opaque, q, chain);
}

static void turn_notify(void *opaque)
{
	const struct server_turn *t = opaque;

	virtdev_notify(t->dev, t->queue);
}

int virtdev_queue_turn(struct virtdev *dev, uint32_t queue, struct vq *q,
		       const struct vq_turn *turn)
{
	struct server_turn server = { dev, queue, { 0 } };
	bool was_broken = vq_broken(q);
	struct vq_turn t;
	int rc = vsu_copy_sized(&server.model, sizeof(server.model), turn,
				"struct vq_turn", NULL);

	if (rc < 0)
		return rc;
	if (!server.model.serve)
		return -EINVAL;
	t = server.model;
	t.serve = turn_serve;
	t.notify = turn_notify;
	t.opaque = &server;
	rc = vq_serve_turn(q, &t);
	if (!was_broken && vq_broken(q))
		virtdev_queue_broken(dev, queue);
	if (rc == -EAGAIN)
		return virtdev_queue_missed(dev, queue);
	return rc == 1;
}

int virtdev_set_server(struct virtdev *dev,
		       const struct virtdev_server_ops *ops, void *opaque)
{
	struct virtdev_server_ops copy = { 0 };
	int rc = ops ? vsu_copy_sized(&copy, sizeof(copy), ops,
				      "struct virtdev_server_ops", NULL) : 0;

	if (rc < 0)
		return rc;
	if (ops && dev->server.size)
		return -EBUSY;
	dev->server = copy;
	dev->server_opaque = opaque;
	return 0;
}

const char *virtdev_name(const struct virtdev *dev)
{
	return dev->ops.name;
}

const struct virtdev_info *virtdev_get_info(const struct virtdev *dev)
{
	return &dev->info;
}

int virtdev_set_features(struct virtdev *dev, uint64_t features,
			 struct vsu_error *err)
{
	uint64_t unknown = features & ~dev->info.features;

	if (unknown)
		return vsu_error_set(err, -EBADMSG,
				     "%s: feature bit %d was not offered",
				     dev->ops.name, __builtin_ctzll(unknown));
	if (!dev->ops.set_features)
		return 0;
	return dev->ops.set_features(dev->self, features, err);
}

/* The part of [off, off + len) within the configuration space. */
static uint32_t config_part(const struct virtdev *dev, uint32_t off,
			    uint32_t len)
{
	uint32_t size = dev->info.config_size;

	if (off >= size)
		return 0;
	return len < size - off ? len : size - off;
}

void virtdev_config_read(struct virtdev *dev, uint32_t off, void *buf,
			 uint32_t len)
{
	uint32_t part = config_part(dev, off, len);

	memset(buf, 0, len);
	if (part && dev->ops.config_read)
		dev->ops.config_read(dev->self, off, buf, part);
}

int virtdev_config_write(struct virtdev *dev, uint32_t off, const void *buf,
			 uint32_t len)
{
	uint32_t part = config_part(dev, off, len);

	if (!part)
		return 0;
	if (!dev->ops.config_write)
		return -EPERM;
	return dev->ops.config_write(dev->self, off, buf, part);
}

int virtdev_queue_start(struct virtdev *dev, uint32_t queue, struct vq *q,
			struct vsu_error *err)
{
	if (queue >= dev->info.nqueues)
		return vsu_error_set(err, -EINVAL,
				     "%s: queue %u does not exist, it has %u",
				     dev->ops.name, queue, dev->info.nqueues);
	if (!q)
		return vsu_error_set(err, -EINVAL,
				     "%s: queue %u cannot start without a ring",
				     dev->ops.name, queue);
	if (dev->loads)
		return vsu_error_set(err, -EBUSY,
				     "%s: queue %u cannot start while the state is being loaded",
				     dev->ops.name, queue);
	if (!dev->ops.queue_start)
		return 0;
	return dev->ops.queue_start(dev->self, queue, q, err);
}

int virtdev_queue_serve(struct virtdev *dev, uint32_t queue)
{
	return dev->ops.queue_serve ?
	       dev->ops.queue_serve(dev->self, queue) : 0;
}

int virtdev_queue_drain(struct virtdev *dev, uint32_t queue)
{
	return dev->ops.queue_drain ?
	       dev->ops.queue_drain(dev->self, queue) : 0;
}

void virtdev_queue_stop(struct virtdev *dev, uint32_t queue)
{
	if (dev->ops.queue_stop)
		dev->ops.queue_stop(dev->self, queue);
}

void virtdev_queue_reset(struct virtdev *dev, uint32_t queue)
{
	if (dev->ops.queue_reset)
		dev->ops.queue_reset(dev->self, queue);
}

int virtdev_queue_host_fd(struct virtdev *dev, uint32_t queue)
{
	return dev->ops.queue_host_fd ?
	       dev->ops.queue_host_fd(dev->self, queue) : -1;
}

bool virtdev_queue_blocks(const struct virtdev *dev)
{
	return dev->ops.queue_blocks && dev->ops.queue_blocks(dev->self);
}

int virtdev_reset_turn(struct virtdev *dev)
{
	virtdev_resume(dev);
	virtdev_state_load_stop(dev);
	return dev->ops.reset_turn ? dev->ops.reset_turn(dev->self) : 0;
}

void virtdev_reset(struct virtdev *dev)
{
	virtdev_resume(dev);
	virtdev_state_load_stop(dev);
	if (dev->ops.reset)
		dev->ops.reset(dev->self);
}
