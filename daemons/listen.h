/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The sockets of a daemon. Functions with a result return an exit status of the program.
 *
 * Threads: the main thread.
 */
#ifndef DAEMONS_LISTEN_H
#define DAEMONS_LISTEN_H

#include <stdbool.h>

#include <device-kinds/socket_access.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>

#include "confine/confine.h"

struct daemon_listener {
	int fd;
	struct vsu_sock_path path;
	bool have_path;		/* this process removes it; otherwise the keeper */
};

/* option is the name of the option with the path, for messages. */
int daemon_listen(struct daemon_listener *l, const char *option, const char *path,
		  const struct devkind_socket_access *access, struct confine_plan *plan,
		  struct vsu_error *err);

/* A socket that the daemon inherited, by --fd. */
int daemon_check_inherited(int fd, struct vsu_error *err);

/* Removes the path; no effect if that is done. */
void daemon_listener_unlink(struct daemon_listener *l);

#endif
