/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Transfers bytes between the guest's serial port and a terminal, pipe, file or client.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <device-kinds/port_log.h>
#include <virtio-devices/port.h>
#include <vm-arch/serial.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>

#include "legacy/console.h"

#define BUFFER (64 * 1024)	/* capacity for output that has not been read */
#define SPARE 256		/* part of it for drivers that ignore a busy transmitter */
#define PATIENCE_NS UINT64_C(1000000000)
#define HELD (16 * 1024 * 1024)	/* capacity for typed bytes that the guest has not read */
#define TYPED 4096		/* typed bytes per read */
#define LAST_PIECES 256		/* of this size: more than a socket has */
#define MOST_RESTS 1u		/* clients that have left, of whom that is taken in a turn */
#define AHEAD 64		/* without raw mode: read only while fewer are held */
#define LAST_ROUNDS 10		/* rounds of waiting for the reader at the end, */
#define LAST_MS 100		/* of this duration */

struct ring {
	unsigned char *bytes;	/* size of them, resident only as used */
	size_t size, at, n;
};

struct vmm_console {
	struct vmm_console_config config;
	int event_fd;
	int own_fd;		/* a new open file of out_fd, or -1 */
	bool left;		/* the reader of out_fd: output is dropped and counted */
	struct vsu_terminal terminal;
	struct virtdev_port_client client; /* with config.port */

	pthread_mutex_t lock;	/* guards port and rings */
	struct varch_serial port;
	struct ring buffer;	/* output for the reader */
	bool awaits_client;	/* the buffer keeps the last bytes until there is one */
	uint64_t taken_ns;	/* time of the reader's last progress */
	uint64_t dropped;
	struct ring held;	/* typed bytes, behind the buffer */
	struct ring recorded;	/* output for the log; empty without one */
	uint64_t unrecorded;	/* bytes that a driver sent to a busy port */
};

static void ring_put(struct ring *r, unsigned char byte)
{
	r->bytes[(r->at + r->n++) % r->size] = byte;
}

static void ring_drop(struct ring *r, size_t n)
{
	r->at = (r->at + n) % r->size;
	r->n -= n;
}

/* Its first contiguous part. */
static struct iovec ring_first(const struct ring *r)
{
	return (struct iovec){ r->bytes + r->at, r->n < r->size - r->at ? r->n : r->size - r->at };
}

/*
 * True if the reader has made no progress for so long that the guest no longer
 * waits for it.
 */
static bool is_stopped(const struct vmm_console *c)
{
	return vsu_now_ns() - c->taken_ns > PATIENCE_NS;
}

/* The log writes as fast as its file system: a guest that prints faster waits. */
static void record_byte(struct vmm_console *c, unsigned char byte)
{
	if (!c->config.log)
		return;
	if (c->recorded.n == BUFFER) {
		c->unrecorded++;
		return;
	}
	ring_put(&c->recorded, byte);
	if (c->recorded.n == 1)
		vsu_event_signal(c->event_fd);
	if (c->recorded.n == BUFFER - SPARE)
		c->port.busy = true;
}

/* The guest may print again. With the lock. */
static void port_resume(struct vmm_console *c)
{
	if (c->port.busy && (c->buffer.n <= BUFFER / 2 || c->awaits_client || is_stopped(c)) && c->recorded.n <= BUFFER / 2)
		varch_serial_set_busy(&c->port, false);
}

/* Called by the port, with the lock. */
static void on_output(void *opaque, unsigned char byte)
{
	struct vmm_console *c = opaque;

	record_byte(c, byte);
	if (c->buffer.n == BUFFER) {
		c->dropped++;
		if (!c->awaits_client)
			return;
		ring_drop(&c->buffer, 1);
	}
	ring_put(&c->buffer, byte);
	if (c->buffer.n == 1) {
		c->taken_ns = vsu_now_ns();
		vsu_event_signal(c->event_fd);
	}
	if (c->buffer.n == BUFFER - SPARE && !c->awaits_client && !is_stopped(c))
		c->port.busy = true;
}

static void on_interrupt(void *opaque)
{
	struct vmm_console *c = opaque;

	if (c->config.interrupt)
		c->config.interrupt(c->config.opaque);
}

