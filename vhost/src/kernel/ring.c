/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rings of a device that the kernel serves: set-up, start, stop. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-queue/queue.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "kernel/priv.h"

#define MAX_RING_SIZE 32768u

/* ------------------------------------------------------------- descriptions */

static void forget_ring(struct kern_ring *ring)
{
	if (!ring->described)
		return;
	vsu_fd_close(&ring->desc.kick_fd);
	vsu_fd_close(&ring->desc.call_fd);
	vsu_fd_close(&ring->desc.err_fd);
	memset(ring, 0, sizeof(*ring));
}

/* Duplicates from; -1 stays -1. */
static int dup_fd(int from, int *to)
{
	*to = from < 0 ? -1 : vsu_fd_dup(from);
	return *to < -1 ? *to : 0;
}

static int check_ring(const struct vhost_kern *k, uint32_t index,
		      const struct vhost_user_ring *ring, struct vsu_error *err)
{
	if (!ring)
		return vsu_error_set(err, -EINVAL, "'%s': no struct vhost_user_ring",
				     k->name);
	if (index >= VHOST_KERN_RINGS)
		return vsu_error_set(err, -EINVAL,
				     "'%s' has %u rings, no ring %" PRIu32,
				     k->name, VHOST_KERN_RINGS, index);
	if (k->running)
		return vsu_error_set(err, -EBUSY, "'%s': ring %" PRIu32 " is running",
				     k->name, index);
	if (!ring->size || ring->size > MAX_RING_SIZE ||
	    ring->size & (ring->size - 1))
		return vsu_error_set(err, -EINVAL,
				     "'%s': ring %" PRIu32 ": size %" PRIu32 " is not a power of two from 1 to %u",
				     k->name, index, ring->size, MAX_RING_SIZE);
	return 0;
}

int vhost_kern_set_ring(struct vhost_kern *k, uint32_t index,
			const struct vhost_user_ring *ring,
			struct vsu_error *err)
{
	struct kern_ring copy = { .described = true };
	int rc = check_ring(k, index, ring, err);

	if (rc < 0)
		return rc;
	copy.desc = *ring;
	copy.desc.kick_fd = copy.desc.call_fd = copy.desc.err_fd = -1;
	rc = dup_fd(ring->kick_fd, &copy.desc.kick_fd);
	if (!rc)
		rc = dup_fd(ring->call_fd, &copy.desc.call_fd);
	if (!rc)
		rc = dup_fd(ring->err_fd, &copy.desc.err_fd);
	if (rc < 0) {
		forget_ring(&copy);
		return vsu_error_sys(err, rc, "'%s': ring %" PRIu32, k->name,
				     index);
	}
	forget_ring(&k->rings[index]);
	k->rings[index] = copy;
	return 0;
}

/* -------------------------------------------------------------------- start */

static int send_state(const struct vhost_kern *k, unsigned long request,
		      uint32_t index, uint32_t num)
{
	struct vhost_vring_state state = { .index = index, .num = num };

	return vhost_kern_priv_call(k, request, &state);
}

static int send_fd(const struct vhost_kern *k, unsigned long request,
		   uint32_t index, int fd)
{
	struct vhost_vring_file file = {
		.index = index, .fd = fd < 0 ? VHOST_FILE_UNBIND : fd,
	};

	return vhost_kern_priv_call(k, request, &file);
}

static int send_size(const struct vhost_kern *k, uint32_t i)
{
	return send_state(k, VHOST_SET_VRING_NUM, i, k->rings[i].desc.size);
}

static int send_base(const struct vhost_kern *k, uint32_t i)
{
	return send_state(k, VHOST_SET_VRING_BASE, i, k->rings[i].desc.base);
}

static int send_kick(const struct vhost_kern *k, uint32_t i)
{
	return send_fd(k, VHOST_SET_VRING_KICK, i, k->rings[i].desc.kick_fd);
}

static int send_call(const struct vhost_kern *k, uint32_t i)
{
	return send_fd(k, VHOST_SET_VRING_CALL, i, k->rings[i].desc.call_fd);
}

static int send_err(const struct vhost_kern *k, uint32_t i)
{
	return send_fd(k, VHOST_SET_VRING_ERR, i, k->rings[i].desc.err_fd);
}

static const struct {
	int (*send)(const struct vhost_kern *k, uint32_t index);
	const char *of;
} steps[] = {
	{ send_size, "size" }, { send_base, "base" },
	{ vhost_kern_priv_send_addresses, "addresses" }, { send_call, "call" },
	{ send_err, "err" }, { send_kick, "kick" },
};

static int prepare_ring(struct vhost_kern *k, uint32_t index,
			struct vsu_error *err)
{
	struct kern_ring *ring = &k->rings[index];
	unsigned int i;
	int rc;

