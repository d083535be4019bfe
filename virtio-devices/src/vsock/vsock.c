/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The socket device: operations, configuration space, queues. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "vsock/priv.h"

#define DEFAULT_CONNECTIONS 1024u
#define DEFAULT_BUFFER 65536u
#define DEFAULT_TIMEOUT_MS 10000u
#define DEFAULT_QUEUE_MAX 256u

#define NS_PER_MS UINT64_C(1000000)

/* Backlog of the listening sockets. */
#define BACKLOG 128

/* Suffix of a path: "_" and up to ten digits. */
#define PORT_SUFFIX 11u

enum { TO_GUEST, FROM_GUEST, EVENTS };

/* -------------------------------------------------------------------- events */

/* The driver refills the empty queue, which acknowledges the event. */
static uint32_t event_fill(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct vsock_bridge *b = opaque;
	const uint32_t written = virtdev_priv_vsock_put_reset(q, chain);

	if (written)
		b->reset = VSOCK_RESET_TOLD;
	return written;
}

static int events_serve(struct vsock_bridge *b)
{
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = event_fill, .opaque = b,
	};
	struct vq *q = b->queues[EVENTS];

	if (b->reset == VSOCK_RESET_WANTED)
		return virtdev_queue_turn(b->dev, EVENTS, q, &turn);
	if (b->reset == VSOCK_RESET_TOLD && vq_has_available(q)) {
		b->reset = VSOCK_RESET_NONE;
		vsu_event_signal_own(b->wake);
	}
	return 0;
}

static int to_guest_serve(struct vsock_bridge *b)
{
	virtdev_priv_vsock_host_events(b);
	return virtdev_priv_vsock_to_guest(b);
}

/* -------------------------------------------------------------------- queues */

static int vsock_serve(void *self, uint32_t queue)
{
	static int (*const serve[])(struct vsock_bridge *b) = {
		[TO_GUEST] = to_guest_serve,
		[FROM_GUEST] = virtdev_priv_vsock_from_guest,
		[EVENTS] = events_serve,
	};
	struct vsock_bridge *b = self;
	int more = 0;

	pthread_mutex_lock(&b->lock);
	if (b->queues[queue])
		more = serve[queue](b);
	pthread_mutex_unlock(&b->lock);
	return more;
}

static void queue_set(struct vsock_bridge *b, uint32_t queue, struct vq *q)
{
	pthread_mutex_lock(&b->lock);
	b->queues[queue] = q;
	/* an edge of the listener may have been lost between two drivers: recheck */
	vsock_clients_come(b);
	pthread_mutex_unlock(&b->lock);
}

static int vsock_start(void *self, uint32_t queue, struct vq *q,
		       struct vsu_error *err)
{
	(void)err;
	queue_set(self, queue, q);
	return 0;
}

static void vsock_stop(void *self, uint32_t queue)
{
	queue_set(self, queue, NULL);
}

static int vsock_host_fd(void *self, uint32_t queue)
{
	const struct vsock_bridge *b = self;

	if (queue == EVENTS)
		return -1;
	return queue == TO_GUEST ? b->epfd : b->room;
}

static void vsock_config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	const struct vsu_le64 cid = vsu_le64_make(
				((const struct vsock_bridge *)self)->cid);

	memcpy(buf, (const char *)&cid + off, len);
}

/* ---------------------------------------------------------------------- life */

static void vsock_reset(void *self)
{
	struct vsock_bridge *b = self;

	virtdev_priv_vsock_forget(b);
	b->messages = false;
	b->reset = VSOCK_RESET_NONE;
}

static void close_listener(struct vsock_listener *l)
{
	if (l->fd >= 0 && l->made.path[0])
		vsu_sock_unlink(&l->made);
	vsu_fd_close(&l->fd);
}

