/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Closes descriptors of peers on threads of the program. A queue is a pipe of descriptor
 * numbers: writing a number is atomic and needs no lock, and a waiting thread needs only
 * poll(). Files of servers, whose close may hang, have a queue of their own, and never
 * occupy all threads.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

#define KEEP_SERVED 64u
#define DRAIN_ROUNDS 1024
/* Maximum depth of sockets within sockets that a thread without a closer drains. */
#define DRAIN_DEPTH 8u

struct queue {
	int take, put;		/* the read end and the write end of a pipe */
};

struct vsu_closer {
	struct queue plain, served;
	uint32_t turning;	/* threads in vsu_closer_turn() */
	uint32_t risking;	/* threads of these that may close a served file */
	uint32_t keep;		/* how many more served files may be kept open */
	uint32_t kept;		/* served files that were kept open */
	int kept_fds[KEEP_SERVED]; /* the first of these files, or -1 */
	uint32_t waiting;
};

static int queue_open(struct queue *q)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	q->take = ends[0];
	q->put = ends[1];
	return 0;
}

static void queue_close(struct queue *q)
{
	vsu_fd_close(&q->put);
	vsu_fd_close(&q->take);
}

int vsu_closer_new(struct vsu_closer **out, struct vsu_error *err)
{
	struct vsu_closer *closer = calloc(1, sizeof(*closer));
	unsigned int i;
	int rc;

	if (!closer)
		return vsu_error_set(err, -ENOMEM, "no memory for a closer");
	closer->served.take = closer->served.put = -1;
	closer->plain = closer->served;
	closer->keep = KEEP_SERVED;
	for (i = 0; i < KEEP_SERVED; i++)
		closer->kept_fds[i] = -1;
	rc = queue_open(&closer->plain);
	if (!rc)
		rc = queue_open(&closer->served);
	if (rc < 0) {
		vsu_closer_free(closer);
		return vsu_error_sys(err, rc, "cannot make a pipe");
	}
	*out = closer;
	return 0;
}

uint32_t vsu_closer_waiting(const struct vsu_closer *closer)
{
	return __atomic_load_n(&closer->waiting, __ATOMIC_ACQUIRE);
}

uint32_t vsu_closer_kept(const struct vsu_closer *closer)
{
	return __atomic_load_n(&closer->kept, __ATOMIC_RELAXED);
}

void vsu_closer_stop(struct vsu_closer *closer)
{
	vsu_fd_close(&closer->plain.put);
	vsu_fd_close(&closer->served.put);
}

void vsu_closer_free(struct vsu_closer *closer)
{
	if (!closer)
		return;
	queue_close(&closer->plain);
	queue_close(&closer->served);
	free(closer);
}

/*
 * Keeps close() from blocking: turns SO_LINGER off, which vsock and Bluetooth
 * support, too, and disconnects a TCP socket, so that no data is left to wait for
 * even if a peer turns it on again through its own descriptor. The result is
 * ignored: not every protocol supports this connect(). The address has only its
 * family, so that a system call filter can tell it from a connection.
 */
