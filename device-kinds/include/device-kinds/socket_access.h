/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The options --socket-mode and --socket-group, which permit other users to connect
 * to the sockets of the program. Default: only the user of the program.
 *
 * Threads: one at a time, because the group is looked up by getgrnam(3).
 */
#ifndef DEVICE_KINDS_SOCKET_ACCESS_H
#define DEVICE_KINDS_SOCKET_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <device-kinds/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/sock.h>

VSU_BEGIN_DECLS

/* Rows of a table of options. Positional, as C++11 requires. */
#define DEVKIND_SOCKET_MODE_OPTION						\
	{ "socket-mode", VSU_OPTION_STRING, "MODE",				\
	  "access mode of created sockets, octal", 0, 0, NULL, false, 0,	\
	  "0600, or 0660 with a group", NULL }
#define DEVKIND_SOCKET_GROUP_OPTION						\
	{ "socket-group", VSU_OPTION_STRING, "GROUP",				\
	  "group of created sockets, a name or number", 0, 0, NULL, false, 0,	\
	  NULL, NULL }

struct devkind_socket_access {
	const char *mode, *group;	/* as typed; NULL: not given */
	bool given;			/* one of the two */
	struct vsu_sock_access access;
};

/*
 * Checks both options and looks up the group. -EINVAL: invalid mode, or unknown group; errors
 * of getgrnam().
 */
DEVKIND_API int devkind_socket_access_read(struct devkind_socket_access *a,
					   struct vsu_error *err) VSU_NODISCARD;

/* Changes a socket that was created, if an option was given. */
DEVKIND_API int devkind_socket_access_apply(const struct devkind_socket_access *a,
					    const char *path, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
