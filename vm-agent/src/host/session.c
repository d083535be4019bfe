/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest with one process, its command. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "host/guest_private.h"
#include "host/ports.h"
#include "host/records.h"
#include "vm-agent/session.h"

/* After a command that ended before its time limit, its output must make progress within this time. */
#define LATE_MS 1000
/* Letters of records that are those of the guest, not of the command. */
#define SYSTEM_RECORDS "RIHND"

struct vagent_session {
	enum state {
		AWAITS_AGENT,
		WAITS,		/* vagent_session_request() */
		RELEASED,	/* another session has the ports */
		REQUESTED,	/* the guest has the request */
		ENDED,
	} state;
	struct vagent_guest *guest;
	struct vagent_process *process; /* NULL: there is no command yet */
	int timer_fd;
	bool waits;		/* when the agent is ready */
	uint64_t timeout_ms;
	uint64_t drained;	/* bytes of output when the timer expired last; UINT64_MAX: it did not */
	struct vagent_end end;	/* valid if ENDED */
	struct vsu_error why;
};

/* ---------------------------------------------------------------------- life */

/* timeout_ms: 0 stops the timer. */
static int set_timer(struct vagent_session *s, uint64_t timeout_ms)
{
	const struct itimerspec at = {
		.it_value = { (time_t)(timeout_ms / 1000), (long)(timeout_ms % 1000) * 1000000 },
	};

	s->timeout_ms = timeout_ms;
	return timerfd_settime(s->timer_fd, 0, &at, NULL) < 0 ? -errno : 0;
}

/* The last record may lack its NUL, and a record its letter. */
static void split_records(const struct vagent_session_config *c, struct vagent_request *system,
			  struct vagent_request *command)
{
	const char *at = c->request, *end = c->request + c->request_len;
	size_t len;

	for (; at < end; at += len + 1) {
		len = strnlen(at, (size_t)(end - at));
		if (len)
			vagent_request_add(strchr(SYSTEM_RECORDS, *at) ? system : command, *at, "%.*s", (int)len - 1, at + 1);
	}
	if (!vagent_priv_has_record(system, 'R'))
		vagent_request_add(system, 'R', "ro");
}

/* Keeps the records of a command until the agent is ready. */
static int make_process(struct vagent_session *s, const struct vagent_session_config *c, struct vsu_error *err)
{
	const int streams[] = { c->in, c->out, c->err };
	struct vagent_request system = { NULL, 0, 0 }, command = { NULL, 0, 0 };
	const struct vagent_process_config p = { .size = sizeof(p), .request = &command, .streams = streams };
	int rc;

	split_records(c, &system, &command);
	rc = vagent_request_check(&system, err);
	if (!rc)
		rc = vagent_priv_process_make(s->guest, VAGENT_ITSELF, &p, &s->process, err);
	vagent_request_free(&command);
	if (rc < 0) {
		vagent_request_free(&system);
		return rc;
	}
	vagent_request_free(&s->guest->records);
	s->guest->records = system;
	s->guest->has_system = true;
	return 0;
}

static int check_length(const struct vagent_session_config *c, struct vsu_error *err)
{
	return !c->request || c->request_len <= VAGENT_MAX_REQUEST ? 0 :
	       vsu_error_set(err, -E2BIG, "a request of %" PRIu32 " bytes exceeds the maximum of %u", c->request_len,
			     VAGENT_MAX_REQUEST);
}

static int make_timer(struct vagent_session *s, uint64_t timeout_ms, struct vsu_error *err)
{
	int rc = 0;

	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer_fd < 0)
		rc = -errno;
	if (!rc)
		rc = vagent_priv_watch(s->guest->epfd, s->timer_fd, EPOLLIN);
	if (!rc)
		rc = set_timer(s, timeout_ms);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot make the time limit of a command") : 0;
}

int vagent_session_new(struct vagent_session **out, const struct vagent_session_config *config,
		    struct vsu_error *err)
{
	struct vagent_guest_config g = { .size = sizeof(g) };
	struct vagent_session_config c;
	struct vagent_session *s;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct vagent_session_config", err);

