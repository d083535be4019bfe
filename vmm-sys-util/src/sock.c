/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * UNIX stream sockets: listening without stealing, connecting with a reason,
 * and messages with descriptors of which none is ever lost.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#define PATH_SPACE sizeof(((struct sockaddr_un *)0)->sun_path)

_Static_assert(PATH_SPACE == sizeof(((struct vsu_sock_path *)0)->path),
	       "struct vsu_sock_path holds every socket path");

/* How long to wait for somebody else's start in the same directory. */
#define LOCK_TRIES 1000
#define LOCK_PAUSE_NS 1000000

static int address_of(const char *path, struct sockaddr_un *addr,
		      struct vsu_error *err)
{
	size_t len = strlen(path);

	if (!len)
		return vsu_error_set(err, -EINVAL, "the socket path is empty");
	if (len >= PATH_SPACE) {
		vsu_error_set(err, -ENAMETOOLONG,
			      "socket path '%s' has %zu bytes, at most %zu fit; use a shorter one, or a relative one",
			      path, len, PATH_SPACE - 1);
		vsu_error_operands(err, 0, 0, len, PATH_SPACE - 1);
		return -ENAMETOOLONG;
	}
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, len + 1);
	return 0;
}

static int new_socket(int type, struct vsu_error *err)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	return fd;
}

static int connect_to(int fd, const struct sockaddr_un *addr)
{
	while (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int bind_to(int fd, const struct sockaddr_un *addr)
{
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	return 0;
}

/*
 * Whether some process has a socket bound there: 1, 0 or a negative errno.
 * Asked with a datagram socket: the kernel answers that the type is wrong
 * where there is a stream socket, so the server never sees a connection. A
 * socket that is bound and does not listen yet counts as live.
 */
static int is_live(const struct sockaddr_un *addr)
{
	int fd = new_socket(SOCK_DGRAM, NULL);
	int rc;

	if (fd < 0)
		return fd;
	rc = connect_to(fd, addr);
	vsu_fd_close(&fd);
	if (!rc || rc == -EPROTOTYPE)
		return 1;
	return rc == -ECONNREFUSED ? 0 : rc;
}

/* The file at the address is a socket that nobody has open; removes it. */
static int remove_stale(const struct sockaddr_un *addr, struct vsu_error *err)
{
	const char *path = addr->sun_path;
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 :
			vsu_error_sys(err, -errno, "cannot look at '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return vsu_error_set(err, -EADDRINUSE,
				     "'%s' exists and is %s, not a socket; remove it or choose another path",
				     path, S_ISLNK(st.st_mode) ?
				     "a symbolic link" : "some other file");
	rc = is_live(addr);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return vsu_error_sys(err, rc,
				     "cannot tell whether a server listens at '%s'",
				     path);
	if (rc)
		return vsu_error_set(err, -EADDRINUSE,
				     "a server is listening at '%s'; stop it or choose another path",
				     path);
	if (unlink(path) < 0 && errno != ENOENT)
		return vsu_error_sys(err, -errno,
				     "cannot remove the stale socket '%s'",
				     path);
	return 0;
}

static int bind_replacing_stale(int fd, const struct sockaddr_un *addr,
				struct vsu_error *err)
{
	int rc = bind_to(fd, addr);

	if (rc == -EADDRINUSE) {
		rc = remove_stale(addr, err);
		if (rc < 0)
			return rc;
		rc = bind_to(fd, addr);
	}
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make the socket '%s'",
				     addr->sun_path);
	return 0;
}

/* The directory of path as a string; dir has room for PATH_SPACE. */
static void directory_of(const char *path, char *dir)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash) {
		strcpy(dir, ".");
	} else if (!len) {
		strcpy(dir, "/");
	} else {
		memcpy(dir, path, len);
		dir[len] = '\0';
	}
}

