/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device in front of the kernel's vhost. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "net/net_priv.h"
#include "vhost_kern/kern_priv.h"

static void on_config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	const struct virtdev_vhost_kern *k = self;

	memcpy(buf, k->space + off, len);
}

static int on_config_write(void *self, uint32_t off, const void *buf,
			   uint32_t len)
{
	(void)self;
	(void)off;
	(void)buf;
	(void)len;
	return -EPERM;
}

/* A queue of this device never starts in this process. */
static int on_queue_start(void *self, uint32_t queue, struct vq *q,
			  struct vsu_error *err)
{
	const struct virtdev_vhost_kern *k = self;

	(void)q;
	return vsu_error_set(err, -EOPNOTSUPP,
			     "queue %" PRIu32 " is served by the kernel's '%s'",
			     queue, vhost_kern_name(k->kernel));
}

/* No IOMMU stands between this device and the guest. */
static uint64_t features_of(const struct virtdev_vhost_kern *k)
{
	return vhost_kern_features(k->kernel) & ~VQ_F_ACCESS_PLATFORM;
}

static int make_device(struct virtdev_vhost_kern *k,
		       const struct virtdev_info *info)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "vhost",
		.config_read = on_config_read, .config_write = on_config_write,
		.queue_start = on_queue_start,
	};
	struct virtdev_info all = *info;

	all.features |= features_of(k);
	return virtdev_new(&ops, &all, k, &k->dev);
}

int virtdev_priv_kern_open(struct virtdev_vhost_kern *k,
			   const struct vhost_kern_config *config,
			   const struct virtdev_info *info, const void *space,
			   struct vsu_error *err)
{
	int rc = vhost_kern_open(config, &k->kernel, err);

	if (rc < 0)
		return rc;
	memcpy(k->space, space, info->config_size);
	if (!(features_of(k) & VQ_F_VERSION_1))
		rc = vsu_error_set(err, -EOPNOTSUPP,
				   "'%s' does not offer VIRTIO_F_VERSION_1",
				   vhost_kern_name(k->kernel));
	else if ((rc = make_device(k, info)) < 0)
		vsu_error_sys(err, rc, "'%s'", vhost_kern_name(k->kernel));
	if (rc < 0)
		vhost_kern_free(k->kernel);
	return rc;
}

void virtdev_vhost_kern_free(struct virtdev_vhost_kern *k)
{
	if (!k)
		return;
	vhost_kern_free(k->kernel);
	virtdev_free(k->dev);
	virtdev_net_link_free(k->link);
	free(k);
}

struct virtdev *virtdev_vhost_kern_device(const struct virtdev_vhost_kern *k)
{
	return k->dev;
}

struct vhost_kern *virtdev_vhost_kern_kernel(const struct virtdev_vhost_kern *k)
{
	return k->kernel;
}

int virtdev_vhost_kern_set_memory(struct virtdev_vhost_kern *k,
				  struct vmem_map *map, struct vsu_error *err)
{
	return vhost_kern_set_memory(k->kernel, map, err);
}

/* Frames are made for this driver from its first on. */
static int set_offloads(const struct virtdev_vhost_kern *k, uint64_t features,
			struct vsu_error *err)
{
	const struct virtdev_net_link *link = k->link;
	int rc = 0;

	if (link && link->ops.set_offloads)
		rc = link->ops.set_offloads(link->self,
					    features & NET_GUEST_OFFLOADS);
	return rc < 0 ? vsu_error_sys(err, rc, "offloads of the tap interface")
		      : 0;
}

int virtdev_vhost_kern_start(struct virtdev_vhost_kern *k, uint64_t features,
			     const struct vhost_user_ring *rings, uint32_t n,
			     struct vsu_error *err)
{
	uint32_t i;
	int rc = set_offloads(k, features, err);

	for (i = 0; !rc && i < n && i < VHOST_KERN_RINGS; i++)
		if (rings[i].size)
			rc = vhost_kern_set_ring(k->kernel, i, &rings[i], err);
	if (!rc)
		rc = vhost_kern_start(k->kernel,
				      features & vhost_kern_features(k->kernel),
				      err);
	if (rc < 0)
		vhost_kern_stop(k->kernel, NULL);
	return rc;
}

void virtdev_vhost_kern_stop(struct virtdev_vhost_kern *k)
{
	vhost_kern_stop(k->kernel, NULL);
}
