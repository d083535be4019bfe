/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pods: engines annotate the containers of a pod. The first one, the sandbox, owns the machine. The
 * others name the sandbox, and are further containers of its machine.
 *
 *	io.kubernetes.cri.container-type, io.kubernetes.cri.sandbox-id		containerd
 *	io.kubernetes.cri-o.ContainerType, io.kubernetes.cri-o.SandboxID	CRI-O, podman
 *
 * podman does not annotate the sandbox: any container can be one.
 *
 * Threads: no state.
 */
#ifndef OCI_POD_H
#define OCI_POD_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "oci/state.h"
#include "oci/wire.h"

/* Whether an engine annotated the container as the sandbox of a pod. */
bool oci_pod_is_sandbox(const struct oci_spec *spec);

/* The id of the sandbox of a member; empty if the engine did not name it. NULL: no member. spec may be NULL. */
const char *oci_pod_sandbox(const struct oci_spec *spec);

/*
 * Connects to the monitor that serves a container: its own, by folder, or that of its sandbox, for which the
 * request m then names the container. -ENOENT, -ECONNREFUSED: it does not listen.
 */
int oci_pod_connect(const char *root, int folder, const struct oci_state *s, struct oci_message *m,
		    struct vsu_error *err);

/*
 * Checks that the namespaces that a member joins are those of the process of its sandbox. -EOPNOTSUPP: one is
 * another.
 */
int oci_pod_check_namespaces(const struct oci_spec *spec, pid_t sandbox, struct vsu_error *err);

/* Checks that a guest can limit a member: it has other CPUs and disks than the host. -EOPNOTSUPP. */
int oci_pod_check_resources(const struct oci_resources *r, struct vsu_error *err);

/* The limits of a container for the size of its machine: those of a sandbox are the annotated ones of its pod. */
struct oci_resources oci_pod_resources(const struct oci_spec *spec);

#endif
