/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Machines of this host, by their sockets below a folder: control sockets with the name "control" or
 * NAME.control, and those of "cvmm exec --name=NAME", which are NAME in a folder "exec". Others are not connected
 * to: a client of another socket, such as a console's, would take the place of its user. Sockets in "exec" are only
 * connected to by their type, which those of other programs do not have.
 *
 * Threads: confined.
 */
#ifndef VMM_CTL_MACHINES_H
#define VMM_CTL_MACHINES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

#include "cvmm/options.h"

/* Limits of a search. */
#define VMM_MACHINES_MAX 256
#define VMM_MACHINES_ENTRIES 65536
#define VMM_MACHINES_DEPTH 4

struct vmm_found {
	enum vmm_found_kind {
		VMM_FOUND_CONTROL,
		VMM_FOUND_NAMED, /* for further commands: reports its process only */
	} kind;
	char *path;
	int sock;		/* -1: closed */
	enum vmm_found_state {
		VMM_FOUND_ASKED,	/* in the end: it did not answer in time */
		VMM_FOUND_ANSWERED,
		VMM_FOUND_STALE,	/* no process listens */
		VMM_FOUND_FAILED,
	} state;
	pid_t pid;		/* that answered or listens; 0: unknown here */
	char name[CVMM_OPTION_MAX_NAME + 1], activity[16]; /* of the guest; "": none */
	uint64_t uptime_ns, memory, present; /* of CONTROL */
	struct vsu_error why;	/* of FAILED */
	char *reply;
	size_t len;
};

struct vmm_machines {
	struct vmm_found *list[VMM_MACHINES_MAX];	/* sorted by path */
	unsigned int n;
	unsigned int entries;	/* that were read */
};

/*
 * Adds the sockets of a folder and of its folders, without following links. -E2BIG: a
 * limit was reached; -ENOMEM; else why the folder cannot be read. Folders in it that cannot be
 * read are skipped.
 */
int vmm_machines_find(struct vmm_machines *machines, const char *folder, struct vsu_error *err);

/* Requests the status of all at once, and waits up to that long for their replies. */
void vmm_machines_ask(struct vmm_machines *machines, unsigned int seconds);

void vmm_machines_free(struct vmm_machines *machines);

#endif
