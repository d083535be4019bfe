/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A container in the machine of a monitor: its first process, and commands that wait for it. The
 * monitor serves the machine, and reads the commands.
 *
 * Threads: the main thread.
 */
#ifndef OCI_WORKLOAD_H
#define OCI_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-agent/guest.h>
#include <vm-agent/process.h>

#include "oci/filter.h"
#include "oci/layout.h"
#include "oci/spec.h"
#include "oci/state.h"

/* A guest that does not end its process by SIGKILL in this time is given up. */
#define OCI_KILL_MS 3000u

enum oci_phase {
	OCI_BOOTS,		/* the agent does not serve yet */
	OCI_PREPARES,		/* mounts, and looks up the program */
	OCI_PREPARED,
	OCI_STARTS,		/* a client waits for the execution */
	OCI_RUNS,
	OCI_ENDED,
};

/* A command that is connected, and the process of its "exec". */
struct oci_client {
	int fd;			/* -1: unused */
	uint64_t arrival;	/* the number of clients before */
	struct vagent_process *process;
	char program[256];	/* of the process, for messages */
	bool answered;		/* the process was executed */
};

/* Replies to a request. A client that does not read is disconnected. */
void oci_client_answer(struct oci_client *client, uint32_t op, int rc, const struct vsu_error *err);

struct oci_workload {
	enum oci_phase phase;
	const struct oci_spec *spec;
	struct oci_layout layout;
	struct oci_filter filter;
	struct vagent_guest *guest;
	unsigned int number;	/* of the container in the guest */
	struct vagent_process *first;
	struct oci_client *starter; /* waits for the execution; or NULL */
	uint64_t kill_ns;	/* when an unresponsive guest is given up; 0: never */
};

/* Adds the container to a guest that is ready, and prepares its first process. */
int oci_workload_prepare(struct oci_workload *w, struct vagent_guest *g, const int *streams, struct vsu_error *err);

/* Serve requests of a client. oci_workload_start() answers at once only if it fails. */
void oci_workload_start(struct oci_workload *w, struct oci_client *client);
/* An unresponsive guest must not survive SIGKILL. */
int oci_workload_signal(struct oci_workload *w, int number, bool all, struct vsu_error *err);
/* fds: a document, and three streams. The process is that of the client. */
int oci_workload_exec(struct oci_workload *w, struct oci_client *client, const int *fds, struct vsu_error *err);

/* Advances the phase by the state of the first process. Returns whether it changed. */
bool oci_workload_serve(struct oci_workload *w);
/* Called after the phase OCI_STARTS: replies to the client that waits. */
void oci_workload_answer(struct oci_workload *w);

/* The exit status of a first process that has finished. */
int oci_workload_status(const struct oci_workload *w, struct vsu_error *why);

/* Frees the first process, and all but the spec. The guest may be gone. */
void oci_workload_fini(struct oci_workload *w);

#endif
