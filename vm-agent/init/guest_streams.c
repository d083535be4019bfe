/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Streams of processes, in frames on two ports. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/guest.h"

#define CTRL_D 4

/* Frames that are received and sent. */
static struct {
	size_t have;		/* bytes of the header */
	struct vagent_frame header;
	uint32_t left;		/* bytes that follow */
} in;
static struct {
	size_t at, len;
	struct {
		struct vagent_frame header;
		unsigned char bytes[VAGENT_MAX_FRAME];
	} frame;
} out;

/* ---------------------------------------------------------------------- inputs */

static void close_input(struct guest_input *i)
{
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

static void put_byte(struct guest_input *i, unsigned char byte)
{
	i->bytes[(i->at + i->have++) % VAGENT_WINDOW] = byte;
}

static void put_bytes(struct guest_process *p, const unsigned char *bytes, uint32_t len)
{
	struct guest_input *i = &p->in;
	uint32_t n;

	if (!i->bytes)
		i->bytes = malloc(VAGENT_WINDOW);
	if (!i->bytes)
		vagent_init_fail("the guest has no memory for the input of a process");
	for (n = 0; n < len; n++)
		put_byte(i, bytes[n]);
}

static void consume_bytes(struct guest_input *i, uint32_t n)
{
	i->last = i->bytes[(i->at + n - 1) % VAGENT_WINDOW];
	i->at = (i->at + n) % VAGENT_WINDOW;
	i->have -= n;
	i->consumed += n;
}

/* The first Ctrl-D after a part of a line only passes this on. */
static void end_input(struct guest_process *p)
{
	struct guest_input *i = &p->in;
	const bool is_partial = i->last && i->last != '\n' && i->last != CTRL_D;
	static const unsigned char ends[] = { CTRL_D, CTRL_D };

	i->ended = false;
	if (!p->terminal)
		close_input(i);
	else if (i->fd >= 0)
		put_bytes(p, ends, is_partial ? 2 : 1);
	i->consumed = 0;	/* the host has sent its last byte, and did not send these */
}

/* False: nothing can be written now. */
static bool write_input(struct guest_process *p)
{
	struct guest_input *i = &p->in;
	const uint32_t run = i->have < VAGENT_WINDOW - i->at ? i->have : VAGENT_WINDOW - i->at;
	const ssize_t n = i->fd < 0 ? (ssize_t)run : write(i->fd, i->bytes + i->at, run);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		close_input(i);	/* the process has closed its input */
	else
		consume_bytes(i, (uint32_t)n);
	return true;
}

/* A process that was not started may get a terminal later. */
static bool turn_input(struct guest_process *p)
{
	struct vagent_credit credit = { p->number, VAGENT_STDIN, 0 };
	struct guest_input *i = &p->in;
	bool moved = false;

	if (p->state != PROCESS_EXECUTED)
		return false;
	while (i->have && write_input(p))
		moved = true;
	if (!i->have && i->ended)
		end_input(p);
	/* a program that closed its input takes no more of the host's */
	if (i->consumed < VAGENT_WINDOW / 2 || i->fd < 0)
		return moved;
	credit.bytes = i->consumed;
	i->consumed = 0;
	if (!p->forgotten)
		vagent_priv_send(VAGENT_CREDITED, &credit, sizeof(credit));
	return moved;
}

static void begin_frame(void)
{
	struct guest_process *p = vagent_priv_process_find(in.header.process);

	in.left = in.header.len;
	if (in.header.stream != VAGENT_STDIN || in.left > VAGENT_MAX_FRAME ||
	    (p && in.left > VAGENT_WINDOW - p->in.have - p->in.consumed))
		vagent_init_fail("the host sent a frame of %u bytes for stream %u of process %u", in.left, in.header.stream, in.header.process);
	if (in.left)
		return;
	in.have = 0;
	if (p)
		p->in.ended = true;
}

static void receive_payload(const unsigned char *bytes, uint32_t len)
{
	struct guest_process *p = vagent_priv_process_find(in.header.process);

	if (p && !p->forgotten)
		put_bytes(p, bytes, len);
	in.left -= len;
	if (!in.left)
		in.have = 0;
}

/* A port that returns 0 is not open at the host yet. */
static bool receive_part(void)
{
	unsigned char bytes[16384];
	const int fd = vagent_priv_ports[VAGENT_IN];
	ssize_t n;

	if (in.left) {
		n = read(fd, bytes, in.left < sizeof(bytes) ? in.left : sizeof(bytes));
		if (n > 0)
			receive_payload(bytes, (uint32_t)n);
		return n > 0;
	}
	n = read(fd, (char *)&in.header + in.have, sizeof(in.header) - in.have);
	if (n > 0)
		in.have += (size_t)n;
	if (n > 0 && in.have == sizeof(in.header))
		begin_frame();
	return n > 0;
}

/* --------------------------------------------------------------------- outputs */

static void close_output(struct guest_output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

static void make_frame(uint32_t process, uint32_t stream, uint32_t len)
{
	out.frame.header = (struct vagent_frame){ process, stream, len };
	out.at = 0;
	out.len = sizeof(out.frame.header) + len;
}

/* Whether reads of nothing mean the end: those after a process has ended, as another one may keep its output. */
static bool is_over(const struct guest_process *p, ssize_t n)
{
	return !n || (n < 0 && errno != EINTR && (errno != EAGAIN || !p->pid));
}

/* Reads an output into the frame. False: it has nothing now. */
static bool read_output(struct guest_process *p, struct guest_output *o, uint32_t stream)
{
	const uint32_t most = o->lost ? VAGENT_MAX_FRAME : o->credit;
	ssize_t n = -1;

	if (p->state != PROCESS_EXECUTED && p->pid)
		return false;
	if (o->fd >= 0 && !most)
		return false;
	if (o->fd >= 0)
		n = read(o->fd, out.frame.bytes, most < VAGENT_MAX_FRAME ? most : VAGENT_MAX_FRAME);
	if (n > 0) {
		o->credit -= o->lost ? 0 : (uint32_t)n;
		if (!o->lost)
			make_frame(p->number, stream, (uint32_t)n);
		return true;
	}
	if (o->fd >= 0 && !is_over(p, n))
		return false;
	close_output(o);
	o->end_sent = true;
	make_frame(p->number, stream, 0);
	return true;
}

static bool flush_frame(void)
{
	ssize_t n = 1;

	while (out.at < out.len && n > 0) {
		n = write(vagent_priv_ports[VAGENT_OUT], (const char *)&out.frame + out.at, out.len - out.at);
		if (n > 0)
			out.at += (size_t)n;
	}
	return out.at == out.len;
}

bool vagent_priv_streams_are_full(void)
{
	return out.at < out.len;
}

/* One frame of each output. */
static bool turn_outputs(struct guest_process *p)
{
	bool moved = false;

	if (p->forgotten)
		return false;
	if (!p->out.end_sent && flush_frame())
		moved = read_output(p, &p->out, VAGENT_STDOUT);
	if (!p->err.end_sent && !p->terminal && flush_frame())
		moved = read_output(p, &p->err, VAGENT_STDERR) || moved;
	return moved;
}

/* ----------------------------------------------------------------------- turns */

void vagent_priv_streams_close(struct guest_process *p)
{
	close_input(&p->in);
	close_output(&p->out);
	close_output(&p->err);
	p->out.end_sent = p->err.end_sent = true;
}

static struct guest_output *find_output(struct guest_process *p, uint32_t stream)
{
	return stream == VAGENT_STDOUT ? &p->out : stream == VAGENT_STDERR ? &p->err : NULL;
}

void vagent_priv_streams_credit(struct guest_process *p, uint32_t stream, uint32_t bytes)
{
	struct guest_output *o = find_output(p, stream);

	if (!o || bytes > VAGENT_WINDOW - o->credit)
		vagent_init_fail("the host sent a credit of %u bytes for stream %u", bytes, stream);
	o->credit += bytes;
}

/* A terminal stays open, since its end would end the program. */
void vagent_priv_streams_lose(struct guest_process *p, uint32_t stream)
{
	struct guest_output *o = find_output(p, stream);

	if (!o)
		return;
	o->lost = true;
	if (!p->terminal)
		close_output(o);
}

bool vagent_priv_streams_turn(void)
{
	struct guest_process *p;
	bool moved = receive_part();

	for (p = vagent_priv_guest_processes; p; p = p->next) {
		moved = turn_input(p) || moved;
		moved = turn_outputs(p) || moved;
	}
	(void)flush_frame();
	return moved;
}
