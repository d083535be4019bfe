/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Starting and stopping queues in the kernel, which starts and stops a side as
 * a whole: to change one queue of a pair, the other is stopped and resumed at
 * its index.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sized.h>

#include "vhost_kern/priv.h"

static struct vhost_user_ring *rings_of(const struct virtdev_vhost_kern *k,
					uint32_t side)
{
	return &k->rings[VHOST_KERN_RINGS * side];
}

/* The link passes no frames to a lane that is off. */
static int set_lane(const struct virtdev_vhost_kern *k, uint32_t side, bool on)
{
	const struct virtdev_net_link *link = k->net ? k->net->link : NULL;

	return link && link->ops.set_lane ?
	       link->ops.set_lane(link->self, side, on) : 0;
}

static uint32_t count_rings(const struct virtdev_vhost_kern *k, uint32_t side)
{
	const struct vhost_user_ring *rings = rings_of(k, side);
	uint32_t i, n = 0;

	for (i = 0; i < VHOST_KERN_RINGS; i++)
		n += rings[i].size != 0;
	return n;
}

static int give_rings(const struct virtdev_vhost_kern *k, uint32_t side,
		      struct vsu_error *err)
{
	const struct vhost_user_ring *rings = rings_of(k, side);
	struct vhost_kern *kernel = k->sides[side];
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < VHOST_KERN_RINGS; i++)
		if (rings[i].size)
			rc = vhost_kern_set_ring(kernel, i, &rings[i], err);
	return rc ? rc : vhost_kern_start(kernel, k->features, err);
}

static void take_back(const struct virtdev_vhost_kern *k, uint32_t side)
{
	struct vhost_user_ring *rings = rings_of(k, side);
	uint32_t bases[VHOST_KERN_RINGS], i;
	const bool ran = vhost_kern_is_running(k->sides[side]);

	vhost_kern_stop(k->sides[side], bases);
	for (i = 0; ran && i < VHOST_KERN_RINGS; i++)
		rings[i].base = bases[i];
}

static void stop_side(const struct virtdev_vhost_kern *k, uint32_t side)
{
	take_back(k, side);
	(void)!set_lane(k, side, false);
}

/* The lane first: the kernel refuses a lane that is off. */
static int start_side(const struct virtdev_vhost_kern *k, uint32_t side,
		      struct vsu_error *err)
{
	const bool can = count_rings(k, side) >= k->needed;
	int rc = set_lane(k, side, can);

	if (rc < 0)
		return vsu_error_sys(err, rc, "queue %" PRIu32 " of the link",
				     side);
	if (!can)
		return 0;
	rc = give_rings(k, side, err);
	if (rc < 0) {
		vhost_kern_stop(k->sides[side], NULL);
		(void)!set_lane(k, side, false);
	}
	return rc;
}

static uint32_t sides_in_use(const struct virtdev_vhost_kern *k)
{
	if (!k->started)
		return 0;
	return k->net ? virtdev_priv_net_active(k->net) : k->nsides;
}

static int use_sides(const struct virtdev_vhost_kern *k, uint32_t n,
		     struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	for (i = n; i < k->nsides; i++)
		stop_side(k, i);
	for (i = 0; !rc && i < n && i < k->nsides; i++)
		if (!vhost_kern_is_running(k->sides[i]))
			rc = start_side(k, i, err);
	return rc;
}

/*
 * After a failed start the indexes of the rings are lost: report an error of
 * each.
 */
static void tell_broken(const struct virtdev_vhost_kern *k, uint32_t side)
{
	const struct vhost_user_ring *rings = rings_of(k, side);
	uint32_t i;

	for (i = 0; i < VHOST_KERN_RINGS; i++)
		if (rings[i].size && rings[i].err_fd >= 0)
			vsu_event_signal(rings[i].err_fd);
}

int virtdev_priv_kern_set_side(void *opaque, uint32_t side, bool on)
{
	const struct virtdev_vhost_kern *k = opaque;
	int rc = 0;

	if (!on || !k->started)
		stop_side(k, side);
	else if (!vhost_kern_is_running(k->sides[side]))
		rc = start_side(k, side, NULL);
	if (rc < 0)
		tell_broken(k, side);
	return rc;
}

bool virtdev_priv_kern_is_control(const struct virtdev_vhost_kern *k,
				   uint32_t queue)
{
	return k->net ? virtdev_priv_net_role(k->net, queue) == NET_CONTROLS :
	       queue == VHOST_KERN_RINGS * k->nsides;
}

static bool is_kernels(const struct virtdev_vhost_kern *k, uint32_t queue)
{
	if (queue >= VHOST_KERN_RINGS * k->nsides)
		return false;
	return !k->net || virtdev_priv_net_role(k->net, queue) < NET_CONTROLS;
}

/* The role of a queue depends on the acknowledged features. */
static void take_rings(struct virtdev_vhost_kern *k,
		       const struct vhost_user_ring *rings, uint32_t n)
{
	uint32_t i;

	memset(k->rings, 0, k->nrings * sizeof(k->rings[0]));
	for (i = 0; i < n && i < k->nrings; i++)
		if (is_kernels(k, i))
			k->rings[i] = rings[i];
}

int virtdev_priv_kern_start(struct virtdev_vhost_kern *k, uint64_t features,
			     const struct vhost_user_ring *rings, uint32_t n,
			     struct vsu_error *err)
{
	int rc = vsu_check_array(rings, n, "rings", err);

	if (rc < 0)
		return rc;
	if (k->started)
		return vsu_error_set(err, -EBUSY, "'%s' runs",
				     vhost_kern_name(k->sides[0]));
	take_rings(k, rings, n);
	k->features = features & vhost_kern_features(k->sides[0]);
	k->started = true;
	rc = use_sides(k, sides_in_use(k), err);
	if (rc < 0)
		virtdev_priv_kern_stop(k);
	return rc;
}

void virtdev_priv_kern_stop(struct virtdev_vhost_kern *k)
{
	k->started = false;
	(void)!use_sides(k, 0, NULL);
}

uint32_t virtdev_priv_kern_base(const struct virtdev_vhost_kern *k,
				 uint32_t queue)
{
	return queue < k->nrings ? k->rings[queue].base : 0;
}

/* ------------------------------------------------------------- one of the queues */

/* Replaces one queue; frames wait in a lane that stays on. */
static int change_queue(struct virtdev_vhost_kern *k, uint32_t queue,
			const struct vhost_user_ring *ring,
			struct vsu_error *err)
{
	const uint32_t side = queue / VHOST_KERN_RINGS;

	if (!is_kernels(k, queue))
		return 0;
	take_back(k, side);
	k->rings[queue] = *ring;
	return side < sides_in_use(k) ? start_side(k, side, err) : 0;
}

int virtdev_priv_kern_reset_queue(struct virtdev_vhost_kern *k,
				   uint32_t queue, struct vsu_error *err)
{
	const struct vhost_user_ring none = {
		.kick_fd = -1, .call_fd = -1, .err_fd = -1,
	};

	return change_queue(k, queue, &none, err);
}

int virtdev_priv_kern_start_queue(struct virtdev_vhost_kern *k,
				   uint32_t queue,
				   const struct vhost_user_ring *ring,
				   struct vsu_error *err)
{
	return change_queue(k, queue, ring, err);
}
