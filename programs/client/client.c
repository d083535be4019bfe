/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A synchronous session with a back-end. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vhost/shmem.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "client.h"

#define MAX_FDS 4u
#define NS_PER_MS UINT64_C(1000000)

static void on_config(void *opaque, uint32_t off, const void *buf, uint32_t len)
{
	struct client *c = opaque;

	(void)off;
	c->config_len = len;
	if (len)
		memcpy(c->config, buf, len);
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	struct client *c = opaque;

	c->dead = true;
	c->reason = *err;
}

static void on_state(struct client *c, int result)
{
	c->state_result = result;
}

static void on_state_moves(void *opaque, int result, int fd)
{
	(void)fd;
	on_state(opaque, result);
}

static void on_state_moved(void *opaque, int result)
{
	on_state(opaque, result);
}

/* This client does not use shared memory regions, so mappings are skipped. */
static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	unsigned int i;

	(void)opaque;
	for (i = 0; i < n; i++)
		changes[i].result = -EOPNOTSUPP;
}

static const struct vhost_user_frontend_ops ops = {
	.size = sizeof(ops),
	.config = on_config,
	.failed = on_failed,
	.shmem = on_shmem,
	.state_moves = on_state_moves,
	.state_moved = on_state_moved,
};

/* The kernel accepts connections that a back-end has no session for yet. */
static void explain_silence(struct vsu_error *err)
{
	const struct vsu_error why = *err;

	if (why.code == -ETIMEDOUT)
		vsu_error_set(err, why.code, "%s; it may be serving another front-end: most back-ends serve one at a time",
			      why.msg);
}

enum vsu_exit client_open_take_fd(struct client *c, const char *socket,
				  int sock, uint64_t required,
				  struct vsu_error *err)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config),
		.peer = socket,
		.required_protocol_features = required,
	};
	enum vsu_exit status;
	int rc;

	memset(c, 0, sizeof(*c));
	c->socket = socket;
	rc = vhost_user_frontend_new_take_fd(sock, &config, &ops, c, &c->fe, err);
	if (rc < 0) {
		close(sock);
		return VSU_EXIT_HOST;
	}
	status = client_wait(c, err);
	if (status != VSU_EXIT_OK) {
		explain_silence(err);
		client_close(c);
	}
	return status;
}

enum vsu_exit client_open(struct client *c, const char *socket,
			  uint64_t required, struct vsu_error *err)
{
	int sock = vsu_sock_connect(socket, err);

	if (sock < 0)
		return sock == -ENAMETOOLONG ? VSU_EXIT_DATA : VSU_EXIT_HOST;
	return client_open_take_fd(c, socket, sock, required, err);
}

void client_close(struct client *c)
{
	vhost_user_frontend_free(c->fe);
	c->fe = NULL;
}

/*
 * Once: a back-end that sends without end would hold a loop here. Whatever is left keeps the
 * session readable.
 */
static enum vsu_exit dispatch_all(struct client *c, struct vsu_error *err)
{
	(void)vhost_user_frontend_dispatch(c->fe);
	if (!c->dead)
		return VSU_EXIT_OK;
	*err = c->reason;
	return VSU_EXIT_HOST;
}

enum vsu_exit client_poll(struct client *c, struct pollfd *fds, unsigned int n,
			  int ms, bool *timed_out, struct vsu_error *err)
{
	struct pollfd all[MAX_FDS + 1] = {
		{ .fd = vhost_user_frontend_fd(c->fe), .events = POLLIN },
	};
	unsigned int i;
	int rc;

	for (i = 0; i < n; i++)
		all[i + 1] = fds[i];
	rc = poll(all, n + 1, ms);
	if (rc < 0 && errno != EINTR) {
		vsu_error_sys(err, -errno, "cannot wait for '%s'", c->socket);
		return VSU_EXIT_HOST;
	}
	for (i = 0; i < n; i++)
		fds[i].revents = all[i + 1].revents;
	*timed_out = rc == 0;
	return rc > 0 && all[0].revents ? dispatch_all(c, err) : VSU_EXIT_OK;
}

/* Rounded up, so that the end has passed when poll() returns without an event. */
static int ms_until(uint64_t end_ns)
{
	const uint64_t now = vsu_now_ns();
	const uint64_t ms = end_ns > now ? (end_ns - now - 1) / NS_PER_MS + 1 : 0;

	if (end_ns == UINT64_MAX)
		return -1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

enum vsu_exit client_poll_until(struct client *c, struct pollfd *fds, unsigned int n,
				uint64_t end_ns, struct vsu_error *err)
{
	bool timed_out;

	return client_poll(c, fds, n, ms_until(end_ns), &timed_out, err);
}

/* The session limits the wait for every reply. */
enum vsu_exit client_wait(struct client *c, struct vsu_error *err)
{
	return vhost_user_frontend_wait(c->fe, 0, err) < 0 ? VSU_EXIT_HOST :
							     VSU_EXIT_OK;
}

enum vsu_exit client_get_config(struct client *c, uint32_t len,
				struct vsu_error *err)
{
	c->config_len = 0;
	if (vhost_user_frontend_get_config(c->fe, 0, len, err) < 0)
		return VSU_EXIT_HOST;
	return client_wait(c, err);
}

static enum vsu_exit state_judge(struct client *c, bool load, enum vsu_exit status,
				 struct vsu_error *err)
{
	if (status != VSU_EXIT_OK || c->state_result >= 0)
		return status;
	vsu_error_sys(err, c->state_result, "'%s' does not %s its state",
		      c->socket, load ? "take" : "give");
	return VSU_EXIT_FAIL;
}

enum vsu_exit client_move_state(struct client *c, bool load, int fd,
				struct vsu_error *err)
{
	enum vsu_exit status;

	if (vhost_user_frontend_move_state(c->fe, load, fd, err) < 0)
		return VSU_EXIT_HOST;
	status = state_judge(c, load, client_wait(c, err), err);
	if (status != VSU_EXIT_OK)
		return status;
	if (vhost_user_frontend_check_state(c->fe, err) < 0)
		return VSU_EXIT_HOST;
	return state_judge(c, load, client_wait(c, err), err);
}