static void vsock_free(void *self)
{
	struct vsock_bridge *b = self;
	unsigned int i;

	if (b->conns)
		virtdev_priv_vsock_forget(b);
	virtdev_priv_vsock_table_fini(b);
	free(b->spill);
	for (i = 0; i < VSOCK_LISTENERS; i++)
		close_listener(&b->listeners[i]);
	vsu_fd_close(&b->wake);
	vsu_fd_close(&b->timer);
	vsu_fd_close(&b->room);
	vsu_fd_close(&b->epfd);
	pthread_mutex_destroy(&b->lock);
	free(b->path);
	free(b);
}

static int watch_own(const struct vsock_bridge *b, int fd, uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.u64 = tag };

	return epoll_ctl(b->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_own(struct vsock_bridge *b)
{
	int rc;

	b->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (b->epfd < 0)
		return -errno;
	b->wake = vsu_event_new();
	b->timer = b->wake < 0 ? b->wake : vsu_timer_new();
	b->room = b->timer < 0 ? b->timer : vsu_event_new();
	if (b->room < 0)
		return b->room;
	rc = watch_own(b, b->wake, VSOCK_TAG_WAKE);
	return rc < 0 ? rc : watch_own(b, b->timer, VSOCK_TAG_TIMER);
}

static int open_listener(struct vsock_bridge *b, struct vsock_listener *l,
			 const char *path, struct vsu_error *err)
{
	int rc;

	l->fd = vsu_sock_listen_type(path, l->type == VSOCK_STREAM ?
				     SOCK_STREAM : SOCK_SEQPACKET, BACKLOG,
				     err);
	if (l->fd < 0)
		return l->fd;
	if (vsu_sock_path_of(l->fd, &l->made) < 0)
		l->made.path[0] = 0;
	rc = watch_own(b, l->fd, VSOCK_TAG_LISTENER);
	return rc < 0 ? vsu_error_sys(err, rc, "vsock: cannot wait for connections to '%s'", path) : 0;
}

static int open_listeners(struct vsock_bridge *b, const char *messages,
			  struct vsu_error *err)
{
	int rc = open_listener(b, &b->listeners[0], b->path, err);

	if (rc < 0 || !messages)
		return rc;
	rc = open_listener(b, &b->listeners[1], messages, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "vsock: seqpacket-path") : 0;
}

static struct vsock_bridge *bridge_new(const struct virtdev_vsock_config *c)
{
	struct vsock_bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->epfd = b->wake = b->timer = b->room = -1;
	b->listeners[0] = (struct vsock_listener){ .fd = -1,
						   .type = VSOCK_STREAM };
	b->listeners[1] = (struct vsock_listener){ .fd = -1,
						   .type = VSOCK_SEQPACKET };
	b->cid = c->cid;
	b->max_conns = c->connections ? c->connections : DEFAULT_CONNECTIONS;
	b->buffer = c->buffer ? c->buffer : DEFAULT_BUFFER;
	b->timeout_ns = NS_PER_MS * (c->timeout_ms ? c->timeout_ms
						   : DEFAULT_TIMEOUT_MS);
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

static int make_device(struct vsock_bridge *b, uint32_t queue_size_max,
		       struct vsu_error *err)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "vsock",
		.config_read = vsock_config_read, .queue_start = vsock_start,
		.queue_serve = vsock_serve, .queue_stop = vsock_stop,
		.queue_host_fd = vsock_host_fd, .reset = vsock_reset,
		.free = vsock_free, .state_version = 2,
		.set_features = virtdev_priv_vsock_set_features,
		.state_save = virtdev_priv_vsock_save,
		.state_load = virtdev_priv_vsock_load,
		.stats = virtdev_priv_vsock_stats,
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_SOCKET, .nqueues = VIRTDEV_VSOCK_QUEUES,
		.queue_size_max = queue_size_max ? queue_size_max :
				  DEFAULT_QUEUE_MAX,
		.config_size = sizeof(struct vsu_le64),
		.features = VSOCK_F_STREAM | VSOCK_F_SEQPACKET |
			    VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED,
	};
	int rc;

	rc = virtdev_new(&ops, &info, b, &b->dev, err);
	if (!rc)
		virtdev_set_keeps(b->dev);
	return rc;
}

