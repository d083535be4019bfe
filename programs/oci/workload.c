/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves the first process of a container. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "oci/container.h"
#include "oci/profile.h"
#include "oci/wire.h"
#include "oci/workload.h"

void oci_client_answer(struct oci_client *client, uint32_t op, int rc, const struct vsu_error *err)
{
	struct oci_message m = { .op = op, .rc = rc };

	if (rc < 0)
		snprintf(m.text, sizeof(m.text), "%s", err->msg);
	if (client->fd >= 0 && oci_wire_send(client->fd, &m, NULL, 0) < 0)
		(void)shutdown(client->fd, SHUT_RDWR);	/* its event frees what it stands for */
}

int oci_workload_prepare(struct oci_workload *w, struct vagent_guest *g, const int *streams, struct vsu_error *err)
{
	int rc = oci_container_add(g, w->spec, &w->layout, &w->number, err);

	if (rc < 0)
		return rc;
	w->guest = g;
	w->phase = OCI_PREPARES;
	return oci_container_prepare(g, w->number, &w->spec->process, &w->filter, streams, &w->first, err);
}

/* --------------------------------------------------------------------- requests */

void oci_workload_start(struct oci_workload *w, struct oci_client *client)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (w->phase != OCI_PREPARED)
		rc = vsu_error_set(&err, -EINVAL, "the container is not in the state 'created'");
	else
		rc = vagent_process_start(w->first, &err);
	if (rc < 0) {
		oci_client_answer(client, OCI_OP_START, rc, &err);
		return;
	}
	w->starter = client;
	w->phase = OCI_STARTS;
}

int oci_workload_signal(struct oci_workload *w, int number, bool all, struct vsu_error *err)
{
	const int rc = w->phase >= OCI_PREPARED ? vagent_process_signal(w->first, number, all, err) :
						  vsu_error_set(err, -EAGAIN, "the container has no process yet");

	if (number != SIGKILL)
		return rc;
	if (!w->kill_ns)
		w->kill_ns = vsu_now_ns() + OCI_KILL_MS * UINT64_C(1000000);
	return 0;
}

int oci_workload_exec(struct oci_workload *w, struct oci_client *client, const int *fds, struct vsu_error *err)
{
	struct oci_spec *spec = NULL;
	int rc = w->phase == OCI_RUNS ? 0 : vsu_error_set(err, -EINVAL, "the container is not running");

	rc = rc < 0 ? rc : oci_spec_load_fd(fds[0], "process", oci_spec_read_process, &spec, err);
	rc = rc < 0 ? rc : oci_profile_compare(&spec->process, &w->spec->process, err);
	if (!rc) {
		snprintf(client->program, sizeof(client->program), "%s", spec->process.args.words[0]);
		rc = oci_container_prepare(w->guest, w->number, &spec->process, &w->filter, fds + 1, &client->process, err);
	}
	oci_spec_free(spec);
	return rc;
}

/* ------------------------------------------------------------------------ phases */

int oci_workload_status(const struct oci_workload *w, struct vsu_error *why)
{
	return oci_container_status(w->first, w->spec->process.args.words[0], why);
}

bool oci_workload_serve(struct oci_workload *w)
{
	const enum vagent_process_state state = vagent_process_state(w->first);
	const enum oci_phase before = w->phase;

	if (before == OCI_PREPARES && state == VAGENT_WAITING)
		w->phase = OCI_PREPARED;
	else if (before == OCI_STARTS && state == VAGENT_EXECUTED)
		w->phase = OCI_RUNS;
	else if (state == VAGENT_FINISHED)
		w->phase = OCI_ENDED;
	return w->phase != before;
}

void oci_workload_answer(struct oci_workload *w)
{
	struct vsu_error why = VSU_ERROR_INIT;

	if (w->phase == OCI_ENDED && !oci_container_could_start(w->first))
		(void)oci_workload_status(w, &why);
	if (w->starter)
		oci_client_answer(w->starter, OCI_OP_START, why.code < 0 ? why.code : 0, &why);
	w->starter = NULL;
}

void oci_workload_fini(struct oci_workload *w)
{
	vagent_process_free(w->first);
	w->first = NULL;
	oci_layout_free(&w->layout);
	oci_filter_free(&w->filter);
}
