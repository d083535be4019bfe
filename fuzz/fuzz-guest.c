/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A hostile guest at the ports of a connection with processes: messages of any type, length and order, frames
 * of any stream and length, pieces of both, ports that are closed, and an owner that uses its processes.
 *
 * Invariants: a connection that fails has a sentence without control characters and finishes its processes, a
 * finished process has an end with a value of its kind, no more output arrives than the guest sent, dispatch
 * comes to rest, and no descriptor leaks.
 */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vm-agent/process.h>
#include <vmm-sys-util/fd.h>

#include "play.h"

#define LAST_TURNS 4
#define PROCESSES 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t failed, executed, finished;

struct guest {
	struct vagent_guest *g;
	struct vagent_process *processes[PROCESSES]; /* NULL: freed */
	unsigned int container;
	int fds, out[2];
	uint64_t sent, received;
	bool lives;
};

/* ----------------------------------------------------------------------- guest */

static void send_bytes(struct guest *g, enum vagent_port port, const void *bytes, size_t len)
{
	const ssize_t n = send(vagent_guest_port(g->g, port), bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0 && port == VAGENT_OUT)
		g->sent += (uint64_t)n;
}

static void send_message(struct guest *g, uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header header = { type, len };

	send_bytes(g, VAGENT_CONTROL, &header, sizeof(header));
	if (len)
		send_bytes(g, VAGENT_CONTROL, payload, len);
}

static void turn(struct guest *g)
{
	g->lives = vagent_guest_dispatch(g->g);
}

static void prepare(struct guest *g, unsigned int i, bool terminal)
{
	static const char *const command[] = { "true", NULL };
	const int streams[] = { -1, g->out[1], g->out[1] };
	const struct vagent_process_config c = {
		.size = sizeof(c), .command = command, .streams = streams, .terminal = terminal,
	};

	CHECK(!vagent_process_prepare(g->g, g->container, &c, &g->processes[i], NULL));
}

static void init(void *opaque, struct input *in)
{
	static const uint32_t version = VAGENT_VERSION;
	const struct vagent_guest_config c = { .size = sizeof(c) };
	const struct vagent_container container = { .size = sizeof(container), .root = "/" };
	struct guest *g = opaque;

	memset(g, 0, sizeof(*g));
	g->fds = vsu_fd_count();
	CHECK(!pipe(g->out));
	CHECK(fcntl(g->out[0], F_SETFL, O_NONBLOCK) == 0);
	CHECK(!vagent_guest_new(&g->g, &c, NULL));
	send_message(g, VAGENT_READY, &version, sizeof(version));
	turn(g);
	send_message(g, VAGENT_SERVES, NULL, 0);
	turn(g);
	CHECK(vagent_guest_is_ready(g->g));
	CHECK(!vagent_guest_add_container(g->g, &container, &g->container, NULL));
	prepare(g, 0, false);
	prepare(g, 1, take(in, 1) & 1);
}

/* ------------------------------------------------------------ actions of the guest */

/* Numbers of both processes, and others. */
static uint32_t take_number(struct input *in)
{
	const uint32_t n = (uint32_t)take(in, 1);

	return n < 200 ? 1 + n % PROCESSES : n - 200;
}

static void send_prepared(struct guest *g, struct input *in)
{
	const struct vagent_prepared m = { take_number(in), (uint32_t)take(in, 1) };

	send_message(g, VAGENT_PREPARED, &m, sizeof(m));
}

static void send_running(struct guest *g, struct input *in)
{
	const uint32_t number = take_number(in);

	send_message(g, VAGENT_RUNNING, &number, sizeof(number));
}

