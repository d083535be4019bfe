/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The front-end's session: its life, its turn when something is ready, and its
 * end.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "frontend/frontend_priv.h"
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#define DEFAULT_TIMEOUT_NS	UINT64_C(10000000000)
/* Added to a time it must not wrap. */
#define MAX_TIMEOUT_NS		(UINT64_MAX / 2)
/* Answers per turn. */
#define BUDGET			64u

/* All that this library speaks as a front-end. */
#define SPOKEN (VHOST_USER_PROTOCOL_BIT(MQ) | \
		VHOST_USER_PROTOCOL_BIT(REPLY_ACK) | \
		VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) | \
		VHOST_USER_PROTOCOL_BIT(CONFIG) | \
		VHOST_USER_PROTOCOL_BIT(RESET_DEVICE) | \
		VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS) | \
		VHOST_USER_PROTOCOL_BIT(STATUS))

/* Of the protocol for shared memory, where the owner wants that. */
#define SPOKEN_SHMEM (VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) | \
		      VHOST_USER_PROTOCOL_BIT(SHMEM))
#define DEFAULT_MAX_SHMEM	(UINT64_C(1) << 40)
#define DEFAULT_MAX_MAPS	256u

/* ---------------------------------------------------------------------- life */

static int watch(struct vhost_user_frontend *f, int fd, uint32_t what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = what };

	return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ?
	       -errno : 0;
}

/* What is waited with. */
static int open_fds(struct vhost_user_frontend *f, struct vsu_error *err)
{
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll_fd < 0)
		return vsu_error_sys(err, -errno, "cannot make an epoll");
	f->timer_fd = vsu_timer_new();
	if (f->timer_fd < 0)
		return vsu_error_sys(err, f->timer_fd, "cannot make a timer");
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
	rc = watch(f, f->timer_fd, FE_WATCH_TIMER);
	if (!rc)
		rc = watch(f, sock, FE_WATCH_MAIN);
	if (rc < 0)
		return vsu_error_sys(err, rc, "'%s': cannot wait for the socket",
				     f->peer);
	f->main_events = EPOLLIN;
	return vhost_user_priv_channel_init_take_fd(&f->main, sock,
						    VHOST_USER_PRIV_FRONTEND,
						    true, FE_OUT_MAX, err);
}

static void tear_down(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_free_rings(f);
	vhost_user_priv_fe_free_memory(f);
	vhost_user_priv_shmem_fini(&f->shm.table);
	vsu_fd_close(&f->timer_fd);
	vsu_fd_close(&f->epoll_fd);
	free(f->peer);
	free(f);
}

static void configure(struct vhost_user_frontend *f,
		      const struct vhost_user_frontend_config *config)
{
	uint64_t spoken = SPOKEN | (f->ops.shmem ? SPOKEN_SHMEM : 0);

	f->timeout_ns = config->timeout_ns ? config->timeout_ns :
					     DEFAULT_TIMEOUT_NS;
	if (f->timeout_ns > MAX_TIMEOUT_NS)
		f->timeout_ns = MAX_TIMEOUT_NS;
	f->protocol_wanted = spoken;
	if (config->protocol_features)
		f->protocol_wanted &= config->protocol_features |
				      config->required_protocol_features;
	f->protocol_required = config->required_protocol_features;
	f->queue_num = 1;
	f->max_slots = VHOST_USER_MAX_REGIONS;
	f->max_shmem = config->max_shmem ? config->max_shmem :
					   DEFAULT_MAX_SHMEM;
	f->shm.table.max_maps = config->max_shmem_maps ?
				config->max_shmem_maps : DEFAULT_MAX_MAPS;
	f->shm.table.sigbus = config->sigbus;
}

/* Structs of the caller may be older, and then shorter, than ours. */
static size_t common_size(size_t theirs, size_t ours)
{
	return theirs < ours ? theirs : ours;
}

int vhost_user_frontend_new_take_fd(int sock,
		const struct vhost_user_frontend_config *config,
		const struct vhost_user_frontend_ops *ops, void *opaque,
		struct vhost_user_frontend **out, struct vsu_error *err)
{
	struct vhost_user_frontend *f = calloc(1, sizeof(*f));
	struct vhost_user_frontend_config c = { 0 };
	int rc;

	if (!f)
		return vsu_error_sys(err, -ENOMEM, "front-end");
	f->epoll_fd = -1;
	f->timer_fd = -1;
	memcpy(&f->ops, ops, common_size(ops->size, sizeof(*ops)));
	memcpy(&c, config, common_size(config->size, sizeof(c)));
	f->opaque = opaque;
	configure(f, &c);
	rc = set_up(f, sock, &c, err);
	if (rc < 0) {
		tear_down(f);
		return rc;
	}
	vhost_user_priv_fe_handshake(f);
	vhost_user_priv_fe_push(f);
	*out = f;
	return 0;
}

