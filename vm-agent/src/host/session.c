/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The host's side of one command in a guest. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "host/channel.h"
#include "host/flow.h"
#include "host/moment.h"
#include "host/ports.h"
#include "vm-agent/session.h"

#define TURN_MESSAGES 16

/* After a command that ended before its time limit, its output must make progress within this time. */
#define LATE_MS 1000

struct vagent_session {
	enum state {
		AWAITS_AGENT,	/* READY */
		WAITS,		/* vagent_session_request() */
		RELEASED,	/* another session has the ports */
		AWAITS_START,	/* STARTED, or ENDED */
		RUNS,
		DRAINS,		/* the command has ended, and its outputs are copied */
		ENDED,
	} state;
	int epfd, timer_fd, again_fd;
	int ours[VAGENT_PORTS], guests[VAGENT_PORTS];
	struct vagent_priv_channel control;
	struct vagent_priv_flow in, out, err;
	bool waits;		/* when the agent is ready */
	bool in_reported, out_reported, err_reported;
	char *request;
	uint32_t request_len;
	uint64_t timeout_ms;
	uint64_t drained;	/* bytes of output when the timer expired last */
	struct vagent_end end;	/* valid from DRAINS on */
	struct vsu_error why;
};

/* ---------------------------------------------------------------------- life */

/* Connects the control channel and the flows to the host's ends of the ports. */
static int use_ports(struct vagent_session *s)
{
	int rc = 0, i;

	s->control.fd = s->ours[VAGENT_CONTROL];
	vagent_priv_flow_set_end(&s->in.to, s->ours[VAGENT_IN]);
	vagent_priv_flow_set_end(&s->out.from, s->ours[VAGENT_OUT]);
	vagent_priv_flow_set_end(&s->err.from, s->ours[VAGENT_ERR]);
	for (i = 0; !rc && i < VAGENT_PORTS; i++)
		rc = vagent_priv_watch(s->epfd, s->ours[i], EPOLLIN | EPOLLOUT);
	return rc;
}

/* timeout_ms: 0 stops the timer. */
static int set_timer(struct vagent_session *s, uint64_t timeout_ms)
{
	const struct itimerspec at = {
		.it_value = { (time_t)(timeout_ms / 1000), (long)(timeout_ms % 1000) * 1000000 },
	};

	s->timeout_ms = timeout_ms;
	return timerfd_settime(s->timer_fd, 0, &at, NULL) < 0 ? -errno : 0;
}

static int make_flows(struct vagent_session *s)
{
	return vagent_priv_flow_init(&s->in) < 0 || vagent_priv_flow_init(&s->out) < 0 || vagent_priv_flow_init(&s->err) < 0 ? -ENOMEM : 0;
}

static int take_streams(struct vagent_session *s, const struct vagent_session_config *c)
{
	int rc = vagent_priv_watch(s->epfd, c->in, EPOLLIN);

	vagent_priv_flow_set_end(&s->in.from, c->in);
	vagent_priv_flow_set_end(&s->out.to, c->out);
	vagent_priv_flow_set_end(&s->err.to, c->err);
	if (!rc)
		rc = vagent_priv_watch(s->epfd, c->out, EPOLLOUT);
	return rc < 0 ? rc : vagent_priv_watch(s->epfd, c->err, EPOLLOUT);
}

static int make_descriptors(struct vagent_session *s)
{
	int rc = vagent_priv_make_ports(s->ours, s->guests);

	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	s->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!rc && (s->epfd < 0 || s->again_fd < 0 || s->timer_fd < 0))
		rc = -errno;
	if (!rc)
		rc = make_flows(s);
	if (!rc)
		rc = use_ports(s);
	if (!rc)
		rc = vagent_priv_watch(s->epfd, s->timer_fd, EPOLLIN);
	return rc < 0 ? rc : vagent_priv_watch(s->epfd, s->again_fd, EPOLLIN);
}

static int copy_request(struct vagent_session *s, const struct vagent_session_config *c)
{
	if (!c->request)
		return 0;
	s->request_len = c->request_len;
	s->request = malloc(c->request_len + 1u);
	if (!s->request)
		return -ENOMEM;
	memcpy(s->request, c->request, c->request_len);
	return 0;
}

