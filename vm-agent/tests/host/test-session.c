/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the session of a command, with a scripted agent at the guest's ends. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "vm-agent/session.h"

#define REQUEST "Atrue\0Rrw\0E=\0Hname"
#define SYSTEM "Rrw\0Hname"
#define COMMAND "U0 0 22\0Atrue\0E="

static struct vagent_session *s;
static struct vsu_error why;
static int in[2], out[2], err[2];

/* ----------------------------------------------------------------- the agent */

static int port(enum vagent_port p)
{
	return vagent_session_port(s, p);
}

static void agent_sends(uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header h = { type, len };

	ck_assert_int_eq(send(port(VAGENT_CONTROL), &h, sizeof(h), 0), sizeof(h));
	if (len)
		ck_assert_int_eq(send(port(VAGENT_CONTROL), payload, len, 0), (ssize_t)len);
}

static void agent_writes(uint32_t stream, const void *bytes, uint32_t len)
{
	const struct vagent_frame f = { 1, stream, len };

	ck_assert_int_eq(send(port(VAGENT_OUT), &f, sizeof(f), 0), sizeof(f));
	if (len)
		ck_assert_int_eq(send(port(VAGENT_OUT), bytes, len, 0), (ssize_t)len);
}

static void agent_ends_outputs(void)
{
	agent_writes(VAGENT_STDOUT, NULL, 0);
	agent_writes(VAGENT_STDERR, NULL, 0);
}

/* The outputs end by frames. */
static void agent_ends(uint32_t how, uint32_t status)
{
	const struct vagent_process_ended m = { 1, how, status, VAGENT_CAUSE_UNKNOWN };

	agent_sends(VAGENT_PROCESS_ENDED, &m, sizeof(m));
}

static void agent_fails(const char *text)
{
	agent_sends(VAGENT_FAILURE, text, (uint32_t)strlen(text));
}

static void agent_reads(void *to, size_t len)
{
	ck_assert_int_eq(recv(port(VAGENT_CONTROL), to, len, MSG_WAITALL | MSG_DONTWAIT), (ssize_t)len);
}

static void agent_reads_header(uint32_t type, uint32_t len)
{
	struct vagent_header h;

	agent_reads(&h, sizeof(h));
	ck_assert_uint_eq(h.type, type);
	ck_assert_uint_eq(h.len, len);
}

static void agent_is_ready(uint32_t version)
{
	agent_sends(VAGENT_READY, &version, sizeof(version));
}

static struct vagent_moment agent_reads_moment(void)
{
	struct vagent_moment m;

	agent_reads_header(VAGENT_MOMENT, sizeof(m));
	agent_reads(&m, sizeof(m));
	return m;
}

/* ----------------------------------------------------------------- the host */

/* Turns until nothing is to be done. */
static bool turns(void)
{
	struct pollfd p = { vagent_session_fd(s), POLLIN, 0 };
	bool lives = vagent_session_dispatch(s);

	while (lives && poll(&p, 1, 0) > 0)
		lives = vagent_session_dispatch(s);
	return lives;
}

static void begin_with(const char *request, uint32_t len, uint64_t timeout_ms)
{
	const struct vagent_session_config c = {
		.size = sizeof(c), .request = request, .request_len = len, .in = in[0], .out = out[1], .err = err[1],
		.timeout_ms = timeout_ms,
	};

	ck_assert_int_eq(vagent_session_new(&s, &c, NULL), 0);
}

static void begin(uint64_t timeout_ms)
{
	begin_with(REQUEST, sizeof(REQUEST), timeout_ms);
}

