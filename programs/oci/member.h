/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The process whose ID engines use for a member of a pod. It adds the member to the machine of the sandbox: it
 * lays out the member's files, mounts them in the folder that the machine shares, and asks the monitor of the
 * sandbox. Then it stands for the member's first process.
 *
 * The monitor of the sandbox has no right to mount. A guest that controls it can replace names in the shared
 * folder, but no link is followed there.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MEMBER_H
#define OCI_MEMBER_H

#include "oci/monitor.h"

/* Runs in a forked child of "create" until the member has ended, and never returns. */
void oci_member_run(const struct oci_monitor_config *c);

/* Unmounts the files of a member that has ended, if its sandbox runs. Other containers have none. */
void oci_member_detach(const char *root, const struct oci_state *s);

#endif
