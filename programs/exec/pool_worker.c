/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Executes the command of a client in a machine that has waited for it. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/fd.h>

#include "exec/pool_worker.h"

#define TURN_MESSAGES 16
#define MAX_TIMEOUT_MS (UINT64_C(31536000) * 1000)

/* Clients send their command at once; one that does not would keep a machine from others. */
#define COMMAND_S 30

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

	*w = (struct vmm_pool_worker){ .pool_fd = pool_fd, .client_fd = -1, .timer_fd = -1, .streams = { -1, -1, -1 } };
	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	rc = vmm_exec_machine_make_waiting(&w->exec, o, err);
	if (rc < 0)
		return rc;
	rc = w->epfd < 0 ? -errno : watch_fd(w, pool_fd);
	w->timer_fd = rc < 0 ? -1 : timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!rc)
		rc = w->timer_fd < 0 ? -errno : watch_fd(w, w->timer_fd);
	if (!rc)
		rc = watch_fd(w, vagent_session_fd(w->exec.plan.session));
	return rc < 0 ? vsu_error_sys(err, rc, "cannot watch a machine") : 0;
}

static void send_end(struct vmm_pool_worker *w, int status, const struct vsu_error *why)
{
	char bytes[sizeof(uint32_t) + sizeof(why->msg)];
	const uint32_t number = (uint32_t)status;
	const size_t len = strlen(why->msg);

	w->state = VMM_WORKER_ENDED;
	memcpy(bytes, &number, sizeof(number));
	memcpy(bytes + sizeof(number), why->msg, len);
	(void)!vmm_pool_send(w->client_fd, VMM_POOL_ENDED, bytes, sizeof(number) + len, NULL, 0);
}

int vmm_pool_worker_end(struct vmm_pool_worker *w, int status, struct vsu_error *err)
{
	unsigned int i;

	if (w->exec.plan.session)
		status = vmm_exec_machine_status(&w->exec, status, err);
	if (w->client_fd >= 0 && w->state != VMM_WORKER_ENDED)
		send_end(w, status, err);
	if (w->client_fd >= 0 || w->state == VMM_WORKER_DISMISSED) {
		status = 0;
		vsu_error_clear(err);
	}
	vmm_exec_machine_free(&w->exec);
	for (i = 0; i < VMM_POOL_FDS; i++)
		vsu_fd_close(&w->streams[i]);
	vsu_fd_close(&w->pool_fd);
	vsu_fd_close(&w->client_fd);
	vsu_fd_close(&w->timer_fd);
	vsu_fd_close(&w->epfd);
	free(w->records);
	return status;
}

/* ------------------------------------------------------------------ the client */

static bool refuse_client(struct vmm_pool_worker *w, const char *why)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EPROTO, "the pool received %s; use the cvmm that runs the pool", why);
	send_end(w, VAGENT_STATUS_FAILED, &err);
	return false;
}

static bool begin_command(struct vmm_pool_worker *w)
{
	struct vmm_pool_packet *p = &w->packet;

	memcpy(&w->command, p->payload, sizeof(w->command));
	memcpy(w->streams, p->fds, sizeof(w->streams));
	p->nfds = 0;
	if (!w->command.len || w->command.len > VAGENT_MAX_REQUEST || w->command.timeout_ms > MAX_TIMEOUT_MS)
		return refuse_client(w, "a command of an invalid length");
	w->records = malloc(w->command.len);
	w->state = VMM_WORKER_RECEIVES;
	return w->records || refuse_client(w, "a command for which there is no memory");
}

static bool request_command(struct vmm_pool_worker *w)
{
	const struct vmm_plan_command c = {
		.records = w->records, .len = w->have, .streams = w->streams,
		.timeout_ms = w->command.timeout_ms,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	w->state = VMM_WORKER_STARTS;
	if (!vmm_plan_request_records(&w->exec.plan, &c, &err))
		return true;
	send_end(w, VAGENT_STATUS_FAILED, &err);
	return false;
}

static bool add_records(struct vmm_pool_worker *w)
{
	const struct vmm_pool_packet *p = &w->packet;

	if (p->len > w->command.len - w->have)
		return refuse_client(w, "more than the length of a command");
	memcpy(w->records + w->have, p->payload, p->len);
	w->have += (uint32_t)p->len;
	return w->have < w->command.len || request_command(w);
}

static bool pass_signal(struct vmm_pool_worker *w)
{
	uint32_t signo;

	memcpy(&signo, w->packet.payload, sizeof(signo));
	if (signo < 1 || signo > (uint32_t)SIGRTMAX)
		return refuse_client(w, "an invalid signal");
	vagent_session_signal(w->exec.plan.session, (int)signo);
	return true;
}

static bool pass_size(struct vmm_pool_worker *w)
{
	uint16_t size[2];

	memcpy(size, w->packet.payload, sizeof(size));
	vagent_session_resize(w->exec.plan.session, size[0], size[1]);
	return true;
}

static bool serve_message(struct vmm_pool_worker *w)
{
	static const struct {
		enum vmm_pool_message type;
		enum vmm_pool_worker_state first, last; /* in which it is valid */
		bool (*fn)(struct vmm_pool_worker *w);
	} handlers[] = {
		{ VMM_POOL_COMMAND, VMM_WORKER_GREETED, VMM_WORKER_GREETED, begin_command },
		{ VMM_POOL_RECORDS, VMM_WORKER_RECEIVES, VMM_WORKER_RECEIVES, add_records },
		{ VMM_POOL_SIGNAL, VMM_WORKER_STARTS, VMM_WORKER_RUNS, pass_signal },
		{ VMM_POOL_SIZE, VMM_WORKER_STARTS, VMM_WORKER_RUNS, pass_size },
	};
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == w->packet.type && w->state >= handlers[i].first && w->state <= handlers[i].last)
			return handlers[i].fn(w);
	vmm_pool_packet_close(&w->packet);
	return refuse_client(w, "a message in the wrong order");
}