static void discard_messages(void)
{
	char bytes[4096];

	while (recv(port(VAGENT_CONTROL), bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* Both messages are sent at once. */
static void agent_reads_request(void)
{
	char system[sizeof(SYSTEM)], command[sizeof(COMMAND)];
	struct vagent_prepare head;

	agent_reads_moment();
	agent_reads_header(VAGENT_GUEST, sizeof(SYSTEM));
	agent_reads(system, sizeof(system));
	ck_assert_mem_eq(system, SYSTEM, sizeof(SYSTEM));
	agent_reads_header(VAGENT_PREPARE, sizeof(head) + sizeof(COMMAND));
	agent_reads(&head, sizeof(head));
	ck_assert_uint_eq(head.process, 1);
	ck_assert_uint_eq(head.container, VAGENT_ITSELF);
	agent_reads(command, sizeof(command));
	ck_assert_mem_eq(command, COMMAND, sizeof(COMMAND));
}

static void agent_runs_command(void)
{
	const struct vagent_prepared prepared = { 1, 77 };
	uint32_t number = 0;

	agent_sends(VAGENT_SERVES, NULL, 0);
	agent_sends(VAGENT_PREPARED, &prepared, sizeof(prepared));
	ck_assert(turns() && !vagent_session_is_started(s));
	agent_reads_header(VAGENT_START, sizeof(number));
	agent_reads(&number, sizeof(number));
	ck_assert_uint_eq(number, 1);
	agent_sends(VAGENT_RUNNING, &number, sizeof(number));
	ck_assert(turns() && vagent_session_is_started(s));
}

static void start_command(void)
{
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	agent_reads_request();
	agent_runs_command();
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	begin(0);
}

static void after(void)
{
	int i;

	vagent_session_free(s);
	for (i = 0; i < 2; i++) {
		vsu_fd_close(&in[i]);
		vsu_fd_close(&out[i]);
		vsu_fd_close(&err[i]);
	}
}

static void assert_read(int fd, const char *text)
{
	char bytes[64] = "";

	ck_assert_int_eq(read(fd, bytes, sizeof(bytes) - 1), (ssize_t)strlen(text));
	ck_assert_str_eq(bytes, text);
}

START_TEST(status_and_streams_are_those_of_the_command)
{
	start_command();
	ck_assert_int_eq(vagent_session_status(s, NULL), -EAGAIN);
	agent_writes(VAGENT_STDOUT, "out", 3);
	agent_writes(VAGENT_STDERR, "wrong", 5);
	agent_ends(VAGENT_EXITED, 7);
	ck_assert(turns());
	agent_ends_outputs();
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 7);
	ck_assert_str_eq(why.msg, "");
	assert_read(out[0], "out");
	assert_read(err[0], "wrong");
}
END_TEST

START_TEST(signal_of_the_command_is_128_and_its_number)
{
	start_command();
	agent_ends(VAGENT_SIGNALLED, 9);
	agent_ends_outputs();
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, NULL), 137);
}
END_TEST

START_TEST(input_is_not_read_before_the_command_runs)
{
	ck_assert_int_eq(write(in[1], "a", 1), 1);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	agent_sends(VAGENT_SERVES, NULL, 0);
	agent_ends(VAGENT_NOT_FOUND, 0);
	ck_assert(!turns());
	assert_read(in[0], "a");
}
END_TEST

START_TEST(signals_and_sizes_are_passed_while_it_runs)
{
	struct vagent_kill kill;
	struct vagent_resize size;

	vagent_session_free(s);
	begin_with("Ash\0T24x80", sizeof("Ash\0T24x80"), 0);
	vagent_session_signal(s, SIGINT);
	vagent_session_resize(s, 20, 70);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	discard_messages();
	agent_runs_command();
	vagent_session_signal(s, SIGTERM);
	vagent_session_resize(s, 25, 80);
	agent_reads_header(VAGENT_KILL, sizeof(kill));
	agent_reads(&kill, sizeof(kill));
	ck_assert_uint_eq(kill.signo, SIGTERM);
	ck_assert_uint_eq(kill.all, 0);
	agent_reads_header(VAGENT_RESIZE, sizeof(size));
	agent_reads(&size, sizeof(size));
	ck_assert_uint_eq(size.rows << 8 | size.columns, 25 << 8 | 80);
}
END_TEST

START_TEST(regular_files_are_streams)
{
	int file = memfd_create("in", MFD_CLOEXEC);
	struct vagent_frame header;
	char bytes[16];

	ck_assert_int_eq(write(file, "file", 4), 4);
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
	vagent_session_free(s);
	ck_assert_int_eq(dup2(file, in[0]), in[0]);
	ck_assert_int_eq(dup2(file, out[1]), out[1]);
	begin(0);
	start_command();
	ck_assert_int_eq(recv(port(VAGENT_IN), &header, sizeof(header), MSG_DONTWAIT), sizeof(header));
	ck_assert_uint_eq(header.len, 4);
	ck_assert_int_eq(recv(port(VAGENT_IN), bytes, 4, MSG_DONTWAIT), 4);
	agent_writes(VAGENT_STDOUT, "more", 4);
	ck_assert(turns());
	ck_assert_int_eq(pread(file, bytes, sizeof(bytes), 0), 8);
	ck_assert_int_eq(memcmp(bytes, "filemore", 8), 0);
	close(file);
}
END_TEST

