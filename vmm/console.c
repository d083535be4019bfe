/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Bytes between the guest's serial port and a terminal, pipe or file. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "console.h"
#include "legacy/serial.h"

#define BUFFER (64 * 1024)	/* bytes that wait for a slow reader */
#define ESCAPE 0x01		/* Ctrl-A */

struct vmm_console {
	struct vmm_console_config config;
	int event_fd;
	bool escaped, raw;
	struct termios saved;

	pthread_mutex_t lock;	/* guards the port and the buffer */
	struct vmm_serial port;
	unsigned char buffer[BUFFER];
	size_t head, count;
	uint64_t dropped;
};

/* Called by the port, with the lock. */
static void on_output(void *opaque, unsigned char byte)
{
	struct vmm_console *c = opaque;

	if (c->count == BUFFER) {
		c->dropped++;
		return;
	}
	c->buffer[(c->head + c->count) % BUFFER] = byte;
	if (c->count++ == 0)
		vsu_event_signal(c->event_fd);
}

static void on_interrupt(void *opaque)
{
	struct vmm_console *c = opaque;

	if (c->config.interrupt)
		c->config.interrupt(c->config.opaque);
}

/* Characters one by one, no echo, no signals; output as it was. */
static void make_raw(struct vmm_console *c)
{
	struct termios raw;

	if (c->config.in_fd < 0 || !isatty(c->config.in_fd) ||
	    tcgetattr(c->config.in_fd, &c->saved))
		return;
	raw = c->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	c->raw = !tcsetattr(c->config.in_fd, TCSANOW, &raw);
}

int vmm_console_new(const struct vmm_console_config *config,
		    struct vmm_console **out, struct vsu_error *err)
{
	struct vmm_console *c = calloc(1, sizeof(*c));

	if (!c)
		return vsu_error_sys(err, -ENOMEM, "console");
	c->config = *config;
	c->event_fd = vsu_event_new();
	if (c->event_fd < 0) {
		int rc = c->event_fd;

		free(c);
		return vsu_error_sys(err, rc, "console");
	}
	pthread_mutex_init(&c->lock, NULL);
	vmm_serial_init(&c->port);
	c->port.output = on_output;
	c->port.interrupt = on_interrupt;
	c->port.opaque = c;
	make_raw(c);
	*out = c;
	return 0;
}

void vmm_console_access(void *opaque, struct vmm_access *access)
{
	struct vmm_console *c = opaque;

	bool was_full;

	pthread_mutex_lock(&c->lock);
	was_full = !vmm_serial_room(&c->port);
	vmm_serial_access(&c->port, access);
	if (was_full && vmm_serial_room(&c->port))
		vsu_event_signal(c->event_fd);	/* input may go on */
	pthread_mutex_unlock(&c->lock);
}

int vmm_console_event_fd(const struct vmm_console *c)
{
	return c->event_fd;
}

/* The first bytes that wait and lie in one piece. */
static size_t waiting(struct vmm_console *c, unsigned char **at)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->head + c->count > BUFFER ? BUFFER - c->head : c->count;
	*at = c->buffer + c->head;
	pthread_mutex_unlock(&c->lock);
	return n;
}

static void consumed(struct vmm_console *c, size_t n)
{
	pthread_mutex_lock(&c->lock);
	c->head = (c->head + n) % BUFFER;
	c->count -= n;
	pthread_mutex_unlock(&c->lock);
}

/*
 * The descriptor may be shared with other programs and is left in the mode it
 * has: a write of up to 4096 bytes after poll() does not block on a pipe or
 * a terminal.
 */
static bool ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR));
}

bool vmm_console_flush(struct vmm_console *c)
{
	unsigned char *at;
	uint64_t count;
	ssize_t n;
	size_t len;

	vsu_event_drain(c->event_fd, &count);
	while ((len = waiting(c, &at))) {
		if (c->config.out_fd < 0) {
			consumed(c, len);
			continue;
		}
		if (!ready(c->config.out_fd))
			return false;
		n = write(c->config.out_fd, at, len < 4096 ? len : 4096);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n < 0)	/* nobody reads any more: let go of it all */
			c->config.out_fd = -1;
		else
			consumed(c, (size_t)n);
	}
	return true;
}

static size_t input_room(struct vmm_console *c)
{
	size_t room;

	pthread_mutex_lock(&c->lock);
	room = vmm_serial_room(&c->port);
	pthread_mutex_unlock(&c->lock);
	return room;
}

bool vmm_console_wants_input(struct vmm_console *c)
{
	return input_room(c) > 0;
}

/* What of the typed bytes goes to the guest; in place. */
static size_t filter(struct vmm_console *c, unsigned char *bytes, size_t n)
{
	size_t i, kept = 0;

	if (!c->raw)
		return n;
	for (i = 0; i < n; i++) {
		if (!c->escaped && bytes[i] == ESCAPE) {
			c->escaped = true;
			continue;
		}
		if (c->escaped && bytes[i] == 'x' && c->config.leave)
			c->config.leave(c->config.opaque);
		else
			bytes[kept++] = bytes[i];
		c->escaped = false;
	}
	return kept;
}

bool vmm_console_input(struct vmm_console *c)
{
	unsigned char bytes[VMM_SERIAL_FIFO];
	const size_t room = input_room(c);
	ssize_t n;

	if (!room)
		return true;
	n = read(c->config.in_fd, bytes, room);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n)
		return false;
	n = (ssize_t)filter(c, bytes, (size_t)n);
	pthread_mutex_lock(&c->lock);
	vmm_serial_input(&c->port, bytes, (size_t)n);
	pthread_mutex_unlock(&c->lock);
	return true;
}

uint64_t vmm_console_dropped(const struct vmm_console *c)
{
	return c->dropped;
}

void vmm_console_free(struct vmm_console *c)
{
	if (!c)
		return;
	vmm_console_flush(c);
	if (c->raw)
		tcsetattr(c->config.in_fd, TCSANOW, &c->saved);
	vsu_fd_close(&c->event_fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