/* False: the client has gone, or is not served further. */
static bool serve_client(struct vmm_pool_worker *w)
{
	int i, rc = 0;

	for (i = 0; i < TURN_MESSAGES && w->client_fd >= 0 && !rc; i++) {
		rc = vmm_pool_receive(w->client_fd, &w->packet);
		if (!rc && !serve_message(w))
			return false;
	}
	if (!rc || rc == -EAGAIN)
		return true;
	if (rc == -EBADMSG)
		return refuse_client(w, "an invalid message");
	w->state = VMM_WORKER_ENDED;
	return false;
}

static bool start_timer(const struct vmm_pool_worker *w)
{
	static const struct itimerspec at = { .it_value = { .tv_sec = COMMAND_S } };

	return timerfd_settime(w->timer_fd, 0, &at, NULL) == 0;
}

/* False: the client has sent no command for too long. */
static bool serve_timer(struct vmm_pool_worker *w)
{
	struct vsu_error err = VSU_ERROR_INIT;
	uint64_t times;

	if (read(w->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times) || w->state >= VMM_WORKER_STARTS)
		return true;
	vsu_error_set(&err, -ETIMEDOUT, "the pool received no command within %d seconds; run it again", COMMAND_S);
	send_end(w, VAGENT_STATUS_FAILED, &err);
	return false;
}

/* -------------------------------------------------------------------- the pool */

static bool greet_client(struct vmm_pool_worker *w)
{
	w->client_fd = w->packet.fds[0];
	w->packet.nfds = 0;
	w->state = VMM_WORKER_GREETED;
	return start_timer(w) && watch_fd(w, w->client_fd) == 0 &&
	       vmm_pool_send(w->client_fd, VMM_POOL_TAKEN, NULL, 0, NULL, 0) == 0;
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
	char *text = vmm_plan_describe(&w->exec.plan, &len);
	const bool sent = text && vmm_pool_send(w->pool_fd, VMM_POOL_READY, text, len, NULL, 0) == 0;

	free(text);
	w->state = VMM_WORKER_WAITS;
	return sent;
}

static bool report_start(struct vmm_pool_worker *w)
{
	w->state = VMM_WORKER_RUNS;
	if (w->is_terminated)
		vagent_session_signal(w->exec.plan.session, SIGTERM);
	return vmm_pool_send(w->client_fd, VMM_POOL_STARTED, NULL, 0, NULL, 0) == 0;
}

/* ------------------------------------------------------------------------ turns */

/* The session has ended. */
static bool report_end(struct vmm_pool_worker *w)
{
	struct vsu_error why = VSU_ERROR_INIT;
	const int status = vagent_session_status(w->exec.plan.session, &why);

	if (w->client_fd >= 0)
		send_end(w, status, &why);
	return false;
}

static bool on_turn(void *opaque)
{
	struct vmm_pool_worker *w = opaque;
	struct vagent_session *s = w->exec.plan.session;

	if (!vagent_session_dispatch(s))
		return report_end(w);
	if (w->state == VMM_WORKER_MAKES && vagent_session_waits(s) && !report_ready(w))
		return false;
	if (w->state == VMM_WORKER_STARTS && vagent_session_is_started(s) && !report_start(w))
		return false;
	return serve_pool(w) && serve_client(w) && serve_timer(w);
}

/* A SIGTERM of the pool is for the command; a client without a command is disconnected. */
static bool on_signal(void *opaque, int signo)
{
	struct vmm_pool_worker *w = opaque;

	if (signo != SIGTERM)
		return false;
	w->is_terminated = true;
	if (w->state < VMM_WORKER_STARTS)
		shutdown(w->state < VMM_WORKER_GREETED ? w->pool_fd : w->client_fd, SHUT_RDWR);
	vagent_session_signal(w->exec.plan.session, SIGTERM);
	return true;
}

static void on_resize(void *opaque)
{
	(void)opaque;
}

struct vmm_beside vmm_pool_worker_beside(struct vmm_pool_worker *w)
{
	return (struct vmm_beside){
		.opaque = w, .fd = w->epfd, .turn = on_turn, .signal = on_signal, .resize = on_resize,
	};
}
