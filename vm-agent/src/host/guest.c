/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The connection to the agent of a guest with containers. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "host/guest_private.h"
#include "host/moment.h"
#include "host/ports.h"
#include "host/records.h"

#define TURN_MESSAGES 64
#define MAX_LISTED (64u << 10)	/* process IDs of a list */

/* A list of processes that the owner requested, and its part that was received. */
struct vagent_priv_listing {
	struct vagent_priv_listing *next;
	uint32_t container;
	vagent_list_fn *f;
	void *opaque;
	uint32_t *pids;
	unsigned int n;
};

/* ---------------------------------------------------------------------- life */

static int make_descriptors(struct vagent_guest *g)
{
	int rc = vagent_priv_make_ports(g->ours, g->guests);

	g->epfd = epoll_create1(EPOLL_CLOEXEC);
	g->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!rc && (g->epfd < 0 || g->again_fd < 0 || g->timer_fd < 0))
		rc = -errno;
	if (!rc)
		rc = vagent_priv_guest_use_ports(g);
	if (!rc)
		rc = vagent_priv_watch(g->epfd, g->timer_fd, EPOLLIN);
	return rc < 0 ? rc : vagent_priv_watch(g->epfd, g->again_fd, EPOLLIN);
}

static int set_timer(const struct vagent_guest *g, uint64_t ms)
{
	const struct itimerspec at = { .it_value = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 } };

	return timerfd_settime(g->timer_fd, 0, &at, NULL) < 0 ? -errno : 0;
}

static int begin_greeting(struct vagent_guest *g, const struct vagent_guest_config *c)
{
	int rc = make_descriptors(g);

	if (!rc)
		rc = set_timer(g, c->timeout_ms);
	return rc < 0 || !c->clone ? rc : vagent_priv_channel_send(&g->control, VAGENT_HELLO, NULL, 0);
}

int vagent_guest_new(struct vagent_guest **out, const struct vagent_guest_config *config, struct vsu_error *err)
{
	struct vagent_guest_config c;
	struct vagent_guest *g;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct vagent_guest_config", err);

	if (rc < 0)
		return rc;
	g = calloc(1, sizeof(*g));
	if (!g)
		return vsu_error_set(err, -ENOMEM, "no memory for a guest");
	memset(g->ours, -1, sizeof(g->ours));
	memset(g->guests, -1, sizeof(g->guests));
	g->epfd = g->timer_fd = g->again_fd = -1;
	g->has_system = c.system;
	rc = vagent_priv_add_guest(&g->records, &c, err);
	if (!rc) {
		rc = begin_greeting(g, &c);
		if (rc < 0)
			vsu_error_sys(err, rc, "cannot make the ports of a guest");
	}
	if (rc < 0)
		vagent_guest_free(g);
	else
		*out = g;
	return rc;
}

static void free_listing(struct vagent_priv_listing *l)
{
	free(l->pids);
	free(l);
}

static void free_lists(struct vagent_guest *g)
{
	struct vagent_priv_container *c;
	struct vagent_priv_listing *l;

	while ((c = g->containers)) {
		g->containers = c->next;
		free(c);
	}
	while ((l = g->listings)) {
		g->listings = l->next;
		free_listing(l);
	}
	vagent_priv_free_measurings(g);
}

void vagent_guest_free(struct vagent_guest *g)
{
	int i;

	if (!g)
		return;
	vagent_guest_close_ports(g);
	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&g->ours[i]);
	vsu_fd_close(&g->epfd);
	vsu_fd_close(&g->timer_fd);
	vsu_fd_close(&g->again_fd);
	vagent_priv_channel_free(&g->control);
	vagent_request_free(&g->records);
	free_lists(g);
	free(g);
}

int vagent_guest_fd(const struct vagent_guest *g)
{
	return g->epfd;
}

bool vagent_guest_is_ready(const struct vagent_guest *g)
{
	return g->state == VAGENT_GUEST_SERVES;
}

