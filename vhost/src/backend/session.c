/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A back-end session: creation, end, properties. */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backend/priv.h"
#include "backend/postcopy.h"
#include "backend/postcopy_guard.h"
#include <vm-memory/iotlb.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#define MAX_RINGS 256u		/* the ring index of SET_VRING_KICK has 8 bits */
#define MAX_ENTRIES 65536u	/* of an IOTLB, 64 bytes each */
#define STALL_NS UINT64_C(5000000000)
/* Maximum number of reply bytes that the front-end has not read. */
#define OUT_MAX (64u << 10)

/* construction */

static int check_config(const struct vhost_user_backend_config *c,
			const struct vhost_user_backend_ops *ops,
			struct vsu_error *err)
{
	if (c->nrings < 1 || c->nrings > MAX_RINGS)
		return vsu_error_set(err, -EINVAL,
				     "a back-end with %u rings, 1 to %u are allowed",
				     c->nrings, MAX_RINGS);
	if (c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "rings of up to %u entries, the limit is %u",
				     c->queue_size_max, VQ_MAX_SIZE);
	if (c->max_slots > VHOST_USER_PRIV_MAX_SLOTS)
		return vsu_error_set(err, -EINVAL,
				     "%u memory slots, the limit is %u",
				     c->max_slots, VHOST_USER_PRIV_MAX_SLOTS);
	if (c->iotlb_entries > MAX_ENTRIES)
		return vsu_error_set(err, -EINVAL,
				     "an IOTLB of %u entries, the limit is %u",
				     c->iotlb_entries, MAX_ENTRIES);
	if (!ops->run || !ops->quiesce || !ops->gone)
		return vsu_error_set(err, -EINVAL,
				     "a back-end needs the ops run, quiesce and gone");
	return 0;
}

static void fill_config(struct vhost_user_backend *b)
{
	struct vhost_user_backend_config *c = &b->config;

	if (!c->queue_size_max)
		c->queue_size_max = VQ_MAX_SIZE;
	if (!c->max_slots)
		c->max_slots = VHOST_USER_PRIV_MAX_SLOTS;
	if (!c->stall_ns)
		c->stall_ns = STALL_NS;
	b->offered_protocol = vhost_user_priv_offered_protocol(b);
	b->offered = (c->features & ~(VHOST_USER_F_ACCESS_PLATFORM |
				      VHOST_USER_F_LOG_ALL)) |
		     VHOST_USER_F_PROTOCOL_FEATURES;
	if (b->offered_protocol & VHOST_USER_PROTOCOL_BIT(LOG_SHMFD))
		b->offered |= VHOST_USER_F_LOG_ALL;
	if (c->iotlb_entries &&
	    b->offered_protocol & VHOST_USER_PROTOCOL_BIT(BACKEND_REQ))
		b->offered |= VHOST_USER_F_ACCESS_PLATFORM;
}

