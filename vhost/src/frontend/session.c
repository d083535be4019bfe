/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The front-end's session: creation, destruction, properties. */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "frontend/priv.h"
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#define DEFAULT_TIMEOUT_NS	UINT64_C(10000000000)
/* Limit of time-outs, so that adding one to the clock cannot overflow. */
#define MAX_TIMEOUT_NS		(UINT64_MAX / 2)
/* Negotiated, although no handled message requires it. */
#define ALWAYS_NEGOTIATED	VHOST_USER_PROTOCOL_BIT(REPLY_ACK)
/*
 * Only for owners that name them. An in-flight area costs a round trip, and
 * some stores per request. SKIP_DRAIN may leave requests in the area after a
 * stop. GPA_ADDRESSES has no advantage.
 */
#define NEGOTIATED_BY_NAME \
	(VHOST_USER_PROTOCOL_BIT(INFLIGHT_SHMFD) | \
	 VHOST_USER_PROTOCOL_BIT(GET_VRING_BASE_INFLIGHT) | \
	 VHOST_USER_PROTOCOL_BIT(GET_VRING_BASE_SKIP_DRAIN) | \
	 VHOST_USER_PROTOCOL_BIT(GPA_ADDRESSES))
#define DEFAULT_RECONNECT_NS	UINT64_C(100000000)
#define MAX_RECONNECT_NS	UINT64_C(3600000000000)
#define DEFAULT_MAX_SHMEM	(UINT64_C(1) << 40)
#define DEFAULT_MAX_MAPS	256u

/* ---------------------------------------------------------------------- life */

static int epoll_watch(struct vhost_user_frontend *f, int fd, uint32_t what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = what };

	return epoll_ctl(f->wait.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ?
	       -errno : 0;
}

/* The descriptors for waiting. */
static int open_fds(struct vhost_user_frontend *f, struct vsu_error *err)
{
	f->wait.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->wait.epoll_fd < 0)
		return vsu_error_sys(err, -errno, "cannot make an epoll");
	f->wait.timer_fd = vsu_timer_new();
	if (f->wait.timer_fd < 0)
		return vsu_error_sys(err, f->wait.timer_fd, "cannot make a timer");
	return 0;
}

static int set_up(struct vhost_user_frontend *f, int sock,
		  const struct vhost_user_frontend_config *config,
		  struct vsu_error *err)
{
	int rc = open_fds(f, err);

	if (rc < 0)
		return rc;
	f->peer = strdup(config->peer ? config->peer : "back-end");
	if (!f->peer)
		return vsu_error_sys(err, -ENOMEM, "front-end");
	rc = epoll_watch(f, f->wait.timer_fd, FE_WATCH_TIMER);
	if (rc < 0)
		return vsu_error_sys(err, rc, "'%s': cannot wait for a timer",
				     f->peer);
	return vhost_user_priv_fe_attach(f, sock, err);
}

int vhost_user_priv_fe_attach(struct vhost_user_frontend *f, int sock,
			      struct vsu_error *err)
{
	int rc = epoll_watch(f, sock, FE_WATCH_MAIN);

	if (rc < 0)
		return vsu_error_sys(err, rc,
				     "'%s': cannot wait for the socket",
				     f->peer);
	f->wait.main_events = EPOLLIN;
	rc = vhost_user_priv_channel_init_take_fd(&f->main, sock,
						  VHOST_USER_SIDE_FRONTEND,
						  true, FE_OUT_MAX, err);
	if (rc < 0)
		return rc;
	vhost_user_priv_channel_set_closer(&f->main, f->shm.table.closer);
	f->connected = true;
	return 0;
}

static void tear_down(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_free_rings(f);
	vhost_user_priv_fe_free_memory(f);
	vhost_user_priv_mappings_fini(&f->shm.table);
	vhost_user_priv_fe_drop_inflight(f);
	vhost_user_priv_fe_drop_log(f);
	vsu_fd_close(&f->wait.event_fd);
	vsu_fd_close(&f->wait.timer_fd);
	vsu_fd_close(&f->wait.epoll_fd);
	free(f->peer);
	free(f);
}

/* The features that the owner's operations permit and those that it names. */
static uint64_t supported_features(const struct vhost_user_frontend *f,
			       uint64_t named)
{
	if (f->ops.connect)	/* reconnection requires the in-flight area */
		named |= VHOST_USER_PROTOCOL_BIT(INFLIGHT_SHMFD);
	return ((vhost_user_priv_fe_handled_features(f) | ALWAYS_NEGOTIATED) &
		~NEGOTIATED_BY_NAME) | (named & NEGOTIATED_BY_NAME);
}

static void session_configure(struct vhost_user_frontend *f,
			      const struct vhost_user_frontend_config *config)
{
	uint64_t named = config->protocol_features |
			 config->required_protocol_features;

	f->reconnect.pause_ns = config->reconnect_ns ? config->reconnect_ns :
						 DEFAULT_RECONNECT_NS;
	if (f->reconnect.pause_ns > MAX_RECONNECT_NS)
		f->reconnect.pause_ns = MAX_RECONNECT_NS;

	f->timeout_ns = config->timeout_ns ? config->timeout_ns :
					     DEFAULT_TIMEOUT_NS;
	if (f->timeout_ns > MAX_TIMEOUT_NS)
		f->timeout_ns = MAX_TIMEOUT_NS;
	f->terms.wanted = supported_features(f, named);
	if (config->protocol_features)
		f->terms.wanted &= named;
	f->terms.required = config->required_protocol_features;
	f->queue_num = 1;
	f->shm.bit = config->shmem_bit;
	f->max_slots = VHOST_USER_MAX_REGIONS;
	f->shm.max_bytes = config->max_shmem ? config->max_shmem :
					   DEFAULT_MAX_SHMEM;
	f->shm.table.max_maps = config->max_shmem_maps ?
				config->max_shmem_maps : DEFAULT_MAX_MAPS;
	f->shm.table.max_mapped = config->max_shmem_mapped ?
				  config->max_shmem_mapped : UINT64_MAX;
	f->shm.table.sigbus = config->sigbus;
	f->shm.table.closer = config->closer;
	f->mem.read_only_regions = config->read_only_regions;
	f->shm.table.served_files = config->served_files;
}

