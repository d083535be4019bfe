/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Confines a monitor before its guest starts: it can write only the files of its container and of the
 * container's state, and can also read those below root. On KVM it keeps the capabilities that serve a
 * shared folder, and has no filter of system calls; otherwise it has no capability, and a filter.
 * Programs that it has started keep their rights.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MONITOR_CONFINEMENT_H
#define OCI_MONITOR_CONFINEMENT_H

#include <vmm-sys-util/error.h>

/*
 * folder: of the container. share: the folder that the machine of this process
 * serves, which needs capabilities and many system calls; NULL: other processes serve it.
 */
int oci_monitor_confine(int folder, const char *share, struct vsu_error *err);

#endif
