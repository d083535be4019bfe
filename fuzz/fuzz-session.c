/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A hostile guest at the ports of a command's session: messages of any type, length and order,
 * pieces of them, bytes of outputs, ports that are closed, and an owner that signals and resizes.
 *
 * Invariants: an ended session has a status from 0 to 255, a status of the session's own has a
 * sentence without control characters, no more output arrives than the guest sent, dispatch
 * comes to rest, and no descriptor leaks.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vm-agent/session.h>
#include <vmm-sys-util/fd.h>

#include "play.h"

#define MAX_TURNS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t ended, started, own;

struct guest {
	struct vagent_session *s;
	int fds, out[2];
	uint64_t sent[VAGENT_PORTS], received;
	bool lives;
};

static void init(void *opaque, struct input *in)
{
	struct guest *g = opaque;
	struct vagent_session_config c = {
		.size = sizeof(c), .request = "Atrue", .request_len = 6, .in = -1, .err = -1, .clone = take(in, 1) & 1,
	};

	memset(g, 0, sizeof(*g));
	g->fds = vsu_fd_count();
	CHECK(!pipe(g->out));
	c.out = g->out[1];
	CHECK(!vagent_session_new(&g->s, &c, NULL));
	g->lives = true;
}

static void send_bytes(struct guest *g, enum vagent_port port, const void *bytes, size_t len)
{
	const ssize_t n = send(vagent_session_port(g->s, port), bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		g->sent[port] += (uint64_t)n;
}

/* Sends bytes of the input, after a length of one byte. */
static void send_input(struct guest *g, struct input *in, enum vagent_port port)
{
	const size_t wanted = take(in, 1), left = (size_t)(in->end - in->p);
	const size_t len = wanted < left ? wanted : left;

	send_bytes(g, port, in->p, len);
	in->p += len;
}

static void send_message(struct guest *g, uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header header = { type, len };

	send_bytes(g, VAGENT_CONTROL, &header, sizeof(header));
	send_bytes(g, VAGENT_CONTROL, payload, len);
}

static void send_ready(struct guest *g, struct input *in)
{
	const uint32_t other = take(in, 1), version = other ? other : VAGENT_VERSION;

	send_message(g, VAGENT_READY, &version, sizeof(version));
}

/* The messages up to the start of the command, in the order of the input. */
static void send_started(struct guest *g, struct input *in)
{
	static const struct vagent_prepared prepared = { 1, 1 };
	const uint64_t kind = take(in, 1) % 3;

	if (!kind)
		send_message(g, VAGENT_SERVES, NULL, 0);
	else if (kind == 1)
		send_message(g, VAGENT_PREPARED, &prepared, sizeof(prepared));
	else
		send_message(g, VAGENT_RUNNING, &prepared.process, sizeof(prepared.process));
}

static void send_ended(struct guest *g, struct input *in)
{
	struct {
		struct vagent_process_ended ended;
		char sentence[8];
	} m = { .ended = { .process = 1, .how = take(in, 1), .status = take(in, 2), .cause = take(in, 1) } };
	const uint32_t len = take(in, 1) % (sizeof(m.sentence) + 1);

	memset(m.sentence, (int)take(in, 1), sizeof(m.sentence));
	send_message(g, VAGENT_PROCESS_ENDED, &m, sizeof(m.ended) + len);
}

/* Sends a header that the input selects; its payload may follow. */
static void send_header(struct guest *g, struct input *in)
{
	const struct vagent_header header = { take(in, 1), take(in, 4) };

	send_bytes(g, VAGENT_CONTROL, &header, sizeof(header));
}

static void send_control(struct guest *g, struct input *in)
{
	send_input(g, in, VAGENT_CONTROL);
}

static void send_output(struct guest *g, struct input *in)
{
	const struct vagent_frame frame = { 1, take(in, 1) % (VAGENT_STREAMS + 1), take(in, 1) };

	send_bytes(g, VAGENT_OUT, &frame, sizeof(frame));
	send_input(g, in, VAGENT_OUT);
}

static void close_port(struct guest *g, struct input *in)
{
	shutdown(vagent_session_port(g->s, take(in, 1) % VAGENT_PORTS), SHUT_WR);
}

static void dispatch(struct guest *g, struct input *in)
{
	(void)in;
	g->lives = vagent_session_dispatch(g->s);
}

static void send_signal(struct guest *g, struct input *in)
{
	vagent_session_signal(g->s, (int)take(in, 1));
}

static void resize(struct guest *g, struct input *in)
{
	vagent_session_resize(g->s, take(in, 2), take(in, 2));
}

/* Discards messages of the session. */
static void receive_messages(struct guest *g, struct input *in)
{
	char bytes[512];

	(void)in;
	(void)!recv(vagent_session_port(g->s, VAGENT_CONTROL), bytes, sizeof(bytes), MSG_DONTWAIT);
}

static void (*const actions[])(struct guest *g, struct input *in) = {
	send_ready, send_started, send_ended, send_header, send_control, send_output, close_port,
	dispatch, send_signal, resize, receive_messages,
};

static void act(void *opaque, struct input *in)
{
	actions[take(in, 1) % (sizeof(actions) / sizeof(actions[0]))](opaque, in);
}

static void check_end(const struct guest *g)
{
	struct vsu_error why = VSU_ERROR_INIT;
	const int status = vagent_session_status(g->s, &why);
	const char *c;

	if (g->lives) {
		CHECK(status == -EAGAIN);
		return;
	}
	CHECK(status >= 0 && status < 256);
	CHECK(status != VAGENT_STATUS_FAILED || why.msg[0]);
	for (c = why.msg; *c; c++)
		CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
	ended++;
	own += why.msg[0] != '\0';
}

static void fini(void *opaque)
{
	struct guest *g = opaque;
	char bytes[4096];
	unsigned int i;
	ssize_t n;

	for (i = 0; g->lives && i < MAX_TURNS; i++)
		g->lives = vagent_session_dispatch(g->s);
	started += vagent_session_is_started(g->s);
	check_end(g);
	vagent_session_free(g->s);
	close(g->out[1]);
	while ((n = read(g->out[0], bytes, sizeof(bytes))) > 0)
		g->received += (uint64_t)n;
	CHECK(g->received <= g->sent[VAGENT_OUT]);
	close(g->out[0]);
	CHECK(vsu_fd_count() == g->fds);
}

static void report(void)
{
	printf("# %" PRIu64 " commands were started, %" PRIu64 " sessions ended, %" PRIu64 " with a sentence\n",
	       started, ended, own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play session = { init, act, fini, report };
	static struct guest g;

	return play(&session, &g, data, size);
}