/* Reports requirements that this side itself cannot meet. */
static int check_required(const struct vhost_user_frontend_config *config,
			  struct vsu_error *err)
{
	const uint64_t ever = vhost_user_priv_fe_handled_features(NULL) |
			      ALWAYS_NEGOTIATED | NEGOTIATED_BY_NAME;
	uint64_t cannot = config->required_protocol_features & ~ever;
	unsigned int bit = 0;
	const char *name;

	if (!cannot)
		return 0;
	while (!(cannot >> bit & 1))
		bit++;
	name = vhost_user_protocol_feature_name(bit);
	return vsu_error_set(err, -EOPNOTSUPP,
			     "'%s': the protocol feature %s (bit %u) is required, but not supported by this front-end",
			     config->peer ? config->peer : "back-end",
			     name ? name : "without a name", bit);
}

/* Stores what a replacement back-end must offer. */
static void remember_offer(struct vhost_user_frontend *f)
{
	f->reconnect.features = f->features;
	f->reconnect.protocol = f->protocol;
	f->reconnect.queue_num = f->queue_num;
}

static void first_ready(struct vhost_user_frontend *f)
{
	remember_offer(f);
	if (f->ops.ready)
		f->ops.ready(f->opaque);
}

int vhost_user_frontend_new_take_fd(int sock,
		const struct vhost_user_frontend_config *config,
		const struct vhost_user_frontend_ops *ops, void *opaque,
		struct vhost_user_frontend **out, struct vsu_error *err)
{
	struct vhost_user_frontend *f = malloc(sizeof(*f));
	struct vhost_user_frontend_config c;
	int rc;

	if (!f)
		return vsu_error_sys(err, -ENOMEM, "front-end");
	memset(f, 0, offsetof(struct vhost_user_frontend, main));
	f->wait.epoll_fd = -1;
	f->wait.timer_fd = -1;
	f->wait.event_fd = -1;
	f->inflight.fd = -1;
	f->log.fd = -1;
	f->opaque = opaque;
	vhost_user_priv_fe_index_handlers(f);
	rc = vsu_copy_sized(&f->ops, sizeof(f->ops), ops,
			    "struct vhost_user_frontend_ops", err);
	if (!rc && f->ops.device)
		rc = vsu_copy_sized(&f->device, sizeof(f->device),
				    f->ops.device,
				    "struct vhost_user_frontend_device_ops",
				    err);
	if (!rc)
		rc = vsu_copy_sized(&c, sizeof(c), config,
				    "struct vhost_user_frontend_config", err);
	if (!rc)
		rc = check_required(&c, err);
	if (!rc)
		rc = vhost_user_priv_check_shmem_bit(&c.shmem_bit, err);
	if (!rc) {
		session_configure(f, &c);
		rc = set_up(f, sock, &c, err);
	}
	if (rc < 0) {
		tear_down(f);
		return rc;
	}
	vhost_user_priv_fe_handshake(f, first_ready);
	vhost_user_priv_fe_push(f);
	*out = f;
	return 0;
}

/* Disconnects; both sides release everything received from the other. */
void vhost_user_priv_fe_disconnect(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_backend_channel_close(f);
	vhost_user_priv_fe_shmem_clear(f);
	if (!f->connected)
		return;
	/* the closer may delay close(), so remove it from epoll now */
	epoll_ctl(f->wait.epoll_fd, EPOLL_CTL_DEL, f->main.fd, NULL);
	vhost_user_priv_channel_fini(&f->main);
	f->connected = false;
	f->wait.main_events = 0;
}

void vhost_user_frontend_free(struct vhost_user_frontend *f)
{
	if (!f)
		return;
	vhost_user_priv_fe_disconnect(f);
	tear_down(f);
}

/* ------------------------------------------------------------------ queries */

int vhost_user_frontend_fd(const struct vhost_user_frontend *f)
{
	return f->wait.epoll_fd;
}

enum vhost_user_frontend_state
vhost_user_frontend_state(const struct vhost_user_frontend *f)
{
	return f->reconnect.away ? VHOST_USER_FRONTEND_AWAY : f->state;
}

uint64_t vhost_user_frontend_features(const struct vhost_user_frontend *f)
{
	return f->features;
}

uint64_t vhost_user_frontend_offered_protocol_features(
		const struct vhost_user_frontend *f)
{
	return f->terms.offered;
}

uint64_t vhost_user_frontend_protocol_features(
		const struct vhost_user_frontend *f)
{
	return f->protocol;
}

uint32_t vhost_user_frontend_queue_num(const struct vhost_user_frontend *f)
{
	return f->queue_num;
}

uint32_t vhost_user_frontend_max_mem_slots(const struct vhost_user_frontend *f)
{
	return f->max_slots;
}
