/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * UNIX sockets as files: listening without replacing a running server, and connecting with
 * a reason of each failure.
 */
#define _GNU_SOURCE
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

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#define PATH_SPACE sizeof(((struct sockaddr_un *)0)->sun_path)

_Static_assert(PATH_SPACE == sizeof(((struct vsu_sock_path *)0)->path),
	       "struct vsu_sock_path holds every socket path");

/* Limit of the wait for another process that starts in the same directory. */
#define LOCK_WAIT_NS UINT64_C(1000000000)
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
		vsu_error_operands(err, 0, len, PATH_SPACE - 1);
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

/* bind() creates the file with the mode of the socket, less the umask's bits. */
static int new_private_socket(int type, struct vsu_error *err)
{
	int fd = new_socket(type, err);

	if (fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) < 0) {
		const int rc = vsu_error_sys(err, -errno, "cannot change the mode of a socket");

		vsu_fd_close(&fd);
		return rc;
	}
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
 * Returns whether a process has a socket bound there: 1, 0 or a negative errno. Connects
 * with a datagram socket: if a stream socket is bound, the kernel reports the wrong type,
 * and the server sees no connection. A socket that is bound and does not listen yet counts
 * as live.
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

/* Removes the file at the address if it is a socket without a listener. */
static int remove_stale(const struct sockaddr_un *addr, struct vsu_error *err)
{
	const char *path = addr->sun_path;
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 :
			vsu_error_sys(err, -errno, "cannot inspect '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return vsu_error_set(err, -ENOTSOCK,
				     "'%s' exists and is %s, not a socket; remove it or choose another path",
				     path, S_ISLNK(st.st_mode) ?
				     "a symbolic link" : "some other file");
	rc = is_live(addr);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return vsu_error_sys(err, rc,
				     "cannot determine whether a server listens at '%s'",
				     path);
	if (rc > 0)
		return vsu_error_set(err, -EADDRINUSE,
				     "'%s' is in use by a server that listens there; stop it or choose another path",
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

/* flock() with a time limit: any user may hold the lock of a shared directory. */
static int lock_for_a_while(int fd)
{
	const struct timespec pause = { 0, LOCK_PAUSE_NS };
	const uint64_t until_ns = vsu_now_ns() + LOCK_WAIT_NS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (vsu_now_ns() > until_ns)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/*
 * Closing *lock releases the lock. *lock is -1 if the directory cannot be
 * locked: it is not readable, or the file system lacks such locks. This library
 * holds the lock for a few system calls only. A lock held longer belongs to
 * another program: it is ignored after the time limit.
 */
static int lock_directory(const char *path, int *lock, struct vsu_error *err)
{
	char dir[PATH_SPACE];

	directory_of(path, dir);
	*lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock < 0 && errno != EACCES)
		return vsu_error_sys(err, -errno,
				     "cannot open directory '%s' for the socket '%s'",
				     dir, path);
	if (*lock >= 0 && lock_for_a_while(*lock) < 0)
		vsu_fd_close(lock);
	return 0;
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

int vsu_sock_listen_type(const char *path, int type, int backlog,
			 struct vsu_error *err)
{
	struct sockaddr_un addr;
	int rc = address_of(path, &addr, err);
	int fd, lock = -1;

	if (!rc)
		rc = lock_directory(path, &lock, err);
	if (rc < 0)
		return rc;
	fd = new_private_socket(type, err);
	rc = fd < 0 ? fd : bind_and_listen(fd, &addr, backlog, err);
	vsu_fd_close(&lock);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc;
	}
	return fd;
}

int vsu_sock_listen(const char *path, int backlog, struct vsu_error *err)
{
	return vsu_sock_listen_type(path, SOCK_STREAM, backlog, err);
}

/* Opens the file without following a link, in case one has replaced it. */
static int open_own_socket(const char *path, struct vsu_error *err)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		rc = vsu_error_sys(err, -errno, "cannot open the socket '%s'", path);
	else if (!S_ISSOCK(st.st_mode))
		rc = vsu_error_set(err, -ENOTSOCK, "'%s' is not a socket", path);
	else if (st.st_uid != geteuid())
		rc = vsu_error_set(err, -EPERM,
				   "the socket '%s' belongs to another user", path);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

static int change_access(int fd, const char *path,
			 const struct vsu_sock_access *access,
			 struct vsu_error *err)
{
	char own[32];

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	if (access->group != UINT32_MAX &&
	    fchownat(fd, "", (uid_t)-1, access->group, AT_EMPTY_PATH) < 0)
		return vsu_error_sys(err, -errno,
				     "cannot change the group of the socket '%s' to %" PRIu32 "; start as root, or as a member of it",
				     path, access->group);
	if (chmod(own, access->mode) < 0)
		return vsu_error_sys(err, -errno,
				     "cannot change the mode of the socket '%s'", path);
	return 0;
}

int vsu_sock_share(const char *path, const struct vsu_sock_access *access,
		   struct vsu_error *err)
{
	int fd, rc;

	if (access->mode & ~0777u)
		return vsu_error_set(err, -EINVAL, "mode %" PRIo32 " of a socket exceeds 777",
				     access->mode);
	fd = open_own_socket(path, err);
	if (fd < 0)
		return fd;
	rc = change_access(fd, path, access, err);
	vsu_fd_close(&fd);
	return rc;
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

/* The kernel returns ECONNREFUSED for files that are not sockets, too. */
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
				     "no server listens at '%s'; start it again",
				     path);
	case -EAGAIN:
		return vsu_error_set(err, rc,
				     "the server at '%s' has as many connections waiting as it allows; try again",
				     path);
	case -EPROTOTYPE:
		return vsu_error_set(err, rc,
				     "the socket at '%s' is of another type (stream, or messages); correct the path, or the server's type",
				     path);
	default:
		return vsu_error_sys(err, rc, "cannot connect to '%s'", path);
	}
}

int vsu_sock_connect_type(const char *path, int type, struct vsu_error *err)
{
	struct sockaddr_un addr;
	int rc = address_of(path, &addr, err);
	int fd;

	if (rc < 0)
		return rc;
	fd = new_socket(type, err);
	if (fd < 0)
		return fd;
	rc = connect_to(fd, &addr);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return explain_connect(rc, path, err);
	}
	return fd;
}

int vsu_sock_connect(const char *path, struct vsu_error *err)
{
	return vsu_sock_connect_type(path, SOCK_STREAM, err);
}
