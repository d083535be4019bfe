/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Scopes of systemd(1): it makes the control group of a process that exists, and owns it. Root's are those of the
 * system, others those of the user's own service manager.
 *
 * Threads: no state. Each call has a connection of its own.
 */
#ifndef OCI_SCOPE_H
#define OCI_SCOPE_H

#include <stdbool.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

#include "oci/spec.h"

#define OCI_SCOPE_NAME 256	/* bytes of the name of a unit, as of systemd */

struct oci_scope {
	char slice[OCI_SCOPE_NAME];
	char name[OCI_SCOPE_NAME]; /* of the unit; empty: none */
};

/* Whether this build has libsystemd. */
bool oci_scope_is_possible(void);

/*
 * Reads SLICE:PREFIX:NAME of linux.cgroupsPath; NULL, or an empty part: the usual one. -EINVAL: it has another form, or
 * is no name of a unit.
 */
int oci_scope_parse(const char *path, const char *id, bool is_root, struct oci_scope *out, struct vsu_error *err);

/*
 * Starts the scope with a process, and waits for it. -EOPNOTSUPP: this build has no libsystemd; -EEXIST: there is such a
 * unit; errors of the connection.
 */
int oci_scope_start(const struct oci_scope *s, pid_t pid, const struct oci_resources *r, struct vsu_error *err);
/* Changes limits of a unit that runs. */
int oci_scope_update(const char *name, const struct oci_resources *r, struct vsu_error *err);
/* Stops a unit, which ends its processes, and waits for that. Succeeds, too, if no unit has the name. */
int oci_scope_stop(const char *name, struct vsu_error *err);

#endif
