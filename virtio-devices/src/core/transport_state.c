/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Saves and loads the state of a transport. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/feature_names.h"
#include "core/state_priv.h"
#include "core/transport_priv.h"

#define KNOWN_STATUS (VIRTDEV_STATUS_ACKNOWLEDGE | VIRTDEV_STATUS_DRIVER | \
		      VIRTDEV_STATUS_DRIVER_OK | VIRTDEV_STATUS_FEATURES_OK | \
		      VIRTDEV_STATUS_NEEDS_RESET | VIRTDEV_STATUS_FAILED)

static void save_ring(const struct ring *ring, struct virtdev_state_writer *w)
{
	unsigned int i;

	for (i = 0; i < NAREAS; i++)
		virtdev_state_put_u64(w, ring->areas[i]);
	virtdev_state_put_u32(w, ring->size);
	virtdev_state_put_u8(w, ring->ready);
	virtdev_state_put_u8(w, ring->renewed);
}

void virtdev_priv_transport_save(const struct virtdev_transport *t,
				 struct virtdev_state_writer *w)
{
	struct virtdev_state_writer part = { .out.max = VIRTDEV_STATE_MAX };
	uint32_t i;

	virtdev_state_put_u32(w, t->status);
	virtdev_state_put_u32(w, t->generation);
	virtdev_state_put_u64(w, t->driver_features);
	virtdev_state_put_u32(w, t->nrings);
	for (i = 0; i < t->nrings; i++)
		save_ring(&t->rings[i], w);
	if (t->register_ops.state_save)
		t->register_ops.state_save(t->registers, &part);
	virtdev_priv_state_put_part(w, &part);
}

static int refuse_state(struct vsu_error *err, const char *why)
{
	return vsu_error_set(err, -EBADMSG, "the state of a transport: %s",
			     why);
}

static int load_ring(const struct virtdev_transport *t, uint64_t features,
		     struct virtdev_state_reader *r, struct ring *ring,
		     struct vsu_error *err)
{
	unsigned int i;
	uint8_t ready, renewed;

	for (i = 0; i < NAREAS; i++)
		ring->areas[i] = virtdev_state_get_u64(r);
	ring->size = virtdev_state_get_u32(r);
	ready = virtdev_state_get_u8(r);
	renewed = virtdev_state_get_u8(r);
	ring->ready = ready;
	ring->renewed = renewed;
	if (ready > 1 || renewed > 1 || (ready && !ring->size) ||
	    (ring->size && !virtdev_priv_transport_can_be(t, features,
							  ring->size)))
		return refuse_state(err, "an invalid queue");
	return 0;
}

static int check_status(const struct virtdev_transport *t,
			const struct virtdev_transport *to,
			struct vsu_error *err)
{
	const bool agreed = to->status & VIRTDEV_STATUS_FEATURES_OK;
	uint64_t missing;
	char names[256];

	if (to->status & ~(uint32_t)KNOWN_STATUS)
		return refuse_state(err, "unknown bits of the status");
	if ((to->status & VIRTDEV_STATUS_DRIVER_OK) && !agreed)
		return refuse_state(err, "a driver that is ready without features");
	missing = to->driver_features & ~virtdev_transport_offered(t);
	if (agreed && missing)
		return vsu_error_set(err, -EBADMSG,
				     "the state of a transport: the driver uses features that are not offered here: %s",
				     virtdev_priv_feature_list(virtdev_get_info(t->dev)->id, missing,
							       names, sizeof(names)));
	return 0;
}

/* Reads the state into to, which has as many rings as t. */
static int read_all(const struct virtdev_transport *t,
		    struct virtdev_transport *to,
		    struct virtdev_state_reader *r, struct vsu_error *err)
{
	uint32_t i;
	int rc;

	to->status = virtdev_state_get_u32(r);
	to->generation = virtdev_state_get_u32(r);
	to->driver_features = virtdev_state_get_u64(r);
	to->nrings = virtdev_state_get_u32(r);
	if (to->nrings != t->nrings)
		return refuse_state(err, "another number of queues");
	rc = check_status(t, to, err);
	for (i = 0; !rc && i < t->nrings; i++)
		rc = load_ring(t, to->driver_features, r, &to->rings[i], err);
	return rc;
}

static int load_registers(struct virtdev_transport *t,
			  struct virtdev_state_reader *r, struct vsu_error *err)
{
	struct virtdev_state_reader part = virtdev_priv_state_get_part(r);

	if (part.in.truncated)
		return refuse_state(err, "it is incomplete");
	return t->register_ops.state_load ?
	       t->register_ops.state_load(t->registers, &part, err) :
	       virtdev_state_end(&part, err);
}

static int set_features(struct virtdev_transport *t, uint64_t features,
			struct vsu_error *err)
{
	const uint64_t before = t->driver_features;
	int rc;

	t->driver_features = features;
	rc = virtdev_set_features(t->dev, virtdev_priv_device_features(t), err);
	t->driver_features = before;
	return rc;
}

int virtdev_priv_transport_load(struct virtdev_transport *t,
				struct virtdev_state_reader *r,
				struct vsu_error *err)
{
	struct virtdev_transport *to;
	int rc;

	if (t->status)
		return vsu_error_set(err, -EBUSY,
				     "a driver uses the device; reset it first");
	to = calloc(1, sizeof(*to) + t->nrings * sizeof(to->rings[0]));
	if (!to)
		return vsu_error_sys(err, -ENOMEM, "transport");
	rc = read_all(t, to, r, err);
	if (!rc && (to->status & VIRTDEV_STATUS_FEATURES_OK))
		rc = set_features(t, to->driver_features, err);
	if (!rc)
		rc = load_registers(t, r, err);
	if (!rc) {
		t->status = to->status;
		t->generation = to->generation + 1;
		t->driver_features = to->driver_features;
		memcpy(t->rings, to->rings, t->nrings * sizeof(t->rings[0]));
	}
	free(to);
	return rc;
}