static void send_ended(struct guest *g, struct input *in)
{
	struct {
		struct vagent_process_ended m;
		char sentence[8];
	} m = { .m = { take_number(in), (uint32_t)take(in, 1) % (VAGENT_HOWS + 1), (uint32_t)take(in, 1), 0 } };
	const uint32_t len = (uint32_t)take(in, 1) % (sizeof(m.sentence) + 1);

	m.m.cause = (uint32_t)take(in, 1) % 3;
	memset(m.sentence, (int)take(in, 1), sizeof(m.sentence));
	send_message(g, VAGENT_PROCESS_ENDED, &m, (uint32_t)sizeof(m.m) + len);
}

static void send_credited(struct guest *g, struct input *in)
{
	const struct vagent_credit m = { take_number(in), (uint32_t)take(in, 1) % VAGENT_STREAMS, (uint32_t)take(in, 2) };

	send_message(g, VAGENT_CREDITED, &m, sizeof(m));
}

static void send_listed(struct guest *g, struct input *in)
{
	struct {
		struct vagent_listed head;
		uint32_t pids[16];
	} m = { .head = { g->container + (take(in, 1) > 250), (uint32_t)take(in, 1) & 1 } };

	send_message(g, VAGENT_LISTED, &m, (uint32_t)(sizeof(m.head) + take(in, 1) % sizeof(m.pids)));
}

static void send_measured(struct guest *g, struct input *in)
{
	const struct vagent_measured m = { .container = g->container + (take(in, 1) > 250), .memory = take(in, 1) };

	send_message(g, VAGENT_MEASURED, &m, sizeof(m));
}

/* Sends a header that the input selects; its payload may follow. */
static void send_header(struct guest *g, struct input *in)
{
	const struct vagent_header header = { (uint32_t)take(in, 1), (uint32_t)take(in, 4) };

	send_bytes(g, VAGENT_CONTROL, &header, sizeof(header));
}

static void send_frame(struct guest *g, struct input *in)
{
	static const char bytes[VAGENT_MAX_FRAME];
	const struct vagent_frame f = {
		take_number(in), (uint32_t)take(in, 1) % (VAGENT_STREAMS + 1), (uint32_t)take(in, 2),
	};

	send_bytes(g, VAGENT_OUT, &f, sizeof(f));
	send_bytes(g, VAGENT_OUT, bytes, f.len <= sizeof(bytes) ? f.len : 0);
}

/* Sends bytes of the input, after a length of one byte. */
static void send_input(struct guest *g, struct input *in)
{
	const enum vagent_port port = take(in, 1) & 1 ? VAGENT_CONTROL : VAGENT_OUT;
	const size_t wanted = take(in, 1), left = (size_t)(in->end - in->p);
	const size_t len = wanted < left ? wanted : left;

	send_bytes(g, port, in->p, len);
	in->p += len;
}

static void close_port(struct guest *g, struct input *in)
{
	if (take(in, 1) > 200)
		shutdown(vagent_guest_port(g->g, (enum vagent_port)(take(in, 1) % VAGENT_PORTS)), SHUT_WR);
}

/* Discards messages to the agent. */
static void receive_messages(struct guest *g, struct input *in)
{
	char bytes[512];

	(void)in;
	(void)!recv(vagent_guest_port(g->g, VAGENT_CONTROL), bytes, sizeof(bytes), MSG_DONTWAIT);
}

/* ------------------------------------------------------------ actions of the owner */

static void dispatch(struct guest *g, struct input *in)
{
	(void)in;
	turn(g);
}

static void start(struct guest *g, struct input *in)
{
	struct vagent_process *p = g->processes[take(in, 1) % PROCESSES];

	if (p)
		(void)!vagent_process_start(p, NULL);
}

static void send_signal(struct guest *g, struct input *in)
{
	struct vagent_process *p = g->processes[take(in, 1) % PROCESSES];

	if (p)
		(void)!vagent_process_signal(p, (int)take(in, 1), take(in, 1) & 1, NULL);
}

static void resize(struct guest *g, struct input *in)
{
	struct vagent_process *p = g->processes[take(in, 1) % PROCESSES];

	if (p)
		(void)!vagent_process_resize(p, (unsigned int)take(in, 2), 80, NULL);
}

