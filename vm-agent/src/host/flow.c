/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies one direction of one stream. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>

#include "host/flow.h"

#define TURN_BYTES (1u << 20)

int vagent_priv_flow_init(struct vagent_priv_flow *f)
{
	*f = (struct vagent_priv_flow){ .from = { .fd = -1 }, .to = { .fd = -1 }, .len = UINT64_MAX };
	f->bytes = malloc(VAGENT_FLOW_BYTES);
	return f->bytes ? 0 : -ENOMEM;
}

void vagent_priv_flow_fini(struct vagent_priv_flow *f)
{
	free(f->bytes);
	f->bytes = NULL;
}

/* A pipe that poll() reports as writable has room for PIPE_BUF bytes. */
void vagent_priv_flow_set_end(struct vagent_priv_flow_end *end, int fd)
{
	const int kind = fd < 0 ? VSU_FD_OTHER : vsu_fd_kind(fd);

	*end = (struct vagent_priv_flow_end){
		.fd = fd, .is_socket = kind == VSU_FD_SOCKET, .is_terminal = kind == VSU_FD_CHAR && isatty(fd),
		.write_max = kind == VSU_FD_FIFO || kind == VSU_FD_CHAR ? PIPE_BUF : VAGENT_FLOW_BYTES,
	};
}

static bool is_ready(const struct vagent_priv_flow_end *end, short events)
{
	struct pollfd p = { end->fd, events, 0 };

	return poll(&p, 1, 0) > 0;
}

ssize_t vagent_priv_flow_read(const struct vagent_priv_flow_end *end, void *bytes, size_t len)
{
	ssize_t n;

	if (end->fd < 0)
		return 0;
	if (end->is_socket)
		n = recv(end->fd, bytes, len, MSG_DONTWAIT);
	else if (is_ready(end, POLLIN) && end->is_terminal)
		return vsu_terminal_read(end->fd, bytes, len);
	else if (is_ready(end, POLLIN))
		n = read(end->fd, bytes, len);
	else
		return -EAGAIN;
	return n < 0 ? -errno : n;
}

ssize_t vagent_priv_flow_write(const struct vagent_priv_flow_end *end, const void *bytes, size_t len)
{
	ssize_t n;

	if (end->fd < 0)
		return (ssize_t)len;
	if (end->is_socket)
		n = send(end->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (is_ready(end, POLLOUT))
		n = write(end->fd, bytes, len < end->write_max ? len : end->write_max);
	else
		return -EAGAIN;
	return n < 0 ? -errno : n;
}

bool vagent_priv_flow_is_later(ssize_t n)
{
	return n == -EAGAIN || n == -EINTR;
}

/* A source that fails has ended: its bytes so far are complete. */
static bool fill_flow(struct vagent_priv_flow *f)
{
	uint64_t room = f->len - f->total;
	ssize_t n;

	if (!room) {
		f->source_ended = true;
		return true;
	}
	n = vagent_priv_flow_read(&f->from, f->bytes, room < VAGENT_FLOW_BYTES ? (size_t)room : VAGENT_FLOW_BYTES);
	if (vagent_priv_flow_is_later(n))
		return false;
	f->at = 0;
	f->have = n > 0 ? (size_t)n : 0;
	f->total += f->have;
	f->source_ended = n <= 0;
	return true;
}

static bool flush_flow(struct vagent_priv_flow *f)
{
	const ssize_t n = f->state == VAGENT_FLOW_LOST ? (ssize_t)f->have
						    : vagent_priv_flow_write(&f->to, f->bytes + f->at, f->have);

	if (vagent_priv_flow_is_later(n) || !n)
		return false;
	if (n < 0) {
		f->state = VAGENT_FLOW_LOST;
		f->failure = n == -EPIPE || n == -ECONNRESET ? 0 : (int)n;
		f->have = 0;
		return true;
	}
	f->at += (size_t)n;
	f->have -= (size_t)n;
	return true;
}

/* One step; false: none is possible now. */
static bool step_flow(struct vagent_priv_flow *f)
{
	if (f->have)
		return flush_flow(f);
	if (!f->source_ended)
		return fill_flow(f);
	if (f->state == VAGENT_FLOW_OPEN)
		f->state = VAGENT_FLOW_ENDED;
	return false;
}

bool vagent_priv_flow_turn(struct vagent_priv_flow *f)
{
	const uint64_t limit = f->total + TURN_BYTES;

	while (f->total < limit)
		if (!step_flow(f))
			return false;
	return true;
}
