/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The process that keeps a jail from outside. */
#ifndef VMM_CLI_JAIL_KEEPER_H
#define VMM_CLI_JAIL_KEEPER_H

#include <vmm-sys-util/error.h>

/*
 * Forks. Returns in the child, which SIGKILL ends if the parent dies. The parent never
 * returns: it exits with the child's status, or by the same signal.
 *
 * The child is the first process of its namespace, so the kernel drops signals without a
 * handler: they get one, which exits as the default action would. The parent recognises
 * that.
 */
int vmm_jail_keeper_fork(struct vsu_error *err);

/*
 * In the child, again after a change of its user, by which the kernel forgets the parent's
 * SIGKILL. Without a parent it does nothing. -ECHILD: the parent has ended.
 */
int vmm_jail_keeper_tie(struct vsu_error *err);

#endif
