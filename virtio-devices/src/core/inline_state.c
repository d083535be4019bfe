/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Saves and loads a paused device with its transport and queues. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "core/inline_priv.h"
#include "core/state_priv.h"
#include "core/transport_priv.h"

#define STATE_MAGIC 0x6e6c6e69u	/* "inln" */
#define STATE_LAYOUT 1u
/* Maximum bytes: the device's own state and its surroundings. */
#define MAX_STATE (2 * (size_t)VIRTDEV_STATE_MAX)

static bool is_paused(const struct inline_server *h)
{
	uint32_t i;

	for (i = 0; i < h->nqueues; i++)
		if (h->queues[i].running)
			return false;
	return true;
}

static int put_device(struct inline_server *h, struct virtdev_state_writer *w,
		      struct vsu_error *err)
{
	void *bytes;
	size_t len;
	int rc = virtdev_state_take(h->dev, &bytes, &len, err);

	if (rc < 0)
		return rc;
	virtdev_state_put_u32(w, (uint32_t)len);
	virtdev_state_put_bytes(w, bytes, len);
	free(bytes);
	return 0;
}

int virtdev_priv_inline_take(void *self, void **bytes, size_t *len, struct vsu_error *err)
{
	struct inline_server *h = self;
	struct virtdev_state_writer w = { .out.max = MAX_STATE };
	struct virtdev_state_writer part = { .out.max = MAX_STATE };
	uint32_t i;
	int rc;

	if (!is_paused(h))
		return vsu_error_set(err, -EBUSY,
				     "%s: its queues run; stop them first",
				     virtdev_name(h->dev));
	virtdev_state_put_u32(&w, STATE_MAGIC);
	virtdev_state_put_u32(&w, STATE_LAYOUT);
	rc = put_device(h, &w, err);
	virtdev_priv_transport_save(h->t, &part);
	virtdev_priv_state_put_part(&w, &part);
	for (i = 0; i < h->nqueues; i++) {
		virtdev_state_put_u8(&w, h->queues[i].paused);
		virtdev_state_put_u32(&w, h->queues[i].base);
	}
	if (!rc)
		rc = w.out.error;
	if (rc < 0) {
		free(w.out.bytes);
		return rc;
	}
	*bytes = w.out.bytes;
	*len = w.out.len;
	return 0;
}

/*
 * Loads the queues, which are last; the transport has checked their number. Only queues
 * that the driver has set up can run, and only after DRIVER_OK.
 */
static int load_queues(struct inline_server *h,
		       struct virtdev_state_reader *r, struct vsu_error *err)
{
	const bool starts = virtdev_transport_status(h->t) & VIRTDEV_STATUS_DRIVER_OK;
	struct vq_config config;
	uint32_t i;
	int rc = virtdev_priv_state_left(r) == 5 * (size_t)h->nqueues ? 0 : -EBADMSG;

	for (i = 0; !rc && i < h->nqueues; i++) {
		const uint8_t paused = virtdev_state_get_u8(r);

		h->queues[i].base = virtdev_state_get_u32(r);
		h->queues[i].paused = paused;
		if (paused > 1 ||
		    (paused && (!starts || !virtdev_transport_queue(h->t, i, &config))))
			rc = -EBADMSG;
	}
	return rc ? vsu_error_set(err, rc, "%s: invalid queues in the state",
				  virtdev_name(h->dev)) : 0;
}

static int load_parts(struct inline_server *h, struct virtdev_state_reader *r,
		      struct vsu_error *err)
{
	struct virtdev_state_reader device, transport;
	int rc;

	if (virtdev_state_get_u32(r) != STATE_MAGIC ||
	    virtdev_state_get_u32(r) != STATE_LAYOUT)
		return vsu_error_set(err, -EBADMSG,
				     "this is not the state of a device and its queues");
	device = virtdev_priv_state_get_part(r);
	transport = virtdev_priv_state_get_part(r);
	rc = virtdev_priv_transport_load(h->t, &transport, err);
	if (!rc)
		rc = virtdev_state_end(&transport, err);
	if (!rc)
		rc = virtdev_state_load(h->dev, device.in.at, device.in.left, err);
	return rc ? rc : load_queues(h, r, err);
}

int virtdev_priv_inline_load(void *self, const void *bytes, size_t len, struct vsu_error *err)
{
	struct inline_server *h = self;
	struct virtdev_state_reader r = { .in = { .at = bytes, .left = len } };
	uint32_t i;
	int rc;

	if (!is_paused(h) || virtdev_transport_status(h->t))
		return vsu_error_set(err, -EBUSY,
				     "%s: a driver uses the device; reset it first",
				     virtdev_name(h->dev));
	rc = load_parts(h, &r, err);
	if (!rc) {
		virtdev_pause(h->dev);
		return 0;
	}
	for (i = 0; i < h->nqueues; i++)
		h->queues[i].paused = false;
	virtdev_transport_reset_done(h->t);
	return rc;
}
