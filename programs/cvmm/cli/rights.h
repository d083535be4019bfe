/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Gives up rights when the machine has opened everything: the user (--user), and
 * in a sandbox descriptors beyond its need. Permanent.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CLI_RIGHTS_H
#define VMM_CLI_RIGHTS_H

#include <vmm-sys-util/error.h>

#include "config/options.h"

/*
 * Before the sandbox is entered, which hides /etc/passwd. -ENOENT: no such user; -EPERM:
 * this process may not change its user.
 */
int vmm_rights_prepare(const struct vmm_options *options, struct vsu_error *err);

/*
 * After the machine was made and before it runs: threads that run later have narrower
 * filters, which do not permit the change. May be repeated.
 */
int vmm_rights_settle(const struct vmm_options *options, struct vsu_error *err);

#endif
