/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * UNIX sockets and descriptor passing. Sockets are streams, except in the two
 * functions with a type argument.
 *
 * Threads: a socket object is confined to one thread at a time.
 */
#ifndef VMM_SYS_UTIL_SOCK_H
#define VMM_SYS_UTIL_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Maximum number of descriptors of one receive, equal to Linux's limit for one send. If
 * a receive had less room, the kernel would close the excess descriptors inside the
 * call, which can block (foreign.h).
 */
#define VSU_SOCK_MAX_FDS 253

/*
 * A listening, non-blocking socket at path, or a negative errno:
 *
 *   -ENAMETOOLONG  the path exceeds what a socket address holds
 *   -EADDRINUSE    a server is listening there
 *   -ENOTSOCK      the path exists and is not a socket; it is never removed,
 *                  nor is a symbolic link
 *
 * A stale socket (no process has it open) is replaced. The check does not disturb a
 * running server. If two programs race for a path, only one succeeds: check and
 * replacement happen under an flock() of the directory. The lock is omitted if the
 * directory cannot be read or locked, or another process holds the lock for more than
 * a second. The file has mode 0600, less what the umask denies to the owner;
 * vsu_sock_share() permits other users to connect.
 */
VSU_API int vsu_sock_listen(const char *path, int backlog,
			    struct vsu_error *err) VSU_NODISCARD;

/* vsu_sock_listen() with a type: SOCK_STREAM, or SOCK_SEQPACKET for messages. */
VSU_API int vsu_sock_listen_type(const char *path, int type, int backlog,
				 struct vsu_error *err) VSU_NODISCARD;

/* Mode and group of a socket file: they determine which users can connect. */
struct vsu_sock_access {
	uint32_t mode;		/* of the file, 0 to 0777 */
	uint32_t group;		/* of the file; UINT32_MAX: unchanged */
};

/*
 * Changes the access of a socket file that belongs to this process's user: the
 * group first. Requires /proc. -ENOTSOCK: the file is not a socket; -EPERM: it
 * belongs to another user, or this process is not in the group; -ENOENT.
 */
VSU_API int vsu_sock_share(const char *path,
			   const struct vsu_sock_access *access,
			   struct vsu_error *err) VSU_NODISCARD;

/*
 * vsu_sock_path_of() records the path of a listener's socket file;
 * vsu_sock_unlink() removes that file, unless another one has replaced it (compared
 * by device and inode).
 */
struct vsu_sock_path {
	char path[108];
	uint64_t dev, ino;
};
VSU_API int vsu_sock_path_of(int listener, struct vsu_sock_path *out)
	VSU_NODISCARD;
VSU_API void vsu_sock_unlink(const struct vsu_sock_path *where);

/*
 * A connected, non-blocking, close-on-exec socket, or a negative errno:
 * -ENOENT, -ECONNREFUSED, -ENOTSOCK, -ENAMETOOLONG, -EACCES, -EAGAIN (the
 * server's backlog is full).
 */
VSU_API int vsu_sock_connect(const char *path, struct vsu_error *err)
	VSU_NODISCARD;

/* vsu_sock_connect() with a type. -EPROTOTYPE: the listener has a different type. */
VSU_API int vsu_sock_connect_type(const char *path, int type,
				  struct vsu_error *err) VSU_NODISCARD;

/* Returns the next connection, non-blocking and close-on-exec; -EAGAIN: none is waiting. */
VSU_API int vsu_sock_accept(int listener) VSU_NODISCARD;

VSU_API int vsu_sock_pair(int fds[2]) VSU_NODISCARD;

/* Returns 1 if fd is an AF_UNIX SOCK_STREAM socket, else 0. */
VSU_API int vsu_sock_is_unix_stream(int fd);

/*
 * Sends without SIGPIPE and without blocking. Descriptors accompany the first byte, so
 * at least one byte is required (-EINVAL). Returns the bytes sent, possibly fewer than
 * given; -EAGAIN: none could be sent; -ECONNRESET: the peer has disconnected; or
 * another negative errno. The caller keeps its fds.
 */
VSU_API ssize_t vsu_sock_send(int sock, const struct iovec *iov, int n,
			      const int *fds, unsigned int nfds) VSU_NODISCARD;

/*
 * Receives without blocking, all descriptors close-on-exec. Returns the
 * number of bytes (0: the peer closed), -EAGAIN, or another negative errno.
 *
 * fds has room for VSU_SOCK_MAX_FDS. *nfds is the number received, on every return;
 * the caller owns them. If the kernel dropped other descriptors of the message, the
 * result is -EMSGSIZE (no room) or -EMFILE (limit of open files). The bytes of that
 * message are consumed, so close the stream.
 */
VSU_API ssize_t vsu_sock_recv(int sock, const struct iovec *iov, int n,
			      int *fds, unsigned int *nfds) VSU_NODISCARD;

/*
 * Makes a socket blocking, and limits each vsu_sock_recv_wait() of it to ns, at least
 * 1000. Other functions of this header still never block.
 */
VSU_API int vsu_sock_set_wait(int sock, uint64_t ns) VSU_NODISCARD;

/*
 * Waits for bytes and receives as vsu_sock_recv() does. -EAGAIN: none arrived within the limit of
 * vsu_sock_set_wait(); -EINTR: a signal was handled meanwhile.
 */
VSU_API ssize_t vsu_sock_recv_wait(int sock, const struct iovec *iov, int n,
				   int *fds, unsigned int *nfds) VSU_NODISCARD;

VSU_END_DECLS

#endif