static int check_length(const struct vagent_session_config *c, struct vsu_error *err)
{
	return !c->request || c->request_len <= VAGENT_MAX_REQUEST ? 0 :
	       vsu_error_set(err, -E2BIG, "a request of %" PRIu32 " bytes exceeds the maximum of %u", c->request_len,
			     VAGENT_MAX_REQUEST);
}

/* The request, the streams and the time limit of a command. */
static int take_command(struct vagent_session *s, const struct vagent_session_config *c)
{
	int rc = copy_request(s, c);

	if (!rc)
		rc = take_streams(s, c);
	return rc < 0 ? rc : set_timer(s, c->timeout_ms);
}

int vagent_session_new(struct vagent_session **out, const struct vagent_session_config *config,
		    struct vsu_error *err)
{
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
	memset(s->ours, -1, sizeof(s->ours));
	memset(s->guests, -1, sizeof(s->guests));
	s->epfd = s->timer_fd = s->again_fd = -1;
	s->waits = c.waits;
	rc = make_descriptors(s);
	if (!rc)
		rc = take_command(s, &c);
	if (!rc && c.clone)
		rc = vagent_priv_channel_send(&s->control, VAGENT_HELLO, NULL, 0);
	if (rc < 0) {
		vagent_session_free(s);
		return vsu_error_sys(err, rc, "cannot make the streams of a command");
	}
	*out = s;
	return 0;
}

void vagent_session_free(struct vagent_session *s)
{
	int i;

	if (!s)
		return;
	for (i = 0; i < VAGENT_PORTS; i++) {
		vsu_fd_close(&s->ours[i]);
		vsu_fd_close(&s->guests[i]);
	}
	vsu_fd_close(&s->epfd);
	vsu_fd_close(&s->timer_fd);
	vsu_fd_close(&s->again_fd);
	vagent_priv_flow_fini(&s->in);
	vagent_priv_flow_fini(&s->out);
	vagent_priv_flow_fini(&s->err);
	vagent_priv_channel_free(&s->control);
	free(s->request);
	free(s);
}

int vagent_session_port(const struct vagent_session *s, enum vagent_port port)
{
	return (unsigned int)port < VAGENT_PORTS ? s->guests[port] : -1;
}

void vagent_session_close_ports(struct vagent_session *s)
{
	int i;

	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&s->guests[i]);
}

int vagent_session_fd(const struct vagent_session *s)
{
	return s->epfd;
}

/* ------------------------------------------------------------------ messages */

static void end_session(struct vagent_session *s, enum vagent_end_kind kind, int value)
{
	s->end = (struct vagent_end){ kind, value };
	s->state = ENDED;
}

static void end_failed(struct vagent_session *s)
{
	end_session(s, VAGENT_END_MACHINE, VSU_EXIT_FAIL);
}

static void end_untrusted(struct vagent_session *s, const char *what)
{
	vsu_error_set(&s->why, -EPROTO, "the guest's agent sent %s; the guest is not trusted further", what);
	end_failed(s);
}

static void fail_session(struct vagent_session *s, int rc, const char *what)
{
	vsu_error_sys(&s->why, rc, "%s", what);
	end_failed(s);
}

static void send_request(struct vagent_session *s)
{
	const struct vagent_request records = { s->request, s->request_len, 0 };
	int rc = vagent_priv_send_moment(&s->control);

	s->state = AWAITS_START;
	if (!rc)
		rc = vagent_priv_channel_send_records(&s->control, VAGENT_REQUEST, NULL, 0, &records);
	if (rc < 0)
		fail_session(s, rc, "cannot send the request to the guest");
}

/* Stops the timer, which limited the start of the agent. */
static void wait_for_request(struct vagent_session *s)
{
	const int rc = set_timer(s, 0);

	s->state = WAITS;
	if (rc < 0)
		fail_session(s, rc, "cannot stop a timer");
}

static void begin_command(struct vagent_session *s)
{
	if (s->waits)
		wait_for_request(s);
	else if (s->request)
		send_request(s);
	else
		end_session(s, VAGENT_END_STATUS, 0);
}

