/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The control group of a container, version 2: it limits the monitor, and with it the machine. Engines
 * read its statistics.
 *
 * Limits of memory and processors are also those of the machine, and the number of processes is limited in
 * the guest: they hold without a control group.
 *
 * Threads: before any thread is started.
 */
#ifndef OCI_CGROUP_H
#define OCI_CGROUP_H

#include <stdbool.h>

#include "oci/spec.h"
#include "oci/state.h"

/* Choices of the option --cgroup-manager. */
enum oci_cgroup_manager { OCI_CGROUPS_DISABLED, OCI_CGROUPS_FILES, OCI_CGROUPS_SYSTEMD };

/*
 * Chooses the folder of a container's control group: folder is empty if the manager makes none, or if this
 * host has none of version 2. -EOPNOTSUPP: then the configuration has a limit that needs one, or the manager is
 * systemd; -EINVAL: its path.
 */
int oci_cgroup_choose(const struct oci_spec *spec, enum oci_cgroup_manager manager, const char *id,
		      char folder[OCI_STATE_PATH], struct vsu_error *err);

/*
 * Checks that nobody uses the group, which the end of the container removes with all its processes. -EBUSY: it, or
 * a group below, has processes. A missing group and an empty folder are free.
 */
int oci_cgroup_claim(const char *folder, struct vsu_error *err);

/*
 * Makes the folder of the container's claimed group, writes the limits, and moves this process there. The group is
 * this process's until it ends or closes *owned, which is -1 for an empty folder, without effect. root is the folder
 * of all containers, which has the file of the ownership. -EBUSY: another process has claimed and entered it meanwhile.
 */
int oci_cgroup_enter(const char *root, const struct oci_state *s, const struct oci_resources *r, int *owned,
		     struct vsu_error *err);

/* Whether r sets limits that only a control group can change while the machine runs. */
bool oci_cgroup_has_limits(const struct oci_resources *r);

/* Writes the limits that r sets, also those of an update. */
int oci_cgroup_limit(const char *folder, const struct oci_resources *r, struct vsu_error *err);

/* The weight of version 2 for shares of version 1. */
int64_t oci_cgroup_weight(int64_t shares);

/*
 * Kills the processes of the machine that remain in a group that the container's monitor has entered, such as its daemons,
 * and removes the folder. Another group is left to those who use it. -EBUSY: so is this one, as processes of others are
 * in it.
 */
int oci_cgroup_remove(const char *root, const struct oci_state *s, struct vsu_error *err);

#endif
