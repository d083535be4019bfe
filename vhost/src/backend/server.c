/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Session slots of a server: which sessions exist, which clients wait, and
 * which idle session is ended for them.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>

#include "backend/server_priv.h"
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

/* Pause after accept failed for lack of descriptors or memory. */
#define PAUSE_NS UINT64_C(100000000)
#define NS_PER_MS UINT64_C(1000000)
#define MAX_EVENTS 16
#define NEVER UINT64_MAX

/* whether to listen */

/* Without the timer the server would never retry: end it. */
static void wake_after(struct vhost_user_server *s, uint64_t ns)
{
	int rc = vsu_timer_arm(s->timer, ns);

	if (rc < 0 && !s->ended)
		s->ended = rc;
}

int vhost_user_priv_server_add(struct vhost_user_server *s, int fd, uint32_t what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = what };

	if (fd < 0)
		return fd;
	return epoll_ctl(s->epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void listen_no_more(struct vhost_user_server *s)
{
	if (s->listening)
		epoll_ctl(s->epfd, EPOLL_CTL_DEL, s->listener, NULL);
	s->listening = false;
}

/* If epoll has no resources, retry later. */
static void listen_now(struct vhost_user_server *s)
{
	if (!s->listening)
		s->listening = vhost_user_priv_server_add(s, s->listener,
						     VHOST_USER_PRIV_LISTENER) == 0;
	if (!s->listening)
		wake_after(s, PAUSE_NS);
}

static bool is_idle(const struct vhost_user_priv_place *p)
{
	return p->session && p->session->negotiation == VHOST_USER_PRIV_SILENT &&
	       !vhost_user_priv_is_ending(p->session);
}

/* The idle session that has existed for the longest time, or NULL. */
static const struct vhost_user_priv_place *find_idle(const struct vhost_user_server *s)
{
	const struct vhost_user_priv_place *p, *found = NULL;

	for (p = s->places; p < s->places + s->config.max_sessions; p++)
		if (is_idle(p) && (!found || p->since < found->since))
			found = p;
	return found;
}

/* Time until an idle session may be ended; 0: now. */
static uint64_t time_left(const struct vhost_user_server *s)
{
	const struct vhost_user_priv_place *p = find_idle(s);
	uint64_t had;

	if (!p)
		return NEVER;
	had = vsu_now_ns() - p->since;
	return had >= s->config.idle_ns ? 0 : s->config.idle_ns - had;
}

/*
 * Stop polling the listener while no connection can be accepted: it would stay
 * readable.
 */
static void listen_if_useful(struct vhost_user_server *s)
{
	uint64_t left;

	if (s->listener < 0 || s->stopping)
		return;
	left = s->n < s->config.max_sessions ? 0 : time_left(s);
	if (!left) {
		listen_now(s);
		return;
	}
	listen_no_more(s);
	if (left != NEVER)
		wake_after(s, left);
}

/* sessions */

/* Called by an ended session, before its owner is notified. */
static void session_gone(void *opaque)
{
	struct vhost_user_priv_place *p = opaque;
	struct vhost_user_server *s = p->server;

	epoll_ctl(s->epfd, EPOLL_CTL_DEL, vhost_user_backend_fd(p->session),
		  NULL);
	p->session = NULL;
	s->n--;
	if (s->listener < 0)
		s->ended = -ECONNRESET;
	listen_if_useful(s);
}

static struct vhost_user_priv_place *find_free(struct vhost_user_server *s)
{
	struct vhost_user_priv_place *p = s->places;

	while (p->session)
		p++;
	return p;
}

int vhost_user_priv_begin_take_fd(struct vhost_user_server *s, int sock,
				  struct vsu_error *err)
{
	struct vhost_user_backend *session = NULL;
	struct vhost_user_priv_place *p = find_free(s);
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = s->ops.begin(s->opaque, sock, &session, err);

	if (rc < 0)
		return rc;
	p->session = session;
	p->since = vsu_now_ns();
	s->n++;
	session->server.left = session_gone;
	session->server.opaque = p;
	rc = vhost_user_priv_server_add(s, vhost_user_backend_fd(session),
				   (uint32_t)(p - s->places));
	if (rc < 0) {
		vsu_error_sys(&why, rc, "cannot wait for a session");
		vhost_user_priv_backend_close(session, &why);
	}
	return 0;
}

/* Out of descriptors or memory: an immediate retry would fail again. */
static bool is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS ||
	       rc == -ENOMEM;
}

static void accept_one(struct vhost_user_server *s)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int sock = vsu_sock_accept(s->listener);
	int rc = sock;

	if (sock >= 0) {
		rc = vhost_user_priv_begin_take_fd(s, sock, &err);
		if (rc < 0) {
			vsu_foreign_close(s->config.closer, &sock);
			if (s->ops.failed)
				s->ops.failed(s->opaque, &err);
		}
	}
	if (!is_shortage(rc)) {
		listen_if_useful(s);
		return;
	}
	listen_no_more(s);
	wake_after(s, PAUSE_NS);
}

/* A client waits and all slots are occupied: end an idle session. */
static void end_idle(struct vhost_user_server *s)
{
	const struct vhost_user_priv_place *p = time_left(s) ? NULL : find_idle(s);
	struct vsu_error why = VSU_ERROR_INIT;

	listen_no_more(s);
	if (!p) {
		listen_if_useful(s);
		return;
	}
	vsu_error_set(&why, -ETIMEDOUT,
		      "the front-end negotiated nothing for %" PRIu64 " ms, and another one waits",
		      (vsu_now_ns() - p->since) / NS_PER_MS);
	vhost_user_priv_backend_close(p->session, &why);
}

/* A session that has started to negotiate is no longer idle. */
static void session_dispatch(struct vhost_user_server *s,
			     struct vhost_user_priv_place *p)
{
	bool was_idle = is_idle(p);

	if (!p->session)
		return;
	vhost_user_backend_dispatch(p->session);
	if (was_idle && !is_idle(p))
		listen_if_useful(s);
}

/* the descriptor and its dispatch */

static void event_handle(struct vhost_user_server *s, uint32_t what)
{
	switch (what) {
	case VHOST_USER_PRIV_LISTENER:
		if (!s->listening)
			break;
		if (s->n < s->config.max_sessions)
			accept_one(s);
		else
			end_idle(s);
		break;
	case VHOST_USER_PRIV_TIMER:
		vsu_timer_drain(s->timer, NULL);
		listen_if_useful(s);
		break;
	default:
		session_dispatch(s, &s->places[what]);
		break;
	}
}

int vhost_user_server_dispatch(struct vhost_user_server *s)
{
	struct epoll_event events[MAX_EVENTS];
	int i, n = epoll_wait(s->epfd, events, MAX_EVENTS, 0);

	for (i = 0; i < n; i++)
		event_handle(s, events[i].data.u32);
	return s->ended ? s->ended : n == MAX_EVENTS;
}

int vhost_user_server_fd(const struct vhost_user_server *s)
{
	return s->epfd;
}

uint32_t vhost_user_priv_server_count(const struct vhost_user_server *s)
{
	return s->n;
}

int vhost_user_server_stop(struct vhost_user_server *s)
{
	uint32_t i;

	s->stopping = true;
	listen_no_more(s);
	for (i = 0; i < s->config.max_sessions; i++)
		if (s->places[i].session)
			vhost_user_backend_close(s->places[i].session);
	return s->n ? -EAGAIN : 0;
}
