/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * UNIX sockets and the descriptors that travel over them. They are streams, but
 * for the two functions that take a type.
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
 * The most descriptors that one receive takes: as many as Linux sends at once.
 * With room for fewer the kernel would close the others inside the call, which
 * can take as long as the peer likes (foreign.h).
 */
#define VSU_SOCK_MAX_FDS 253

/*
 * A listening, non-blocking socket at path, or a negative errno:
 *
 *   -ENAMETOOLONG  the path exceeds what a socket address holds
 *   -EADDRINUSE    a live server listens there
 *   -ENOTSOCK      the path exists and is not a socket; it is never removed,
 *                  nor is a symbolic link, whatever it points to
 *
 * A stale socket, one that nobody has open, is replaced; a live server does
 * not notice that it was asked. Two programs that race for a path do not both
 * succeed: check and replacement are made under an flock() of the directory,
 * where it can be read and has such locks, and unless a stranger holds it for
 * longer than a second. The umask decides who may connect.
 */
VSU_API int vsu_sock_listen(const char *path, int backlog,
			    struct vsu_error *err) VSU_NODISCARD;

/* The same of another type: SOCK_STREAM, or SOCK_SEQPACKET for messages. */
VSU_API int vsu_sock_listen_type(const char *path, int type, int backlog,
				 struct vsu_error *err) VSU_NODISCARD;

/*
 * Removes the socket file that a listener made, if it is still that one
 * (compared by device and inode of the file, as at vsu_sock_listen()). What
 * somebody else put there since then is left alone.
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

/* The same of another type; -EPROTOTYPE: who listens there has another. */
VSU_API int vsu_sock_connect_type(const char *path, int type,
				  struct vsu_error *err) VSU_NODISCARD;

/* The next connection, non-blocking and close-on-exec; -EAGAIN when none. */
VSU_API int vsu_sock_accept(int listener) VSU_NODISCARD;

VSU_API int vsu_sock_pair(int fds[2]) VSU_NODISCARD;

/* 1 when fd is an AF_UNIX SOCK_STREAM socket, 0 when not. */
VSU_API int vsu_sock_is_unix_stream(int fd);

/*
 * Sends without SIGPIPE and without blocking. Descriptors travel with the
 * first byte, so there must be one (-EINVAL). Returns the number of bytes sent
 * (which may be fewer), -EAGAIN when none could be, -ECONNRESET when the peer
 * is gone, or another negative errno. The caller keeps its fds.
 */
VSU_API ssize_t vsu_sock_send(int sock, const struct iovec *iov, int n,
			      const int *fds, unsigned int nfds) VSU_NODISCARD;

/*
 * Receives without blocking, all descriptors close-on-exec. Returns the
 * number of bytes (0: the peer closed), -EAGAIN, or another negative errno.
 *
 * fds has room for VSU_SOCK_MAX_FDS; *nfds is the number that arrived, on
 * every return; the caller owns them. When the kernel had to drop some (more
 * arrived than fit, or this process is at its limit) the answer is -EMSGSIZE
 * or -EMFILE, and those that did arrive are the caller's, too: the stream must
 * be closed then, as bytes were consumed.
 */
VSU_API ssize_t vsu_sock_recv(int sock, const struct iovec *iov, int n,
			      int *fds, unsigned int *nfds) VSU_NODISCARD;

VSU_END_DECLS

#endif