static void socket_quiet(int fd, int family)
{
	const sa_family_t nobody = AF_UNSPEC;
	const struct linger off = { 0, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	if (family == AF_INET || family == AF_INET6)
		(void)!connect(fd, (const struct sockaddr *)&nobody, sizeof(nobody));
}

static int socket_family(int fd)
{
	socklen_t len = sizeof(int);
	int family = AF_UNSPEC;

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	return family;
}

static void foreign_close(struct vsu_closer *closer, int *fd, unsigned int depth);

/*
 * Receives and closes the descriptors that are queued in a socket: close() would release
 * them with the socket, and they may linger, too. The number of rounds is limited, because
 * a peer may keep sending. Without a closer, sockets among them are drained immediately, to
 * a limited depth, because a peer may nest any number.
 */
static void socket_drain(struct vsu_closer *closer, int fd, unsigned int depth)
{
	int fds[VSU_SOCK_MAX_FDS], rounds = DRAIN_ROUNDS;
	unsigned int n, i;
	char bytes[4096];
	struct iovec iov = { bytes, sizeof(bytes) };
	ssize_t got;

	do {
		got = vsu_sock_recv(fd, &iov, 1, fds, &n);
		for (i = 0; i < n; i++)
			foreign_close(closer, &fds[i], depth);
	} while (got > 0 && --rounds);
}

/* 1: *fd has a descriptor; 0: the queue is empty; negative: it is empty and closed. */
static int queue_take(struct queue *q, int *fd)
{
	const ssize_t n = read(q->take, fd, sizeof(*fd));

	if (n == sizeof(*fd))
		return 1;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ENODATA;
}

static void close_taken(struct vsu_closer *closer, int fd)
{
	if (socket_family(fd) == AF_UNIX)
		socket_drain(closer, fd, 0);
	vsu_fd_close(&fd);
	__atomic_fetch_sub(&closer->waiting, 1, __ATOMIC_RELEASE);
}

/*
 * True if this thread may close a served file: another thread must remain for other
 * descriptors, unless this is the only one.
 */
static bool may_risk(struct vsu_closer *closer)
{
	const uint32_t threads = __atomic_load_n(&closer->turning,
						 __ATOMIC_ACQUIRE);
	const uint32_t most = threads > 1 ? threads - 1 : 1;
	uint32_t risking = __atomic_load_n(&closer->risking, __ATOMIC_RELAXED);

	while (risking < most)
		if (__atomic_compare_exchange_n(&closer->risking, &risking,
						risking + 1, true,
						__ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/*
 * Closes a file of the served queue; results as queue_take(). *may: this thread may close
 * such a file.
 */
static int close_served(struct vsu_closer *closer, bool *may)
{
	int fd, rc = 0;

	*may = may_risk(closer);
	if (!*may)
		return 0;
	rc = queue_take(&closer->served, &fd);
	if (rc > 0)
		close_taken(closer, fd);
	__atomic_fetch_sub(&closer->risking, 1, __ATOMIC_ACQ_REL);
	return rc;
}

static void wait_for_queues(struct vsu_closer *closer, bool plain, bool served)
{
	struct pollfd p[] = {
		{ .fd = plain ? closer->plain.take : -1, .events = POLLIN },
		{ .fd = served ? closer->served.take : -1, .events = POLLIN },
	};

	(void)poll(p, 2, -1);
}

static int closer_turn(struct vsu_closer *closer)
{
	bool may;
	int fd, plain, served;

	for (;;) {
		plain = queue_take(&closer->plain, &fd);
		if (plain > 0) {
			close_taken(closer, fd);
			return 1;
		}
		served = close_served(closer, &may);
		if (served > 0)
			return 1;
		if (plain < 0 && (served < 0 || !may))
			return 0;
		wait_for_queues(closer, plain == 0, may && served == 0);
	}
}

int vsu_closer_turn(struct vsu_closer *closer)
{
	int rc;

	__atomic_fetch_add(&closer->turning, 1, __ATOMIC_ACQ_REL);
	rc = closer_turn(closer);
	__atomic_fetch_sub(&closer->turning, 1, __ATOMIC_ACQ_REL);
	return rc;
}

/* True if the file may stay open until the process ends. */
static bool keep_open(struct vsu_closer *closer, int fd)
{
	uint32_t left = __atomic_load_n(&closer->keep, __ATOMIC_RELAXED), i;

	while (left)
		if (__atomic_compare_exchange_n(&closer->keep, &left, left - 1,
						true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			i = __atomic_fetch_add(&closer->kept, 1,
					       __ATOMIC_RELAXED);
			if (i < KEEP_SERVED)
				__atomic_store_n(&closer->kept_fds[i], fd,
						 __ATOMIC_RELEASE);
			return true;
		}
	return false;
}

/*
 * If the pipe is full, thousands of closes take long, and the descriptor stays open: the
 * caller must not wait.
 */
static void hand_over(struct vsu_closer *closer, const struct queue *q, int fd)
{
	__atomic_fetch_add(&closer->waiting, 1, __ATOMIC_RELAXED);
	(void)!vsu_fd_write_full(q->put, &fd, sizeof(fd));
}

void vsu_closer_set_keep(struct vsu_closer *closer, uint32_t n)
{
	unsigned int i;
	int fd;

	__atomic_store_n(&closer->keep, n, __ATOMIC_RELAXED);
	for (i = 0; !n && i < KEEP_SERVED; i++) {
		fd = __atomic_exchange_n(&closer->kept_fds[i], -1,
					 __ATOMIC_ACQUIRE);
		if (fd < 0)
			continue;
		hand_over(closer, &closer->served, fd);
		__atomic_fetch_sub(&closer->kept, 1, __ATOMIC_RELAXED);
	}
}

/* depth: the number of sockets in which *fd was queued, without a closer. */
static void foreign_close(struct vsu_closer *closer, int *fd, unsigned int depth)
{
	int kind, family, saved = errno;

	if (*fd < 0)
		return;
	kind = vsu_foreign_kind(*fd);
	family = kind == VSU_FOREIGN_SOCKET ? socket_family(*fd) : AF_UNSPEC;
	if (kind == VSU_FOREIGN_SOCKET && family != AF_UNIX)
		socket_quiet(*fd, family);
	if (family == AF_UNIX && !closer && depth < DRAIN_DEPTH)
		socket_drain(NULL, *fd, depth + 1);
	if (!closer || kind < 0 || kind == VSU_FOREIGN_EVENT ||
	    kind == VSU_FOREIGN_PIPE || kind == VSU_FOREIGN_PATH)
		vsu_fd_close(fd);
	else if (kind != VSU_FOREIGN_SERVED)
		hand_over(closer, &closer->plain, *fd);
	else if (!keep_open(closer, *fd))
		hand_over(closer, &closer->served, *fd);
	*fd = -1;
	errno = saved;
}

void vsu_foreign_close(struct vsu_closer *closer, int *fd)
{
	foreign_close(closer, fd, 0);
}