/* A reader of the output is noticed although the input is watched. */
START_TEST(one_descriptor_may_be_all_streams)
{
	static char bytes[4096];
	unsigned int i;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	vagent_session_free(s);
	vsu_fd_close(&in[0]);
	vsu_fd_close(&out[1]);
	vsu_fd_close(&err[1]);
	in[0] = out[1] = err[1] = pair[0];
	begin(0);
	start_command();
	while (send(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	for (i = 0; i < VAGENT_WINDOW / sizeof(bytes); i++) {
		agent_writes(VAGENT_STDOUT, bytes, sizeof(bytes));
		ck_assert(turns());
	}
	while (read(pair[1], bytes, sizeof(bytes)) > 0)
		;
	ck_assert_int_eq(poll(&(struct pollfd){ vagent_session_fd(s), POLLIN, 0 }, 1, 0), 1);
	out[1] = err[1] = -1;
	vsu_fd_close(&pair[1]);
}
END_TEST

START_TEST(failures_have_a_status_and_a_sentence)
{
	static const struct {
		uint32_t how;
		int status;
	} rows[] = {
		{ VAGENT_NOT_FOUND, 127 }, { VAGENT_NOT_EXECUTED, 126 }, { VAGENT_FAILED, 125 },
	};
	struct {
		struct vagent_process_ended e;
		char text[4];
	} m = { { 1, rows[_i].how, 0, 0 }, "why" };

	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	agent_sends(VAGENT_SERVES, NULL, 0);
	agent_sends(VAGENT_PROCESS_ENDED, &m, sizeof(m.e) + 3);
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), rows[_i].status);
	ck_assert_str_eq(why.msg, "in the guest: why");
}
END_TEST

/* The owner of the machine knows why. */
START_TEST(closed_ports_do_not_end_the_session)
{
	if (_i)
		start_command();
	ck_assert(!vagent_session_is_lost(s));
	vagent_session_close_ports(s);
	ck_assert(turns());
	ck_assert(vagent_session_is_lost(s));
	ck_assert_int_eq(vagent_session_status(s, &why), -EAGAIN);
}
END_TEST

START_TEST(output_before_closed_ports_is_complete)
{
	start_command();
	agent_writes(VAGENT_STDOUT, "out", 3);
	agent_ends(VAGENT_EXITED, 7);
	agent_ends_outputs();
	vagent_session_close_ports(s);
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 7);
	assert_read(out[0], "out");
}
END_TEST

/* Guests have a root, which an agent that serves containers does not need. */
START_TEST(request_without_a_root_has_the_shared_one)
{
	char records[4];

	vagent_session_free(s);
	begin_with("Atrue", sizeof("Atrue"), 0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	agent_reads_moment();
	agent_reads_header(VAGENT_GUEST, sizeof(records));
	agent_reads(records, sizeof(records));
	ck_assert_str_eq(records, "Rro");
}
END_TEST

static void begin_waiting(uint64_t timeout_ms)
{
	const struct vagent_session_config c = {
		.size = sizeof(c), .in = -1, .out = -1, .err = -1, .timeout_ms = timeout_ms, .clone = true, .waits = true,
	};

	vagent_session_free(s);
	ck_assert_int_eq(vagent_session_new(&s, &c, NULL), 0);
	agent_reads_header(VAGENT_HELLO, 0);
}

static void start_limited_command_that_ends(void)
{
	struct pollfd p;

	vagent_session_free(s);
	begin(1000);
	start_command();
	agent_ends(VAGENT_EXITED, 7);
	ck_assert(turns());
	p = (struct pollfd){ vagent_session_fd(s), POLLIN, 0 };
	ck_assert_int_eq(poll(&p, 1, -1), 1);	/* the time limit */
	ck_assert(turns());
}

START_TEST(command_that_ended_in_time_keeps_its_status)
{
	start_limited_command_that_ends();
	agent_writes(VAGENT_STDOUT, "out", 3);
	agent_ends_outputs();
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 7);
	assert_read(out[0], "out");
}
END_TEST

