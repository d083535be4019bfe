/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests of scopes to systemd, by D-Bus. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "oci/cgroup_values.h"
#include "oci/scope.h"
#include "oci/state.h"

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-bus.h>

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"
#define JOB_NS UINT64_C(30000000000)

bool oci_scope_is_possible(void)
{
	return true;
}

/* ------------------------------------------------------------------- connection */

static int open_bus(sd_bus **bus, struct vsu_error *err)
{
	const int rc = oci_state_is_host_root() ? sd_bus_open_system(bus) : sd_bus_open_user(bus);

	return rc < 0 ? vsu_error_sys(err, rc, "cannot reach systemd; run it, or choose the manager 'cgroupfs' of the engine") : 0;
}

/* Returns the reply, which the caller frees, in *reply. */
static int call_manager(sd_bus *bus, sd_bus_message *m, const char *name, sd_bus_message **reply, struct vsu_error *err)
{
	sd_bus_error failure = SD_BUS_ERROR_NULL;
	int rc = sd_bus_call(bus, m, 0, &failure, reply);

	if (sd_bus_error_has_name(&failure, "org.freedesktop.systemd1.UnitExists"))
		rc = -EEXIST;
	if (sd_bus_error_has_name(&failure, "org.freedesktop.systemd1.NoSuchUnit"))
		rc = -ENOENT;
	if (rc < 0)
		vsu_error_set(err, rc, "systemd refuses the scope '%s': %s", name, failure.message ? failure.message : strerror(-rc));
	sd_bus_error_free(&failure);
	return rc < 0 ? rc : 0;
}

static int new_call(sd_bus *bus, const char *method, sd_bus_message **m)
{
	return sd_bus_message_new_method_call(bus, m, SERVICE, OBJECT, MANAGER, method);
}

/* ------------------------------------------------------------------------- jobs */

struct job {
	const char *path;
	char result[32];	/* empty: it has not ended */
};

static int on_removed(sd_bus_message *m, void *opaque, sd_bus_error *failure)
{
	const char *path, *unit, *result;
	struct job *job = opaque;
	uint32_t number;

	(void)failure;
	if (sd_bus_message_read(m, "uoss", &number, &path, &unit, &result) >= 0 && job->path && !strcmp(path, job->path))
		snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

/* Signals are sent to those who have subscribed. */
static int watch_jobs(sd_bus *bus, struct job *job)
{
	int rc = sd_bus_match_signal(bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved", on_removed, job);

	return rc < 0 ? rc : sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "Subscribe", NULL, NULL, NULL);
}

/* The jobs of other units do not extend the time limit. */
static int await_job(sd_bus *bus, const struct job *job, const char *name, struct vsu_error *err)
{
	const uint64_t end_ns = vsu_now_ns() + JOB_NS;
	uint64_t now_ns;
	int rc = 0;

	while (rc >= 0 && !*job->result) {
		now_ns = vsu_now_ns();
		rc = now_ns < end_ns ? sd_bus_process(bus, NULL) : -ETIMEDOUT;
		if (!rc)
			rc = sd_bus_wait(bus, (end_ns - now_ns) / 1000);
		rc = rc == -EINTR ? 0 : rc;
	}
	if (rc < 0)
		return vsu_error_sys(err, rc, "systemd does not report the end of its job for the scope '%s'", name);
	return strcmp(job->result, "done") ? vsu_error_set(err, -EIO, "systemd's job for the scope '%s' ended with '%s'", name, job->result) : 0;
}

/* Sends a request whose reply is the path of a job. */
static int run_job(sd_bus *bus, sd_bus_message *m, const char *name, struct vsu_error *err)
{
	sd_bus_message *reply = NULL;
	struct job job = { .path = NULL };
	int rc = watch_jobs(bus, &job);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot watch the jobs of systemd");
	rc = call_manager(bus, m, name, &reply, err);
	if (!rc && sd_bus_message_read(reply, "o", &job.path) < 0)
		rc = vsu_error_set(err, -EBADMSG, "systemd's reply for the scope '%s' is no job", name);
	rc = rc < 0 ? rc : await_job(bus, &job, name, err);
	sd_bus_message_unref(reply);
	return rc;
}

/* ----------------------------------------------------------------------- limits */

static uint64_t number_of(int64_t limit)
{
	return limit < 0 ? UINT64_MAX : (uint64_t)limit;
}

static uint64_t quota_per_second(const struct oci_resources *r)
{
	const uint64_t period = r->cpu_period > 0 ? (uint64_t)r->cpu_period : 100000;
	const bool is_limit = r->cpu_quota > 0 && r->cpu_quota <= INT64_MAX / 1000000;

	return is_limit ? (uint64_t)r->cpu_quota * 1000000 / period : UINT64_MAX;
}

/* systemd writes these files anew when it reloads. The others are written once. */
static int append_limits(sd_bus_message *m, const struct oci_resources *r)
{
	const struct {
		const char *name;
		bool is_set;
		uint64_t value;
	} limits[] = {
		{ "CPUWeight", r->cpu_shares != 0, (uint64_t)oci_cgroup_weight(r->cpu_shares) },
		{ "CPUQuotaPerSecUSec", r->cpu_quota != 0, quota_per_second(r) },
		{ "MemoryLow", r->memory_reservation != 0, number_of(r->memory_reservation) },
		{ "MemorySwapMax", r->memory_swap != 0, number_of(oci_cgroup_swap(r)) },
		{ "IOWeight", r->block_weight != 0, number_of(r->block_weight) },
	};
	unsigned int i;
	int rc = 0;

	for (i = 0; rc >= 0 && i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].is_set)
			rc = sd_bus_message_append(m, "(sv)", limits[i].name, "t", limits[i].value);
	return rc;
}

