/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Confines the process of a container. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/confine.h"
#include "oci/monitor_confinement.h"

/* The monitor replaces the state, and waits for QEMU, whose end is that of a child of another process. */
static const char *const calls[] = {
	"dup3", "geteuid", "getpgid", "getpgrp", "rename", "renameat", "rmdir", "signalfd4", "wait4", "waitid", NULL,
};
static const struct call_rule rules[] = {
	CALL_IF_INT("ioctl", 1, TIOCGWINSZ), CALL_IF_INT("ioctl", 1, FIONREAD),
	{ .name = NULL },
};
static const struct call_table monitoring = { calls, rules };

static int add_files(struct confine_plan *plan, int folder, const char *root, struct vsu_error *err)
{
	int rc = confine_add(plan, vsu_fd_dup(folder), NULL, LANDLOCK_FULL, err);

	rc = rc < 0 ? rc : confine_add_path(plan, root, LANDLOCK_READ, err);
	rc = rc < 0 ? rc : confine_add_path(plan, "/dev/null", LANDLOCK_FILE, err);
	return rc < 0 ? rc : confine_add_own(plan, err);
}

int oci_monitor_confine(int folder, const char *root, struct vsu_error *err)
{
	struct confine_plan plan = CONFINE_PLAN_INIT;
	int rc;

	plan.drops = CONFINE_DROP_RIGHTS | CONFINE_DROP_TRACING;
	plan.complaint = plan.filter_complaint = VSU_LOG_DEBUG;
	plan.action = CALL_FILTER_FAIL;
	plan.calls[0] = &call_table_serving;
	plan.calls[1] = &monitoring;
	rc = add_files(&plan, folder, root, err);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_CLOSE, err);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_FILTER, err);
	confine_plan_end(&plan);
	return rc;
}