/* The first agents had no version. */
static void serve_ready(struct vagent_session *s)
{
	const struct vagent_priv_channel *c = &s->control;
	uint32_t version = 0;

	if (s->state != AWAITS_AGENT || (c->in.header.len && c->in.header.len != sizeof(version))) {
		end_untrusted(s, "READY in the wrong order");
		return;
	}
	memcpy(&version, c->in.bytes + sizeof(c->in.header), c->in.header.len);
	if (version >= VAGENT_VERSION_COMMAND && version <= VAGENT_VERSION) {
		begin_command(s);
		return;
	}
	vsu_error_set(&s->why, -EPROTO, "the guest's agent has version %u of the protocol, but this program has %u; make the template again, or use the cvmm-init that was installed with this program",
		      version, VAGENT_VERSION);
	end_failed(s);
}

static void serve_started(struct vagent_session *s)
{
	if (s->state != AWAITS_START || s->control.in.header.len)
		end_untrusted(s, "STARTED in the wrong order");
	else
		s->state = RUNS;
}

/* Ends the session with the guest's sentence: the command was not executed, or the agent failed. */
static void serve_failure(struct vagent_session *s, uint32_t how, const char *text, size_t len)
{
	static const struct vagent_end ends[] = {
		[VAGENT_NOT_FOUND] = { VAGENT_END_NOT_FOUND, 0 },
		[VAGENT_NOT_EXECUTED] = { VAGENT_END_NOT_EXECUTED, 0 },
		[VAGENT_FAILED] = { VAGENT_END_MACHINE, VSU_EXIT_FAIL },
	};

	vsu_error_set(&s->why, -ECANCELED, "in the guest: %.*s", (int)len, text);
	end_session(s, ends[how].kind, ends[how].value);
}

/* Checks the end of a command that was executed. Only a signal may have a cause other than 0. */
static bool is_possible(const struct vagent_ended *e, uint32_t cause)
{
	if (e->how == VAGENT_EXITED)
		return e->status <= 255 && !cause;
	return e->status >= 1 && e->status <= 127 &&
	       (!cause || (cause == VAGENT_CAUSE_MEMORY && e->status == SIGKILL));
}

static void set_end(struct vagent_session *s, const struct vagent_ended *e, uint32_t cause)
{
	s->end.value = (int)e->status;
	if (e->how == VAGENT_EXITED) {
		s->end.kind = VAGENT_END_STATUS;
	} else if (cause) {
		s->end.kind = VAGENT_END_MEMORY;
		vsu_error_set(&s->why, -ENOMEM, "the guest's kernel killed the command, because the guest's memory was used up");
	} else {
		s->end.kind = VAGENT_END_SIGNAL;
		vsu_error_set(&s->why, -ECANCELED, "signal %u ended the command", e->status);
	}
}

static void serve_end(struct vagent_session *s, const struct vagent_ended *e, uint32_t cause)
{
	if (s->state != RUNS || !is_possible(e, cause) || e->out < s->out.total || e->err < s->err.total) {
		end_untrusted(s, "an invalid end of the command");
		return;
	}
	set_end(s, e, cause);
	s->out.len = e->out;
	s->err.len = e->err;
	s->drained = UINT64_MAX;
	s->state = DRAINS;
}

static void serve_ended(struct vagent_session *s)
{
	const struct vagent_priv_channel *c = &s->control;
	const char *payload = c->in.bytes + sizeof(c->in.header);
	struct vagent_ended e;
	uint32_t cause = VAGENT_CAUSE_UNKNOWN;
	size_t more;

	if (c->in.header.len < sizeof(e)) {
		end_untrusted(s, "a truncated message");
		return;
	}
	memcpy(&e, payload, sizeof(e));
	more = c->in.header.len - sizeof(e);
	if (more == sizeof(cause))
		memcpy(&cause, payload + sizeof(e), sizeof(cause));
	if (e.how == VAGENT_EXITED || e.how == VAGENT_SIGNALLED)
		serve_end(s, &e, more && more != sizeof(cause) ? VAGENT_CAUSES : cause);
	else if (e.how < VAGENT_HOWS)
		serve_failure(s, e.how, payload + sizeof(e), more);
	else
		end_untrusted(s, "an unknown kind of end");
}

