/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks of a peer's descriptors by their purpose. A peer may send any
 * descriptor, so each is checked here before any other use. fstat() would block
 * on a file of a dead server, and a duplicate of the peer's own end of the
 * socket would keep the session alive.
 *
 * All functions return 0, or -EBADMSG with a sentence that begins with name.
 */
#ifndef VHOST_USER_PRIV_DESCRIPTOR_H
#define VHOST_USER_PRIV_DESCRIPTOR_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

/*
 * A kick, call or err: an eventfd, or an end of a pipe whose access mode is not
 * unusable (O_WRONLY or O_RDONLY).
 */
int vhost_user_priv_check_event(int fd, int unusable, const char *name,
				struct vsu_error *err);

/*
 * Memory, a log, an in-flight area or a window: a mappable file, and on a file
 * server (FUSE, network) only with served_files.
 */
int vhost_user_priv_check_file(int fd, bool served_files, const char *name,
			       struct vsu_error *err);

/*
 * State of a device: a pipe, a socket, memory, or a regular file on a file
 * system without a server. Its access mode must differ from unusable (O_WRONLY
 * or O_RDONLY), unless that is VHOST_USER_PRIV_ANY_MODE.
 */
#define VHOST_USER_PRIV_ANY_MODE (-1)
int vhost_user_priv_check_stream(int fd, int unusable, const char *name,
				 struct vsu_error *err);

/* The socket of the back-end channel; main's own peer is rejected. */
int vhost_user_priv_check_socket(int fd, int main, const char *name,
				 struct vsu_error *err);

#endif
