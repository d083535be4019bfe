/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A back-end session: its life, its descriptor and what dispatch does. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <backend_priv.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#define MAX_RINGS 256u		/* SET_VRING_KICK has 8 bits for the index */
#define MAX_SLOTS 509u		/* what the other back-ends offer */
#define STALL_NS UINT64_C(5000000000)
/* Replies that may wait for the front-end to read them. */
#define OUT_MAX (64u << 10)
/* Messages of one dispatch, so that others get their turn. */
#define BATCH 32u
/* Dispatches with messages between two looks at everything else. */
#define TURNS 8u

/* construction */

static int check_config(const struct vhost_user_backend_config *c,
			const struct vhost_user_backend_ops *ops,
			struct vsu_error *err)
{
	if (c->nrings < 1 || c->nrings > MAX_RINGS)
		return vsu_error_set(err, -EINVAL,
				     "a back-end with %u rings, 1 to %u are allowed",
				     c->nrings, MAX_RINGS);
	if (c->queue_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "rings of up to %u entries, the limit is %u",
				     c->queue_max, VQ_MAX_SIZE);
	if (c->max_slots > MAX_SLOTS)
		return vsu_error_set(err, -EINVAL,
				     "%u memory slots, the limit is %u",
				     c->max_slots, MAX_SLOTS);
	if (!ops->run || !ops->quiesce || !ops->gone)
		return vsu_error_set(err, -EINVAL,
				     "a back-end needs the ops run, quiesce and gone");
	return 0;
}

/* A caller that was built against an older header knows fewer members. */
static void copy_sized(void *to, size_t to_size, const void *from,
		       size_t from_size)
{
	memset(to, 0, to_size);
	memcpy(to, from, from_size < to_size ? from_size : to_size);
}

static void take_config(struct vhost_user_backend *b)
{
	struct vhost_user_backend_config *c = &b->config;

	if (!c->queue_max)
		c->queue_max = VQ_MAX_SIZE;
	if (!c->max_slots)
		c->max_slots = MAX_SLOTS;
	if (!c->stall_ns)
		c->stall_ns = STALL_NS;
	/* addresses behind an IOTLB and dirty logging are not served */
	b->offered = (c->features & ~(VHOST_USER_F_ACCESS_PLATFORM |
				      VHOST_USER_F_LOG_ALL)) |
		     VHOST_USER_F_PROTOCOL_FEATURES;
	b->offered_protocol = vhost_user_priv_offered_protocol(b);
}

static int watch(struct vhost_user_backend *b, int fd,
		 enum vhost_user_priv_watch what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = what };

	if (fd < 0)
		return fd;
	return epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* All but the socket, which stays the caller's until nothing can fail. */
static int make_parts(struct vhost_user_backend *b)
{
	int rc;

	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (b->epoll < 0)
		return -errno;
	b->event = vsu_event_new();
	rc = watch(b, b->event, VHOST_USER_PRIV_WATCH_EVENT);
	if (rc < 0)
		return rc;
	b->timer = vsu_timer_new();
	rc = watch(b, b->timer, VHOST_USER_PRIV_WATCH_TIMER);
	if (rc < 0)
		return rc;
	rc = vmem_space_new(&b->space);
	if (rc < 0)
		return rc;
	rc = watch(b, vmem_space_want_event(b->space),
		   VHOST_USER_PRIV_WATCH_SPACE);
	return rc < 0 ? rc : vhost_user_priv_rings_init(b);
}

static void drop_socket(struct vhost_user_backend *b)
{
	if (b->main.fd < 0)
		return;
	/* whoever holds a duplicate keeps it in our epoll otherwise */
	epoll_ctl(b->epoll, EPOLL_CTL_DEL, b->main.fd, NULL);
	vhost_user_priv_channel_fini(&b->main);
}

/* What a session that is gone has no use for. */
static void release(struct vhost_user_backend *b)
{
	vhost_user_priv_requests_close(b);
	vhost_user_priv_rings_fini(b);
	vhost_user_priv_memory_fini(b);
}

static int attach_socket(struct vhost_user_backend *b, int sock,
			 struct vsu_error *err)
{
	int rc = vhost_user_priv_channel_init_take_fd(&b->main, sock,
						      VHOST_USER_PRIV_FRONTEND,
						      false, OUT_MAX, err);

	if (rc < 0) {
		b->main.fd = -1;
		return rc;
	}
	b->main_events = EPOLLIN;
	rc = watch(b, sock, VHOST_USER_PRIV_WATCH_MAIN);
	if (rc < 0) {
		b->main.fd = -1;	/* it is the caller's again */
		return vsu_error_sys(err, rc, "cannot wait for socket %d", sock);
	}
	return 0;
}

