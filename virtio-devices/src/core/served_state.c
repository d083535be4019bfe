/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Saves and loads a device whose queues another process or the kernel serves. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "core/device_struct.h"
#include "core/server_priv.h"
#include "core/state_priv.h"
#include "core/transport_priv.h"

#define STATE_MAGIC 0x76726573u	/* "serv" */
/* layout 2: the device's own state follows that of its server */
#define STATE_LAYOUT 1u
#define STATE_LAYOUT_OWN 2u
/* Maximum bytes: the server's state and its surroundings. */
#define MAX_STATE (2 * (size_t)VIRTDEV_STATE_MAX)

int virtdev_priv_served_take(const struct virtdev_transport *t,
			     const struct queue_position *positions, const void *state,
			     size_t state_len, void **bytes, size_t *len, struct vsu_error *err)
{
	struct virtdev_state_writer w = { .out.max = MAX_STATE };
	struct virtdev_state_writer part = { .out.max = MAX_STATE };
	struct virtdev_state_writer own = { .out.max = MAX_STATE };
	uint32_t i;

	if (t->dev->ops.state_save)
		t->dev->ops.state_save(t->dev->self, &own);
	virtdev_state_put_u32(&w, STATE_MAGIC);
	virtdev_state_put_u32(&w, own.out.len ? STATE_LAYOUT_OWN : STATE_LAYOUT);
	virtdev_state_put_u32(&w, t->dev->info.id);
	virtdev_priv_transport_save(t, &part);
	virtdev_priv_state_put_part(&w, &part);
	for (i = 0; i < t->nrings; i++) {
		virtdev_state_put_u8(&w, positions[i].runs);
		virtdev_state_put_u32(&w, positions[i].base);
	}
	virtdev_state_put_u32(&w, (uint32_t)state_len);
	virtdev_state_put_bytes(&w, state, state_len);
	if (own.out.len || own.out.error)
		virtdev_priv_state_put_part(&w, &own);
	if (w.out.error || state_len > VIRTDEV_STATE_MAX) {
		free(w.out.bytes);
		return vsu_error_sys(err, w.out.error ? w.out.error : -EFBIG,
				     "the state of a device");
	}
	*bytes = w.out.bytes;
	*len = w.out.len;
	return 0;
}

/* Split: a free-running 16-bit index. Packed: two positions with wrap bits. */
static bool is_base(const struct vq_config *config, uint32_t base)
{
	if (!(config->features & VQ_F_RING_PACKED))
		return base <= UINT16_MAX;
	return (base & 0x7fff) < config->size &&
	       (base >> 16 & 0x7fff) < config->size;
}

/* Only queues that the driver has set up can run. */
static int load_positions(const struct virtdev_transport *t,
			  struct virtdev_state_reader *r,
			  struct queue_position *positions)
{
	struct vq_config config;
	uint32_t i;
	uint8_t runs;

	for (i = 0; i < t->nrings; i++) {
		runs = virtdev_state_get_u8(r);
		positions[i].runs = runs;
		positions[i].base = virtdev_state_get_u32(r);
		if (!runs)
			continue;
		if (runs > 1 || !(t->status & VIRTDEV_STATUS_DRIVER_OK) ||
		    !virtdev_transport_queue(t, i, &config) ||
		    !is_base(&config, positions[i].base))
			return -EBADMSG;
	}
	return 0;
}

static int load_own(const struct virtdev_transport *t,
		    struct virtdev_state_reader *r, struct vsu_error *err)
{
	struct virtdev_state_reader own = virtdev_priv_state_get_part(r);

	return t->dev->ops.state_load ?
	       t->dev->ops.state_load(t->dev->self, t->dev->ops.state_version,
				      &own, err) :
	       virtdev_state_end(&own, err);
}

static int load_rest(const struct virtdev_transport *t, uint32_t layout,
		     struct virtdev_state_reader *r,
		     struct queue_position *positions,
		     struct virtdev_state_reader *state, struct vsu_error *err)
{
	int rc = load_positions(t, r, positions);

	if (rc < 0)
		return vsu_error_set(err, rc, "%s: invalid queues in the state",
				     virtdev_name(t->dev));
	*state = virtdev_priv_state_get_part(r);
	if (layout == STATE_LAYOUT_OWN)
		rc = load_own(t, r, err);
	return rc ? rc : virtdev_state_end(r, err);
}

/* Returns the layout, or a negative errno: not a state of such a device. */
static int read_head(const struct virtdev_transport *t,
		     struct virtdev_state_reader *r, struct vsu_error *err)
{
	const uint32_t magic = virtdev_state_get_u32(r);
	const uint32_t layout = virtdev_state_get_u32(r);

	if (magic == STATE_MAGIC &&
	    (layout == STATE_LAYOUT || layout == STATE_LAYOUT_OWN) &&
	    virtdev_state_get_u32(r) == t->dev->info.id)
		return (int)layout;
	return vsu_error_set(err, -EBADMSG,
			     "this is not the state of a device that another process or the kernel serves");
}

int virtdev_priv_served_load(struct virtdev_transport *t, const void *bytes, size_t len,
			     struct queue_position *positions, const void **state,
			     size_t *state_len, struct vsu_error *err)
{
	struct virtdev_state_reader r = { .in = { .at = bytes, .left = len } };
	struct virtdev_state_reader part;
	const int layout = read_head(t, &r, err);
	int rc;

	if (layout < 0)
		return layout;
	part = virtdev_priv_state_get_part(&r);
	rc = virtdev_priv_transport_load(t, &part, err);
	if (rc < 0)
		return rc;
	rc = virtdev_state_end(&part, err);
	if (!rc)
		rc = load_rest(t, (uint32_t)layout, &r, positions, &part, err);
	if (rc < 0) {
		virtdev_transport_reset_done(t);
		return rc;
	}
	*state = part.in.at;
	*state_len = part.in.left;
	return 0;
}