	if (!ring->described)
		return 0;
	rc = vhost_kern_priv_locate(k, index, k->map, &ring->sent_addr, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		rc = steps[i].send(k, index);
		if (rc < 0)
			return vsu_error_sys(err, rc, "'%s': %s of ring %" PRIu32,
					     k->name, steps[i].of, index);
	}
	return 0;
}

static int attach_ring(struct vhost_kern *k, uint32_t index,
		       struct vsu_error *err)
{
	struct kern_ring *ring = &k->rings[index];
	int rc;

	if (!ring->described)
		return 0;
	k->running = ring->running = true;
	rc = k->kind->attach(k, index, true);
	return rc < 0 ? vsu_error_sys(err, rc, "'%s': start of ring %" PRIu32,
				      k->name, index) : 0;
}

/*
 * The driver may have added buffers before the start. The kernel polls a ring
 * when it receives the kick eventfd, finds it stopped, and may not poll again
 * until the next kick. So signal one.
 */
static void wake_ring(const struct kern_ring *ring)
{
	if (ring->described && ring->desc.kick_fd >= 0)
		vsu_event_signal(ring->desc.kick_fd);
}

static int check_features(const struct vhost_kern *k, uint64_t features,
			  struct vsu_error *err)
{
	const uint64_t extra = features & ~vhost_kern_features(k);

	if (k->running)
		return vsu_error_set(err, -EBUSY, "'%s' is running", k->name);
	if (extra)
		return vsu_error_set(err, -EINVAL,
				     "'%s': features %#" PRIx64 " were not offered",
				     k->name, extra);
	if (!(features & VQ_F_VERSION_1))
		return vsu_error_set(err, -EINVAL,
				     "'%s': the driver has not negotiated VIRTIO_F_VERSION_1",
				     k->name);
	return 0;
}

static int send_features(struct vhost_kern *k, uint64_t features,
			 struct vsu_error *err)
{
	int rc;

	k->features = features;
	rc = vhost_kern_priv_send_features(k);
	return rc < 0 ? vsu_error_sys(err, rc, "'%s': features %#" PRIx64,
				      k->name, features) : 0;
}

static int check_rings(const struct vhost_kern *k, struct vsu_error *err)
{
	uint32_t i, n = 0;

	for (i = 0; i < VHOST_KERN_RINGS; i++)
		n += k->rings[i].described;
	if (n < k->kind->needed)
		return vsu_error_set(err, -EINVAL,
				     "'%s': the driver set up %" PRIu32 " rings, %" PRIu32 " are required",
				     k->name, n, k->kind->needed);
	return 0;
}

static int start_rings(struct vhost_kern *k, struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < VHOST_KERN_RINGS; i++)
		rc = prepare_ring(k, i, err);
	for (i = 0; !rc && i < VHOST_KERN_RINGS; i++)
		rc = attach_ring(k, i, err);
	for (i = 0; !rc && i < VHOST_KERN_RINGS; i++)
		wake_ring(&k->rings[i]);
	return rc;
}

int vhost_kern_start(struct vhost_kern *k, uint64_t features,
		     struct vsu_error *err)
{
	int rc = check_features(k, features, err);

	if (!rc)
		rc = check_rings(k, err);
	if (rc < 0)
		return rc;
	rc = send_features(k, features, err);
	if (!rc)
		rc = start_rings(k, err);
	if (rc < 0)
		vhost_kern_stop(k, NULL);
	return rc;
}

/* --------------------------------------------------------------------- stop */

static uint32_t get_base(const struct vhost_kern *k, uint32_t index)
{
	struct vhost_vring_state state = { .index = index };

	return vhost_kern_priv_call(k, VHOST_GET_VRING_BASE, &state) < 0 ?
	       0 : state.num;
}

/* Unbind the eventfds, so that a later signal does not reach this ring. */
static void release_ring(const struct vhost_kern *k, uint32_t index)
{
	send_fd(k, VHOST_SET_VRING_KICK, index, -1);
	send_fd(k, VHOST_SET_VRING_CALL, index, -1);
	send_fd(k, VHOST_SET_VRING_ERR, index, -1);
}

void vhost_kern_stop(struct vhost_kern *k, uint32_t bases[VHOST_KERN_RINGS])
{
	uint32_t i, base;

	for (i = 0; i < VHOST_KERN_RINGS; i++)
		if (k->rings[i].running)
			(void)!k->kind->attach(k, i, false);
	for (i = 0; i < VHOST_KERN_RINGS; i++) {
		base = k->rings[i].running ? get_base(k, i) : 0;
		if (bases)
			bases[i] = base;
		if (k->rings[i].described)
			release_ring(k, i);
		forget_ring(&k->rings[i]);
	}
	k->running = false;
}

bool vhost_kern_is_running(const struct vhost_kern *k)
{
	return k->running;
}
