/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Confines a monitor before its guest starts: it can write only the files of its container, can also
 * read those below root, and has a filter of system calls. On KVM it keeps the capabilities that serve
 * a shared folder; otherwise it has none.
 * Programs that it has started keep their rights.
 * On KVM the shared folder becomes the root, because Landlock does not restrict who may change owners,
 * modes and attributes of files. The caller has closed all other folders.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MONITOR_CONFINEMENT_H
#define OCI_MONITOR_CONFINEMENT_H

#include <vmm-sys-util/error.h>

/*
 * Call it in a namespace of mounts of this process, before a machine is made in it. That opens /proc/self/fd, from
 * which no path leads up after oci_monitor_confine().
 */
int oci_monitor_separate(struct vsu_error *err);

/*
 * *remark: what this host lacks, with its remedy, or unchanged. share: the folder that the machine of this process serves, which needs capabilities and many system
 * calls; NULL: other processes serve it.
 */
int oci_monitor_confine(const char *share, const char **remark, struct vsu_error *err);

#endif