static int make_bridge(const struct virtdev_vsock_config *config,
		       struct virtdev **out, struct vsu_error *err)
{
	struct vsock_bridge *b = bridge_new(config);
	int rc;

	if (!b)
		return vsu_error_sys(err, -ENOMEM, "vsock");
	b->path = strdup(config->path);
	rc = b->path ? virtdev_priv_vsock_table_init(b) : -ENOMEM;
	if (rc >= 0)
		rc = open_own(b);
	if (rc < 0)
		vsu_error_sys(err, rc, "vsock");
	else
		rc = open_listeners(b, config->seqpacket_path, err);
	if (rc >= 0)
		rc = make_device(b, config->queue_size_max, err);
	if (rc < 0) {
		vsock_free(b);
		return rc;
	}
	*out = b->dev;
	return 0;
}

/* -------------------------------------------------------------------- checks */

static int check_path(const struct virtdev_vsock_config *c,
		      struct vsu_error *err)
{
	const size_t room = sizeof(((struct vsu_sock_path *)0)->path) - 1 -
			    PORT_SUFFIX;

	if (!c->path || !*c->path)
		return vsu_error_set(err, -EINVAL,
				     "vsock: no path; name the UNIX socket that represents the guest");
	if (strlen(c->path) > room)
		return vsu_error_set(err, -ENAMETOOLONG,
				     "vsock: path '%s' has %zu bytes; with a port appended at most %zu are possible",
				     c->path, strlen(c->path), room);
	if (c->seqpacket_path && !*c->seqpacket_path)
		return vsu_error_set(err, -EINVAL,
				     "vsock: an empty path for messages; leave it out, or name a UNIX socket");
	return 0;
}

static int check_limits(const struct virtdev_vsock_config *c,
			struct vsu_error *err)
{
	if (c->connections > VIRTDEV_VSOCK_CONNECTIONS_MAX)
		return vsu_error_set(err, -EINVAL,
				     "vsock: %" PRIu32 " connections; at most %u are possible",
				     c->connections,
				     VIRTDEV_VSOCK_CONNECTIONS_MAX);
	if (c->buffer && (c->buffer < VIRTDEV_VSOCK_BUFFER_MIN ||
			  c->buffer > VIRTDEV_VSOCK_BUFFER_MAX))
		return vsu_error_set(err, -EINVAL,
				     "vsock: a buffer of %" PRIu32 " bytes; %u to %u are possible",
				     c->buffer, VIRTDEV_VSOCK_BUFFER_MIN,
				     VIRTDEV_VSOCK_BUFFER_MAX);
	if (c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "vsock: a queue of %" PRIu32 " entries; at most %u are possible",
				     c->queue_size_max, VQ_MAX_SIZE);
	return 0;
}

int virtdev_vsock_new(const struct virtdev_vsock_config *config,
		      struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_vsock_config c = { 0 };
	int rc = vsu_copy_sized(&c, sizeof(c), config,
				"struct virtdev_vsock_config", err);

	if (rc < 0)
		return rc;
	if (c.cid < VIRTDEV_VSOCK_CID_MIN || c.cid > VIRTDEV_VSOCK_CID_MAX)
		return vsu_error_set(err, -EINVAL,
				     "vsock: CID %" PRIu64 " is reserved; a guest's is %" PRIu64 " to %" PRIu64,
				     c.cid, VIRTDEV_VSOCK_CID_MIN,
				     VIRTDEV_VSOCK_CID_MAX);
	rc = check_path(&c, err);
	if (rc >= 0)
		rc = check_limits(&c, err);
	return rc < 0 ? rc : make_bridge(&c, out, err);
}
