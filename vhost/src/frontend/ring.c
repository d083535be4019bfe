/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rings: their descriptions, and the messages that configure them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/priv.h"
#include <vm-memory/access.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#define MAX_RING_SIZE 32768u

/* ------------------------------------------------------------- descriptions */

static void close_fds(struct vhost_user_ring *desc)
{
	vsu_fd_close(&desc->kick_fd);
	vsu_fd_close(&desc->call_fd);
	vsu_fd_close(&desc->err_fd);
}

static int dup_optional(int fd)
{
	return fd < 0 ? -1 : vsu_fd_dup(fd);
}

/* Copies with duplicated descriptors, all or none. */
static int copy_ring(const struct vhost_user_ring *from,
		     struct vhost_user_ring *to)
{
	const int *in[] = { &from->kick_fd, &from->call_fd, &from->err_fd };
	int *out[] = { &to->kick_fd, &to->call_fd, &to->err_fd };
	unsigned int i;
	int fd;

	*to = *from;
	for (i = 0; i < 3; i++)
		*out[i] = -1;
	for (i = 0; i < 3; i++) {
		fd = dup_optional(*in[i]);
		if (fd < -1) {
			close_fds(to);
			return fd;
		}
		*out[i] = fd;
	}
	return 0;
}

static int make_room(struct vhost_user_frontend *f, uint32_t index)
{
	struct fe_ring *rings;
	size_t more;

	if (index < f->nrings)
		return 0;
	rings = realloc(f->rings, (index + 1) * sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	more = index + 1 - f->nrings;
	memset(rings + f->nrings, 0, more * sizeof(*rings));
	f->rings = rings;
	f->nrings = index + 1;
	return 0;
}

static int check_ready(const struct vhost_user_frontend *f, uint32_t index,
		       struct vsu_error *err)
{
	if (f->state != VHOST_USER_FRONTEND_READY)
		return vsu_error_set(err, -EPROTO,
				     "ring %" PRIu32 ": the session with '%s' is not ready",
				     index, f->peer);
	if (f->parking)
		return vsu_error_set(err, -EBUSY,
				     "ring %" PRIu32 ": requests of it are parked at '%s', start or reset it first",
				     index, f->peer);
	return 0;
}

static int check_ring(const struct vhost_user_frontend *f, uint32_t index,
		      const struct vhost_user_ring *ring, struct vsu_error *err)
{
	int rc = check_ready(f, index, err);

	if (rc < 0)
		return rc;
	if (!ring || index >= FE_MAX_RINGS)
		return vsu_error_set(err, -EINVAL, "ring %" PRIu32 " has no description, or exceeds the limit of %u rings",
				     index, FE_MAX_RINGS);
	if (!ring->size || ring->size > MAX_RING_SIZE)
		return vsu_error_set(err, -EINVAL, "ring %" PRIu32 ": size %"
				     PRIu32 " is not 1 to %u", index,
				     ring->size, MAX_RING_SIZE);
	return 0;
}

/*
 * Usually all requests are complete, and the next start uses a new in-flight area.
 * Requests that a lost back-end left there continue only in the same ring, at the
 * position that was reported. Size and addresses alone do not prove this: a driver that
 * resets a queue often sets it up at the same addresses.
 */
static bool ring_continues(const struct vhost_user_frontend *f, uint32_t index,
			   const struct vhost_user_ring *ring)
{
	const struct fe_ring *former = &f->rings[index];

	return f->inflight.list == FE_INFLIGHT_LEFT && former->described &&
	       former->desc.size == ring->size && f->bases[index] == ring->base &&
	       former->desc.desc_gpa == ring->desc_gpa &&
	       former->desc.driver_gpa == ring->driver_gpa &&
	       former->desc.device_gpa == ring->device_gpa;
}

int vhost_user_frontend_set_ring(struct vhost_user_frontend *f, uint32_t index,
				 const struct vhost_user_ring *ring,
				 struct vsu_error *err)
{
	struct vhost_user_ring copy;
	int rc = check_ring(f, index, ring, err);

	if (rc < 0)
		return rc;
	rc = copy_ring(ring, &copy);
	if (rc < 0)
		return vsu_error_sys(err, rc, "ring %" PRIu32 ": cannot duplicate its descriptors",
				     index);
	rc = make_room(f, index);
	if (rc < 0) {
		close_fds(&copy);
		return vsu_error_sys(err, rc, "ring %" PRIu32, index);
	}
	if (!ring_continues(f, index, &copy))
		vhost_user_priv_fe_drop_inflight(f);
	if (f->rings[index].described)
		close_fds(&f->rings[index].desc);
	f->rings[index].desc = copy;
	f->rings[index].described = true;
	return 0;
}

int vhost_user_frontend_forget_ring(struct vhost_user_frontend *f,
				    uint32_t index, struct vsu_error *err)
{
	int rc = check_ready(f, index, err);

	if (rc < 0 || index >= f->nrings || !f->rings[index].described)
		return rc;
	close_fds(&f->rings[index].desc);
	memset(&f->rings[index], 0, sizeof(f->rings[index]));
	vhost_user_priv_fe_drop_inflight(f);
	return 0;
}

void vhost_user_priv_fe_free_rings(struct vhost_user_frontend *f)
{
	unsigned int i;

	for (i = 0; i < f->nrings; i++)
		if (f->rings[i].described)
			close_fds(&f->rings[i].desc);
	free(f->rings);
	f->rings = NULL;
	f->nrings = 0;
}

/* VIRTIO 1.3, sections 2.7 and 2.8, without the event index fields. */
static bool in_memory(const struct vhost_user_frontend *f,
		      const struct vmem_map *map,
		      const struct vhost_user_ring *ring)
{
	const struct vmem_view *view = vmem_map_view(map);
	bool packed = f->acked & VHOST_USER_F_RING_PACKED;
	uint64_t n = ring->size;

	return vmem_check_range(view, ring->desc_gpa, 16 * n, VMEM_READ) &&
	       vmem_check_range(view, ring->driver_gpa, packed ? 4 : 4 + 2 * n,
				VMEM_READ) &&
	       vmem_check_range(view, ring->device_gpa, packed ? 4 : 4 + 8 * n,
				VMEM_READ);
}

int vhost_user_priv_fe_check_rings(struct vhost_user_frontend *f,
				   const struct vmem_map *map,
				   struct vsu_error *err)
{
	unsigned int i, n = 0;

	for (i = 0; i < f->nrings; i++) {
		if (!f->rings[i].described)
			continue;
		n++;
		if (!map || (!fe_translates(f) &&
			     !in_memory(f, map, &f->rings[i].desc)))
			return vsu_error_set(err, -EFAULT,
					     "ring %u is not completely in the memory table",
					     i);
	}
	if (!n)
		return vsu_error_set(err, -EINVAL, "no ring was described");
	return 0;
}

/* ----------------------------------------------------------------- messages */

static int send_for_ring(struct vhost_user_frontend *f, uint32_t number,
			 unsigned int index, const void *payload, size_t len,
			 int fd, struct vsu_error *err)
{
	const struct fe_request r = {
		.number = number,
		.head = payload,
		.head_len = len,
		.fds = &fd,
		.nfds = fd >= 0,
		.lasting = true,
		.note = { .in_sequence = true, .ring = (uint16_t)index },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}

static int send_state(struct vhost_user_frontend *f, uint32_t number,
		      unsigned int index, uint32_t num, struct vsu_error *err)
{
	const struct vhost_user_vring_state state = { index, num };

	return send_for_ring(f, number, index, &state, sizeof(state), -1, err);
}

static int send_fd(struct vhost_user_frontend *f, uint32_t number,
		   unsigned int index, int fd, struct vsu_error *err)
{
	const uint64_t word = index | (fd < 0 ? VHOST_USER_VRING_NOFD : 0);

	return send_for_ring(f, number, index, &word, sizeof(word), fd, err);
}

static int send_num(struct vhost_user_frontend *f, unsigned int index,
		    struct vsu_error *err)
{
	return send_state(f, VHOST_USER_SET_VRING_NUM, index,
			  f->rings[index].desc.size, err);
}

static int send_base(struct vhost_user_frontend *f, unsigned int index,
		     struct vsu_error *err)
{
	return send_state(f, VHOST_USER_SET_VRING_BASE, index,
			  f->rings[index].desc.base, err);
}

static uint64_t area_addr(const struct vhost_user_frontend *f, uint64_t addr)
{
	return fe_translates(f) ? addr : fe_user_addr(f, addr);
}

int vhost_user_priv_fe_send_addr(struct vhost_user_frontend *f,
				 unsigned int index, struct vsu_error *err)
{
	const struct vhost_user_ring *ring = &f->rings[index].desc;
	const struct vhost_user_vring_addr addr = {
		.index = index,
		.flags = f->log.fd >= 0 ? VHOST_USER_VRING_F_LOG : 0,
		.desc = area_addr(f, ring->desc_gpa),
		.used = area_addr(f, ring->device_gpa),
		.avail = area_addr(f, ring->driver_gpa),
		.log_guest_addr = ring->device_gpa,
	};

	if (!f->rings[index].described)
		return 0;
	return send_for_ring(f, VHOST_USER_SET_VRING_ADDR, index, &addr,
			     sizeof(addr), -1, err);
}

static int send_err(struct vhost_user_frontend *f, unsigned int index,
		    struct vsu_error *err)
{
	return send_fd(f, VHOST_USER_SET_VRING_ERR, index,
		       f->rings[index].desc.err_fd, err);
}

/* Also without an fd: some back-ends start a ring only after this message. */
static int send_call(struct vhost_user_frontend *f, unsigned int index,
		     struct vsu_error *err)
{
	struct fe_ring *ring = &f->rings[index];
	int rc = send_fd(f, VHOST_USER_SET_VRING_CALL, index,
			 ring->desc.call_fd, err);

	if (!rc)
		ring->start = FE_RING_CALLED;
	return rc;
}

/* Older back-ends start polling a ring at its first kick, so kick it once. */
static int send_kick(struct vhost_user_frontend *f, unsigned int index,
		     struct vsu_error *err)
{
	struct fe_ring *ring = &f->rings[index];
	int rc = send_fd(f, VHOST_USER_SET_VRING_KICK, index,
			 ring->desc.kick_fd, err);

	if (rc < 0)
		return rc;
	ring->start = FE_RING_STARTED;
	if (ring->desc.kick_fd >= 0)
		vsu_event_signal(ring->desc.kick_fd);
	return 0;
}

typedef int (*ring_message_fn)(struct vhost_user_frontend *f,
			       unsigned int index, struct vsu_error *err);

/* The messages of a ring in order: NUM before ADDR, CALL before KICK. */
static const ring_message_fn ring_messages[] = {
	send_num, send_base, vhost_user_priv_fe_send_addr, send_err, send_call, send_kick,
};

#define NMESSAGES (sizeof(ring_messages) / sizeof(ring_messages[0]))

unsigned int vhost_user_priv_fe_ring_count(struct vhost_user_frontend *f)
{
	return f->nrings;
}

unsigned int vhost_user_priv_fe_ring_message_count(struct vhost_user_frontend *f)
{
	return f->nrings * (unsigned int)NMESSAGES;
}

int vhost_user_priv_fe_send_ring(struct vhost_user_frontend *f,
				 unsigned int item, struct vsu_error *err)
{
	unsigned int index = item / (unsigned int)NMESSAGES;

	if (!f->rings[index].described)
		return 0;
	return ring_messages[item % NMESSAGES](f, index, err);
}

/* Without bit 30 a back-end's rings are enabled from the start. */
static int send_enable(struct vhost_user_frontend *f, unsigned int index,
		       uint32_t on, struct vsu_error *err)
{
	if (!(f->features & VHOST_USER_F_PROTOCOL_FEATURES) ||
	    f->rings[index].start != FE_RING_STARTED)
		return 0;
	return send_state(f, VHOST_USER_SET_VRING_ENABLE, index, on, err);
}

int vhost_user_priv_fe_enable_ring(struct vhost_user_frontend *f,
				   unsigned int item, struct vsu_error *err)
{
	return send_enable(f, item, 1, err);
}

int vhost_user_priv_fe_disable_ring(struct vhost_user_frontend *f,
				    unsigned int item, struct vsu_error *err)
{
	return send_enable(f, item, 0, err);
}

int vhost_user_priv_fe_get_base(struct vhost_user_frontend *f,
				unsigned int item, struct vsu_error *err)
{
	if (f->rings[item].start != FE_RING_STARTED)
		return 0;
	return send_state(f, f->parking ? VHOST_USER_GET_VRING_BASE_SKIP_DRAIN :
					  VHOST_USER_GET_VRING_BASE,
			  item, 0, err);
}

/* --------------------------------------------------------- the call replaced */

static int send_new_call(struct vhost_user_frontend *f, uint32_t index, int fd,
			 struct vsu_error *err)
{
	const uint64_t word = index | (fd < 0 ? VHOST_USER_VRING_NOFD : 0);
	const struct fe_request r = {
		.number = VHOST_USER_SET_VRING_CALL,
		.head = &word,
		.head_len = sizeof(word),
		.fds = &fd,
		.nfds = fd >= 0,
		.note = { .ring = (uint16_t)index },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}

int vhost_user_frontend_set_call(struct vhost_user_frontend *f, uint32_t index,
				 int call_fd, struct vsu_error *err)
{
	struct vhost_user_ring *ring;
	int fd, rc = 0;

	if (index >= f->nrings || !f->rings[index].described)
		return vsu_error_set(err, -EINVAL, "ring %" PRIu32 " was not described",
				     index);
	ring = &f->rings[index].desc;
	fd = dup_optional(call_fd);
	if (fd < -1)
		return vsu_error_sys(err, fd,
				     "ring %" PRIu32 ": cannot duplicate its call descriptor",
				     index);
	if (f->rings[index].start != FE_RING_STOPPED)
		rc = send_new_call(f, index, fd, err);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc;
	}
	vsu_fd_close(&ring->call_fd);
	ring->call_fd = fd;
	vhost_user_priv_fe_push(f);
	return 0;
}