START_TEST(output_that_the_guest_does_not_send_ends_the_session)
{
	struct pollfd p;

	start_limited_command_that_ends();
	p = (struct pollfd){ vagent_session_fd(s), POLLIN, 0 };
	while (vagent_session_dispatch(s))
		poll(&p, 1, -1);
	ck_assert_int_eq(vagent_session_status(s, &why), 125);
	ck_assert_msg(strstr(why.msg, "did not send the rest of its output"), "%s", why.msg);
}
END_TEST

START_TEST(request_with_a_closed_stream_is_refused_and_the_guest_waits)
{
	struct vagent_session_config c = {
		.size = sizeof(c), .request = REQUEST, .request_len = sizeof(REQUEST), .in = in[0], .out = 1000, .err = -1,
	};

	begin_waiting(0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert_int_eq(vagent_session_request(s, &c, &why), -EBADF);
	ck_assert(vagent_session_waits(s));
	c.out = out[1];
	ck_assert_int_eq(vagent_session_request(s, &c, &why), 0);
}
END_TEST

/* The second one comes after a command that was dropped. */
START_TEST(request_without_records_is_refused_and_the_guest_waits)
{
	struct vagent_session_config c = {
		.size = sizeof(c), .request = REQUEST, .request_len = sizeof(REQUEST), .in = -1, .out = 1000, .err = -1,
	};
	const struct vagent_session_config without = { .size = sizeof(c), .in = -1, .out = -1, .err = -1 };

	begin_waiting(0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert_int_eq(vagent_session_request(s, &without, &why), -EINVAL);
	ck_assert_int_eq(vagent_session_request(s, &c, &why), -EBADF);
	ck_assert_int_eq(vagent_session_request(s, &without, &why), -EINVAL);
	ck_assert(vagent_session_waits(s));
	c.out = -1;
	ck_assert_int_eq(vagent_session_request(s, &c, &why), 0);
}
END_TEST

START_TEST(session_that_waits_is_not_made_with_a_request)
{
	const struct vagent_session_config c = {
		.size = sizeof(c), .request = REQUEST, .request_len = sizeof(REQUEST), .in = -1, .out = -1, .err = -1,
		.waits = true,
	};
	struct vagent_session *other = NULL;

	ck_assert_int_eq(vagent_session_new(&other, &c, &why), -EINVAL);
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(request_that_no_agent_accepts_is_refused)
{
	static char large[VAGENT_MAX_REQUEST + 1];
	struct vagent_session_config c = {
		.size = sizeof(c), .request = large, .request_len = sizeof(large), .in = -1, .out = -1, .err = -1,
	};
	struct vagent_session *other = NULL;

	memset(large, 'A', sizeof(large));
	ck_assert_int_eq(vagent_session_new(&other, &c, &why), -E2BIG);
	ck_assert_ptr_null(other);
	c.request_len = UINT32_MAX;
	begin_waiting(0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert_int_eq(vagent_session_request(s, &c, &why), -E2BIG);
	ck_assert(vagent_session_waits(s));
	c.request_len = VAGENT_MAX_REQUEST;	/* there are other records beside it */
	ck_assert_int_eq(vagent_session_request(s, &c, &why), -E2BIG);
	ck_assert(vagent_session_waits(s));
	c.request_len = VAGENT_MAX_REQUEST - 64;
	ck_assert_int_eq(vagent_session_request(s, &c, &why), 0);
}
END_TEST

START_TEST(port_that_does_not_exist_has_no_descriptor)
{
	ck_assert_int_ge(port(VAGENT_OUT), 0);
	ck_assert_int_eq(port(VAGENT_PORTS), -1);
	ck_assert_int_eq(port((enum vagent_port)-1), -1);
}
END_TEST

START_TEST(timeout_is_124)
{
	struct pollfd p;

	vagent_session_free(s);
	begin(1);
	p = (struct pollfd){ vagent_session_fd(s), POLLIN, 0 };
	while (vagent_session_dispatch(s))
		poll(&p, 1, -1);
	ck_assert_int_eq(vagent_session_status(s, &why), 124);
	ck_assert_str_eq(why.msg, "the command did not end within 0.001 seconds");
}
END_TEST

/* ------------------------------------------------------------------ templates */

/* Not time(), which is up to a tick behind. */
static uint64_t host_seconds(void)
{
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &t), 0);
	return (uint64_t)t.tv_sec;
}

START_TEST(moment_has_the_time_and_other_bytes_each_time)
{
	const uint64_t now = host_seconds();
	struct vagent_moment m, other;

	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	m = agent_reads_moment();
	ck_assert_uint_ge(m.seconds, now);
	ck_assert_uint_le(m.seconds, host_seconds());
	ck_assert_uint_lt(m.nanoseconds, 1000000000);
	vagent_session_free(s);
	begin(0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	other = agent_reads_moment();
	ck_assert_int_ne(memcmp(m.entropy, other.entropy, sizeof(m.entropy)), 0);
}
END_TEST

START_TEST(session_of_a_clone_asks_the_agent_that_waits)
{
	const struct vagent_session_config c = {
		.size = sizeof(c), .request = REQUEST, .request_len = sizeof(REQUEST), .in = -1, .out = -1, .err = -1,
		.clone = true,
	};

	vagent_session_free(s);
	ck_assert_int_eq(vagent_session_new(&s, &c, NULL), 0);
	agent_reads_header(VAGENT_HELLO, 0);
	start_command();
}
END_TEST

/* A host that waited, and its command in another process. */
START_TEST(released_ports_run_the_command_of_another_session)
{
	const struct vagent_session_config waiting = {
		.size = sizeof(waiting), .in = -1, .out = -1, .err = -1, .waits = true,
	};
	struct vagent_session *mine = s, *host;
	const struct vagent_prepared prepared = { 1, 77 };
	char text[8] = "";
	int ports[VAGENT_PORTS], i;

	ck_assert_int_eq(vagent_session_new(&host, &waiting, NULL), 0);
	ck_assert_int_eq(vagent_session_release_ports(host, ports, &why), -EAGAIN);
	s = host;
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert_int_eq(vagent_session_release_ports(host, ports, &why), 0);
	ck_assert(turns() && !vagent_session_waits(host) && !vagent_session_is_started(host));
	ck_assert_int_eq(vagent_session_take_ports(mine, ports, &why), 0);
	agent_reads_request();
	agent_sends(VAGENT_SERVES, NULL, 0);
	agent_sends(VAGENT_PREPARED, &prepared, sizeof(prepared));
	ck_assert(turns());	/* the one that waited reads nothing */
	ck_assert(vagent_session_dispatch(mine));
	agent_sends(VAGENT_RUNNING, &(uint32_t){ 1 }, sizeof(uint32_t));
	agent_writes(VAGENT_STDOUT, "text", 4);
	agent_ends(VAGENT_EXITED, 7);
	agent_ends_outputs();
	s = mine;
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(mine, &why), 7);
	ck_assert_int_eq(read(out[0], text, sizeof(text)), 4);
	ck_assert_str_eq(text, "text");
	for (i = 0; i < VAGENT_PORTS; i++)
		ck_assert_int_eq(port(i), -1);
	vagent_session_free(host);
}
END_TEST

START_TEST(session_that_has_an_agent_takes_no_other_ports)
{
	int fds[VAGENT_PORTS], i;

	start_command();
	for (i = 0; i < VAGENT_PORTS; i++)
		fds[i] = dup(port(i));
	ck_assert_int_eq(vagent_session_take_ports(s, fds, &why), -EINVAL);
	for (i = 0; i < VAGENT_PORTS; i++)
		ck_assert_int_lt(fcntl(fds[i], F_GETFD), 0);
	ck_assert(turns() && vagent_session_is_started(s));
}
END_TEST

START_TEST(session_without_a_request_ends_when_the_agent_waits)
{
	const struct vagent_session_config c = { .size = sizeof(c), .in = -1, .out = -1, .err = -1 };
	char byte;

	vagent_session_free(s);
	ck_assert_int_eq(vagent_session_new(&s, &c, NULL), 0);
	ck_assert(turns());
	agent_is_ready(VAGENT_VERSION);
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 0);
	ck_assert_str_eq(why.msg, "");
	ck_assert_int_eq(recv(port(VAGENT_CONTROL), &byte, 1, MSG_DONTWAIT), -1);
}
END_TEST

/* -------------------------------------------------------------------- waiting */

static int request(uint64_t timeout_ms)
{
	const struct vagent_session_config c = {
		.size = sizeof(c), .request = REQUEST, .request_len = sizeof(REQUEST), .in = in[0], .out = out[1],
		.err = err[1], .timeout_ms = timeout_ms,
	};

	return vagent_session_request(s, &c, &why);
}

START_TEST(session_waits_between_an_agent_and_a_request)
{
	char byte;

	begin_waiting(0);
	ck_assert_int_eq(request(0), -EAGAIN);
	ck_assert(!vagent_session_waits(s));
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert(vagent_session_waits(s) && !vagent_session_is_started(s));
	ck_assert_int_eq(vagent_session_status(s, NULL), -EAGAIN);
	vagent_session_signal(s, SIGTERM);
	ck_assert_int_eq(recv(port(VAGENT_CONTROL), &byte, 1, MSG_DONTWAIT), -1);
}
END_TEST

/* The moment is that of the request. */
START_TEST(requested_command_has_streams_and_a_status)
{
	char bytes[sizeof(struct vagent_frame) + 2];

	ck_assert_int_eq(write(in[1], "in", 2), 2);
	begin_waiting(0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert_int_eq(request(0), 0);
	ck_assert_int_eq(request(0), -EAGAIN);
	agent_reads_request();
	agent_runs_command();
	ck_assert_int_eq(recv(port(VAGENT_IN), bytes, sizeof(bytes), MSG_DONTWAIT), sizeof(bytes));
	agent_writes(VAGENT_STDOUT, "out", 3);
	agent_ends(VAGENT_EXITED, 7);
	agent_ends_outputs();
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, NULL), 7);
	assert_read(out[0], "out");
}
END_TEST

