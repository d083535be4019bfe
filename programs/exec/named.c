/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs several commands in one guest. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cvmm/exec_plan.h>
#include <vm-agent/guest.h>
#include <vm-agent/process.h>
#include <vm-agent/request.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "confine/confine.h"
#include "exec/exec_options.h"
#include "exec/named.h"
#include "exec/named_place.h"
#include "exec/pool_wire.h"
#include "places.h"

#define MAX_CLIENTS 64
#define TURN_MESSAGES 32	/* of a client */

struct client {
	int fd;			/* -1: unused */
	uint64_t arrival;	/* the number of clients before */
	struct vagent_request request;
	struct vagent_process *process; /* NULL: the request is not complete */
	bool started;
	unsigned int signals;	/* that were passed to the command */
};

struct vmm_named {
	struct vagent_guest *guest;
	struct vagent_request command; /* the first one */
	struct vagent_process *first;
	int streams[VAGENT_STREAMS];
	int listener, timer, epfd;
	int alive;		/* open while this process is */
	bool listens;		/* the listener is watched */
	uid_t user;		/* of clients; the process cannot ask when it is confined */
	uint64_t timeout_ms;
	struct vsu_sock_path path;
	struct vsu_error why;	/* the first command was not executed, or had no more time */
	enum { NAMED_LIVES, NAMED_FAILED, NAMED_LATE } state;
	struct client clients[MAX_CLIENTS];
	uint64_t arrivals;	/* of clients */
	struct vmm_pool_packet packet;
};

/* ------------------------------------------------------------------------ life */

