/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Gives a machine that waits to a client, and ends it with that client. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>

#include "exec/exec_beside.h"
#include "exec/pool_worker.h"

/* ---------------------------------------------------------------------- life */

static int watch_fd(const struct vmm_pool_worker *w, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(w->epfd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int vmm_pool_worker_make(struct vmm_pool_worker *w, const struct vmm_exec_options *o, int pool_fd,
			 struct vsu_error *err)
{
	int rc;

	*w = (struct vmm_pool_worker){ .pool_fd = pool_fd, .client_fd = -1 };
	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	rc = vmm_exec_machine_make_waiting(&w->exec, o, err);
	if (rc < 0)
		return rc;
	rc = w->epfd < 0 ? -errno : watch_fd(w, pool_fd);
	if (!rc)
		rc = watch_fd(w, vagent_session_fd(w->exec.session));
	return rc < 0 ? vsu_error_sys(err, rc, "cannot watch a machine") : 0;
}

static void send_end(const struct vmm_pool_worker *w, int status, const struct vsu_error *why)
{
	char bytes[sizeof(uint32_t) + sizeof(why->msg)];
	const uint32_t number = (uint32_t)status;
	const size_t len = strlen(why->msg);

	memcpy(bytes, &number, sizeof(number));
	memcpy(bytes + sizeof(number), why->msg, len);
	(void)!vmm_pool_send(w->client_fd, VMM_POOL_ENDED, bytes, sizeof(number) + len, NULL, 0);
}

int vmm_pool_worker_end(struct vmm_pool_worker *w, int status, struct vsu_error *err)
{
	if (w->state == VMM_WORKER_TAKEN)
		send_end(w, status, err);
	if (w->state >= VMM_WORKER_TAKEN) {
		status = 0;
		vsu_error_clear(err);
	} else if (w->exec.plan) {
		status = vmm_exec_machine_status(&w->exec, status, err);
	}
	vmm_exec_machine_free(&w->exec);
	vsu_fd_close(&w->pool_fd);
	vsu_fd_close(&w->client_fd);
	vsu_fd_close(&w->epfd);
	return status;
}

/* -------------------------------------------------------------------- messages */

/* Clients send nothing. False: it has gone. */
static bool serve_client(struct vmm_pool_worker *w)
{
	const int rc = w->client_fd < 0 ? -EAGAIN : vmm_pool_receive(w->client_fd, &w->packet);

	if (rc == -EAGAIN)
		return true;
	if (!rc)
		vmm_pool_packet_close(&w->packet);
	w->state = VMM_WORKER_LEFT;
	return false;
}

/* Gives the guest's agent to a client, which the end of its socket reports. */
static bool greet_client(struct vmm_pool_worker *w)
{
	int ports[VAGENT_PORTS], i, rc;

	w->client_fd = w->packet.fds[0];
	w->packet.nfds = 0;
	w->state = VMM_WORKER_TAKEN;
	if (vagent_session_release_ports(w->exec.session, ports, NULL) < 0)
		return false;
	rc = watch_fd(w, w->client_fd);
	if (!rc)
		rc = vmm_pool_send(w->client_fd, VMM_POOL_TAKEN, NULL, 0, ports, VAGENT_PORTS);
	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&ports[i]);
	return rc == 0;
}

/* False: the pool has ended, or does not need this machine. */
static bool serve_pool(struct vmm_pool_worker *w)
{
	const int rc = vmm_pool_receive(w->pool_fd, &w->packet);

	if (rc == -EAGAIN)
		return true;
	if (!rc && w->packet.type == VMM_POOL_TAKE && w->state == VMM_WORKER_WAITS)
		return greet_client(w);
	if (!rc)
		vmm_pool_packet_close(&w->packet);
	if (w->state <= VMM_WORKER_WAITS)
		w->state = VMM_WORKER_DISMISSED;
	return false;
}

static bool report_ready(struct vmm_pool_worker *w)
{
	size_t len = 0;
	char *text = NULL;
	const bool sent = !vmm_exec_machine_describe(&w->exec, &text, &len) && vmm_pool_send(w->pool_fd, VMM_POOL_READY, text, len, NULL, 0) == 0;

	free(text);
	w->state = VMM_WORKER_WAITS;
	return sent;
}

/* ------------------------------------------------------------------------ turns */

static bool on_turn(void *opaque)
{
	struct vmm_pool_worker *w = opaque;
	struct vagent_session *s = w->exec.session;

	if (!vagent_session_dispatch(s))
		return false;
	if (w->state == VMM_WORKER_MAKES && vagent_session_waits(s) && !report_ready(w))
		return false;
	return serve_pool(w) && serve_client(w);
}

/* A SIGTERM of the pool is for the command, which the client has; a pool that stops takes no client. */
static bool on_signal(void *opaque, int signo)
{
	struct vmm_pool_worker *w = opaque;

	if (signo != SIGTERM)
		return false;
	if (w->state == VMM_WORKER_TAKEN)
		(void)!vmm_pool_send(w->client_fd, VMM_POOL_TERMINATE, NULL, 0, NULL, 0);
	else
		shutdown(w->pool_fd, SHUT_RDWR);
	return true;
}

static void on_begin(void *opaque, struct cvmm_machine *machine)
{
	struct vmm_pool_worker *w = opaque;

	(void)machine;
	cvmm_exec_plan_close_given(w->exec.plan);
}

static void on_resize(void *opaque)
{
	(void)opaque;
}

struct vmm_beside vmm_pool_worker_beside(struct vmm_pool_worker *w)
{
	return (struct vmm_beside){
		.opaque = w, .fd = w->epfd, .begin = on_begin, .turn = on_turn, .signal = on_signal,
		.resize = on_resize,
	};
}
