/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Confines the process that copies files. */
#define _GNU_SOURCE
#include <config.h>

#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "confine/confine.h"
#include "exec/cp_confinement.h"

#define CAPABILITY(bit) (UINT64_C(1) << (bit))

/* Root copies files of other users, and replaces their files in folders with the sticky bit. */
#define TO_GUEST CAPABILITY(CAP_DAC_READ_SEARCH)
#define TO_HOST (CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FOWNER))

static const char *const calls[] = {
	"fchmod", "getcwd", "getdents64", "lstat", "lstat64", "mkdirat", "renameat", "renameat2", "symlinkat",
	"utimensat", "utimensat_time64", NULL,
};
static const struct call_table copying = { calls, NULL };

/* A name that does not exist is made in its folder; a file is replaced there. */
static int permit_destination(struct confine_plan *plan, const char *path, struct vsu_error *err)
{
	char name[PATH_MAX];
	struct stat st;
	size_t len;

	if (!lstat(path, &st) && S_ISDIR(st.st_mode))
		return confine_add_path(plan, path, LANDLOCK_FULL, err);
	snprintf(name, sizeof(name), "%s", path);
	for (len = strlen(name); len > 1 && name[len - 1] == '/'; len--)
		name[len - 1] = '\0';
	return confine_add_parent(plan, name, LANDLOCK_FULL, err);
}

int vmm_cp_confine(const char *host, bool to_guest, struct vsu_error *err)
{
	struct confine_plan plan = CONFINE_PLAN_INIT;
	int rc;

	plan.drops = CONFINE_DROP_RIGHTS | CONFINE_DROP_TRACING;
	plan.complaint = plan.filter_complaint = VSU_LOG_DEBUG;
	plan.capabilities = to_guest ? TO_GUEST : TO_HOST;
	plan.action = CALL_FILTER_FAIL;
	plan.calls[0] = &call_table_serving;
	plan.calls[1] = &copying;
	rc = to_guest ? confine_add_path(&plan, host, LANDLOCK_READ, err) : permit_destination(&plan, host, err);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_CLOSE, err);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_FILTER, err);
	confine_plan_end(&plan);
	return rc;
}
