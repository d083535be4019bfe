/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One connection and its requests: I/O, loss and reconnection. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "nbd/nbd.h"

/* Identifies the ready descriptor of a channel. */
enum { ON_CONNECTION, ON_TIMER };

/* Interval of checks while replies are outstanding. */
#define LOOK_NS UINT64_C(1000000000)

/* ----------------------------------------------------------- the descriptor */

static int wait_for(struct devkind_priv_nbd_channel *c, int op, int fd, uint32_t events,
		    uint32_t what)
{
	struct epoll_event event = { .events = events, .data.u32 = what };

	return epoll_ctl(c->epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

/* Waits for the events that libnbd requires now. */
static void connection_watch(struct devkind_priv_nbd_channel *c)
{
	unsigned int wanted;
	uint32_t events;
	int fd;

	if (!c->nbd)
		return;
	fd = nbd_aio_get_fd(c->nbd);
	wanted = nbd_aio_get_direction(c->nbd);
	events = (wanted & LIBNBD_AIO_DIRECTION_READ ? EPOLLIN : 0u) |
		 (wanted & LIBNBD_AIO_DIRECTION_WRITE ? EPOLLOUT : 0u);
	if (fd < 0 || events == c->events)
		return;
	if (wait_for(c, EPOLL_CTL_MOD, fd, events, ON_CONNECTION) < 0 &&
	    wait_for(c, EPOLL_CTL_ADD, fd, events, ON_CONNECTION) < 0)
		return;		/* the timer detects the missing reply */
	c->events = events;
}

/* If arming fails, the next kick retries. */
static void tick_in(struct devkind_priv_nbd_channel *c, uint64_t ns)
{
	c->ticking = vsu_timer_arm(c->timer_fd, ns) == 0;
}

/* ----------------------------------------------------- lost and found again */

static void note_lost_writes(struct devkind_priv_nbd_disk *d)
{
	if (devkind_priv_nbd_disk_has_unflushed(d))
		__atomic_store_n(&d->lost, true, __ATOMIC_RELEASE);
}

/* Fails all outstanding parts. */
static void connection_lose(struct devkind_priv_nbd_channel *c)
{
	uint32_t i;

	nbd_close(c->nbd);
	c->nbd = NULL;
	c->events = 0;
	for (i = 0; c->asked && i < c->nparts; i++)
		if (c->parts[i].request)
			devkind_priv_nbd_part_lose(&c->parts[i]);
	if (c->ready) {
		note_lost_writes(c->disk);
		c->since_ns = vsu_now_ns();
	}
	c->ready = false;
	tick_in(c, DEVKIND_PRIV_NBD_RETRY_NS);
}

static void look_again(struct devkind_priv_nbd_channel *c)
{
	if (devkind_priv_nbd_channel_is_lost(c)) {
		connection_lose(c);
		return;
	}
	if (!c->ready && !nbd_aio_is_connecting(c->nbd)) {
		c->ready = true;
		c->heard = c->answers;
		c->since_ns = vsu_now_ns();	/* the server's absence is no overdue reply */
	}
	connection_watch(c);
}

static void try_to_connect(struct devkind_priv_nbd_channel *c)
{
	c->nbd = devkind_priv_nbd_disk_connect(c->disk);
	c->began_ns = vsu_now_ns();
	if (c->nbd)
		look_again(c);
}

/* Treats a server as lost if replies are overdue. */
static void check_answers(struct devkind_priv_nbd_channel *c)
{
	const uint64_t now = vsu_now_ns();

	if (!c->asked || c->heard != c->answers) {
		c->heard = c->answers;
		c->since_ns = now;
	} else if (!c->disk->waits && now - c->since_ns >= c->disk->answer_ns) {
		connection_lose(c);
	}
}

/* Idle time does not count as silence of the server. */
static void begin_looks(struct devkind_priv_nbd_channel *c)
{
	if (c->ready) {
		c->heard = c->answers;
		c->since_ns = vsu_now_ns();
	}
	tick_in(c, LOOK_NS);
}

static bool held_too_long(const struct devkind_priv_nbd_channel *c)
{
	return !c->ready && !c->disk->waits && vsu_now_ns() - c->since_ns >= c->disk->hold_ns;
}

static void give_up_queued(struct devkind_priv_nbd_channel *c)
{
	struct virtdev_disk_request *r;

	while ((r = devkind_priv_nbd_list_take(&c->queued))) {
		r->result = -EIO;
		devkind_priv_nbd_list_add(&c->finished, r);
	}
}

static void channel_tick(struct devkind_priv_nbd_channel *c)
{
	vsu_timer_drain(c->timer_fd, NULL);
	c->ticking = false;
	if (!c->nbd)
		try_to_connect(c);
	else if (c->ready)
		check_answers(c);
	else if (vsu_now_ns() - c->began_ns >= DEVKIND_PRIV_NBD_CONNECT_NS)
		connection_lose(c);
	if (held_too_long(c))
		give_up_queued(c);
	if (!c->ready)
		tick_in(c, DEVKIND_PRIV_NBD_RETRY_NS);
	else if (c->asked)
		tick_in(c, LOOK_NS);
}

/* ----------------------------------------------------------------- requests */

/* Handles received data, and sends if the socket is writable. */
static void serve_connection(struct devkind_priv_nbd_channel *c, uint32_t events)
{
	unsigned int wanted = nbd_aio_get_direction(c->nbd);

	if (wanted & LIBNBD_AIO_DIRECTION_READ &&
	    events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		nbd_aio_notify_read(c->nbd);
	else if (wanted & LIBNBD_AIO_DIRECTION_WRITE &&
		 events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		nbd_aio_notify_write(c->nbd);
	look_again(c);
}

static void serve_ready(struct devkind_priv_nbd_channel *c)
{
	struct epoll_event ready[2];
	int i, n = epoll_wait(c->epoll_fd, ready, 2, 0);

	for (i = 0; i < n; i++) {
		if (ready[i].data.u32 == ON_TIMER)
			channel_tick(c);
		else if (c->nbd)
			serve_connection(c, ready[i].events);
	}
}

struct virtdev_disk_request *devkind_priv_nbd_channel_reap(void *self, void *channel)
{
	struct devkind_priv_nbd_channel *c = channel;
	struct virtdev_disk_request *r = devkind_priv_nbd_list_take(&c->finished);

	(void)self;
	if (r)
		return r;
	serve_ready(c);
	return devkind_priv_nbd_list_take(&c->finished);
}

/* A request that needs no server has completed already. */
static bool finish_here(struct devkind_priv_nbd_disk *d, struct virtdev_disk_request *r)
{
	r->result = 0;
	if (r->op == VIRTDEV_DISK_FLUSH) {
		if (devkind_priv_nbd_disk_lost(d))
			r->result = -EIO;
		return r->result || !d->can_flush;
	}
	if (r->op != VIRTDEV_DISK_READ && d->info.read_only)
		r->result = -EROFS;
	return r->result || !r->len;
}

int devkind_priv_nbd_channel_submit(void *self, void *channel,
		       struct virtdev_disk_request *request)
{
	struct devkind_priv_nbd_channel *c = channel;

	*devkind_priv_nbd_request_done(request) = 0;
	c->flushed = false;
	c->newer = true;
	devkind_priv_nbd_list_add(finish_here(self, request) ? &c->finished : &c->queued,
		     request);
	return 0;
}

int devkind_priv_nbd_channel_kick(void *self, void *channel, uint64_t *budget)
{
	struct devkind_priv_nbd_channel *c = channel;
	bool some = false;

	(void)self;
	if (held_too_long(c))
		give_up_queued(c);
	while (c->ready && *budget && c->queued.first) {
		devkind_priv_nbd_part_ask(c, devkind_priv_nbd_list_take(&c->queued), budget);
		some = true;
		if (devkind_priv_nbd_channel_is_lost(c))	/* the request may be queued again */
			break;
	}
	if (some)
		look_again(c);
	if (!c->ticking && (c->asked || !c->ready))
		begin_looks(c);
	if (c->ready && c->queued.first)
		return -EAGAIN;
	return some || c->finished.first;
}

static bool needs_flush(const struct devkind_priv_nbd_disk *d)
{
	return d->can_flush && devkind_priv_nbd_disk_has_unflushed(d) &&
	       !__atomic_load_n(&d->lost, __ATOMIC_ACQUIRE);
}

/* After a flush that failed, the next connection repeats it. */
static bool waits_for_flush(const struct devkind_priv_nbd_channel *c)
{
	return __atomic_load_n(&c->disk->flush_result, __ATOMIC_ACQUIRE) < 0 &&
	       !held_too_long(c);
}

int devkind_priv_nbd_channel_flush(void *self, void *channel)
{
	struct devkind_priv_nbd_channel *c = channel;
	uint64_t budget = 1;

	if (c->flushes || c->flushed || !needs_flush(self))
		return c->flushes;
	if (!c->ready)
		return waits_for_flush(c);
	c->flushes = true;
	c->newer = false;
	c->last_flush = (struct virtdev_disk_request){ .op = VIRTDEV_DISK_FLUSH };
	devkind_priv_nbd_part_ask(c, &c->last_flush, &budget);
	look_again(c);
	if (!c->ticking && c->asked)
		begin_looks(c);
	return c->flushes;
}

/* -------------------------------------------------------------- its lifetime */

static int make_parts(struct devkind_priv_nbd_channel *c, uint32_t n)
{
	c->parts = calloc(n, sizeof(*c->parts));
	if (!c->parts)
		return -ENOMEM;
	for (c->nparts = 0; c->nparts < n; c->nparts++) {
		struct devkind_priv_nbd_part *p = &c->parts[c->nparts];

		p->channel = c;
		p->next = c->free;
		c->free = p;
	}
	return 0;
}

static int make_descriptors(struct devkind_priv_nbd_channel *c)
{
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		return -errno;
	c->timer_fd = vsu_timer_new();
	if (c->timer_fd < 0)
		return c->timer_fd;
	return wait_for(c, EPOLL_CTL_ADD, c->timer_fd, EPOLLIN, ON_TIMER);
}

static void channel_begin(struct devkind_priv_nbd_channel *c)
{
	c->since_ns = c->began_ns = vsu_now_ns();
	c->nbd = __atomic_exchange_n(&c->disk->first, NULL, __ATOMIC_ACQ_REL);
	if (c->nbd)
		look_again(c);
	else
		try_to_connect(c);
	if (!c->ready)
		tick_in(c, DEVKIND_PRIV_NBD_RETRY_NS);
}

int devkind_priv_nbd_channel_open(void *self, uint32_t depth, void **channel,
		     struct vsu_error *err)
{
	struct devkind_priv_nbd_channel *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return vsu_error_sys(err, -ENOMEM, "disk channel");
	c->disk = self;
	c->epoll_fd = c->timer_fd = -1;
	rc = make_parts(c, depth + 1);	/* and last_flush */
	if (rc >= 0)
		rc = make_descriptors(c);
	if (rc < 0) {
		devkind_priv_nbd_channel_close(self, c);
		return vsu_error_sys(err, rc, "disk channel");
	}
	channel_begin(c);
	*channel = c;
	return 0;
}

/* Sends a disconnect if the socket accepts it. */
void devkind_priv_nbd_channel_close(void *self, void *channel)
{
	struct devkind_priv_nbd_channel *c = channel;

	(void)self;
	if (c->nbd && c->ready)
		nbd_aio_disconnect(c->nbd, 0);
	nbd_close(c->nbd);
	vsu_fd_close(&c->timer_fd);
	vsu_fd_close(&c->epoll_fd);
	free(c->parts);
	free(c);
}

int devkind_priv_nbd_channel_fd(void *self, void *channel)
{
	(void)self;
	return ((struct devkind_priv_nbd_channel *)channel)->epoll_fd;
}
