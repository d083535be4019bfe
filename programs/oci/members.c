/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves the members of a pod. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "oci/members.h"
#include "oci/wire.h"

#define STATUS_KILLED (128 + SIGKILL)

struct oci_member {
	struct oci_workload workload;
	char id[OCI_STATE_ID + 1];
	char folder[OCI_LAYOUT_MEMBER];
	struct oci_spec *spec;
	struct oci_client *stand_in;
};

/* -------------------------------------------------------------------------- life */

/* A "start" that waits would otherwise do so until its time limit. */
static void answer_starter(struct oci_workload *w, const char *id)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (!w->starter)
		return;
	vsu_error_set(&err, -ESRCH, "the container '%s' was ended before its program was executed", id);
	oci_client_answer(w->starter, OCI_OP_START, -ESRCH, &err);
	w->starter = NULL;
}

/* The guest ends all its processes. If it does not receive that, its machine ends soon. */
static void free_member(struct oci_members *ms, struct oci_member *member)
{
	struct oci_workload *w = &member->workload;
	unsigned int i;

	for (i = 0; i < OCI_MAX_MEMBERS; i++)
		if (ms->all[i] == member)
			ms->all[i] = NULL;
	answer_starter(w, member->id);
	oci_workload_fini(w);
	if (w->guest && vagent_guest_remove_container(w->guest, w->number, NULL) < 0)
		w->guest = NULL;
	oci_spec_free(member->spec);
	free(member);
}

static int prepare_member(struct oci_member *member, struct vagent_guest *g, const int *fds, struct vsu_error *err)
{
	struct oci_workload *w = &member->workload;
	int rc = oci_spec_load_fd(fds[OCI_JOIN_CONFIG], "config.json", oci_spec_read, &member->spec, err);

	if (rc < 0)
		return rc;
	w->spec = member->spec;
	rc = oci_layout_describe(&w->layout, w->spec, member->folder, err);
	rc = rc < 0 ? rc : oci_seccomp_compile(&w->spec->seccomp, &w->filter, err);
	return rc < 0 ? rc : oci_workload_prepare(w, g, fds + OCI_JOIN_STREAMS, err);
}

static int find_place(const struct oci_members *ms, const char *id, struct vsu_error *err)
{
	unsigned int i;

	if (oci_members_find(ms, id))
		return vsu_error_set(err, -EEXIST, "container '%s' is in the machine of its pod already", id);
	for (i = 0; i < OCI_MAX_MEMBERS; i++)
		if (!ms->all[i])
			return (int)i;
	return vsu_error_set(err, -ENOSPC, "the machine of the pod has %d containers already", OCI_MAX_MEMBERS);
}

int oci_members_join(struct oci_members *ms, struct vagent_guest *g, struct oci_client *stand_in, const struct oci_message *request,
		     const int *fds, struct vsu_error *err)
{
	const int place = find_place(ms, request->text, err);
	struct oci_member *member;
	int rc;

	if (place < 0)
		return place;
	member = calloc(1, sizeof(*member));
	if (!member)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	snprintf(member->id, sizeof(member->id), "%.*s", OCI_STATE_ID, request->text);
	oci_layout_name_member(member->folder, member->id, request->begun);
	member->stand_in = stand_in;
	ms->all[place] = member;
	rc = prepare_member(member, g, fds, err);
	if (rc < 0)
		free_member(ms, member);
	return rc;
}

/* ----------------------------------------------------------------------- serving */

static void report_end(struct oci_member *member, int status)
{
	const struct oci_message m = { .op = OCI_OP_ENDED, .first = (uint32_t)status };

	/* the end of the connection follows */
	(void)!oci_wire_send(member->stand_in->fd, &m, NULL, 0);
}

static void finish_member(struct oci_members *ms, struct oci_member *member, enum oci_phase before)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct oci_client *stand_in = member->stand_in;
	const int status = oci_workload_status(&member->workload, &why);

	if (before == OCI_STARTS)
		oci_workload_answer(&member->workload);
	if (before == OCI_PREPARES)
		oci_client_answer(stand_in, OCI_OP_JOIN, why.code < 0 ? why.code : -EIO, &why);
	else
		report_end(member, status);
	free_member(ms, member);
	vsu_fd_close(&stand_in->fd);
}

static void serve_member(struct oci_members *ms, struct oci_member *member)
{
	struct oci_workload *w = &member->workload;
	const enum oci_phase before = w->phase;

	if (oci_workload_serve(w)) {
		if (w->phase == OCI_PREPARED)
			oci_client_answer(member->stand_in, OCI_OP_JOIN, 0, NULL);
		else if (w->phase == OCI_RUNS)
			oci_workload_answer(w);
		else if (w->phase == OCI_ENDED)
			finish_member(ms, member, before);
		return;
	}
	if (!w->kill_ns || vsu_now_ns() < w->kill_ns)
		return;
	report_end(member, STATUS_KILLED);
	vsu_fd_close(&member->stand_in->fd);
	free_member(ms, member);
}

void oci_members_serve(struct oci_members *ms)
{
	unsigned int i;

	for (i = 0; i < OCI_MAX_MEMBERS; i++)
		if (ms->all[i])
			serve_member(ms, ms->all[i]);
}

struct oci_workload *oci_members_find(const struct oci_members *ms, const char *id)
{
	unsigned int i;

	for (i = 0; i < OCI_MAX_MEMBERS; i++)
		if (ms->all[i] && !strcmp(ms->all[i]->id, id))
			return &ms->all[i]->workload;
	return NULL;
}

bool oci_members_use(const struct oci_members *ms, const struct oci_client *client)
{
	unsigned int i;

	for (i = 0; i < OCI_MAX_MEMBERS; i++)
		if (ms->all[i] && (ms->all[i]->stand_in == client || ms->all[i]->workload.starter == client))
			return true;
	return false;
}

uint64_t oci_members_deadline(const struct oci_members *ms)
{
	uint64_t ns, next = 0;
	unsigned int i;

	for (i = 0; i < OCI_MAX_MEMBERS; i++) {
		ns = ms->all[i] ? ms->all[i]->workload.kill_ns : 0;
		if (ns && (!next || ns < next))
			next = ns;
	}
	return next;
}

void oci_members_disconnect(struct oci_members *ms, const struct oci_client *client)
{
	unsigned int i;

	for (i = 0; i < OCI_MAX_MEMBERS; i++) {
		if (!ms->all[i])
			continue;
		if (ms->all[i]->workload.starter == client)
			ms->all[i]->workload.starter = NULL;
		if (ms->all[i]->stand_in == client)
			free_member(ms, ms->all[i]);
	}
}
