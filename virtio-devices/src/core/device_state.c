/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pause, state and statistics of a device. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/device_struct.h"
#include "core/state_priv.h"

/* Header of every state: magic, layout, model and length. */
#define STATE_MAGIC 0x76656476u	/* "vdev" */
#define STATE_LAYOUT 1u
#define STATE_HEAD 20u

void virtdev_pause(struct virtdev *dev)
{
	if (!dev->paused && dev->ops.pause)
		dev->ops.pause(dev->self);
	dev->paused = true;
}

void virtdev_resume(struct virtdev *dev)
{
	if (dev->paused && dev->ops.resume)
		dev->ops.resume(dev->self);
	dev->paused = false;
}

/* Keeps a message that the model has set. */
static int report_unsaved(const struct virtdev *dev, int rc, struct vsu_error *err)
{
	if (rc == -EFBIG)
		return vsu_error_set(err, rc,
				     "%s: its state exceeds the maximum of %u bytes",
				     dev->ops.name, VIRTDEV_STATE_MAX);
	if (rc == -ENOMEM)
		return vsu_error_sys(err, rc, "%s: its state", dev->ops.name);
	return rc;
}

int virtdev_priv_state_collect(struct virtdev *dev, bool running, void **bytes,
			       size_t *len, struct vsu_error *err)
{
	struct virtdev_state_writer body = { .out.max = VIRTDEV_STATE_MAX - STATE_HEAD,
					     .running = running, .err = err };
	struct virtdev_state_writer all = { .out.max = VIRTDEV_STATE_MAX };

	if (dev->ops.state_save)
		dev->ops.state_save(dev->self, &body);
	virtdev_state_put_u32(&all, STATE_MAGIC);
	virtdev_state_put_u32(&all, STATE_LAYOUT);
	virtdev_state_put_u32(&all, dev->info.id);
	virtdev_state_put_u32(&all, dev->ops.state_version);
	virtdev_state_put_u32(&all, (uint32_t)body.out.len);
	virtdev_state_put_bytes(&all, body.out.bytes, body.out.len);
	free(body.out.bytes);
	if (body.out.error || all.out.error) {
		free(all.out.bytes);
		return report_unsaved(dev, body.out.error ? body.out.error : all.out.error,
				   err);
	}
	*bytes = all.out.bytes;
	*len = all.out.len;
	return 0;
}

int virtdev_state_take(struct virtdev *dev, void **bytes, size_t *len,
		       struct vsu_error *err)
{
	return virtdev_priv_state_collect(dev, false, bytes, len, err);
}

/* Checks the header; returns the version of the model's state. */
static int read_head(const struct virtdev *dev, struct virtdev_state_reader *r,
		     uint32_t *version, struct vsu_error *err)
{
	const size_t given = r->in.left;
	const uint32_t magic = virtdev_state_get_u32(r);
	const uint32_t layout = virtdev_state_get_u32(r);
	const uint32_t id = virtdev_state_get_u32(r);
	const uint32_t wanted = virtdev_state_get_u32(r);
	const uint32_t len = virtdev_state_get_u32(r);

	if (given >= sizeof(magic) && magic != STATE_MAGIC)
		return vsu_error_set(err, -EBADMSG,
				     "these %zu bytes are not the state of a device",
				     given);
	if (r->in.truncated || len > r->in.left)
		return vsu_error_set(err, -EBADMSG,
				     "the state of the device is incomplete: %zu bytes of it are given",
				     given);
	if (len < r->in.left)
		return vsu_error_set(err, -EBADMSG,
				     "%zu bytes follow the end of the device's state",
				     r->in.left - len);
	if (id != dev->info.id)
		return vsu_error_set(err, -EBADMSG,
				     "%s: the state is of a device of id %" PRIu32 ", not %" PRIu32,
				     dev->ops.name, id, dev->info.id);
	if (layout != STATE_LAYOUT || wanted > dev->ops.state_version)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s: the state is of version %" PRIu32 "; up to %" PRIu32 " are supported",
				     dev->ops.name, wanted,
				     dev->ops.state_version);
	*version = wanted;
	return 0;
}

/* A model that returned 1 without an operation to continue has loaded everything. */
static int note_load(struct virtdev *dev, int rc)
{
	dev->loads = rc > 0 && dev->ops.state_load_turn;
	return rc < 0 ? rc : dev->loads;
}

int virtdev_state_load_begin(struct virtdev *dev, const void *bytes, size_t len,
			     struct vsu_error *err)
{
	uint32_t version = 0;
	int rc;

	virtdev_state_load_stop(dev);
	dev->loaded = (struct virtdev_state_reader){ .in = { .at = bytes, .left = len } };
	rc = read_head(dev, &dev->loaded, &version, err);
	if (rc < 0)
		return rc;
	if (!dev->ops.state_load)
		return virtdev_state_end(&dev->loaded, err);
	return note_load(dev, dev->ops.state_load(dev->self, version,
						  &dev->loaded, err));
}

int virtdev_state_load_turn(struct virtdev *dev, struct vsu_error *err)
{
	if (!dev->loads)
		return vsu_error_set(err, -EINVAL,
				     "%s: no state is being loaded",
				     dev->ops.name);
	return note_load(dev, dev->ops.state_load_turn(dev->self, &dev->loaded,
						       err));
}

void virtdev_state_load_stop(struct virtdev *dev)
{
	if (dev->loads)
		dev->ops.state_load_turn(dev->self, NULL, NULL);
	dev->loads = false;
}

int virtdev_state_load(struct virtdev *dev, const void *bytes, size_t len,
		       struct vsu_error *err)
{
	int rc = virtdev_state_load_begin(dev, bytes, len, err);

	while (rc > 0)
		rc = virtdev_state_load_turn(dev, err);
	return rc;
}

uint32_t virtdev_stats(struct virtdev *dev, struct virtdev_stat *stats,
		       uint32_t max)
{
	return dev->ops.stats ? dev->ops.stats(dev->self, stats, max) : 0;
}
