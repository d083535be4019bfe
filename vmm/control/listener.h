/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The listening socket of --control: "PATH", which is created, or "fd:N", a descriptor of
 * the program that started this one, such as systemd.
 *
 * Threads: any.
 */
#ifndef VMM_CONTROL_LISTENER_H
#define VMM_CONTROL_LISTENER_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

bool vmm_control_is_inherited(const char *where);

/*
 * A non-blocking, close-on-exec socket, which the caller closes. A descriptor is
 * duplicated, because a guest that reboots gets another machine with the same option.
 * -EINVAL: N is not a number; -ENOTSOCK: descriptor N is not a listening UNIX stream
 * socket; or as vsu_sock_listen().
 */
int vmm_control_listen(const char *where, int backlog, struct vsu_error *err) VSU_NODISCARD;

#endif
