/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Change of user, reduced capabilities, and a filter of system calls. */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "confine/call_tables.h"
#include "confine.h"
#include "log.h"

const char *const confine_filter_names[] = { "on", "kill", "off", NULL };

/* Drop groups first, while it is still permitted. */
int confine_user(const char *name, struct vsu_error *err)
{
	const struct passwd *user;

	errno = 0;
	user = getpwnam(name);
	if (!user)
		return vsu_error_set(err, -ENOENT,
				     "--user: this host has no user '%s'",
				     name);
	if (setgroups(0, NULL) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return vsu_error_sys(err, -errno,
				     "--user: cannot become '%s'; only root can",
				     name);
	return confine_new_privileges(err);
}

/*
 * Fails if the user requested a filter; otherwise the daemon runs without one and
 * logs the reason.
 */
static int without_filter(enum confine_filter how, const char *why,
		 struct vsu_error *err)
{
	if (how == CONFINE_PRESET) {
		prog_log(PROG_LOG_INFO, "filter",
			 "system calls are not filtered: %s", why);
		return 0;
	}
	return vsu_error_set(err, -EOPNOTSUPP,
			     "--seccomp: %s; leave it out, or use --seccomp=off",
			     why);
}

int confine_calls(enum confine_filter how, const struct confine_needs *needs,
		  struct vsu_error *err)
{
	const struct call_table *tables[4] = { &call_table_serving };
	struct vsu_error why = VSU_ERROR_INIT;
	unsigned int n = 1;
	int rc;

	if (how == CONFINE_OFF)
		return 0;
	rc = confine_new_privileges(err);
	if (rc < 0)
		return rc;
	if (needs->calls)
		tables[n++] = needs->calls;
	if (needs->postcopy)
		tables[n++] = &call_table_faults;
	rc = call_filter_load(how == CONFINE_KILL ? CALL_FILTER_KILL : CALL_FILTER_FAIL,
			      tables, true, &why);
	return rc ? without_filter(how, why.msg, err) : 0;
}
