/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Removes a daemon's access to the host's files. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine.h"
#include "confine/landlock.h"
#include "log.h"
#include "outside.h"

/*
 * Rules before the device's: own files, two folders of the kernel, the daemon's
 * sockets; the device's sockets follow.
 */
enum { RULE_OWN, RULE_SIZES, RULE_DEVICE, RULE_SOCKET, RULE_METRICS, RULE_SOCKETS,
       RULES = RULE_SOCKETS + VMM_DEVICE_SOCKETS_MAX };

static int name_folder(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int outside_parent(const char *path)
{
	char parent[PATH_MAX];
	char *slash;

	if (snprintf(parent, sizeof(parent), "%s", path) >= PATH_MAX)
		return -1;
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = 0;
	return name_folder(slash ? parent : ".");
}

/*
 * The size of a DAX memory device is a file in the device's own folder, whose
 * path varies.
 */
static int find_sizes(void)
{
	int bus = name_folder("/sys/bus/dax");
	int sizes = bus < 0 ? -1 : name_folder("/sys/devices");

	vsu_fd_close(&bus);
	return sizes;
}

/*
 * The rule refers to this /proc/self as it is open now: procfs creates another
 * inode when it is no longer in use.
 */
static void find_places(const struct outside *o, struct landlock_rule *rules)
{
	int i;

	rules[RULE_OWN] = (struct landlock_rule){
		name_folder("/proc/self"), LANDLOCK_READ };
	rules[RULE_SIZES] = (struct landlock_rule){
		find_sizes(), LANDLOCK_READ };
	rules[RULE_DEVICE] = (struct landlock_rule){
		o->postcopy ? open("/dev/userfaultfd", O_PATH | O_CLOEXEC) : -1,
		LANDLOCK_DEVICE };
	rules[RULE_SOCKET] = (struct landlock_rule){
		o->socket ? outside_parent(o->socket) : -1, LANDLOCK_REMOVE };
	rules[RULE_METRICS] = (struct landlock_rule){
		o->metrics ? outside_parent(o->metrics) : -1, LANDLOCK_REMOVE };
	for (i = 0; i < VMM_DEVICE_SOCKETS_MAX; i++)
		rules[RULE_SOCKETS + i] = (struct landlock_rule){
			o->device->sockets[i] ?
			outside_parent(o->device->sockets[i]) : -1,
			LANDLOCK_REMOVE };
}

/* A coverage build writes its counter files at exit. */
static int files_narrow(const struct landlock_rule *rules, bool connects)
{
#ifdef UNDER_COVERAGE
	(void)rules;
	(void)connects;
	return -EOPNOTSUPP;
#else
	return landlock_narrow(rules, RULES, connects);
#endif
}

/*
 * The device is open, and threads inherit what remains. Only root's userfaultfd needs a
 * capability, where it is a system call and not a device.
 */
static uint64_t kept_capabilities(const struct outside *o)
{
	return o->postcopy && access("/dev/userfaultfd", F_OK) < 0 ?
	       UINT64_C(1) << CAP_SYS_PTRACE : 0;
}

int outside_leave(const struct outside *o, int *own, struct vsu_error *err)
{
	struct landlock_rule rules[RULES];
	int i, rc = confine_capabilities(kept_capabilities(o), err);

	if (rc < 0)
		return rc;
	find_places(o, rules);
	rc = files_narrow(rules, o->device->connects);
	if (rc < 0)
		prog_log(PROG_LOG_DEBUG, "landlock",
			 "files are not restricted by Landlock: %s", strerror(-rc));
	*own = rules[RULE_OWN].place;
	for (i = RULE_OWN + 1; i < RULES; i++)
		vsu_fd_close(&rules[i].place);
	return 0;
}