static void serve_message(struct vagent_session *s)
{
	switch (s->control.in.header.type) {
	case VAGENT_READY:
		serve_ready(s);
		break;
	case VAGENT_STARTED:
		serve_started(s);
		break;
	case VAGENT_ENDED:
		serve_ended(s);
		break;
	default:
		end_untrusted(s, "an unknown message");
	}
}

/* Messages after the end of the command are not read. True: call again. */
static bool serve_control(struct vagent_session *s)
{
	int i, rc = 1;

	vagent_priv_channel_flush(&s->control);
	for (i = 0; i < TURN_MESSAGES && rc == 1 && s->state < DRAINS; i++) {
		rc = vagent_priv_channel_receive(&s->control);
		if (rc == 1)
			serve_message(s);
		else if (rc == -EBADMSG)
			end_untrusted(s, "a message that is too long");
	}
	return rc == 1 && s->state < DRAINS;
}

/* --------------------------------------------------------------------- turns */

static void report_once(struct vagent_session *s, bool now, bool *reported,
			enum vagent_message type, const void *payload, size_t len)
{
	if (now && !*reported)
		*reported = vagent_priv_channel_send(&s->control, type, payload, len) == 0;
}

static void report_flows(struct vagent_session *s)
{
	static const uint32_t out = VAGENT_OUT, err = VAGENT_ERR;

	report_once(s, s->in.source_ended, &s->in_reported, VAGENT_INPUT_END, &s->in.total, sizeof(s->in.total));
	report_once(s, s->out.state == VAGENT_FLOW_LOST, &s->out_reported, VAGENT_OUTPUT_LOST, &out, sizeof(out));
	report_once(s, s->err.state == VAGENT_FLOW_LOST, &s->err_reported, VAGENT_OUTPUT_LOST, &err, sizeof(err));
}

/* If output was lost, the command's status alone would look like success, so the failure replaces it. */
static void end_drained(struct vagent_session *s)
{
	const int rc = s->out.failure ? s->out.failure : s->err.failure;

	if (rc < 0) {
		vsu_error_sys(&s->why, rc, "standard %s of the command was not written", s->out.failure ? "output" : "error");
		s->end = (struct vagent_end){ VAGENT_END_STREAM, -rc };
	}
	s->state = ENDED;
}

static bool serve_flows(struct vagent_session *s)
{
	bool more = vagent_priv_flow_turn(&s->out);

	more = vagent_priv_flow_turn(&s->err) || more;
	if (s->state == RUNS)
		more = vagent_priv_flow_turn(&s->in) || more;
	report_flows(s);
	if (s->state == DRAINS && s->out.state != VAGENT_FLOW_OPEN && s->err.state != VAGENT_FLOW_OPEN)
		end_drained(s);
	return more;
}

/*
 * The command met its time limit, as its status has arrived. A caller may read the output slowly, but a
 * guest that announced more output than it sends is not waited for.
 */
static void await_output(struct vagent_session *s)
{
	const uint64_t total = s->out.total + s->err.total;
	const bool moves = s->out.have || s->err.have || total != s->drained;

	s->drained = total;
	if (moves && set_timer(s, LATE_MS) == 0)
		return;
	vsu_error_set(&s->why, -ETIMEDOUT, "the command ended in time, but the guest did not send the rest of its output");
	end_failed(s);
}