/* ---------------------------------------------------------------------- requests */

static int append_properties(sd_bus_message *m, const struct oci_scope *s, pid_t pid, const struct oci_resources *r)
{
	char description[OCI_SCOPE_NAME + 32];
	int rc = sd_bus_message_open_container(m, 'a', "(sv)");

	snprintf(description, sizeof(description), "machine of %s", s->name);
	rc = rc < 0 ? rc : sd_bus_message_append(m, "(sv)", "Description", "s", description);
	rc = rc < 0 ? rc : sd_bus_message_append(m, "(sv)", "Slice", "s", s->slice);
	rc = rc < 0 ? rc : sd_bus_message_append(m, "(sv)", "Delegate", "b", true);
	rc = rc < 0 ? rc : sd_bus_message_append(m, "(sv)", "DefaultDependencies", "b", false);
	/* one that fails, as when memory is exhausted, would refuse the next scope of its name */
	rc = rc < 0 ? rc : sd_bus_message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
	rc = rc < 0 ? rc : sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, (uint32_t)pid);
	rc = rc < 0 ? rc : append_limits(m, r);
	return rc < 0 ? rc : sd_bus_message_close_container(m);
}

static int begin_start(sd_bus *bus, const struct oci_scope *s, pid_t pid, const struct oci_resources *r, sd_bus_message **m)
{
	int rc = new_call(bus, "StartTransientUnit", m);

	rc = rc < 0 ? rc : sd_bus_message_append(*m, "ss", s->name, "fail");
	rc = rc < 0 ? rc : append_properties(*m, s, pid, r);
	return rc < 0 ? rc : sd_bus_message_append(*m, "a(sa(sv))", 0);
}

int oci_scope_start(const struct oci_scope *s, pid_t pid, const struct oci_resources *r, struct vsu_error *err)
{
	sd_bus_message *m = NULL;
	sd_bus *bus = NULL;
	int rc = open_bus(&bus, err);

	if (rc < 0)
		return rc;
	rc = begin_start(bus, s, pid, r, &m);
	rc = rc < 0 ? vsu_error_sys(err, rc, "cannot describe the scope '%s'", s->name) : run_job(bus, m, s->name, err);
	sd_bus_message_unref(m);
	sd_bus_flush_close_unref(bus);
	return rc;
}

static int begin_update(sd_bus *bus, const char *name, const struct oci_resources *r, sd_bus_message **m)
{
	int rc = new_call(bus, "SetUnitProperties", m);

	rc = rc < 0 ? rc : sd_bus_message_append(*m, "sb", name, true);
	rc = rc < 0 ? rc : sd_bus_message_open_container(*m, 'a', "(sv)");
	rc = rc < 0 ? rc : append_limits(*m, r);
	return rc < 0 ? rc : sd_bus_message_close_container(*m);
}

int oci_scope_update(const char *name, const struct oci_resources *r, struct vsu_error *err)
{
	sd_bus_message *m = NULL, *reply = NULL;
	sd_bus *bus = NULL;
	int rc = open_bus(&bus, err);

	if (rc < 0)
		return rc;
	rc = begin_update(bus, name, r, &m);
	rc = rc < 0 ? vsu_error_sys(err, rc, "cannot describe limits of the scope '%s'", name) : call_manager(bus, m, name, &reply, err);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	sd_bus_flush_close_unref(bus);
	return rc;
}

int oci_scope_stop(const char *name, struct vsu_error *err)
{
	sd_bus_message *m = NULL;
	sd_bus *bus = NULL;
	int rc = open_bus(&bus, err);

	if (rc < 0)
		return rc;
	rc = new_call(bus, "StopUnit", &m);
	rc = rc < 0 ? rc : sd_bus_message_append(m, "ss", name, "replace");
	rc = rc < 0 ? vsu_error_sys(err, rc, "cannot describe the end of the scope '%s'", name) : run_job(bus, m, name, err);
	sd_bus_message_unref(m);
	sd_bus_flush_close_unref(bus);
	return rc == -ENOENT ? 0 : rc;
}

#else

static int refuse_scopes(struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "this build has no control groups of systemd, because libsystemd was missing; choose the manager 'cgroupfs' of the engine");
}

bool oci_scope_is_possible(void)
{
	return false;
}

int oci_scope_start(const struct oci_scope *s, pid_t pid, const struct oci_resources *r, struct vsu_error *err)
{
	(void)s;
	(void)pid;
	(void)r;
	return refuse_scopes(err);
}

int oci_scope_update(const char *name, const struct oci_resources *r, struct vsu_error *err)
{
	(void)name;
	(void)r;
	return refuse_scopes(err);
}

int oci_scope_stop(const char *name, struct vsu_error *err)
{
	(void)name;
	return refuse_scopes(err);
}
#endif