static int make_buffer(struct vmm_console *c)
{
	unsigned char *map = mmap(NULL, 2 * BUFFER + HELD, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	c->buffer = (struct ring){ map, BUFFER, 0, 0 };
	c->held = (struct ring){ map + BUFFER, HELD, 0, 0 };
	c->recorded = (struct ring){ map + BUFFER + HELD, BUFFER, 0, 0 };
	c->event_fd = vsu_event_new();
	return c->event_fd < 0 ? c->event_fd : 0;
}

static void free_console(struct vmm_console *c)
{
	if (c->client.port)
		virtdev_port_client_close(&c->client);
	vsu_fd_close(&c->own_fd);
	vsu_fd_close(&c->event_fd);
	if (c->buffer.bytes)
		munmap(c->buffer.bytes, 2 * BUFFER + HELD);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int vmm_console_new(const struct vmm_console_config *config,
		    struct vmm_console **out, struct vsu_error *err)
{
	struct vmm_console *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return vsu_error_sys(err, -ENOMEM, "console");
	c->config = *config;
	c->event_fd = -1;
	c->own_fd = vsu_terminal_reopen(config->out_fd);
	pthread_mutex_init(&c->lock, NULL);
	rc = make_buffer(c);
	if (rc < 0)
		vsu_error_sys(err, rc, "console");
	if (!rc && config->port)
		rc = virtdev_port_client_open(&c->client, config->port, err);
	if (rc < 0) {
		free_console(c);
		return rc;
	}
	varch_serial_init(&c->port);
	c->taken_ns = vsu_now_ns();
	c->port.output = on_output;
	c->port.interrupt = on_interrupt;
	c->port.opaque = c;
	c->terminal = (struct vsu_terminal) {
		.in_fd = config->in_fd, .quit = config->leave, .info = config->tell,
		.opaque = config->opaque,
	};
	vsu_terminal_init(&c->terminal);
	*out = c;
	return 0;
}

/* Passes held bytes to the port. With the lock. */
static void port_feed(struct vmm_console *c)
{
	struct iovec piece;
	size_t n;

	do {
		piece = ring_first(&c->held);
		n = varch_serial_input(&c->port, piece.iov_base, piece.iov_len);
		ring_drop(&c->held, n);
	} while (n && n == piece.iov_len && c->held.n);
}

/* Holds typed bytes; drops bytes beyond the capacity. */
static void input_hold(struct vmm_console *c, const unsigned char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n && c->held.n < HELD; i++)
		ring_put(&c->held, bytes[i]);
	c->dropped += n - i;
}

/*
 * The number of bytes to read from a source that can wait. Reads several at
 * once, so that the main thread does not wake up for each byte. With the lock.
 */
static size_t input_room(const struct vmm_console *c)
{
	return c->held.n > AHEAD / 2 ? 0 : AHEAD - c->held.n;
}

void vmm_console_access(void *opaque, struct varch_access *access)
{
	struct vmm_console *c = opaque;
	bool had_room;

	pthread_mutex_lock(&c->lock);
	had_room = input_room(c) > 0;
	if (c->port.busy && is_stopped(c))
		port_resume(c);
	varch_serial_access(&c->port, access);
	if (c->held.n && varch_serial_room(&c->port))
		port_feed(c);	/* avoids a round through the main thread */
	if (!had_room && input_room(c))
		vsu_event_signal(c->event_fd);	/* resume reading input */
	pthread_mutex_unlock(&c->lock);
}

int vmm_console_event_fd(const struct vmm_console *c)
{
	return c->event_fd;
}

int vmm_console_in_fd(const struct vmm_console *c)
{
	return c->client.port ? c->client.in_fd : c->config.in_fd;
}

int vmm_console_out_fd(const struct vmm_console *c)
{
	return c->client.port ? c->client.out_fd : c->config.out_fd;
}

static struct iovec first_waiting(struct vmm_console *c, const struct ring *r)
{
	struct iovec iov;

	pthread_mutex_lock(&c->lock);
	iov = ring_first(r);
	pthread_mutex_unlock(&c->lock);
	return iov;
}

static void input_consumed(struct vmm_console *c, size_t n, bool dropped)
{
	pthread_mutex_lock(&c->lock);
	ring_drop(&c->buffer, n);
	c->dropped += dropped ? n : 0;
	c->taken_ns = vsu_now_ns();
	port_resume(c);
	pthread_mutex_unlock(&c->lock);
}

static bool is_ready(const struct vmm_console *c, int patience_ms)
{
	const short wanted = c->client.port ? POLLIN : POLLOUT;
	struct pollfd p = { .fd = vmm_console_out_fd(c), .events = wanted };

	return poll(&p, 1, patience_ms) == 1 && (p.revents & (wanted | POLLERR));
}

/* Writes without blocking: -EAGAIN. */
static ssize_t write_some(struct vmm_console *c, const void *at,
			  size_t len)
{
	const bool own = c->own_fd >= 0;
	ssize_t n;

	if (c->client.port)
		return virtdev_port_client_write(&c->client, at, len);
	if (c->left)
		return -EPIPE;
	if (!own && !is_ready(c, 0))
		return -EAGAIN;
	n = write(own ? c->own_fd : c->config.out_fd, at,
		  len < 4096 ? len : 4096);
	return n < 0 ? -errno : n;
}

static void record_consumed(struct vmm_console *c, size_t n)
{
	pthread_mutex_lock(&c->lock);
	ring_drop(&c->recorded, n);
	port_resume(c);
	if (c->recorded.n)
		vsu_event_signal(c->event_fd);
	pthread_mutex_unlock(&c->lock);
}

/* Once: what the guest prints meanwhile is for the next turn. */
static void record_flush(struct vmm_console *c)
{
	const struct iovec iov = first_waiting(c, &c->recorded);

	if (!iov.iov_len)
		return;
	(void)!devkind_port_log_add(c->config.log, &iov, 1);
	record_consumed(c, iov.iov_len);
}

/*
 * A client that has left may have typed more than the guest reads: the guest keeps that, and the
 * next client does not wait for it. False: there was nothing.
 */
static bool take_rest(struct vmm_console *c)
{
	unsigned char bytes[TYPED];
	unsigned int pieces = 0;
	size_t n;

	for (; pieces < LAST_PIECES && (n = virtdev_port_client_read(&c->client, bytes, sizeof(bytes))); pieces++) {
		pthread_mutex_lock(&c->lock);
		input_hold(c, bytes, n);
		port_feed(c);
		pthread_mutex_unlock(&c->lock);
	}
	return pieces > 0;
}

/* A file that can be written again when its file system has space. */
static bool is_full(ssize_t rc)
{
	return rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG;
}

static size_t output_left(struct vmm_console *c)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->buffer.n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

/* The guest does not wait meanwhile. The buffer is read only when it is not overwritten. */
static void set_awaits_client(struct vmm_console *c, bool awaits)
{
	pthread_mutex_lock(&c->lock);
	c->awaits_client = awaits;
	c->taken_ns = vsu_now_ns();
	port_resume(c);
	pthread_mutex_unlock(&c->lock);
}

/* False: none has connected since the last one left. */
static bool has_client(struct vmm_console *c)
{
	if (c->awaits_client && virtdev_port_client_accept(&c->client))
		set_awaits_client(c, false);
	return !c->awaits_client;
}

/*
 * Writes up to max bytes once. Returns how many have left the buffer; 0: what a client had typed
 * was taken first; -EAGAIN.
 */
static ssize_t flush_once(struct vmm_console *c, size_t max)
{
	struct iovec first;
	size_t len;
	ssize_t n;

	if (!has_client(c))
		return -EAGAIN;
	first = first_waiting(c, &c->buffer);
	len = first.iov_len < max ? first.iov_len : max;
	n = vmm_console_out_fd(c) < 0 ? (ssize_t)len : write_some(c, first.iov_base, len);
	if (n == -EAGAIN || n == -EINTR)
		return -EAGAIN;
	if (n < 0 && c->client.port && take_rest(c))	/* until there is a client */
		return 0;
	if (n == -ENOTCONN && c->client.port) {
		set_awaits_client(c, true);
		return -EAGAIN;
	}
	c->left = n < 0 && !c->client.port && !is_full(n);
	input_consumed(c, n < 0 ? len : (size_t)n, n < 0);
	return n < 0 ? (ssize_t)len : n;
}

/* Later output of the guest is for the next turn, and so is a client that types again and again. */
bool vmm_console_flush(struct vmm_console *c)
{
	unsigned int rests = 0;
	uint64_t count;
	size_t left;
	ssize_t n;

	vsu_event_drain(c->event_fd, &count);
	record_flush(c);
	for (left = output_left(c); left && rests <= MOST_RESTS; left -= (size_t)n) {
		n = flush_once(c, left);
		if (n < 0)
			return false;
		rests += !n;
	}
	if (output_left(c))
		vsu_event_signal(c->event_fd);
	return true;
}

static size_t input_room_now(struct vmm_console *c)
{
	size_t room;

	pthread_mutex_lock(&c->lock);
	room = input_room(c);
	pthread_mutex_unlock(&c->lock);
	return room;
}

/*
 * In the foreground of a terminal always read, because Ctrl-A x must work in any state of the
 * guest.
 */
bool vmm_console_wants_input(struct vmm_console *c)
{
	return c->terminal.is_used ? c->terminal.raw : input_room_now(c) > 0;
}

/* Returns the number of bytes, 0 at the end of input, or -EAGAIN. */
static ssize_t read_some(struct vmm_console *c, unsigned char *to, size_t room)
{
	ssize_t n;

	if (c->client.port)
		n = (ssize_t)virtdev_port_client_read(&c->client, to, room);
	else
		n = vsu_terminal_read(c->config.in_fd, to, room);
	if (n == -EAGAIN)	/* in the background, perhaps */
		vmm_console_resume(c);
	if (n == -EINTR)
		return -EAGAIN;
	return n || !c->client.port ? n : -EAGAIN;
}

bool vmm_console_input(struct vmm_console *c)
{
	unsigned char bytes[TYPED];
	const size_t room = c->terminal.raw ? sizeof(bytes) : input_room_now(c);
	size_t kept;
	ssize_t n;

	if (!room || !vmm_console_wants_input(c))
		return true;
	n = read_some(c, bytes, room);
	if (c->awaits_client && has_client(c))
		vsu_event_signal(c->event_fd);
	if (n <= 0)
		return n == -EAGAIN;
	kept = vsu_terminal_filter(&c->terminal, bytes, (size_t)n);
	pthread_mutex_lock(&c->lock);
	input_hold(c, bytes, kept);
	port_feed(c);
	pthread_mutex_unlock(&c->lock);
	return true;
}

int vmm_console_set_log_locked(struct vmm_console *c, bool locked, struct vsu_error *err)
{
	if (!c->config.log)
		return 0;
	if (locked)
		return devkind_port_log_hold(c->config.log, err);
	while (c->recorded.n)
		record_flush(c);
	devkind_port_log_release(c->config.log);
	return 0;
}

uint64_t vmm_console_dropped(const struct vmm_console *c)
{
	return c->dropped;
}

uint64_t vmm_console_unrecorded(const struct vmm_console *c)
{
	return c->unrecorded + (c->config.log ? devkind_port_log_lost(c->config.log) : 0);
}

/* Waits for a slow reader at the end, for a limited time. */
static void write_last(struct vmm_console *c)
{
	unsigned int round;

	for (round = 0; (!vmm_console_flush(c) || output_left(c)) && !c->awaits_client && round < LAST_ROUNDS; round++)
		is_ready(c, LAST_MS);
}

void vmm_console_restore(struct vmm_console *c)
{
	vsu_terminal_restore(&c->terminal);
}

void vmm_console_suspend(struct vmm_console *c)
{
	vsu_terminal_suspend(&c->terminal);
}

void vmm_console_resume(struct vmm_console *c)
{
	vsu_terminal_resume(&c->terminal);
}

void vmm_console_free(struct vmm_console *c)
{
	if (!c)
		return;
	write_last(c);
	while (c->recorded.n)	/* no CPU prints any more */
		record_flush(c);
	vmm_console_restore(c);
	devkind_port_log_close(c->config.log);
	free_console(c);
}

struct varch_serial *vmm_console_port(struct vmm_console *c)
{
	return &c->port;
}