/* flock() with an end: a stranger may hold the lock of a shared directory. */
static int lock_for_a_while(int fd)
{
	const struct timespec pause = { 0, LOCK_PAUSE_NS };
	int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

/* A descriptor whose closing gives the lock back. */
static int lock_directory(const char *path, struct vsu_error *err)
{
	char dir[PATH_SPACE];
	int fd, rc;

	directory_of(path, dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vsu_error_sys(err, -errno,
				     "cannot open directory '%s' for the socket '%s'",
				     dir, path);
	rc = lock_for_a_while(fd);
	if (rc == -EBUSY) {
		vsu_fd_close(&fd);
		return vsu_error_set(err, -EBUSY,
				     "directory '%s' stays locked by another program; choose another one for the socket",
				     dir);
	}
	return fd;	/* other failures: a file system without such locks */
}

static int bind_and_listen(int fd, const struct sockaddr_un *addr, int backlog,
			   struct vsu_error *err)
{
	int rc = bind_replacing_stale(fd, addr, err);

	if (rc < 0)
		return rc;
	if (listen(fd, backlog) < 0) {
		rc = vsu_error_sys(err, -errno, "cannot listen at '%s'",
				   addr->sun_path);
		unlink(addr->sun_path);
	}
	return rc;
}

int vsu_sock_listen(const char *path, int backlog, struct vsu_error *err)
{
	struct sockaddr_un addr;
	int rc = address_of(path, &addr, err);
	int fd, lock;

	if (rc < 0)
		return rc;
	lock = lock_directory(path, err);
	if (lock < 0)
		return lock;
	fd = new_socket(SOCK_STREAM, err);
	rc = fd < 0 ? fd : bind_and_listen(fd, &addr, backlog, err);
	vsu_fd_close(&lock);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

int vsu_sock_path_of(int listener, struct vsu_sock_path *out)
{
	struct sockaddr_un addr = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(addr) - 1;	/* keeps sun_path terminated */
	struct vsu_sock_path where = { { 0 }, 0, 0 };
	struct stat st;

	if (getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	if (addr.sun_family != AF_UNIX || !addr.sun_path[0])
		return -EINVAL;
	memcpy(where.path, addr.sun_path, sizeof(where.path) - 1);
	if (lstat(where.path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	where.dev = st.st_dev;
	where.ino = st.st_ino;
	*out = where;
	return 0;
}

void vsu_sock_unlink(const struct vsu_sock_path *where)
{
	struct stat st;

	if (!lstat(where->path, &st) && S_ISSOCK(st.st_mode) &&
	    st.st_dev == where->dev && st.st_ino == where->ino)
		unlink(where->path);
}

/* The kernel says "refused" for files that are no sockets, too. */
static bool is_other_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISSOCK(st.st_mode);
}

static int explain_connect(int rc, const char *path, struct vsu_error *err)
{
	switch (rc) {
	case -ENOENT:
		return vsu_error_set(err, rc,
				     "there is no socket at '%s'; start the server first, or correct the path",
				     path);
	case -ECONNREFUSED:
		if (is_other_file(path))
			return vsu_error_set(err, -ENOTSOCK,
					     "'%s' is not a socket; give the path that the server listens at",
					     path);
		return vsu_error_set(err, rc,
				     "nobody listens at '%s'; start the server again",
				     path);
	case -EAGAIN:
		return vsu_error_set(err, rc,
				     "the server at '%s' has as many connections waiting as it allows; try again",
				     path);
	default:
		return vsu_error_sys(err, rc, "cannot connect to '%s'", path);
	}
}

int vsu_sock_connect(const char *path, struct vsu_error *err)
{
	struct sockaddr_un addr;
	int rc = address_of(path, &addr, err);
	int fd;

	if (rc < 0)
		return rc;
	fd = new_socket(SOCK_STREAM, err);
	if (fd < 0)
		return fd;
	rc = connect_to(fd, &addr);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return explain_connect(rc, path, err);
	}
	return fd;
}

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

/* Control buffers are aligned as struct cmsghdr demands. */
union send_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(VSU_SOCK_MAX_FDS * sizeof(int))];
};

static void attach_fds(struct msghdr *msg, union send_control *control,
		       const int *fds, unsigned int nfds)
{
	size_t len = nfds * sizeof(int);
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->buf;
	msg->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), fds, len);
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

	/* Descriptors need a byte to travel with; without, they would vanish. */
	if (n < 0 || nfds > VSU_SOCK_MAX_FDS || (nfds && !has_bytes(iov, n)))
		return -EINVAL;
	if (nfds)
		attach_fds(&msg, &control, fds, nfds);
	do {
		done = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (done < 0 && errno == EINTR);
	if (done >= 0)
		return done;
	return errno == EPIPE ? -ECONNRESET : -errno;
}

/* Linux 6.5; an older C library does not name it. */
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

/*
 * Room for the descriptors, and for what the kernel puts in front of them
 * when whoever made the socket asked for it: credentials, pidfd.
 */
union recv_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(VSU_SOCK_MAX_FDS * sizeof(int)) +
		 CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
};

/* The descriptors that arrived, and how many there were altogether. */
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

static void drop_arrivals(struct arrivals *a)
{
	while (a->kept)
		vsu_fd_close(&a->fds[--a->kept]);
}

/* -EMSGSIZE when more came than is taken, -EMFILE when fewer than sent. */
static int check_arrivals(const struct arrivals *a, int flags)
{
	if (a->seen > VSU_SOCK_MAX_FDS)
		return -EMSGSIZE;
	if (flags & MSG_CTRUNC)
		return a->seen == VSU_SOCK_MAX_FDS ? -EMSGSIZE : -EMFILE;
	return 0;
}

ssize_t vsu_sock_recv(int sock, const struct iovec *iov, int n, int *fds,
		      unsigned int *nfds)
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
	do {
		done = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	take_control(&a, &msg);
	rc = check_arrivals(&a, msg.msg_flags);
	if (rc < 0) {
		drop_arrivals(&a);
		return rc;
	}
	*nfds = a.kept;
	return done;
}
