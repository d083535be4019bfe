/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The core of a device: what every model and every home can rely on. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/sized.h>

#include "core/device_priv.h"
#include "core/device_struct.h"

int virtdev_new(const struct virtdev_ops *ops, const struct virtdev_info *info,
		void *self, struct virtdev **out)
{
	struct virtdev *dev;
	int rc;

	if (!virtdev_priv_has_good_regions(info))
		return -EINVAL;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	rc = vsu_copy_sized(&dev->ops, sizeof(dev->ops), ops,
			    "struct virtdev_ops", NULL);
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
	if (dev->home.notify)
		dev->home.notify(dev->home_opaque, queue);
}

void virtdev_config_changed(struct virtdev *dev)
{
	if (dev->home.config_changed)
		dev->home.config_changed(dev->home_opaque);
}

void virtdev_queue_broken(struct virtdev *dev, uint32_t queue)
{
	if (dev->home.queue_broken)
		dev->home.queue_broken(dev->home_opaque, queue);
}

int virtdev_queue_missed(struct virtdev *dev, uint32_t queue)
{
	return dev->home.queue_missed ?
	       dev->home.queue_missed(dev->home_opaque, queue) : 0;
}

/* A model's turn, whose notification goes to the device's home. */
struct home_turn {
	struct virtdev *dev;
	uint32_t queue;
	struct vq_turn model;
};

static uint32_t turn_serve(void *opaque, struct vq *q, struct vq_chain *chain)
{
	const struct home_turn *t = opaque;

	return t->model.serve(t->model.opaque, q, chain);
}

static void turn_notify(void *opaque)
{
	const struct home_turn *t = opaque;

	virtdev_notify(t->dev, t->queue);
}

int virtdev_queue_turn(struct virtdev *dev, uint32_t queue, struct vq *q,
		       const struct vq_turn *turn)
{
	struct home_turn home = { dev, queue, { 0 } };
	bool was_broken = vq_broken(q);
	struct vq_turn t;
	int rc = vsu_copy_sized(&home.model, sizeof(home.model), turn,
				"struct vq_turn", NULL);

	if (rc < 0 || !home.model.serve)
		return -EINVAL;
	t = home.model;
	t.serve = turn_serve;
	t.notify = turn_notify;
	t.opaque = &home;
	rc = vq_turn(q, &t);
	if (!was_broken && vq_broken(q))
		virtdev_queue_broken(dev, queue);
	if (rc == -EAGAIN)
		return virtdev_queue_missed(dev, queue);
	return rc == 1;
}

void virtdev_set_home(struct virtdev *dev, const struct virtdev_home_ops *ops,
		      void *opaque)
{
	/* without a size it has no members, and nobody is told */
	if (vsu_copy_sized(&dev->home, sizeof(dev->home), ops,
			   "struct virtdev_home_ops", NULL) < 0)
		memset(&dev->home, 0, sizeof(dev->home));
	dev->home_opaque = opaque;
}

const char *virtdev_name(const struct virtdev *dev)
{
	return dev->ops.name;
}

const struct virtdev_info *virtdev_info(const struct virtdev *dev)
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

/* How much of [off, off + len) lies in the configuration space. */
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
				     "%s: queue %u, but it has %u",
				     dev->ops.name, queue, dev->info.nqueues);
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

int virtdev_queue_host_fd(struct virtdev *dev, uint32_t queue)
{
	return dev->ops.queue_host_fd ?
	       dev->ops.queue_host_fd(dev->self, queue) : -1;
}

bool virtdev_queue_blocks(const struct virtdev *dev)
{
	return dev->ops.queue_blocks && dev->ops.queue_blocks(dev->self);
}

void virtdev_reset(struct virtdev *dev)
{
	virtdev_resume(dev);
	if (dev->ops.reset)
		dev->ops.reset(dev->self);
}