static int await_end(void)
{
	struct pollfd p = { vagent_session_fd(s), POLLIN, 0 };

	while (vagent_session_dispatch(s))
		poll(&p, 1, -1);
	return vagent_session_status(s, &why);
}

/* The session of a template has no command. */
START_TEST(time_limit_of_a_template_is_that_of_its_guest)
{
	const struct vagent_session_config c = { .size = sizeof(c), .in = -1, .out = -1, .err = -1, .timeout_ms = 1 };

	vagent_session_free(s);
	ck_assert_int_eq(vagent_session_new(&s, &c, NULL), 0);
	ck_assert_int_eq(await_end(), 124);
	ck_assert_str_eq(why.msg, "the guest was not ready within 0.001 seconds");
}
END_TEST

START_TEST(agent_and_command_have_time_limits_of_their_own)
{
	begin_waiting(1);
	ck_assert_int_eq(await_end(), 124);
	ck_assert_str_eq(why.msg, "the guest was not ready within 0.001 seconds");
	begin_waiting(30000);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert_int_eq(request(2), 0);
	ck_assert_int_eq(await_end(), 124);
	ck_assert_str_eq(why.msg, "the command did not end within 0.002 seconds");
}
END_TEST

START_TEST(a9_02_waiting_session_rejects_all_messages)
{
	static const uint32_t types[] = { VAGENT_READY, VAGENT_SERVES, VAGENT_MOMENT, 0 };
	static const uint32_t version = VAGENT_VERSION;

	begin_waiting(0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	agent_sends(types[_i], &version, types[_i] == VAGENT_SERVES ? 0 : sizeof(version));
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 125);
	ck_assert_ptr_nonnull(strstr(why.msg, "the guest's agent sent"));
	ck_assert_int_eq(request(0), -EAGAIN);
}
END_TEST

