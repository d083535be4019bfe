/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A listening UNIX socket that no other process can name, for programs that connect to a path only.
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_UNNAMED_SOCKET_H
#define VMM_COMMON_UNNAMED_SOCKET_H

#include <vmm-sys-util/error.h>

struct vmm_unnamed_socket {
	int listener;
	int address;	/* a process that has it connects to /proc/self/fd/N, of this number */
};

#define VMM_UNNAMED_SOCKET_INIT { .listener = -1, .address = -1 }

/* Its name is in a folder of this user and is removed before this returns. Errors of the host. */
int vmm_unnamed_socket_make(struct vmm_unnamed_socket *s, struct vsu_error *err);
/* Connects this process to it. */
int vmm_unnamed_socket_connect(const struct vmm_unnamed_socket *s, int *fd, struct vsu_error *err);
void vmm_unnamed_socket_close(struct vmm_unnamed_socket *s);

#endif