static int watch_fd(const struct vmm_named *n, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(n->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int set_timer(struct vmm_named *n, uint64_t ms)
{
	const struct itimerspec at = { .it_value = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 } };

	n->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return n->timer < 0 || timerfd_settime(n->timer, 0, &at, NULL) < 0 ? -errno : 0;
}

/*
 * Removes the socket when this process has ended in any way, which cannot do so itself when it is confined.
 * Other descriptors are closed: the readers of output wait for the end of all.
 */
static void __attribute__((noreturn)) remove_socket(const struct vsu_sock_path *path, int alive)
{
	char byte;

	setsid();
	dup2(alive, 0);
	confine_close_range(1, ~0u);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	vsu_sock_unlink(path);
	_exit(0);
}

static int start_remover(struct vmm_named *n)
{
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	n->alive = pair[1];
	pid = fork();
	if (!pid)
		remove_socket(&n->path, pair[0]);
	vsu_fd_close(&pair[0]);
	return pid < 0 ? -errno : 0;
}

static int open_descriptors(struct vmm_named *n, const struct vmm_exec_options *o, struct vsu_error *err)
{
	int rc = vmm_named_listen(o->name, err);

	if (rc < 0)
		return rc;
	n->listener = rc;
	n->epfd = epoll_create1(EPOLL_CLOEXEC);
	rc = n->epfd < 0 ? -errno : vsu_sock_path_of(n->listener, &n->path);
	rc = rc < 0 ? rc : start_remover(n);
	rc = rc < 0 ? rc : set_timer(n, o->timeout_ms);
	rc = rc < 0 ? rc : watch_fd(n, vagent_guest_fd(n->guest));
	rc = rc < 0 ? rc : watch_fd(n, n->timer);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot wait for commands") : 0;
}

int vmm_named_new(struct vmm_named **out, const struct cvmm_exec_parts *parts, const int streams[VAGENT_STREAMS],
		  const struct vmm_exec_options *o, struct vsu_error *err)
{
	struct vmm_named *n = calloc(1, sizeof(*n));
	unsigned int i;
	int rc;

	if (!n)
		return vsu_error_set(err, -ENOMEM, "no memory for commands");
	n->guest = parts->guest;
	n->timeout_ms = o->timeout_ms;
	n->user = geteuid();
	memcpy(n->streams, streams, sizeof(n->streams));
	n->listener = n->timer = n->epfd = n->alive = -1;
	for (i = 0; i < MAX_CLIENTS; i++)
		n->clients[i].fd = -1;
	vagent_request_add_all(&n->command, parts->command);
	rc = vagent_request_check(&n->command, err);
	rc = rc < 0 ? rc : open_descriptors(n, o, err);
	if (rc < 0)
		vmm_named_free(n);
	else
		*out = n;
	return rc;
}

static void close_client(struct client *c)
{
	vagent_process_free(c->process);
	vagent_request_free(&c->request);
	vsu_fd_close(&c->fd);
	*c = (struct client){ .fd = -1 };
}

void vmm_named_free(struct vmm_named *n)
{
	unsigned int i;

	if (!n)
		return;
	for (i = 0; i < MAX_CLIENTS; i++)
		close_client(&n->clients[i]);
	vagent_process_free(n->first);
	vagent_request_free(&n->command);
	vsu_fd_close(&n->alive);
	vsu_fd_close(&n->listener);
	vsu_fd_close(&n->timer);
	vsu_fd_close(&n->epfd);
	free(n);
}

int vmm_named_fd(const struct vmm_named *n)
{
	return n->epfd;
}

/* ------------------------------------------------------------- the first command */

static void prepare_first(struct vmm_named *n)
{
	const struct vagent_process_config c = { .size = sizeof(c), .request = &n->command, .streams = n->streams };

	if (vagent_process_prepare(n->guest, VAGENT_ITSELF, &c, &n->first, &n->why) < 0)
		n->state = NAMED_FAILED;
}

/* Clients wait in the queue of the listener until the first command was executed. */
static void begin_listening(struct vmm_named *n)
{
	int rc = n->listens || !vmm_named_is_started(n) ? 0 : watch_fd(n, n->listener);

	if (rc < 0) {
		vsu_error_sys(&n->why, rc, "cannot wait for commands");
		n->state = NAMED_FAILED;
	}
	n->listens = n->listens || vmm_named_is_started(n);
}

static void serve_first(struct vmm_named *n)
{
	if (!n->first && vagent_guest_is_ready(n->guest))
		prepare_first(n);
	if (n->first && vagent_process_state(n->first) == VAGENT_WAITING && vagent_process_start(n->first, &n->why) < 0)
		n->state = NAMED_FAILED;
	begin_listening(n);
}

static void serve_timer(struct vmm_named *n)
{
	uint64_t times;

	if (read(n->timer, &times, sizeof(times)) != (ssize_t)sizeof(times) || vmm_named_has_ended(n))
		return;
	vsu_error_set(&n->why, -ETIMEDOUT, "the command did not end within %g seconds", (double)n->timeout_ms / 1000);
	n->state = NAMED_LATE;
}

bool vmm_named_is_started(const struct vmm_named *n)
{
	return n->first && vagent_process_state(n->first) == VAGENT_EXECUTED;
}

bool vmm_named_has_ended(const struct vmm_named *n)
{
	return n->state != NAMED_LIVES || (n->first && vagent_process_state(n->first) == VAGENT_FINISHED);
}

void vmm_named_signal(struct vmm_named *n, int signo)
{
	if (vmm_named_is_started(n))
		(void)!vagent_process_signal(n->first, signo, false, NULL);
}

void vmm_named_resize(struct vmm_named *n, unsigned int rows, unsigned int columns)
{
	if (vmm_named_is_started(n))
		(void)!vagent_process_resize(n->first, rows, columns, NULL);
}

int vmm_named_get_end(const struct vmm_named *n, struct vagent_end *end, struct vsu_error *why)
{
	if (n->state != NAMED_LIVES) {
		*end = (struct vagent_end){ n->state == NAMED_LATE ? VAGENT_END_TIME : VAGENT_END_MACHINE, VSU_EXIT_FAIL };
		*why = n->why;
		return 0;
	}
	/* the failure of the connection says more */
	if (!n->first || vagent_guest_failure(n->guest, NULL) < 0)
		return -EAGAIN;
	return vagent_process_end(n->first, end, why) < 0 ? -EAGAIN : 0;
}

/* --------------------------------------------------------------------- clients */

/* A client that does not read its messages is lost. */
static void send_message(struct client *c, enum vmm_pool_message type, const void *payload, size_t len)
{
	if (vmm_pool_send(c->fd, type, payload, len, NULL, 0) < 0)
		close_client(c);
}

static void refuse_client(struct client *c, const char *why)
{
	send_message(c, VMM_POOL_REFUSED, why, strlen(why));
	close_client(c);
}

static int append_request(struct vagent_request *r, const char *bytes, size_t len, struct vsu_error *err)
{
	char *records = len > VAGENT_MAX_REQUEST - r->len ? NULL : realloc(r->records, r->len + len);

	if (!records)
		return vsu_error_set(err, -E2BIG, "the command and its environment exceed %u bytes", VAGENT_MAX_REQUEST);
	memcpy(records + r->len, bytes, len);
	r->records = records;
	r->len += (uint32_t)len;
	return 0;
}

/* A client must not send signals without an end. A process that has ended receives none. */
static int take_signal(struct client *c, uint32_t signo, struct vsu_error *err)
{
	if (++c->signals > VMM_EXEC_MAX_SIGNALS)
		return vsu_error_set(err, -ENOBUFS, "the client sent more than %d signals", VMM_EXEC_MAX_SIGNALS);
	if (signo < 1 || signo > (uint32_t)SIGRTMAX)
		return vsu_error_set(err, -EINVAL, "the client sent an invalid signal");
	(void)!vagent_process_signal(c->process, (int)signo, false, NULL);
	return 0;
}

/* Other descriptors than these sockets could make this process wait. */
static int check_streams(const struct vmm_pool_packet *p, struct vsu_error *err)
{
	uint32_t version;
	unsigned int i;

	memcpy(&version, p->payload, sizeof(version));
	if (version != VMM_POOL_VERSION)
		return vsu_error_set(err, -EPROTO, "the machine was started by another version of cvmm");
	for (i = 0; i < p->nfds; i++)
		if (vsu_sock_is_unix_stream(p->fds[i]) != 1)
			return vsu_error_set(err, -ENOTSOCK, "a stream of the command is no UNIX socket");
	return 0;
}

static int execute_request(struct vmm_named *n, struct client *c, const struct vmm_pool_packet *p, struct vsu_error *err)
{
	const struct vagent_process_config config = { .size = sizeof(config), .request = &c->request, .streams = p->fds };
	int rc = check_streams(p, err);

	if (!rc)
		rc = vagent_process_prepare(n->guest, VAGENT_ITSELF, &config, &c->process, err);
	vagent_request_free(&c->request);
	return rc;
}

static void serve_message(struct vmm_named *n, struct client *c, const struct vmm_pool_packet *p)
{
	struct vsu_error err = VSU_ERROR_INIT;
	uint16_t size[2];
	uint32_t signo;
	int rc = 0;

	memcpy(&signo, p->payload, sizeof(signo));
	memcpy(size, p->payload, sizeof(size));
	if (p->type == VMM_POOL_REQUEST && !c->process)
		rc = append_request(&c->request, p->payload, p->len, &err);
	else if (p->type == VMM_POOL_EXECUTE && !c->process)
		rc = execute_request(n, c, p, &err);
	else if (p->type == VMM_POOL_SIGNAL && c->process)
		rc = take_signal(c, signo, &err);
	else if (p->type == VMM_POOL_SIZE && c->process)
		(void)!vagent_process_resize(c->process, size[0], size[1], NULL);
	else
		rc = vsu_error_set(&err, -EBADMSG, "the client sent a message in the wrong order");
	if (rc < 0)
		refuse_client(c, err.msg);
}

static void receive_messages(struct vmm_named *n, struct client *c)
{
	int i, rc = 0;

	for (i = 0; i < TURN_MESSAGES && !rc && c->fd >= 0; i++) {
		rc = vmm_pool_receive(c->fd, &n->packet);
		if (!rc)
			serve_message(n, c, &n->packet);
		vmm_pool_packet_close(&n->packet);
	}
	if (rc < 0 && rc != -EAGAIN)
		close_client(c);
}

static void send_end(struct client *c)
{
	char payload[sizeof(uint32_t) + VMM_POOL_MAX_SENTENCE];
	struct vsu_error why = VSU_ERROR_INIT;
	struct vagent_end end;
	uint32_t status = VAGENT_STATUS_FAILED;
	size_t len;

	if (vagent_process_end(c->process, &end, &why) >= 0)
		status = (uint32_t)vagent_end_status(&end);
	memcpy(payload, &status, sizeof(status));
	len = strlen(why.msg);
	memcpy(payload + sizeof(status), why.msg, len);
	send_message(c, VMM_POOL_ENDED, payload, sizeof(status) + len);
	close_client(c);
}

static void serve_process(struct client *c)
{
	const enum vagent_process_state state = vagent_process_state(c->process);
	struct vsu_error err = VSU_ERROR_INIT;

	if (state == VAGENT_WAITING && vagent_process_start(c->process, &err) < 0) {
		refuse_client(c, err.msg);
	} else if (state == VAGENT_EXECUTED && !c->started) {
		c->started = true;
		send_message(c, VMM_POOL_STARTED, NULL, 0);
	} else if (state == VAGENT_FINISHED) {
		send_end(c);
	}
}

static enum prog_place_use use_of(const struct client *c)
{
	if (c->fd < 0)
		return PROG_PLACE_FREE;
	return c->process ? PROG_PLACE_BUSY : PROG_PLACE_IDLE;
}

/* NULL: each client has a command. */
static struct client *find_place(struct vmm_named *n)
{
	struct prog_place places[MAX_CLIENTS];
	struct client *c;
	int i;

	for (i = 0; i < MAX_CLIENTS; i++)
		places[i] = (struct prog_place){ use_of(&n->clients[i]), n->clients[i].arrival };
	i = prog_place_find(places, MAX_CLIENTS);
	c = i < 0 ? NULL : &n->clients[i];
	if (c && c->fd >= 0)
		refuse_client(c, "the client sent no command, and another one needs its place");
	return c;
}

static void add_client(struct vmm_named *n, int fd)
{
	struct client *c = vmm_pool_is_of(fd, n->user) ? find_place(n) : NULL;

	if (!c || watch_fd(n, fd) < 0) {
		vsu_fd_close(&fd);
		return;
	}
	c->fd = fd;
	c->arrival = n->arrivals++;
}

static void serve_clients(struct vmm_named *n)
{
	const int fd = n->listens ? vsu_sock_accept(n->listener) : -1;
	unsigned int i;

	if (fd >= 0)
		add_client(n, fd);
	for (i = 0; i < MAX_CLIENTS; i++) {
		if (n->clients[i].fd >= 0)
			receive_messages(n, &n->clients[i]);
		if (n->clients[i].process)
			serve_process(&n->clients[i]);
	}
}

bool vmm_named_turn(struct vmm_named *n)
{
	if (!vagent_guest_dispatch(n->guest))
		return false;
	serve_first(n);
	serve_timer(n);
	serve_clients(n);
	return !vmm_named_has_ended(n);
}