START_TEST(a9_03_waiting_session_rejects_an_end_and_reports_a_failure)
{
	begin_waiting(0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	if (_i)
		agent_fails("why");
	else
		agent_ends(VAGENT_EXITED, 0);
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 125);
	ck_assert_ptr_nonnull(strstr(why.msg, _i ? "in the guest: why" : "the guest's agent sent"));
}
END_TEST

/* ------------------------------------------------------------------- hostile */

static void assert_violation(const char *text)
{
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 125);
	ck_assert_ptr_nonnull(strstr(why.msg, text));
}

START_TEST(a9_04_sentence_is_printed_without_control_characters)
{
	agent_fails("a\033[2J\nb");
	ck_assert(!turns());
	ck_assert_int_eq(vagent_session_status(s, &why), 125);
	ck_assert_str_eq(why.msg, "in the guest: a?[2J?b");
}
END_TEST

START_TEST(a9_05_messages_to_an_agent_that_does_not_read_are_bounded)
{
	char bytes[65536];
	size_t total = 0;
	ssize_t n;
	int i;

	start_command();
	for (i = 0; i < 1000000; i++)
		vagent_session_signal(s, SIGINT);
	while ((n = recv(port(VAGENT_CONTROL), bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		total += (size_t)n;
		ck_assert(turns());
	}
	ck_assert_uint_gt(total, 32768);
	ck_assert_uint_lt(total, 1000000);
	agent_ends(VAGENT_EXITED, 0);
	agent_ends_outputs();
	ck_assert(!turns());
}
END_TEST

START_TEST(a9_07_agent_of_another_version_receives_no_request)
{
	char byte;

	agent_is_ready(_i ? VAGENT_VERSION + 1 : VAGENT_VERSION - 1);
	assert_violation("make the template again");
	ck_assert_int_eq(recv(port(VAGENT_CONTROL), &byte, 1, MSG_DONTWAIT), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, status_and_streams_are_those_of_the_command);
	tcase_add_test(tc, signal_of_the_command_is_128_and_its_number);
	tcase_add_test(tc, input_is_not_read_before_the_command_runs);
	tcase_add_test(tc, signals_and_sizes_are_passed_while_it_runs);
	tcase_add_test(tc, regular_files_are_streams);
	tcase_add_test(tc, one_descriptor_may_be_all_streams);
	tcase_add_loop_test(tc, failures_have_a_status_and_a_sentence, 0, 3);
	tcase_add_loop_test(tc, closed_ports_do_not_end_the_session, 0, 2);
	tcase_add_test(tc, output_before_closed_ports_is_complete);
	tcase_add_test(tc, request_without_a_root_has_the_shared_one);
	tcase_add_test(tc, command_that_ended_in_time_keeps_its_status);
	tcase_add_test(tc, output_that_the_guest_does_not_send_ends_the_session);
	tcase_add_test(tc, request_with_a_closed_stream_is_refused_and_the_guest_waits);
	tcase_add_test(tc, request_without_records_is_refused_and_the_guest_waits);
	tcase_add_test(tc, session_that_waits_is_not_made_with_a_request);
	tcase_add_test(tc, request_that_no_agent_accepts_is_refused);
	tcase_add_test(tc, port_that_does_not_exist_has_no_descriptor);
	tcase_add_test(tc, timeout_is_124);
	tcase_add_test(tc, moment_has_the_time_and_other_bytes_each_time);
	tcase_add_test(tc, session_of_a_clone_asks_the_agent_that_waits);
	tcase_add_test(tc, released_ports_run_the_command_of_another_session);
	tcase_add_test(tc, session_that_has_an_agent_takes_no_other_ports);
	tcase_add_test(tc, session_without_a_request_ends_when_the_agent_waits);
	tcase_add_test(tc, session_waits_between_an_agent_and_a_request);
	tcase_add_test(tc, requested_command_has_streams_and_a_status);
	tcase_add_test(tc, time_limit_of_a_template_is_that_of_its_guest);
	tcase_add_test(tc, agent_and_command_have_time_limits_of_their_own);
	tcase_add_loop_test(tc, a9_02_waiting_session_rejects_all_messages, 0, 4);
	tcase_add_loop_test(tc, a9_03_waiting_session_rejects_an_end_and_reports_a_failure, 0, 2);
	tcase_add_test(tc, a9_04_sentence_is_printed_without_control_characters);
	tcase_add_test(tc, a9_05_messages_to_an_agent_that_does_not_read_are_bounded);
	tcase_add_loop_test(tc, a9_07_agent_of_another_version_receives_no_request, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
