/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The process whose ID engines use for a container: it runs the container's machine, and serves commands at
 * the socket in the container's folder. It ends with the container, with the exit status of the container's
 * first process.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MONITOR_H
#define OCI_MONITOR_H

#include "oci/report.h"
#include "oci/settings.h"
#include "oci/state.h"

/* The process that forks the monitor owns all of it. */
struct oci_monitor_config {
	const struct oci_settings *settings;
	struct oci_report *report; /* the monitor closes it before a guest runs */
	const char *root;	/* folder of all containers */
	int folder;		/* of this container; the monitor closes it */
	struct oci_state *state; /* with the configuration */
	int streams[3];		/* of the container's first process; 0 and 1 are a terminal, if it has one */
	int ready;		/* a socket: receives a struct oci_message when the container was created, or has failed */
};

/*
 * Runs in a forked child of "create" until the container has ended, and never returns. It ends if the other end
 * of ready is closed before the container was created; "delete" removes the files that remain.
 */
void oci_monitor_run(const struct oci_monitor_config *c);

/* Runs the hooks between the namespaces and the machine, in this process and in "create", which waits for it. */
int oci_monitor_run_hooks(const struct oci_monitor_config *c, struct vsu_error *err);

#endif