	if (rc < 0)
		return rc;
	if (c.waits && c.request)
		return vsu_error_set(err, -EINVAL, "a session that waits for a request was given one");
	rc = check_length(&c, err);
	if (rc < 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return vsu_error_set(err, -ENOMEM, "no memory for a session");
	s->timer_fd = -1;
	s->drained = UINT64_MAX;
	s->waits = c.waits;
	g.clone = c.clone;
	rc = vagent_guest_new(&s->guest, &g, err);
	if (!rc) {
		s->guest->is_held = true;
		rc = make_timer(s, c.timeout_ms, err);
	}
	if (!rc && c.request)
		rc = make_process(s, &c, err);
	if (rc < 0)
		vagent_session_free(s);
	else
		*out = s;
	return rc;
}

void vagent_session_free(struct vagent_session *s)
{
	if (!s)
		return;
	vsu_fd_close(&s->timer_fd);
	vagent_process_free(s->process);
	vagent_guest_free(s->guest);
	free(s);
}

int vagent_session_port(const struct vagent_session *s, enum vagent_port port)
{
	return vagent_guest_port(s->guest, port);
}

void vagent_session_close_ports(struct vagent_session *s)
{
	vagent_guest_close_ports(s->guest);
}

int vagent_session_fd(const struct vagent_session *s)
{
	return vagent_guest_fd(s->guest);
}

/* --------------------------------------------------------------------- turns */

static void end_session(struct vagent_session *s, enum vagent_end_kind kind, int value)
{
	s->end = (struct vagent_end){ kind, value };
	s->state = ENDED;
}

static void fail_session(struct vagent_session *s, const struct vsu_error *why)
{
	s->why = *why;
	end_session(s, VAGENT_END_MACHINE, VSU_EXIT_FAIL);
}

/* PREPARE follows GUEST at once: the agent reads it when it serves. */
static void send_request(struct vagent_session *s)
{
	struct vsu_error err = VSU_ERROR_INIT;

	s->state = REQUESTED;
	vagent_priv_request_service(s->guest);
	if (s->guest->state == VAGENT_GUEST_FAILED)
		fail_session(s, &s->guest->why);
	else if (vagent_priv_process_send(s->process, &err) < 0)
		fail_session(s, &err);
}

/* Stops the timer, which limited the start of the agent. */
static void wait_for_request(struct vagent_session *s)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int rc = set_timer(s, 0);

	s->state = WAITS;
	if (rc < 0) {
		vsu_error_sys(&err, rc, "cannot stop a timer");
		fail_session(s, &err);
	}
}

static void begin_command(struct vagent_session *s)
{
	if (s->waits)
		wait_for_request(s);
	else if (s->process)
		send_request(s);
	else
		end_session(s, VAGENT_END_STATUS, 0);
}

bool vagent_session_is_lost(const struct vagent_session *s)
{
	const bool is_closed = s->guest->state == VAGENT_GUEST_FAILED && s->guest->why.code == -ECONNRESET;

	return is_closed && (!s->process || !s->process->number || s->process->why.code == -ECONNRESET);
}

static void serve_process(struct vagent_session *s)
{
	struct vagent_process *p = s->process;
	struct vsu_error err = VSU_ERROR_INIT;

	if (p->state == VAGENT_WAITING && vagent_process_start(p, &err) < 0) {
		fail_session(s, &err);
	} else if (p->state == VAGENT_FINISHED) {
		s->end = p->end;
		s->why = p->why;
		s->state = ENDED;
	}
}

static void serve_guest(struct vagent_session *s)
{
	if (vagent_session_is_lost(s))
		return;
	if (s->state == AWAITS_AGENT && s->guest->state == VAGENT_GUEST_HELD)
		begin_command(s);
	else if (s->state == REQUESTED)
		serve_process(s);
	if (s->state != ENDED && s->guest->state == VAGENT_GUEST_FAILED)
		fail_session(s, &s->guest->why);
}

/*
 * The command met its time limit, as its status has arrived. A caller may read the output slowly, but a
 * guest that does not end its output is not waited for.
 */
static void await_output(struct vagent_session *s)
{
	const struct vagent_process *p = s->process;
	const bool moves = p->sinks[VAGENT_STDOUT].have || p->sinks[VAGENT_STDERR].have || p->received != s->drained;
	struct vsu_error err;

	s->drained = p->received;
	if (moves && set_timer(s, LATE_MS) == 0)
		return;
	vsu_error_set(&err, -ETIMEDOUT, "the command ended in time, but the guest did not send the rest of its output");
	fail_session(s, &err);
}

