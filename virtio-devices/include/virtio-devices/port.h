/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The host side of a console port: a byte stream whose peer may connect and
 * disconnect.
 *
 *   port   the stream; opaque. console.h describes the guest's port
 *   open   a port is open while it has a peer: its descriptors are not at their end,
 *          a process has the terminal open, or a client of the socket is connected
 *
 * No call blocks. Descriptors of the caller are duplicated. Descriptors other
 * than sockets are switched to non-blocking mode, which affects every process
 * that shares the open file. A write to a pipe without a reader raises SIGPIPE,
 * as write() does; programs that use pipes should ignore it.
 *
 * Threads: a port belongs to its device, which calls it from one thread at a
 * time.
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

/* Operations of a kind of port; self is its object. */
struct virtdev_port_ops {
	size_t size;		/* sizeof(struct virtdev_port_ops) */
	const char *name;	/* "socket" */

	/*
	 * Called once, first. Add the descriptors that read and is_open depend
	 * on to in_epfd, and those that write depends on to out_epfd, all
	 * edge-triggered (EPOLLET). The device waits for their events and then
	 * calls again.
	 */
	int (*attach)(void *self, int in_epfd, int out_epfd);
	/*
	 * Returns whether a peer is connected. Each call accepts one waiting
	 * peer, or releases one that has disconnected and left no data.
	 */
	bool (*is_open)(void *self);
	/* Returns the number of bytes; -EAGAIN: no data; -ENOTCONN: no peer. */
	ssize_t (*read)(void *self, const struct iovec *iov, int n);
	/* Returns the number of bytes; -EAGAIN: no room; -ENOTCONN: no peer. */
	ssize_t (*write)(void *self, const struct iovec *iov, int n);
	void (*free)(void *self);
};

/* Creates a port of a custom kind from self; ops are copied. */
VIRTDEV_API int virtdev_port_new(const struct virtdev_port_ops *ops, void *self,
				 struct virtdev_port **out) VSU_NODISCARD;

/* Frees a port that no device owns; a device frees its own ports. */
VIRTDEV_API void virtdev_port_free(struct virtdev_port *port);

/*
 * A port that no device owns, for a program with another serial device than a virtio console: its
 * peer comes and goes as a client. Both descriptors are level-triggered. Threads: one at a time.
 */
struct virtdev_port_client {
	struct virtdev_port *port;
	int in_fd;		/* readable: call virtdev_port_client_read() */
	int out_fd;		/* readable: a client came, or takes more */
	/* private */
	int in_epfd, more;
};

/* Owns the port after success. */
VIRTDEV_API int virtdev_port_client_open(struct virtdev_port_client *client, struct virtdev_port *port,
					 struct vsu_error *err) VSU_NODISCARD;
VIRTDEV_API void virtdev_port_client_close(struct virtdev_port_client *client);

/* Whether a client is connected, or waits and is accepted. If so, write to it until -EAGAIN. */
VIRTDEV_API bool virtdev_port_client_accept(struct virtdev_port_client *client);

/* Returns the number of bytes; 0: there is nothing to read now. */
VIRTDEV_API size_t virtdev_port_client_read(struct virtdev_port_client *client, unsigned char *to,
					    size_t len);

/* Returns the number of bytes; -EAGAIN: wait for out_fd; -ENOTCONN: there is no client. */
VIRTDEV_API ssize_t virtdev_port_client_write(struct virtdev_port_client *client, const void *from,
					      size_t len) VSU_NODISCARD;

/*
 * A port on two descriptors, which may be equal; -1: this direction is absent.
 * It is open until both have reached their end. Regular files are read and
 * written synchronously.
 */
VIRTDEV_API int virtdev_port_fds_new(int in_fd, int out_fd,
				     struct virtdev_port **out,
				     struct vsu_error *err) VSU_NODISCARD;

/*
 * A port on a new pseudoterminal in raw mode. The path for clients is stored in
 * where (len at least 64 bytes). It is open while a process has that path open.
 */
VIRTDEV_API int virtdev_port_pty_new(struct virtdev_port **out, char *where,
				     size_t len, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * A port on a listening UNIX socket at path, created as by vsu_sock_listen(),
 * with its errors, and removed when the port is freed. It serves one client at
 * a time; further clients wait.
 */
VIRTDEV_API int virtdev_port_socket_new(const char *path,
					struct virtdev_port **out,
					struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
