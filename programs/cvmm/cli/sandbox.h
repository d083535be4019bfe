/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rights that remain to a process that runs guests: those that its options
 * require. Permanent.
 *
 * Threads: call it before the first thread is started; later ones inherit it.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "config/options.h"
#include "cli/sandbox_rules.h"

/*
 * Does nothing with --sandbox=off. A kernel without Landlock is logged as a
 * warning. -ENOENT, -EINVAL: a property or folder of the option is refused.
 */
int vmm_sandbox_lock(const struct vmm_options *options, struct vsu_error *err);

/*
 * Fills in the rules of --sandbox=on; rules->jail is set. -EINVAL: another --sandbox, or as
 * above; -EOPNOTSUPP: a device that has no use in a jail.
 */
int vmm_sandbox_files(const struct vmm_options *options, struct vmm_sandbox_rules *rules,
		      struct vsu_error *err);

/*
 * Drops what only the making of the machine needed: CAP_NET_ADMIN, unless a guest that
 * reboots gets a new machine. The calling thread only; others never had it.
 */
int vmm_sandbox_settle(const struct vmm_options *options, struct vsu_error *err);

/* Whether it was locked, with --sandbox=on. */
bool vmm_sandbox_is_locked(void);

#endif
