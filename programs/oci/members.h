/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Members of a pod in the monitor of its sandbox: further containers of the machine. Each belongs to the
 * client that stands for it on the host, which receives its status; its end removes the member.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MEMBERS_H
#define OCI_MEMBERS_H

#include "oci/wire.h"
#include "oci/workload.h"

#define OCI_MAX_MEMBERS 64

struct oci_member;

struct oci_members {
	struct oci_member *all[OCI_MAX_MEMBERS]; /* NULL: unused */
};

/* Descriptors of OCI_OP_JOIN */
enum { OCI_JOIN_CONFIG, OCI_JOIN_STREAMS, OCI_JOIN_FDS = OCI_JOIN_STREAMS + 3 };

/*
 * Adds a member by its request, configuration and streams. stand_in is answered when its
 * process was prepared, and at its end. -EEXIST: the id; -ENOSPC: too many members; errors of the configuration.
 */
int oci_members_join(struct oci_members *ms, struct vagent_guest *g, struct oci_client *stand_in, const struct oci_message *request,
		     const int *fds, struct vsu_error *err);

/* Finds a member. NULL: no such id. */
struct oci_workload *oci_members_find(const struct oci_members *ms, const char *id);

/* Whether a client stands for a member, or waits for the start of one. */
bool oci_members_use(const struct oci_members *ms, const struct oci_client *client);

/* Serves all members, after the machine or a deadline. */
void oci_members_serve(struct oci_members *ms);

/* When the next one that does not end is given up; 0: never. */
uint64_t oci_members_deadline(const struct oci_members *ms);

/* Forgets a client. A member for which it stands is killed. */
void oci_members_disconnect(struct oci_members *ms, const struct oci_client *client);

#endif
