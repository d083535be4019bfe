/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kinds of descriptors that a peer may send, by their purpose. It may send any;
 * each is judged here before anything else is done with it, so that nobody
 * waits for it (fstat() of a file whose server is dead does) and nothing is
 * kept that the session itself depends on (the peer's own end of the socket).
 *
 * All answer 0, or -EBADMSG with a sentence that begins with name.
 */
#ifndef VHOST_USER_PRIV_DESCRIPTOR_H
#define VHOST_USER_PRIV_DESCRIPTOR_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

/*
 * A kick, call or err: an eventfd, or a pipe of which the end is not the one
 * that cannot be used (O_WRONLY or O_RDONLY).
 */
int vhost_user_priv_check_event(int fd, int unusable, const char *name,
				struct vsu_error *err);

/*
 * Memory, a log, an in-flight area, a window: a file that can be mapped, and
 * of a file server only where the owner allows it.
 */
int vhost_user_priv_check_file(int fd, bool served_files, const char *name,
			       struct vsu_error *err);

/*
 * The state of a device: a pipe, a socket, memory, or a regular file of a file
 * system without a server. Its access mode must not be the unusable one: O_WRONLY,
 * O_RDONLY, or VHOST_USER_PRIV_ANY_MODE if the caller accepts each.
 */
#define VHOST_USER_PRIV_ANY_MODE (-1)
int vhost_user_priv_check_stream(int fd, int unusable, const char *name,
				 struct vsu_error *err);

/* The socket of the back-end channel, which main is not connected to. */
int vhost_user_priv_check_socket(int fd, int main, const char *name,
				 struct vsu_error *err);

#endif
