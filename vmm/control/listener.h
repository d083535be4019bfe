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

#include "config/ends.h"

/*
 * A non-blocking, close-on-exec socket, which the caller closes. A descriptor is
 * duplicated, because a guest that reboots gets another machine with the same option.
 * -ENOTSOCK: it is not a listening UNIX stream socket; or as vsu_sock_listen().
 */
int vmm_control_listen(const struct vmm_control_end *end, int backlog, struct vsu_error *err)
	VSU_NODISCARD;

#endif
