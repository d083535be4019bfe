/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The profile of AppArmor and the label of SELinux for a container. They confine the process of the host that engines use
 * for the container: its monitor, or the process that stands for a member of a pod. Processes in the guest have another
 * kernel.
 *
 * The monitor makes mounts, groups and interfaces that rules for containers forbid. It is confined afterwards, without an
 * execution: the policy of SELinux must permit that (dyntransition), as for other runtimes whose machine is in their process.
 *
 * Threads: before any thread is started.
 */
#ifndef OCI_PROFILE_H
#define OCI_PROFILE_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "oci/spec.h"

enum oci_module { OCI_APPARMOR, OCI_SELINUX, OCI_MODULES };

/*
 * Check whether this kernel can enforce the names of a process, and the label of a container's mounts. NULL, "" and
 * "unconfined" are none. -EOPNOTSUPP: it lacks a security module.
 */
int oci_profile_check(const struct oci_process *p, struct vsu_error *err);
int oci_profile_check_mounts(const char *label, struct vsu_error *err);

/* Checks that a process has none. -EOPNOTSUPP: the sentence names the member, and the reason. */
int oci_profile_refuse(const struct oci_process *p, const char *reason, struct vsu_error *err);

/* Checks that a further process has no others than that of the container. -EOPNOTSUPP. */
int oci_profile_compare(const struct oci_process *p, const struct oci_process *own, struct vsu_error *err);

/*
 * Open the kernel's files, which are out of reach later, and change what confines this process by them. A descriptor is -1
 * without a name, and after oci_profile_enter(). p: NULL: no process. -ENOENT: the kernel has no such profile; errors of the
 * kernel.
 */
int oci_profile_open(const struct oci_process *p, int fds[OCI_MODULES], struct vsu_error *err);
int oci_profile_enter(const struct oci_process *p, int fds[OCI_MODULES], struct vsu_error *err);

#endif
