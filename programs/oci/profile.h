/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The profile of AppArmor for a container. It confines the process of the host that engines use for the container: its
 * monitor, or the process that stands for a member of a pod. Processes in the guest have another kernel.
 *
 * Threads: before any thread is started.
 */
#ifndef OCI_PROFILE_H
#define OCI_PROFILE_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

/* NULL, "" and "unconfined" are names of no profile. */
bool oci_profile_is_none(const char *name);

/* Checks whether this kernel can enforce profiles. -EOPNOTSUPP: it has no AppArmor. */
int oci_profile_check(const char *name, struct vsu_error *err);

/*
 * Open the kernel's file, which is out of reach later, and change the profile of this process by it. *fd is -1 without a
 * profile, and after oci_profile_enter(). -ENOENT: the kernel has no such profile; errors of the kernel.
 */
int oci_profile_open(const char *name, int *fd, struct vsu_error *err);
int oci_profile_enter(const char *name, int *fd, struct vsu_error *err);

#endif