int vhost_user_backend_new_take_fd(int sock,
		const struct vhost_user_backend_config *config,
		const struct vhost_user_backend_ops *ops, void *opaque,
		struct vhost_user_backend **out, struct vsu_error *err)
{
	struct vhost_user_backend *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return vsu_error_sys(err, -ENOMEM, "cannot make a back-end session");
	b->epoll = b->event = b->timer = b->main.fd = -1;
	copy_sized(&b->config, sizeof(b->config), config, config->size);
	copy_sized(&b->ops, sizeof(b->ops), ops, ops->size);
	b->opaque = opaque;
	rc = check_config(&b->config, &b->ops, err);
	if (rc == 0)
		rc = vhost_user_priv_take_shmem(b, err);
	if (rc == 0) {
		take_config(b);
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
	release(b);
	vsu_fd_close(&b->timer);
	vsu_fd_close(&b->event);
	vsu_fd_close(&b->epoll);
	free(b);
}

/* the end */

void vhost_user_priv_backend_fail(struct vhost_user_backend *b)
{
	b->ending = true;
}

/* Only the answer that is waited for makes our descriptor readable now. */
static void silence(struct vhost_user_backend *b)
{
	uint64_t count;

	vsu_timer_arm(b->timer, 0);
	vsu_event_drain(vmem_space_event_fd(b->space), &count);
	vsu_event_drain(b->event, &count);
	if (vhost_user_priv_is_answering(b))
		vsu_event_signal(b->event);
}

/*
 * Goes on with the end as far as it can: the sockets are closed, rings that
 * were served are drained, then everything is released and gone is called,
 * which may free the session.
 */
static void end(struct vhost_user_backend *b)
{
	drop_socket(b);
	silence(b);
	vhost_user_priv_requests_close(b);
	b->parked_row = NULL;
	vhost_user_priv_unstage(b);
	if (vhost_user_priv_is_asking(b) && !vhost_user_priv_take_answer(b))
		return;
	if (vhost_user_priv_must_ask(b, VHOST_USER_ALL_RINGS, true) &&
	    !vhost_user_priv_ask(b, VHOST_USER_ALL_RINGS, true))
		return;
	release(b);
	b->gone = true;
	b->ops.gone(b->opaque, &b->why);
}

void vhost_user_backend_close(struct vhost_user_backend *b)
{
	if (!b->ending) {
		vsu_error_set(&b->why, -ECANCELED, "the session was closed");
		vhost_user_priv_backend_fail(b);
		if (!b->busy)
			end(b);
	}
}

/* stalls */

static bool is_stallable(const struct vhost_user_backend *b)
{
	return vhost_user_priv_channel_in_message(&b->main) ||
	       vhost_user_priv_channel_wants_write(&b->main);
}

static void note_progress(struct vhost_user_backend *b)
{
	b->stall_in = b->in_count;
	b->stall_out = b->main.sent;
}

/* The timer runs only while a message is incomplete, in or out. */
static void watch_stalls(struct vhost_user_backend *b)
{
	bool need = is_stallable(b);

	if (need == b->timer_armed)
		return;
	if (need)
		note_progress(b);
	vsu_timer_arm(b->timer, need ? b->config.stall_ns : 0);
	b->timer_armed = need;
}

/* Bytes of the same message do not count: they may come one by one for ever. */
static void stall_expired(struct vhost_user_backend *b)
{
	uint64_t count;
	bool in = vhost_user_priv_channel_in_message(&b->main) &&
		  b->stall_in == b->in_count;
	bool out = vhost_user_priv_channel_wants_write(&b->main) &&
		   b->stall_out == b->main.sent;

	if (vsu_timer_drain(b->timer, &count) < 0 || count == 0)
		return;
	b->timer_armed = false;
	if (!in && !out)
		return;
	vsu_error_set(&b->why, -ETIMEDOUT,
		      in ? "the peer stopped inside a message for %llu ms" :
			   "the peer did not read its replies for %llu ms",
		      (unsigned long long)b->config.stall_ns / 1000000);
	vhost_user_priv_backend_fail(b);
}

/* dispatch */

/* Up to a batch of messages; true when there may be more. */
static bool read_messages(struct vhost_user_backend *b)
{
	struct vhost_user_priv_msg *msg;
	unsigned int i;
	int rc;

	for (i = 0; i < BATCH; i++) {
		if (b->ending || b->parked_row)
			return false;
		rc = vhost_user_priv_channel_recv(&b->main, &msg, &b->why);
		if (rc < 0)
			vhost_user_priv_backend_fail(b);
		if (rc <= 0)
			return false;
		b->in_count++;
		vhost_user_priv_backend_message(b, msg);
	}
	return true;
}

/*
 * While a message is parked, only its answer and a hang-up count: what else
 * has arrived is read in its order later.
 */
static bool main_ready(struct vhost_user_backend *b, uint32_t events)
{
	if (!b->parked_row)
		return read_messages(b);
	if (events & (EPOLLHUP | EPOLLERR)) {
		vsu_error_set(&b->why, -ECONNRESET, "the peer hung up");
		vhost_user_priv_backend_fail(b);
	}
	return false;
}

/* The answer may have woken us a moment before it is complete. */
static bool event_ready(struct vhost_user_backend *b)
{
	uint64_t count;

	vsu_event_drain(b->event, &count);
	if (vhost_user_priv_is_answering(b))
		vsu_event_signal(b->event);
	if (!b->parked_row || !vhost_user_priv_take_answer(b))
		return false;
	vhost_user_priv_backend_resume(b);
	return read_messages(b);
}

static bool space_ready(struct vhost_user_backend *b)
{
	uint64_t count;

	vsu_event_drain(vmem_space_event_fd(b->space), &count);
	vmem_space_reclaim(b->space);
	return false;
}

static bool serve(struct vhost_user_backend *b, const struct epoll_event *ev)
{
	switch ((enum vhost_user_priv_watch)ev->data.u32) {
	case VHOST_USER_PRIV_WATCH_MAIN:
		return main_ready(b, ev->events);
	case VHOST_USER_PRIV_WATCH_REQUESTS:
		vhost_user_priv_requests_ready(b);
		return false;
	case VHOST_USER_PRIV_WATCH_EVENT:
		return event_ready(b);
	case VHOST_USER_PRIV_WATCH_TIMER:
		stall_expired(b);
		return false;
	case VHOST_USER_PRIV_WATCH_SPACE:
		return space_ready(b);
	default:
		return false;
	}
}

/* Sends the turn's replies together, and waits for what the state allows. */
static void settle_socket(struct vhost_user_backend *b)
{
	struct epoll_event ev = { .data.u32 = VHOST_USER_PRIV_WATCH_MAIN };

	if (vhost_user_priv_channel_flush(&b->main, &b->why) < 0) {
		vhost_user_priv_backend_fail(b);
		return;
	}
	if (!b->parked_row)
		ev.events |= EPOLLIN;
	if (vhost_user_priv_channel_wants_write(&b->main))
		ev.events |= EPOLLOUT;
	if (ev.events != b->main_events) {
		epoll_ctl(b->epoll, EPOLL_CTL_MOD, b->main.fd, &ev);
		b->main_events = ev.events;
	}
	watch_stalls(b);
}

/* What epoll has; anything but the messages of a busy peer. */
static bool serve_events(struct vhost_user_backend *b)
{
	struct epoll_event events[VHOST_USER_PRIV_WATCHES];
	bool more = false;
	int i, n;

	n = epoll_wait(b->epoll, events, VHOST_USER_PRIV_WATCHES, 0);
	for (i = 0; i < n && !b->ending; i++)
		more |= serve(b, &events[i]);
	return more;
}

/*
 * Messages are what dispatch is called for nearly always: they are looked for
 * first, and where there are some epoll is asked only now and then, so that
 * nothing else waits for ever.
 */
static bool serve_some(struct vhost_user_backend *b)
{
	uint64_t before = b->in_count;
	bool more = read_messages(b);

	if (b->in_count != before && ++b->turns % TURNS && !b->parked_row)
		return more;
	return serve_events(b) || more;
}

int vhost_user_backend_dispatch(struct vhost_user_backend *b)
{
	bool more = false;
	int code;

	b->busy = true;
	if (!b->ending)
		more = serve_some(b);
	if (!b->ending)
		settle_socket(b);
	b->busy = false;
	if (!b->ending)
		return more || (!b->parked_row &&
		       vhost_user_priv_channel_has_message(&b->main));
	code = b->why.code;
	if (!b->gone)
		end(b);
	return code;
}

/* queries */

int vhost_user_backend_fd(const struct vhost_user_backend *b)
{
	return b->epoll;
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

uint64_t vhost_user_backend_protocol_features(
		const struct vhost_user_backend *b)
{
	return b->protocol_features;
}

struct vmem_space *vhost_user_backend_space(struct vhost_user_backend *b)
{
	return b->space;
}