/* The back-end sees a hang-up and drops all it had of us, as we do of it. */
static void disconnect(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_close_channel(f);
	vhost_user_priv_fe_shmem_clear(f);
	if (f->state != VHOST_USER_FRONTEND_DEAD)
		vhost_user_priv_channel_fini(&f->main);
}

void vhost_user_frontend_free(struct vhost_user_frontend *f)
{
	if (!f)
		return;
	disconnect(f);
	tear_down(f);
}

/* ---------------------------------------------------------------------- end */

void vhost_user_priv_fe_doom(struct vhost_user_frontend *f,
			     const struct vsu_error *err)
{
	if (f->doomed)
		return;
	f->doomed = true;
	f->reason = *err;
	vsu_error_prefix(&f->reason, err->code, "'%s'", f->peer);
}

static int bury(struct vhost_user_frontend *f)
{
	disconnect(f);
	f->state = VHOST_USER_FRONTEND_DEAD;
	f->seq = NULL;
	f->next_seq = NULL;
	vsu_timer_arm(f->timer_fd, 0);
	if (f->ops.failed)
		f->ops.failed(f->opaque, &f->reason);
	return f->reason.code;
}

/*
 * Some back-ends acknowledge what they could not do and leave at the next
 * message, so the last request that was acknowledged is named too.
 */
static void hung_up(struct vhost_user_frontend *f, struct vsu_error *err)
{
	char waiting[64], last[64];

	if (err->code != -ECONNRESET)
		return;
	if (!f->npending) {
		vsu_error_set(err, err->code, "the back-end hung up");
		return;
	}
	vhost_user_priv_fe_name(&f->pending[f->pending_first], waiting,
				sizeof(waiting));
	vhost_user_priv_fe_name(&f->answered, last, sizeof(last));
	if (f->answered.request)
		vsu_error_set(err, err->code, "the back-end hung up instead of "
			      "answering %s; the last request it accepted was "
			      "%s", waiting, last);
	else
		vsu_error_set(err, err->code, "the back-end hung up instead of "
			      "answering %s", waiting);
}

/* --------------------------------------------------------------------- turn */

/* 1: there may be more answers. */
static int take_answers(struct vhost_user_frontend *f)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_user_priv_msg *msg;
	unsigned int n;
	int rc;

	for (n = 0; n < BUDGET && !f->doomed; n++) {
		rc = vhost_user_priv_channel_recv(&f->main, &msg, &err);
		if (rc == 0)
			return 0;
		if (rc < 0) {
			hung_up(f, &err);
			vhost_user_priv_fe_doom(f, &err);
			return 0;
		}
		vhost_user_priv_fe_answer(f, msg);
		vhost_user_priv_fe_run(f);
	}
	return n == BUDGET;
}

static void tell_config_changed(struct vhost_user_frontend *f)
{
	if (!f->config_changed || f->doomed)
		return;
	f->config_changed = false;
	if (f->ops.config_changed)
		f->ops.config_changed(f->opaque);
}

int vhost_user_frontend_dispatch(struct vhost_user_frontend *f)
{
	bool more;

	if (f->state == VHOST_USER_FRONTEND_DEAD)
		return f->reason.code;
	f->dispatching = true;
	more = take_answers(f);
	if (!f->doomed && f->send_failed)
		vhost_user_priv_fe_doom(f, &f->send_error);
	if (!f->doomed)
		more |= vhost_user_priv_fe_serve_channel(f);
	tell_config_changed(f);
	vhost_user_priv_fe_run(f);
	vhost_user_priv_fe_look_at_timer(f);
	f->dispatching = false;
	if (f->doomed)
		return bury(f);
	vhost_user_priv_fe_flush(f);
	return more;
}

/* ------------------------------------------------------------------ queries */

int vhost_user_frontend_fd(const struct vhost_user_frontend *f)
{
	return f->epoll_fd;
}

enum vhost_user_frontend_state
vhost_user_frontend_state(const struct vhost_user_frontend *f)
{
	return f->state;
}

uint64_t vhost_user_frontend_features(const struct vhost_user_frontend *f)
{
	return f->features;
}

uint64_t vhost_user_frontend_offered_protocol_features(
		const struct vhost_user_frontend *f)
{
	return f->offered_protocol;
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
