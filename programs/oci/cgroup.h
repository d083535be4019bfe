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

#include "oci/scope.h"
#include "oci/spec.h"
#include "oci/state.h"

/* Choices of the option --cgroup-manager. */
enum oci_cgroup_manager { OCI_CGROUPS_DISABLED, OCI_CGROUPS_FILES, OCI_CGROUPS_SYSTEMD };

/*
 * Chooses the folder of a container's control group, which is empty if the manager makes none, or if this host has none of
 * version 2; or its scope, if the manager is systemd, which chooses the folder. -EOPNOTSUPP: the configuration has a limit
 * that needs a group, or systemd needs version 2 or this build's libsystemd; -EINVAL: its path.
 */
int oci_cgroup_choose(const struct oci_spec *spec, enum oci_cgroup_manager manager, const char *id,
		      char folder[OCI_STATE_PATH], struct oci_scope *scope, struct vsu_error *err);

/*
 * Starts a scope with the process of the state, and writes the limits. The state has its unit and folder then, also after a
 * failure, so that the unit is removed.
 */
int oci_cgroup_start_scope(const struct oci_scope *scope, struct oci_state *s, const struct oci_resources *r,
			   struct vsu_error *err);

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

/* Changes the limits that r sets, of a container whose machine runs. */
int oci_cgroup_update(const struct oci_state *s, const struct oci_resources *r, struct vsu_error *err);

/* Writes the limits that r sets. */
int oci_cgroup_limit(const char *folder, const struct oci_resources *r, struct vsu_error *err);

/*
 * Kills the processes of the machine that remain in a group that the container's monitor has entered, such as its daemons,
 * and removes the folder. Another group is left to those who use it. -EBUSY: so is this one, as processes of others are
 * in it.
 */
int oci_cgroup_remove(const char *root, const struct oci_state *s, struct vsu_error *err);

#endif