static void on_list(void *opaque, const uint32_t *pids, unsigned int n)
{
	const struct guest *g = opaque;

	CHECK(g->lives && (pids || !n));
}

static void list(struct guest *g, struct input *in)
{
	(void)in;
	(void)!vagent_guest_list(g->g, g->container, on_list, g, NULL);
}

static void on_usage(void *opaque, const struct vagent_usage *usage)
{
	const struct guest *g = opaque;

	CHECK(g->lives && usage);
}

static void measure(struct guest *g, struct input *in)
{
	(void)in;
	(void)!vagent_guest_measure(g->g, g->container, on_usage, g, NULL);
}

static void set_clock(struct guest *g, struct input *in)
{
	(void)in;
	(void)!vagent_guest_set_clock(g->g, NULL);
}

static void count_end(struct vagent_process *p)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct vagent_end end;

	executed += vagent_process_state(p) == VAGENT_EXECUTED;
	if (vagent_process_end(p, &end, &why) < 0)
		return;
	CHECK(vagent_end_status(&end) >= 0 && vagent_end_status(&end) < 256);
	CHECK(end.kind == VAGENT_END_STATUS || why.msg[0]);
	finished++;
}

static void free_process(struct guest *g, struct input *in)
{
	const unsigned int i = (unsigned int)take(in, 1) % PROCESSES;

	if (g->processes[i])
		count_end(g->processes[i]);
	vagent_process_free(g->processes[i]);
	g->processes[i] = NULL;
}

static void read_output(struct guest *g, struct input *in)
{
	char bytes[16384];
	ssize_t n;

	(void)in;
	while ((n = read(g->out[0], bytes, sizeof(bytes))) > 0)
		g->received += (uint64_t)n;
}

static void (*const actions[])(struct guest *g, struct input *in) = {
	send_prepared, send_running, send_ended, send_credited, send_listed, send_header, send_frame, send_frame,
	send_input, close_port, receive_messages, dispatch, dispatch, start, send_signal, resize, list, free_process,
	read_output, send_measured, measure, set_clock,
};

static void act(void *opaque, struct input *in)
{
	actions[take(in, 1) % (sizeof(actions) / sizeof(actions[0]))](opaque, in);
}

/* ------------------------------------------------------------------------- end */

static void check_failure(const struct guest *g)
{
	struct vsu_error why = VSU_ERROR_INIT;
	const int rc = vagent_guest_failure(g->g, &why);
	const char *c;
	unsigned int i;

	CHECK((rc < 0) == !g->lives);
	if (!rc)
		return;
	CHECK(why.msg[0]);
	for (c = why.msg; *c; c++)
		CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
	for (i = 0; i < PROCESSES; i++)
		CHECK(!g->processes[i] || vagent_process_state(g->processes[i]) == VAGENT_FINISHED);
	failed++;
}

static void fini(void *opaque)
{
	struct guest *g = opaque;
	unsigned int i;

	for (i = 0; g->lives && i < LAST_TURNS; i++) {
		turn(g);
		read_output(g, NULL);
	}
	check_failure(g);
	for (i = 0; i < PROCESSES; i++) {
		if (g->processes[i])
			count_end(g->processes[i]);
		vagent_process_free(g->processes[i]);
	}
	vagent_guest_free(g->g);
	read_output(g, NULL);
	CHECK(g->received <= g->sent);
	close(g->out[0]);
	close(g->out[1]);
	CHECK(vsu_fd_count() == g->fds);
}

static void report(void)
{
	printf("# %" PRIu64 " connections failed, %" PRIu64 " processes were executed, %" PRIu64 " finished\n",
	       failed, executed, finished);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play play_guest = { init, act, fini, report };
	static struct guest g;

	signal(SIGPIPE, SIG_IGN);
	return play(&play_guest, &g, data, size);
}
