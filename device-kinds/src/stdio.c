/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Standard input and output as a console port; input is buffered in a ring. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <device-kinds/stdio.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#define HELD 65536u		/* bytes buffered for the guest */
#define PIECE 4096u		/* bytes per read */

struct devkind_stdio {
	struct vsu_terminal terminal;
	void (*want)(void *opaque);
	int out_fd;		/* borrowed */
	int own_fd;		/* out_fd reopened, or -1 */
	int event;		/* input is available */
	bool out_ended;		/* the reader has closed it */
	size_t at, count;	/* buffered bytes */
	unsigned char held[HELD];
};

/* ------------------------------------------------------------------- the port */

static int out_fd_of(const struct devkind_stdio *s)
{
	return s->own_fd >= 0 ? s->own_fd : s->out_fd;
}

static int watch_edge(int epfd, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) < 0)
		return errno == EPERM ? 0 : -errno;
	return 0;
}

static int stdio_attach(void *self, int in_epfd, int out_epfd)
{
	const struct devkind_stdio *s = self;
	int rc = watch_edge(in_epfd, s->event, EPOLLIN);

	return rc ? rc : watch_edge(out_epfd, out_fd_of(s), EPOLLOUT);
}

static bool stdio_is_open(void *self)
{
	return !((const struct devkind_stdio *)self)->out_ended;
}

/* The first buffered bytes, up to one piece. */
static size_t held_take(struct devkind_stdio *s, unsigned char *to, size_t len)
{
	size_t n = s->count < HELD - s->at ? s->count : HELD - s->at;

	if (n > len)
		n = len;
	memcpy(to, s->held + s->at, n);
	s->at = (s->at + n) % HELD;
	s->count -= n;
	return n;
}

static ssize_t stdio_read(void *self, const struct iovec *iov, int n)
{
	struct devkind_stdio *s = self;
	const bool wanted = devkind_stdio_wants(s);
	ssize_t done = 0;
	size_t piece;
	int i;

	for (i = 0; i < n && s->count; i++) {
		piece = held_take(s, iov[i].iov_base, iov[i].iov_len);
		done += (ssize_t)piece;
		if (piece < iov[i].iov_len)
			break;
	}
	if (!wanted && devkind_stdio_wants(s))
		s->want(s->terminal.opaque);
	return done ? done : -EAGAIN;
}

/* If reopening failed, poll() reports when a write will not block. */
static bool takes_some(const struct devkind_stdio *s)
{
	struct pollfd p = { .fd = s->out_fd, .events = POLLOUT };

	return s->own_fd >= 0 || (poll(&p, 1, 0) == 1 && p.revents);
}

static ssize_t stdio_write(void *self, const struct iovec *iov, int n)
{
	struct devkind_stdio *s = self;
	ssize_t len;

	(void)n;
	if (s->out_ended)
		return -ENOTCONN;
	if (!takes_some(s))
		return -EAGAIN;
	len = write(out_fd_of(s), iov->iov_base,
		    iov->iov_len < PIECE ? iov->iov_len : PIECE);
	if (len > 0)
		return len;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	s->out_ended = true;
	return -ENOTCONN;
}

int devkind_stdio_port(struct devkind_stdio *s, struct virtdev_port **out,
		   struct vsu_error *err)
{
	static const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "stdio", .attach = stdio_attach,
		.is_open = stdio_is_open, .read = stdio_read,
		.write = stdio_write,
	};
	int rc = virtdev_port_new(&ops, s, out);

	return rc < 0 ? vsu_error_sys(err, rc, "console") : 0;
}

/* ---------------------------------------------------------------------- input */

static size_t held_room(const struct devkind_stdio *s)
{
	return HELD - s->count;
}

bool devkind_stdio_wants(const struct devkind_stdio *s)
{
	return s->terminal.is_used ? s->terminal.raw : held_room(s) > 0;
}

static void held_add(struct devkind_stdio *s, const unsigned char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n && s->count < HELD; i++)
		s->held[(s->at + s->count++) % HELD] = bytes[i];
	vsu_event_signal_own(s->event);
}

bool devkind_stdio_input(struct devkind_stdio *s)
{
	unsigned char bytes[PIECE];
	size_t room = s->terminal.raw ? PIECE : held_room(s);
	ssize_t n;

	if (!room)
		return true;
	n = vsu_terminal_read(s->terminal.in_fd, bytes, room < PIECE ? room : PIECE);
	if (n == -EAGAIN)	/* in the background, perhaps */
		devkind_stdio_resume(s);
	if (n < 0)
		return n == -EINTR || n == -EAGAIN;
	held_add(s, bytes, vsu_terminal_filter(&s->terminal, bytes, (size_t)n));
	return n > 0;
}

bool devkind_stdio_size(const struct devkind_stdio *s, uint16_t *cols, uint16_t *rows)
{
	struct winsize size;

	if (ioctl(s->out_fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return false;
	*cols = size.ws_col;
	*rows = size.ws_row;
	return true;
}

/* ----------------------------------------------------------------------- life */

int devkind_stdio_new(int in_fd, int out_fd, const struct vsu_terminal *terminal,
		  void (*want)(void *opaque), struct devkind_stdio **out,
		  struct vsu_error *err)
{
	struct devkind_stdio *s = calloc(1, sizeof(*s));

	if (!s)
		return vsu_error_sys(err, -ENOMEM, "console");
	s->terminal = *terminal;
	s->terminal.in_fd = in_fd;
	s->want = want;
	s->out_fd = out_fd;
	s->event = vsu_event_new();
	if (s->event < 0) {
		const int rc = s->event;

		free(s);
		return vsu_error_sys(err, rc, "console");
	}
	s->own_fd = vsu_terminal_reopen(out_fd);
	vsu_terminal_init(&s->terminal);
	*out = s;
	return 0;
}

void devkind_stdio_restore(struct devkind_stdio *s)
{
	if (s)
		vsu_terminal_restore(&s->terminal);
}

void devkind_stdio_suspend(struct devkind_stdio *s)
{
	if (s)
		vsu_terminal_suspend(&s->terminal);
}

void devkind_stdio_resume(struct devkind_stdio *s)
{
	if (s)
		vsu_terminal_resume(&s->terminal);
}

void devkind_stdio_free(struct devkind_stdio *s)
{
	if (!s)
		return;
	devkind_stdio_restore(s);
	vsu_fd_close(&s->own_fd);
	vsu_fd_close(&s->event);
	free(s);
}
