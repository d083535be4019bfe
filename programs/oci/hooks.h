/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Hooks: programs of the host that a configuration names for moments in the life of a container. Each
 * receives the state of the container on its standard input.
 *
 *	prestart, createRuntime	by "create", when the namespaces exist, before the network is read
 *	createContainer		by the monitor, in its namespaces of mounts and networks
 *	poststart		by "start"
 *	poststop		by "delete"
 *
 * Hooks for startContainer are programs of the container, and are not supported.
 *
 * Threads: the main thread.
 */
#ifndef OCI_HOOKS_H
#define OCI_HOOKS_H

#include "oci/report.h"
#include "oci/state.h"

/* Runs the hooks of a moment, in order, and returns the failure of the first one that fails. */
int oci_hooks_run(const struct oci_spec *spec, enum oci_moment moment, const struct oci_state *state,
		  struct vsu_error *err);

/* Runs all hooks of a moment; a failure is a warning. */
void oci_hooks_run_all(const struct oci_spec *spec, enum oci_moment moment, const struct oci_state *state,
		       const struct oci_report *report);

#endif
