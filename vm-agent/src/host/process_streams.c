/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Streams of all processes of a guest, in frames on two ports. */
#include <config.h>

#include <errno.h>
#include <sys/socket.h>

#include "host/guest_private.h"

#define TURN_FRAMES 64
#define TURN_INPUTS 8		/* frames of each input */

/* --------------------------------------------------------------------- outputs */

/* Bytes of a process that was freed are discarded. NULL: those, or the guest has failed. */
static struct vagent_priv_sink *find_sink(struct vagent_guest *g, const struct vagent_frame *f)
{
	struct vagent_process *p;

	if (f->len > VAGENT_MAX_FRAME || (f->stream != VAGENT_STDOUT && f->stream != VAGENT_STDERR)) {
		vagent_priv_distrust(g, "an invalid frame");
		return NULL;
	}
	p = vagent_priv_find_process(g, f->process);
	if (!p)
		return NULL;
	if ((f->len && p->state < VAGENT_STARTING) || p->sinks[f->stream].source_ended ||
	    f->len > vagent_priv_sink_room(&p->sinks[f->stream])) {
		vagent_priv_distrust(g, "bytes outside of the window of a stream");
		return NULL;
	}
	return &p->sinks[f->stream];
}

static void begin_frame(struct vagent_guest *g)
{
	struct vagent_priv_sink *s = find_sink(g, &g->in.header);

	g->in.left = g->in.header.len;
	if (s && !g->in.left)
		s->source_ended = true;
	if (!g->in.left)
		g->in.have = 0;
}

/* The process of a frame may have been freed since its header arrived; its window cannot have changed otherwise. */
static void receive_payload(struct vagent_guest *g, const unsigned char *bytes, uint32_t len)
{
	struct vagent_process *p = vagent_priv_find_process(g, g->in.header.process);

	if (p) {
		vagent_priv_sink_put(&p->sinks[g->in.header.stream], bytes, len);
		p->received += len;
	}
	g->in.left -= len;
	if (!g->in.left)
		g->in.have = 0;
}

/* A result of recv(). */
static ssize_t receive_part(struct vagent_guest *g)
{
	unsigned char bytes[VAGENT_MAX_FRAME];
	const int fd = g->ours[VAGENT_OUT];
	ssize_t n;

	if (g->in.left) {
		n = recv(fd, bytes, g->in.left, MSG_DONTWAIT);
		if (n > 0)
			receive_payload(g, bytes, (uint32_t)n);
		return n;
	}
	n = recv(fd, (char *)&g->in.header + g->in.have, sizeof(g->in.header) - g->in.have, MSG_DONTWAIT);
	if (n > 0)
		g->in.have += (size_t)n;
	if (n > 0 && g->in.have == sizeof(g->in.header))
		begin_frame(g);
	return n;
}

/* A closed port is reported by that of the messages. True: there may be more. */
static bool receive_frames(struct vagent_guest *g)
{
	ssize_t n = 1;
	int i;

	for (i = 0; i < 2 * TURN_FRAMES && n > 0 && g->state == VAGENT_GUEST_SERVES; i++)
		n = receive_part(g);
	return n > 0 && g->state == VAGENT_GUEST_SERVES;
}

/*
 * Credits and losses are sent when the queue of messages has room: an agent that does not read them
 * gets no further ones.
 */
static void report_sink(struct vagent_process *p, uint32_t stream)
{
	struct vagent_priv_sink *s = &p->sinks[stream];
	const struct vagent_credit credit = { p->number, stream, s->consumed };
	const struct vagent_stream lost = { p->number, stream };
	struct vagent_priv_channel *c = &p->guest->control;

	if (s->source_ended)
		return;
	if (s->state == VAGENT_SINK_LOST && !s->reported)
		s->reported = vagent_priv_channel_send(c, VAGENT_LOST, &lost, sizeof(lost)) == 0;
	if (s->consumed >= VAGENT_WINDOW / 2 && vagent_priv_channel_send(c, VAGENT_CREDIT, &credit, sizeof(credit)) == 0)
		s->consumed = 0;
}

/* If output was lost, the status alone would look like success, so the failure replaces it. */
static void finish_process(struct vagent_process *p)
{
	const int rc = p->sinks[VAGENT_STDOUT].failure ? p->sinks[VAGENT_STDOUT].failure : p->sinks[VAGENT_STDERR].failure;

	if (rc < 0) {
		vsu_error_sys(&p->why, rc, "standard %s of the command was not written", p->sinks[VAGENT_STDOUT].failure ? "output" : "error");
		p->end = (struct vagent_end){ VAGENT_END_STREAM, -rc };
	}
	p->state = VAGENT_FINISHED;
}

static void serve_outputs(struct vagent_process *p)
{
	const bool out = vagent_priv_sink_turn(&p->sinks[VAGENT_STDOUT]);
	const bool err = vagent_priv_sink_turn(&p->sinks[VAGENT_STDERR]);

	report_sink(p, VAGENT_STDOUT);
	report_sink(p, VAGENT_STDERR);
	if (p->ended && out && err)
		finish_process(p);
}

/* ---------------------------------------------------------------------- inputs */

static bool make_frame(struct vagent_process *p)
{
	struct vagent_priv_frame_out *f = &p->guest->out;
	const uint32_t most = p->in.credit < VAGENT_MAX_FRAME ? p->in.credit : VAGENT_MAX_FRAME;
	const ssize_t n = most ? vagent_priv_source_read(&p->in, f->frame.bytes, most) : -EAGAIN;

	if (n < 0)
		return false;
	f->frame.header = (struct vagent_frame){ p->number, VAGENT_STDIN, (uint32_t)n };
	f->at = 0;
	f->len = sizeof(f->frame.header) + (size_t)n;
	p->in.credit -= (uint32_t)n;
	if (!n)
		vagent_priv_source_fini(&p->in);
	return true;
}

/* True: there may be more. */
static bool serve_input(struct vagent_process *p)
{
	struct vagent_guest *g = p->guest;
	int i;

	for (i = 0; i < TURN_INPUTS; i++)
		if (p->state != VAGENT_EXECUTED || p->in.ended ||
		    !vagent_priv_frame_flush(&g->out, g->ours[VAGENT_IN]) || !make_frame(p))
			return false;
	return true;
}

/* A sink whose reader is lost keeps no bytes. */
bool vagent_priv_has_output(const struct vagent_guest *g)
{
	const struct vagent_process *p;
	char byte;

	if (recv(g->ours[VAGENT_OUT], &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		return true;
	for (p = g->processes; p; p = p->next)
		if (p->state != VAGENT_FINISHED && (p->sinks[VAGENT_STDOUT].have || p->sinks[VAGENT_STDERR].have))
			return true;
	return false;
}

bool vagent_priv_serve_streams(struct vagent_guest *g)
{
	struct vagent_process *p;
	bool more = receive_frames(g);

	for (p = g->processes; p && g->state == VAGENT_GUEST_SERVES; p = p->next) {
		if (p->state == VAGENT_FINISHED)
			continue;
		serve_outputs(p);
		more = serve_input(p) || more;
	}
	(void)vagent_priv_frame_flush(&g->out, g->ours[VAGENT_IN]);
	return more;
}
