/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Closing descriptors of peers on a thread of the program. The queue is a
 * pipe of numbers: writing one is atomic and needs no lock, and threads that
 * wait for it need no more than read().
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

#define KEEP_SERVED 64u
#define DRAIN_ROUNDS 1024

struct vsu_closer {
	int take, put;		/* the ends of the pipe */
	uint32_t keep;		/* served files that may still be kept open */
	uint32_t waiting;
};

int vsu_closer_new(struct vsu_closer **out, struct vsu_error *err)
{
	struct vsu_closer *closer = calloc(1, sizeof(*closer));
	int ends[2], rc;

	if (!closer)
		return vsu_error_set(err, -ENOMEM, "no memory for a closer");
	if (pipe2(ends, O_CLOEXEC) < 0) {
		rc = -errno;
		free(closer);
		return vsu_error_sys(err, rc, "cannot make a pipe");
	}
	closer->take = ends[0];
	closer->put = ends[1];
	closer->keep = KEEP_SERVED;
	rc = vsu_fd_set_nonblock(closer->put);
	if (rc < 0) {
		vsu_closer_free(closer);
		return vsu_error_sys(err, rc, "cannot set up a pipe");
	}
	*out = closer;
	return 0;
}

void vsu_closer_set_keep(struct vsu_closer *closer, uint32_t n)
{
	__atomic_store_n(&closer->keep, n, __ATOMIC_RELAXED);
}

uint32_t vsu_closer_waiting(const struct vsu_closer *closer)
{
	return __atomic_load_n(&closer->waiting, __ATOMIC_ACQUIRE);
}

void vsu_closer_stop(struct vsu_closer *closer)
{
	vsu_fd_close(&closer->put);
}

void vsu_closer_free(struct vsu_closer *closer)
{
	if (!closer)
		return;
	vsu_fd_close(&closer->put);
	vsu_fd_close(&closer->take);
	free(closer);
}

/*
 * Ends what a socket could wait for in close(): it does not linger, and a TCP
 * connection is gone, so that lingering that a peer asks for once more has no
 * data to wait for. Other families have no such disconnect and say so.
 */
static void socket_quiet(int fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	const struct linger off = { 0, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	(void)!connect(fd, &nobody, sizeof(nobody));
}

static int socket_family(int fd)
{
	socklen_t len = sizeof(int);
	int family = AF_UNSPEC;

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	return family;
}

/*
 * Takes out descriptors that wait in a socket, as they would be closed with it
 * and may linger, too. A peer that goes on sending finds an end to it.
 */
static void socket_drain(struct vsu_closer *closer, int fd)
{
	int fds[VSU_SOCK_MAX_FDS], rounds = DRAIN_ROUNDS;
	unsigned int n, i;
	char bytes[4096];
	struct iovec iov = { bytes, sizeof(bytes) };
	ssize_t got;

	do {
		got = vsu_sock_recv(fd, &iov, 1, fds, &n);
		for (i = 0; i < n; i++)
			vsu_foreign_close(closer, &fds[i]);
	} while (got > 0 && --rounds);
}

int vsu_closer_turn(struct vsu_closer *closer)
{
	int fd;

	if (vsu_fd_read_full(closer->take, &fd, sizeof(fd)) != sizeof(fd))
		return 0;
	if (socket_family(fd) == AF_UNIX)
		socket_drain(closer, fd);
	vsu_fd_close(&fd);
	__atomic_fetch_sub(&closer->waiting, 1, __ATOMIC_RELEASE);
	return 1;
}

/* True if the file may stay open until the process ends. */
static bool keep_open(struct vsu_closer *closer)
{
	uint32_t left = __atomic_load_n(&closer->keep, __ATOMIC_RELAXED);

	while (left)
		if (__atomic_compare_exchange_n(&closer->keep, &left, left - 1,
						true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/*
 * A full pipe means that thousands of closes take their time. The descriptor
 * stays open then: the limit of the process ends that, not a wait of ours.
 */
static void hand_over(struct vsu_closer *closer, int fd)
{
	__atomic_fetch_add(&closer->waiting, 1, __ATOMIC_RELAXED);
	(void)!vsu_fd_write_full(closer->put, &fd, sizeof(fd));
}

void vsu_foreign_close(struct vsu_closer *closer, int *fd)
{
	int kind, family, saved = errno;

	if (*fd < 0)
		return;
	kind = vsu_foreign_kind(*fd);
	family = kind == VSU_FOREIGN_SOCKET ? socket_family(*fd) : AF_UNSPEC;
	if (family == AF_INET || family == AF_INET6)
		socket_quiet(*fd);
	if (family == AF_UNIX && !closer)
		socket_drain(NULL, *fd);
	if (!closer || kind < 0 || kind == VSU_FOREIGN_EVENT ||
	    kind == VSU_FOREIGN_PIPE || kind == VSU_FOREIGN_PATH)
		vsu_fd_close(fd);
	else if (kind != VSU_FOREIGN_SERVED || !keep_open(closer))
		hand_over(closer, *fd);
	*fd = -1;
	errno = saved;
}
