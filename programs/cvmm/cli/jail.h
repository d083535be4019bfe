/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The option --jail: the machine's process has its own namespaces of processes, mounts,
 * networks, IPC and host names, without root also of users. Its root is empty except for
 * the files of vmm_sandbox_files(). A second process, the keeper, waits outside: it forwards
 * signals and ends as the machine ended, and holds nothing else.
 *
 * Threads: call both before any thread is started. They do nothing without the option.
 */
#ifndef VMM_CLI_JAIL_H
#define VMM_CLI_JAIL_H

#include <vmm-sys-util/error.h>

#include "config/options.h"

/*
 * The first step, before other processes are started: returns in the machine's process
 * only. -EPERM: the host does not permit the namespaces.
 */
int vmm_jail_enter(const struct vmm_options *options, struct vsu_error *err);

/*
 * The second step: hides the host's files and networks. -EPERM; -EOPNOTSUPP: a device needs
 * what the jail hides; errors of vmm_sandbox_files().
 */
int vmm_jail_close(const struct vmm_options *options, struct vsu_error *err);

/*
 * After a change of the process's user: the machine still ends with the keeper. Does nothing
 * without a jail. -ECHILD: the keeper has ended.
 */
int vmm_jail_tie(struct vsu_error *err);

/* Why the machine has no network; NULL without a jail. */
const char *vmm_jail_without_network(const struct vmm_options *options);

#endif