int vagent_guest_failure(const struct vagent_guest *g, struct vsu_error *why)
{
	if (g->state != VAGENT_GUEST_FAILED)
		return 0;
	if (why)
		*why = g->why;
	return g->why.code;
}

/* ------------------------------------------------------------------- requests */

static struct vagent_priv_container **find_container(struct vagent_guest *g, uint32_t number)
{
	struct vagent_priv_container **c = &g->containers;

	while (*c && (*c)->number != number)
		c = &(*c)->next;
	return c;
}

static int send_container(struct vagent_guest *g, const struct vagent_container *container, struct vsu_error *err)
{
	const uint32_t number = g->ncontainers + 1;
	struct vagent_request r = { NULL, 0, 0 };
	int rc = vagent_priv_add_container(&r, container, err);

	if (!rc)
		rc = vagent_priv_request(g, VAGENT_CONTAINER, &number, sizeof(number), &r, err);
	vagent_request_free(&r);
	return rc;
}

int vagent_guest_add_container(struct vagent_guest *g, const struct vagent_container *container,
			       unsigned int *number, struct vsu_error *err)
{
	struct vagent_priv_container *added;
	struct vagent_container c;
	int rc = vsu_copy_sized(&c, sizeof(c), container, "struct vagent_container", err);

	if (!rc)
		rc = vagent_priv_check_ready(g, err);
	if (rc < 0)
		return rc;
	added = malloc(sizeof(*added));
	if (!added)
		return vsu_error_set(err, -ENOMEM, "no memory for a container");
	rc = send_container(g, &c, err);
	if (rc < 0) {
		free(added);
		return rc;
	}
	*added = (struct vagent_priv_container){ g->containers, ++g->ncontainers };
	g->containers = added;
	*number = added->number;
	return 0;
}

int vagent_guest_remove_container(struct vagent_guest *g, unsigned int number, struct vsu_error *err)
{
	const uint32_t removed = number;
	struct vagent_priv_container **c, *former;
	int rc = number == VAGENT_ITSELF ? vsu_error_set(err, -ENOENT, "the guest itself is no container") :
					   vagent_priv_check_container(g, number, err);

	if (!rc)
		rc = vagent_priv_request(g, VAGENT_REMOVE, &removed, sizeof(removed), NULL, err);
	if (rc < 0)
		return rc;
	c = find_container(g, number);
	former = *c;
	*c = former->next;
	free(former);
	return 0;
}

int vagent_guest_list(struct vagent_guest *g, unsigned int container, vagent_list_fn *f, void *opaque,
		      struct vsu_error *err)
{
	struct vagent_priv_listing *added, **last = &g->listings;
	const uint32_t number = container;
	int rc = container == VAGENT_ITSELF ? vsu_error_set(err, -ENOENT, "the guest itself is no container") :
					      vagent_priv_check_container(g, container, err);

	if (rc < 0)
		return rc;
	added = calloc(1, sizeof(*added));
	if (!added)
		return vsu_error_set(err, -ENOMEM, "no memory for a list of processes");
	rc = vagent_priv_request(g, VAGENT_LIST, &number, sizeof(number), NULL, err);
	if (rc < 0) {
		free(added);
		return rc;
	}
	added->container = number;
	added->f = f;
	added->opaque = opaque;
	while (*last)
		last = &(*last)->next;
	*last = added;
	return 0;
}

/* ------------------------------------------------------------------- messages */

void vagent_priv_request_service(struct vagent_guest *g)
{
	int rc = vagent_priv_send_moment(&g->control);

	if (!rc)
		rc = vagent_priv_channel_send_records(&g->control, VAGENT_GUEST, NULL, 0, &g->records);
	if (rc < 0) {
		vagent_priv_fail_guest(g, rc, "cannot send a request to the guest");
		return;
	}
	vagent_request_free(&g->records);
	g->state = VAGENT_GUEST_AWAITS_SERVICE;
}