static void serve_timer(struct vagent_session *s)
{
	const bool of_agent = s->state == AWAITS_AGENT && (s->waits || !s->request);
	uint64_t times;

	if (read(s->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return;
	if (s->state == DRAINS) {	/* the command ended in time; only its output is late */
		await_output(s);
		return;
	}
	vsu_error_set(&s->why, -ETIMEDOUT, "the %s within %g seconds",
		      of_agent ? "guest was not ready" : "command did not end",
		      (double)s->timeout_ms / 1000);
	end_session(s, VAGENT_END_TIME, 0);
}

/* Events only wake: each end is tried until nothing is possible. */
static void drain_events(const struct vagent_session *s)
{
	struct epoll_event events[16];
	uint64_t times;

	(void)!epoll_wait(s->epfd, events, 16, 0);
	(void)!read(s->again_fd, &times, sizeof(times));
}

bool vagent_session_dispatch(struct vagent_session *s)
{
	static const uint64_t one = 1;
	bool more = false;

	if (s->state == RELEASED)
		return true;
	drain_events(s);
	if (s->state != ENDED)
		more = serve_control(s);
	if (s->state == RUNS || s->state == DRAINS)
		more = serve_flows(s) || more;
	if (s->state != ENDED)
		serve_timer(s);
	if (more)
		(void)!write(s->again_fd, &one, sizeof(one));
	return s->state != ENDED;
}

static void forget_end(const struct vagent_session *s, struct vagent_priv_flow_end *end)
{
	if (end->fd >= 0)
		(void)!epoll_ctl(s->epfd, EPOLL_CTL_DEL, end->fd, NULL);
	vagent_priv_flow_set_end(end, -1);
}

/* Drops a command of which nothing was sent, so that the agent waits for another one. */
static void forget_command(struct vagent_session *s)
{
	forget_end(s, &s->in.from);
	forget_end(s, &s->out.to);
	forget_end(s, &s->err.to);
	free(s->request);
	s->request = NULL;
	s->request_len = 0;
	(void)!set_timer(s, 0);
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
	if (rc < 0)
		return rc;
	rc = take_command(s, &c);
	if (rc < 0) {
		forget_command(s);
		return vsu_error_sys(err, rc, "cannot use the streams of a command");
	}
	send_request(s);
	if (s->state == AWAITS_START)
		return 0;
	if (err)
		*err = s->why;
	return s->why.code;
}

/* ---------------------------------------------------------- ports that change */

int vagent_session_release_ports(struct vagent_session *s, int ports[VAGENT_PORTS], struct vsu_error *err)
{
	int i;

	if (s->state != WAITS)
		return vsu_error_set(err, -EAGAIN, "the guest does not wait for a command");
	for (i = 0; i < VAGENT_PORTS; i++) {
		(void)!epoll_ctl(s->epfd, EPOLL_CTL_DEL, s->ours[i], NULL);
		ports[i] = s->ours[i];
		s->ours[i] = -1;
	}
	s->state = RELEASED;
	return 0;
}

/* Drops a greeting of this session, which was sent to its own ports. */
static void forget_ports(struct vagent_session *s)
{
	int i;

	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&s->ours[i]);
	vagent_session_close_ports(s);
	vagent_priv_channel_free(&s->control);
	s->control = (struct vagent_priv_channel){ .fd = -1 };
}

int vagent_session_take_ports(struct vagent_session *s, const int ports[VAGENT_PORTS], struct vsu_error *err)
{
	int i, port, rc;

	if (s->state != AWAITS_AGENT || !s->request) {
		for (i = 0; i < VAGENT_PORTS; i++) {
			port = ports[i];
			vsu_fd_close(&port);
		}
		return vsu_error_set(err, -EINVAL, "the session has no request, or its guest has it already");
	}
	forget_ports(s);
	memcpy(s->ours, ports, sizeof(s->ours));
	rc = use_ports(s);
	if (rc < 0)
		fail_session(s, rc, "cannot use the ports of a guest");
	else
		send_request(s);
	if (s->state == AWAITS_START)
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
	const uint32_t number = (uint32_t)signo;

	if (s->state == RUNS)
		(void)vagent_priv_channel_send(&s->control, VAGENT_SIGNAL, &number, sizeof(number));
}

void vagent_session_resize(struct vagent_session *s, unsigned int rows, unsigned int columns)
{
	const uint16_t size[2] = { (uint16_t)rows, (uint16_t)columns };

	if (s->state == RUNS)
		(void)vagent_priv_channel_send(&s->control, VAGENT_SIZE, size, sizeof(size));
}

bool vagent_session_is_started(const struct vagent_session *s)
{
	return s->state >= RUNS && s->state != ENDED;
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