static int epoll_watch(struct vhost_user_backend *b, int fd,
		       enum vhost_user_priv_watch what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = what };

	if (fd < 0)
		return fd;
	return epoll_ctl(b->wait.epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* Creates everything except the socket, which stays the caller's on failure. */
static int make_parts(struct vhost_user_backend *b)
{
	int rc;

	b->wait.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (b->wait.epoll < 0)
		return -errno;
	b->wait.event = vsu_event_new();
	rc = epoll_watch(b, b->wait.event, VHOST_USER_PRIV_WATCH_EVENT);
	if (rc < 0)
		return rc;
	b->wait.timer = vsu_timer_new();
	rc = epoll_watch(b, b->wait.timer, VHOST_USER_PRIV_WATCH_TIMER);
	if (rc < 0)
		return rc;
	rc = vmem_space_new(&b->mem.space);
	if (rc == 0 && b->config.iotlb_entries)
		rc = vmem_iotlb_new(b->config.iotlb_entries, &b->mem.iotlb);
	if (rc < 0)
		return rc;
	rc = epoll_watch(b, vmem_space_want_event(b->mem.space),
			 VHOST_USER_PRIV_WATCH_SPACE);
	return rc < 0 ? rc : vhost_user_priv_rings_init(b);
}

/* Sends the pending replies, as far as the socket accepts them. */
static void drop_socket(struct vhost_user_backend *b)
{
	if (b->main.fd < 0)
		return;
	vhost_user_priv_guard_end(b->config.postcopy_guard);
	vhost_user_priv_channel_flush(&b->main, NULL);
	/* a duplicate held by another process would stay in our epoll */
	epoll_ctl(b->wait.epoll, EPOLL_CTL_DEL, b->main.fd, NULL);
	vhost_user_priv_channel_fini(&b->main);
}

/* Releases what an ended session no longer needs. */
static void session_release(struct vhost_user_backend *b)
{
	vhost_user_priv_backend_channel_close(b, NULL);
	vhost_user_priv_rings_fini(b);
	vhost_user_priv_memory_fini(b);
}

static int attach_socket(struct vhost_user_backend *b, int sock,
			 struct vsu_error *err)
{
	int rc = vhost_user_priv_channel_init_take_fd(&b->main, sock,
						      VHOST_USER_SIDE_FRONTEND,
						      false, OUT_MAX, err);

	if (rc < 0) {
		b->main.fd = -1;
		return rc;
	}
	vhost_user_priv_channel_set_closer(&b->main, b->config.closer);
	b->wait.main_events = EPOLLIN;
	rc = epoll_watch(b, sock, VHOST_USER_PRIV_WATCH_MAIN);
	if (rc < 0) {
		b->main.fd = -1;	/* ownership stays with the caller */
		return vsu_error_sys(err, rc, "cannot wait for socket %d", sock);
	}
	return 0;
}

int vhost_user_backend_new_take_fd(int sock,
		const struct vhost_user_backend_config *config,
		const struct vhost_user_backend_ops *ops, void *opaque,
		struct vhost_user_backend **out, struct vsu_error *err)
{
	struct vhost_user_backend *b = malloc(sizeof(*b));
	int rc;

	if (!b)
		return vsu_error_sys(err, -ENOMEM, "cannot make a back-end session");
	memset(b, 0, offsetof(struct vhost_user_backend, main));
	b->wait.epoll = b->wait.event = b->wait.timer = b->main.fd = b->reply_fd = -1;
	b->postcopy.faults = -1;
	b->opaque = opaque;
	pthread_mutex_init(&b->shmem.posts.lock, NULL);
	vhost_user_priv_index_handlers(b);
	rc = vsu_copy_sized(&b->config, sizeof(b->config), config,
			    "struct vhost_user_backend_config", err);
	if (rc == 0)
		rc = vsu_copy_sized(&b->ops, sizeof(b->ops), ops,
				    "struct vhost_user_backend_ops", err);
	if (rc == 0)
		rc = check_config(&b->config, &b->ops, err);
	if (rc == 0)
		rc = vhost_user_priv_check_shmem_bit(&b->config.shmem_bit, err);
	if (rc == 0)
		rc = vhost_user_priv_shmem_init(b, err);
	if (rc == 0) {
		fill_config(b);
		rc = make_parts(b);
		if (rc < 0)
			vsu_error_sys(err, rc, "cannot make a back-end session");
	}
	if (rc == 0)
		rc = attach_socket(b, sock, err);
	if (rc < 0) {
		vhost_user_backend_free(b);
		return rc;
	}
	*out = b;
	return 0;
}

void vhost_user_backend_free(struct vhost_user_backend *b)
{
	if (!b)
		return;
	drop_socket(b);
	session_release(b);
	vsu_fd_close(&b->wait.timer);
	vsu_fd_close(&b->wait.event);
	vsu_fd_close(&b->wait.epoll);
	pthread_mutex_destroy(&b->shmem.posts.lock);
	free(b);
}

/* the end */

/*
 * From now on only the awaited answer makes the session's descriptor readable.
 */
static void epoll_silence(struct vhost_user_backend *b)
{
	vsu_timer_disarm(b->wait.timer);
	vsu_event_drain(vmem_space_event_fd(b->mem.space), NULL);
	vsu_event_drain(b->wait.event, NULL);
	if (vhost_user_priv_is_answering(b))
		vsu_event_signal(b->wait.event);
}

/*
 * Continues the end of the session: closes the sockets, drains the rings,
 * releases everything and calls gone, which may free the session.
 */
void vhost_user_priv_backend_end(struct vhost_user_backend *b)
{
	drop_socket(b);
	vhost_user_priv_postcopy_end(b);
	epoll_silence(b);
	vhost_user_priv_backend_channel_close(b, NULL);
	/* a ring may need these before it can be drained */
	vhost_user_priv_shmem_cancel_posts(b);
	b->parked.row = NULL;
	vhost_user_priv_unstage(b);
	if (vhost_user_priv_is_asking(b) && !vhost_user_priv_accept_answer(b))
		return;
	if (vhost_user_priv_must_ask(b, VHOST_USER_ALL_RINGS, true) &&
	    !vhost_user_priv_ask(b, VHOST_USER_ALL_RINGS,
				 VHOST_USER_PRIV_DRAIN))
		return;
	/* no ring runs, so no thread posts further requests */
	vhost_user_priv_shmem_cancel_posts(b);
	vhost_user_priv_kept_unmap(b);
	session_release(b);
	vhost_user_priv_enter(b, VHOST_USER_PRIV_GONE);
	if (b->server.left)
		b->server.left(b->server.opaque);
	b->ops.gone(b->opaque, &b->why);
}

void vhost_user_priv_backend_close(struct vhost_user_backend *b,
				   const struct vsu_error *why)
{
	if (vhost_user_priv_is_ending(b))
		return;
	b->why = *why;
	if (b->life == VHOST_USER_PRIV_DISPATCHES)
		vhost_user_priv_backend_fail(b);
	else if (vhost_user_priv_enter(b, VHOST_USER_PRIV_ENDS))
		vhost_user_priv_backend_end(b);
}

void vhost_user_backend_close(struct vhost_user_backend *b)
{
	struct vsu_error why = VSU_ERROR_INIT;

	vsu_error_set(&why, -ECANCELED, "the session was closed");
	vhost_user_priv_backend_close(b, &why);
}

/* queries */

int vhost_user_backend_fd(const struct vhost_user_backend *b)
{
	return b->wait.epoll;
}

struct vq *vhost_user_backend_vq(struct vhost_user_backend *b, uint32_t ring)
{
	return ring < b->config.nrings ? b->rings[ring].vq : NULL;
}

int vhost_user_backend_kick_fd(const struct vhost_user_backend *b,
			       uint32_t ring)
{
	return ring < b->config.nrings ? b->rings[ring].kick : -1;
}

uint64_t vhost_user_backend_features(const struct vhost_user_backend *b)
{
	return b->features;
}

uint64_t vhost_user_priv_protocol_features(
		const struct vhost_user_backend *b)
{
	return b->protocol_features;
}

struct vmem_space *vhost_user_priv_space(struct vhost_user_backend *b)
{
	return b->mem.space;
}

bool vhost_user_backend_is_ending(const struct vhost_user_backend *b)
{
	return vhost_user_priv_is_ending(b);
}

bool vhost_user_backend_memory_failed(const struct vhost_user_backend *b)
{
	const struct vmem_map *map = vmem_space_current(b->mem.space);

	return (map && vmem_map_failed(map)) ||
	       vhost_user_priv_log_failed(b) ||
	       vhost_user_priv_inflight_failed(b);
}