static void serve_ready(struct vagent_guest *g, const void *payload)
{
	uint32_t version;

	memcpy(&version, payload, sizeof(version));
	if (g->state != VAGENT_GUEST_AWAITS_AGENT) {
		vagent_priv_distrust(g, "READY in the wrong order");
	} else if (version != VAGENT_VERSION) {
		vsu_error_set(&g->why, -EPROTO, "the guest's agent has version %u of the protocol, but this program has %u; make the template again, or use the cvmm-init that was installed with this program",
			      version, VAGENT_VERSION);
		vagent_priv_end_guest(g);
	} else if (g->is_held) {
		g->state = VAGENT_GUEST_HELD;
	} else {
		vagent_priv_request_service(g);
	}
}

static void serve_serves(struct vagent_guest *g)
{
	if (g->state == VAGENT_GUEST_AWAITS_SERVICE)
		g->state = VAGENT_GUEST_SERVES;
	else
		vagent_priv_distrust(g, "SERVES in the wrong order");
}

static void serve_failure(struct vagent_guest *g, const char *text, size_t len)
{
	vsu_error_set(&g->why, -ECANCELED, "in the guest: %.*s", (int)len, text);
	vagent_priv_end_guest(g);
}

static int append_pids(struct vagent_priv_listing *l, const void *pids, unsigned int n)
{
	uint32_t *all = realloc(l->pids, (l->n + n) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	memcpy(all + l->n, pids, n * sizeof(*all));
	l->pids = all;
	l->n += n;
	return 0;
}

/* The list leaves the queue before its owner is called, which may request another one. */
static void serve_listed(struct vagent_guest *g, const void *payload, size_t len)
{
	struct vagent_priv_listing *l = g->listings;
	struct vagent_listed m;
	const unsigned int n = (unsigned int)((len - sizeof(m)) / sizeof(uint32_t));

	memcpy(&m, payload, sizeof(m));
	if (!l || l->container != m.container || m.more > 1 || (len - sizeof(m)) % sizeof(uint32_t) || l->n + n > MAX_LISTED) {
		vagent_priv_distrust(g, "an invalid list of processes");
		return;
	}
	if (n && append_pids(l, (const char *)payload + sizeof(m), n) < 0) {
		vagent_priv_fail_guest(g, -ENOMEM, "cannot receive a list of processes");
		return;
	}
	if (m.more)
		return;
	g->listings = l->next;
	l->f(l->opaque, l->pids, l->n);
	free_listing(l);
}

/* Lengths of messages. */
static bool is_length(uint32_t type, size_t len)
{
	static const struct {
		uint32_t type;
		size_t least, most;
	} lengths[] = {
		{ VAGENT_READY, sizeof(uint32_t), sizeof(uint32_t) },
		{ VAGENT_FAILURE, 0, VAGENT_MAX_MESSAGE },
		{ VAGENT_SERVES, 0, 0 },
		{ VAGENT_PREPARED, sizeof(struct vagent_prepared), sizeof(struct vagent_prepared) },
		{ VAGENT_RUNNING, sizeof(uint32_t), sizeof(uint32_t) },
		{ VAGENT_PROCESS_ENDED, sizeof(struct vagent_process_ended), VAGENT_MAX_MESSAGE },
		{ VAGENT_LISTED, sizeof(struct vagent_listed), VAGENT_MAX_MESSAGE },
		{ VAGENT_CREDITED, sizeof(struct vagent_credit), sizeof(struct vagent_credit) },
		{ VAGENT_MEASURED, sizeof(struct vagent_measured), sizeof(struct vagent_measured) },
	};
	unsigned int i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (lengths[i].type == type)
			return len >= lengths[i].least && len <= lengths[i].most;
	return false;
}

static void serve_process_message(struct vagent_guest *g, uint32_t type, const char *payload, size_t len)
{
	union {
		struct vagent_prepared prepared;
		uint32_t running;
		struct vagent_process_ended ended;
		struct vagent_credit credited;
	} m;

	memcpy(&m, payload, len < sizeof(m) ? len : sizeof(m));
	if (g->state != VAGENT_GUEST_SERVES)
		vagent_priv_distrust(g, "a message about a process in the wrong order");
	else if (type == VAGENT_PREPARED)
		vagent_priv_serve_prepared(g, &m.prepared);
	else if (type == VAGENT_RUNNING)
		vagent_priv_serve_running(g, m.running);
	else if (type == VAGENT_CREDITED)
		vagent_priv_serve_credited(g, &m.credited);
	else
		vagent_priv_serve_process_ended(g, &m.ended, payload + sizeof(m.ended), len - sizeof(m.ended));
}

static void serve_message(struct vagent_guest *g)
{
	const struct vagent_header h = g->control.in.header;
	const char *payload = g->control.in.bytes + sizeof(h);
	struct vagent_measured measured;

	if (!is_length(h.type, h.len))
		vagent_priv_distrust(g, "an unknown message, or one of a wrong length");
	else if (h.type == VAGENT_READY)
		serve_ready(g, payload);
	else if (h.type == VAGENT_SERVES)
		serve_serves(g);
	else if (h.type == VAGENT_FAILURE)
		serve_failure(g, payload, h.len);
	else if (h.type == VAGENT_LISTED)
		serve_listed(g, payload, h.len);
	else if (h.type == VAGENT_MEASURED)
		vagent_priv_serve_measured(g, memcpy(&measured, payload, sizeof(measured)));
	else
		serve_process_message(g, h.type, payload, h.len);
}

/* 1: call again; -ECONNRESET: the guest has closed the port. */
static int serve_control(struct vagent_guest *g)
{
	int i, rc = 1;

	vagent_priv_channel_flush(&g->control);
	vagent_priv_pass_notices(g);
	for (i = 0; i < TURN_MESSAGES && rc == 1 && g->state != VAGENT_GUEST_FAILED; i++) {
		rc = vagent_priv_channel_receive(&g->control);
		if (rc == 1)
			serve_message(g);
		else if (rc == -EBADMSG)
			vagent_priv_distrust(g, "a message that is too long");
	}
	return rc;
}

/* ---------------------------------------------------------------------- turns */

/* The descriptors are edge-triggered, so all are tried until nothing is possible. */
static void drain_events(const struct vagent_guest *g)
{
	struct epoll_event events[16];
	uint64_t times;

	(void)!epoll_wait(g->epfd, events, 16, 0);
	(void)!read(g->again_fd, &times, sizeof(times));
}

static void serve_timer(struct vagent_guest *g)
{
	uint64_t times;

	if (read(g->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times) ||
	    g->state == VAGENT_GUEST_SERVES)
		return;
	vsu_error_set(&g->why, -ETIMEDOUT, "the guest's agent did not begin to serve within the time limit");
	vagent_priv_end_guest(g);
}

/* Output that the guest sent before it closed its ports is complete: the guest fails after its last byte. */
static bool serve_ports(struct vagent_guest *g)
{
	const int rc = serve_control(g);
	bool more = rc == 1, waits;

	g->has_left = rc < 0;
	if (g->state == VAGENT_GUEST_SERVES)
		more = vagent_priv_serve_streams(g) || more;
	waits = rc < 0 && g->state == VAGENT_GUEST_SERVES && vagent_priv_has_output(g);
	if (rc < 0 && !waits && g->state != VAGENT_GUEST_FAILED)
		vagent_priv_fail_guest(g, rc, "the guest's port for its agent is closed");
	return more;
}

bool vagent_guest_dispatch(struct vagent_guest *g)
{
	bool more = false;

	drain_events(g);
	if (g->state != VAGENT_GUEST_FAILED)
		more = serve_ports(g);
	if (g->state != VAGENT_GUEST_FAILED)
		serve_timer(g);
	if (more)
		vagent_priv_call_again(g);
	return g->state != VAGENT_GUEST_FAILED;
}
