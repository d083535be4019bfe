/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The listening socket of the control: one that is created, or a descriptor of the program
 * that started this one.
 *
 * Threads: any.
 */
#ifndef VMM_CONTROL_LISTENER_H
#define VMM_CONTROL_LISTENER_H

#include <vmm-sys-util/error.h>

/*
 * A non-blocking, close-on-exec socket of this path, which the caller closes; without a path, fd is
 * duplicated, because a guest that reboots gets another machine with the same option.
 * -ENOTSOCK: it is not a listening UNIX stream socket; or as vsu_sock_listen().
 */
int vmm_control_listen(const char *path, int fd, int backlog, struct vsu_error *err) VSU_NODISCARD;

#endif
