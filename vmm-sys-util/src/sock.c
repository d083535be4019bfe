/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* UNIX stream sockets as channels: messages whose descriptors are never lost silently. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

int vsu_sock_accept(int listener)
{
	int fd;

	do {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? -errno : fd;
}

int vsu_sock_pair(int fds[2])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair) < 0)
		return -errno;
	fds[0] = pair[0];
	fds[1] = pair[1];
	return 0;
}

static bool has_option(int fd, int option, int wanted)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return !getsockopt(fd, SOL_SOCKET, option, &value, &len) &&
	       value == wanted;
}

int vsu_sock_is_unix_stream(int fd)
{
	return has_option(fd, SO_DOMAIN, AF_UNIX) &&
	       has_option(fd, SO_TYPE, SOCK_STREAM);
}

static bool has_bytes(const struct iovec *iov, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (iov[i].iov_len)
			return true;
	return false;
}

/* Control buffers have the alignment of struct cmsghdr. */
union send_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(VSU_SOCK_MAX_FDS * sizeof(int))];
};

static void attach_fds(struct msghdr *msg, union send_control *control,
		       const int *fds, unsigned int nfds)
{
	size_t len = nfds * sizeof(int);
	struct cmsghdr *c;

	msg->msg_control = control->buf;
	msg->msg_controllen = CMSG_SPACE(len);
	memset(control, 0, msg->msg_controllen);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), fds, len);
}

/*
 * musl copies control data into 1024 bytes, which is not sufficient for 253 descriptors, so
 * call the kernel directly. With glibc the function is called, because sanitizers watch it.
 */
static ssize_t send_message(int sock, const struct msghdr *msg, int flags)
{
#ifdef __GLIBC__
	return sendmsg(sock, msg, flags);
#else
	return syscall(SYS_sendmsg, sock, msg, flags);
#endif
}

ssize_t vsu_sock_send(int sock, const struct iovec *iov, int n,
		      const int *fds, unsigned int nfds)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)n,
	};
	union send_control control;
	ssize_t done;

	/* Descriptors require at least one byte, or the kernel drops them. */
	if (n < 0 || nfds > VSU_SOCK_MAX_FDS || (nfds && !has_bytes(iov, n)))
		return -EINVAL;
	if (nfds)
		attach_fds(&msg, &control, fds, nfds);
	do {
		done = send_message(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (done < 0 && errno == EINTR);
	if (done >= 0)
		return done;
	return errno == EPIPE ? -ECONNRESET : -errno;
}

/* Linux 6.5; older C libraries lack it. */
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

/*
 * Room for the descriptors, and for the credentials and pidfd that the kernel
 * adds before them if the socket's creator requested these.
 */
union recv_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(VSU_SOCK_MAX_FDS * sizeof(int)) +
		 CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
};

/* The descriptors that were kept, and the number that arrived. */
struct arrivals {
	int *fds;
	unsigned int kept, seen;
};

static void take_fds(struct arrivals *a, const struct cmsghdr *c, bool keep)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	const unsigned char *data = CMSG_DATA(c);
	size_t i;
	int fd;

	for (i = 0; i < n; i++) {
		memcpy(&fd, data + i * sizeof(int), sizeof(fd));
		a->seen += keep;
		if (keep && a->kept < VSU_SOCK_MAX_FDS)
			a->fds[a->kept++] = fd;
		else
			vsu_fd_close(&fd);
	}
}

static void take_control(struct arrivals *a, struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_len < CMSG_LEN(0))
			continue;
		if (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD)
			take_fds(a, c, c->cmsg_type == SCM_RIGHTS);
	}
}

/* -EMSGSIZE: more descriptors than the array holds; -EMFILE: fewer than were sent. */
static int check_arrivals(const struct arrivals *a, int flags)
{
	if (a->seen > VSU_SOCK_MAX_FDS)
		return -EMSGSIZE;
	if (flags & MSG_CTRUNC)
		return a->seen == VSU_SOCK_MAX_FDS ? -EMSGSIZE : -EMFILE;
	return 0;
}

static ssize_t receive_message(int sock, const struct iovec *iov, int n,
			       int flags, int *fds, unsigned int *nfds)
{
	struct arrivals a = { fds, 0, 0 };
	union recv_control control;
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)n,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t done;
	int rc;

	*nfds = 0;
	if (n < 0)
		return -EINVAL;
	done = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	if (done < 0)
		return -errno;
	take_control(&a, &msg);
	rc = check_arrivals(&a, msg.msg_flags);
	*nfds = a.kept;
	return rc < 0 ? rc : done;
}

ssize_t vsu_sock_recv(int sock, const struct iovec *iov, int n, int *fds,
		      unsigned int *nfds)
{
	ssize_t done;

	do {
		done = receive_message(sock, iov, n, MSG_DONTWAIT, fds, nfds);
	} while (done == -EINTR);
	return done;
}

ssize_t vsu_sock_recv_wait(int sock, const struct iovec *iov, int n, int *fds,
			   unsigned int *nfds)
{
	return receive_message(sock, iov, n, 0, fds, nfds);
}

int vsu_sock_set_wait(int sock, uint64_t ns)
{
	const struct timeval limit = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_usec = (suseconds_t)(ns % 1000000000 / 1000),
	};
	int flags = fcntl(sock, F_GETFL);

	if (ns < 1000)
		return -EINVAL;
	if (flags < 0 || fcntl(sock, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return 0;
}
