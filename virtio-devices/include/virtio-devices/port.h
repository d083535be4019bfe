/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The host's end of a console port: a stream of bytes to and from somebody
 * who may come and go.
 *
 *   port   such an end; opaque. The port of a guest is its peer: console.h
 *   open   somebody is there: a descriptor that has not ended, a terminal
 *          that somebody has open, a client of a socket
 *
 * No call waits. Descriptors of the caller are duplicated; those that are no
 * sockets are switched to non-blocking mode, which all who share them see.
 * A write to a pipe without a reader raises SIGPIPE, as write() does: programs
 * that use pipes ignore it.
 *
 * Threads: a port belongs to the device that it was given to, which calls it
 * from one thread at a time.
 */
#ifndef VIRTIO_DEVICES_PORT_H
#define VIRTIO_DEVICES_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <virtio-devices/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_port;

/* How a kind of port works; self is its own object. */
struct virtdev_port_ops {
	size_t size;		/* sizeof(struct virtdev_port_ops) */
	const char *name;	/* "socket" */

	/*
	 * Called once, before all others. Whatever read and is_open wait for
	 * is to be added to one epoll set, and what write waits for to the
	 * other, both edge-triggered (EPOLLET); their events are seen by the
	 * device, which then tries again. Closing a descriptor takes it out.
	 */
	int (*attach)(void *self, int in_epfd, int out_epfd);
	/*
	 * Whether somebody is there. One who waits is taken, one who has left
	 * and of whom nothing more can be read is let go: one of both per call.
	 */
	bool (*is_open)(void *self);
	/* Bytes; -EAGAIN: none now; -ENOTCONN: nobody is there to send any. */
	ssize_t (*read)(void *self, const struct iovec *iov, int n);
	/* Bytes; -EAGAIN: no room now; -ENOTCONN: nobody is there to take any. */
	ssize_t (*write)(void *self, const struct iovec *iov, int n);
	void (*free)(void *self);
};

/* For kinds of ports: makes one of self; ops are copied. */
VIRTDEV_API int virtdev_port_new(const struct virtdev_port_ops *ops, void *self,
				 struct virtdev_port **out) VSU_NODISCARD;

/* Of one that was not given to a device, which frees its own. */
VIRTDEV_API void virtdev_port_free(struct virtdev_port *port);

/*
 * Two descriptors, which may be the same one; -1: there is none. It is open
 * until both have ended. A file that is no stream is written and read on the
 * spot.
 */
VIRTDEV_API int virtdev_port_fds_new(int in_fd, int out_fd,
				     struct virtdev_port **out,
				     struct vsu_error *err) VSU_NODISCARD;

/*
 * A terminal of its own, raw, whose name (where, of at least 64 bytes) is for
 * whoever opens it: it is open while somebody has it open.
 */
VIRTDEV_API int virtdev_port_pty_new(struct virtdev_port **out, char *where,
				     size_t len, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * A UNIX socket at path, made as vsu_sock_listen() does, with its errors, and
 * removed in the end. One client at a time; the next one waits until it left.
 */
VIRTDEV_API int virtdev_port_socket_new(const char *path,
					struct virtdev_port **out,
					struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