static void serve_timer(struct vagent_session *s)
{
	uint64_t times;

	if (read(s->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return;
	if (s->process && s->process->ended) {	/* in time; only its output is late */
		await_output(s);
		return;
	}
	vsu_error_set(&s->why, -ETIMEDOUT, "the %s within %g seconds",
		      s->process ? "command did not end" : "guest was not ready", (double)s->timeout_ms / 1000);
	end_session(s, VAGENT_END_TIME, 0);
}

bool vagent_session_dispatch(struct vagent_session *s)
{
	if (s->state == RELEASED)
		return true;
	(void)vagent_guest_dispatch(s->guest);
	if (s->state != ENDED)
		serve_guest(s);
	if (s->state != ENDED)
		serve_timer(s);
	return s->state != ENDED;
}

int vagent_session_request(struct vagent_session *s, const struct vagent_session_config *command,
			   struct vsu_error *err)
{
	struct vagent_session_config c;
	int rc = vsu_copy_sized(&c, sizeof(c), command, "struct vagent_session_config", err);

	if (rc < 0)
		return rc;
	if (s->state != WAITS)
		return vsu_error_set(err, -EAGAIN, "the guest does not wait for a command");
	if (!c.request)
		return vsu_error_set(err, -EINVAL, "the command has no request");
	rc = check_length(&c, err);
	if (!rc)
		rc = make_process(s, &c, err);
	if (rc < 0)
		return rc;
	rc = set_timer(s, c.timeout_ms);
	if (rc < 0) {
		vagent_process_free(s->process);
		s->process = NULL;
		return vsu_error_sys(err, rc, "cannot set the time limit of a command");
	}
	send_request(s);
	if (s->state == REQUESTED)
		return 0;
	if (err)
		*err = s->why;
	return s->why.code;
}

/* ---------------------------------------------------------- ports that change */

int vagent_session_release_ports(struct vagent_session *s, int ports[VAGENT_PORTS], struct vsu_error *err)
{
	if (s->state != WAITS)
		return vsu_error_set(err, -EAGAIN, "the guest does not wait for a command");
	vagent_priv_guest_release_ports(s->guest, ports);
	s->state = RELEASED;
	return 0;
}

int vagent_session_take_ports(struct vagent_session *s, const int ports[VAGENT_PORTS], struct vsu_error *err)
{
	struct vsu_error failure = VSU_ERROR_INIT;
	int i, port, rc;

	if (s->state != AWAITS_AGENT || !s->process) {
		for (i = 0; i < VAGENT_PORTS; i++) {
			port = ports[i];
			vsu_fd_close(&port);
		}
		return vsu_error_set(err, -EINVAL, "the session has no request, or its guest has it already");
	}
	rc = vagent_priv_guest_take_ports(s->guest, ports);
	if (rc < 0) {
		vsu_error_sys(&failure, rc, "cannot use the ports of a guest");
		fail_session(s, &failure);
	} else {
		send_request(s);
	}
	if (s->state == REQUESTED)
		return 0;
	if (err)
		*err = s->why;
	return s->why.code;
}

bool vagent_session_waits(const struct vagent_session *s)
{
	return s->state == WAITS;
}

void vagent_session_signal(struct vagent_session *s, int signo)
{
	if (vagent_session_is_started(s))
		(void)!vagent_process_signal(s->process, signo, false, NULL);
}

void vagent_session_resize(struct vagent_session *s, unsigned int rows, unsigned int columns)
{
	if (vagent_session_is_started(s))
		(void)!vagent_process_resize(s->process, rows, columns, NULL);
}

bool vagent_session_is_started(const struct vagent_session *s)
{
	return s->state == REQUESTED && s->process->state == VAGENT_EXECUTED;
}

int vagent_session_status(const struct vagent_session *s, struct vsu_error *why)
{
	if (s->state != ENDED)
		return vsu_error_set(why, -EAGAIN, "the command has not ended");
	if (why)
		*why = s->why;
	return vagent_end_status(&s->end);
}

int vagent_session_end(const struct vagent_session *s, struct vagent_end *end)
{
	if (s->state != ENDED)
		return -EAGAIN;
	*end = s->end;
	return 0;
}
