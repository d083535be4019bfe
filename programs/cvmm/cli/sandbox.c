/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The option --sandbox: privileges, files and system calls of a machine. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli/call_filters.h"
#include "cli/sandbox.h"
#include "cli/sandbox_rules.h"
#include "config/device.h"
#include "config/option_rows.h"
#include "log.h"
#include "migration/tls.h"
#include "confine/privileges.h"
#include "process.h"

/* ---------------------------------------------------------------- the option */

static int folders_add(const struct vmm_sandbox_option *o, struct vmm_sandbox_rules *rules,
		       struct vsu_error *err)
{
	unsigned int i;
	int place, rc = 0;

	for (i = 0; !rc && i < o->nfolders; i++) {
		place = open(o->folders[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (place < 0)
			return vsu_error_sys(err, -errno, "--sandbox: folder '%s'", o->folders[i]);
		rc = vmm_sandbox_rules_add(rules, place, o->folders[i], LANDLOCK_FULL, err);
	}
	return rc;
}

/* Adds to the files of the other options. */
static int option_apply(const struct vmm_sandbox_option *o, struct vmm_sandbox_rules *rules,
			struct vsu_error *err)
{
	int rc = folders_add(o, rules, err);

	return !rc && o->tls && o->how != VMM_SANDBOX_OFF ? vmm_tls_load(err) : rc;
}

/* ------------------------------------------------------------------------ lock */

/* Of any user's files, of memory that is not swapped; then by option. */
#define COMMON_CAPABILITIES						\
	(UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_IPC_LOCK)
/* Until the change of the user. */
#define USER_CAPABILITIES (UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID)
#define GROUP_CAPABILITIES (UINT64_C(1) << CAP_CHOWN)
/* Until the taps are open. */
#define NET_CAPABILITIES (UINT64_C(1) << CAP_NET_ADMIN)
#define FOLDER_CAPABILITIES						\
	(UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_FOWNER | UINT64_C(1) << CAP_FSETID | \
	 UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_MKNOD | \
	 UINT64_C(1) << CAP_SETFCAP)

/* Requirements of devices that this process serves. */
struct device_needs {
	bool net, folder;
};

static struct device_needs device_needs_of(const struct vmm_options *o)
{
	struct device_needs needs = { false, false };
	unsigned int i;

	for (i = 0; i < o->machine.ndevices; i++) {
		needs.net |= vmm_device_opens_interface(&o->machine.specs[i]);
		needs.folder |= vmm_device_shares_folder(&o->machine.specs[i]);
	}
	return needs;
}

/* By what an option refers to. */
static const uint64_t option_capabilities[PROG_REFERS_END] = {
	[PROG_REFERS_USER] = USER_CAPABILITIES,
	[PROG_REFERS_GROUP] = GROUP_CAPABILITIES,
};

static uint64_t kept_capabilities(const struct vmm_options *o, const struct device_needs *needs)
{
	uint64_t kept_by_options = COMMON_CAPABILITIES | (needs->net ? NET_CAPABILITIES : 0) |
				   (needs->folder ? FOLDER_CAPABILITIES : 0);
	const struct vmm_option_row *row;

	for (row = vmm_option_rows; row->option.name; row++)
		if (vmm_option_text(o, row))
			kept_by_options |= option_capabilities[row->refers];
	return kept_by_options;
}

/* A coverage build writes its counter files at exit. */
static int files_narrow(const struct vmm_sandbox_rules *r)
{
#ifdef UNDER_COVERAGE
	(void)r;
	return -EOPNOTSUPP;
#else
	return landlock_narrow(r->list, r->n, true);
#endif
}

/* A sanitizer's search for leaks traces the process. */
static void forbid_tracing(void)
{
#ifndef UNDER_SANITIZER
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* A build that lacks something by design complains only if the user gave the option. */
static enum prog_log_level complaint_level(const struct vmm_options *o)
{
#if defined(UNDER_SANITIZER) || defined(UNDER_COVERAGE)
	return o->process.sandbox ? PROG_LOG_WARNING : PROG_LOG_INFO;
#else
	(void)o;
	return PROG_LOG_WARNING;
#endif
}

static bool locked;

/* Of the main thread; the others do not open taps. */
static uint64_t kept;

static void drop_of_thread(void *opaque)
{
	(void)opaque;
	(void)!confine_capabilities(kept & ~NET_CAPABILITIES, NULL);
}

int vmm_sandbox_settle(const struct vmm_options *options, struct vsu_error *err)
{
	/* a guest that reboots gets a new machine, which opens its taps again */
	if (!locked || options->process.restart || !(kept & NET_CAPABILITIES))
		return 0;
	kept &= ~NET_CAPABILITIES;
	return confine_capabilities(kept, err);
}

static int rights_drop(const struct vmm_options *options, const struct device_needs *needs,
		       const struct vmm_sandbox_rules *rules, struct vsu_error *err)
{
	int rc;

	kept = kept_capabilities(options, needs);
	rc = confine_capabilities(kept, err);
	if (rc < 0)
		return rc;
	if (needs->net)
		prog_thread_set_begin(drop_of_thread);
	forbid_tracing();
	rc = files_narrow(rules);
	if (rc == -EOPNOTSUPP || rc == -ENOSYS) {
		prog_log(complaint_level(options), "sandbox",
			 "--sandbox: files are not restricted: this kernel or build has no Landlock");
		return 0;
	}
	if (rc < 0 && !options->process.sandbox) {
		prog_log(PROG_LOG_WARNING, "sandbox",
			 "--sandbox: files are not restricted: this host refuses Landlock (%s)",
			 strerror(-rc));
		return 0;
	}
	return rc < 0 ? vsu_error_sys(err, rc, "--sandbox: Landlock") : 0;
}

bool vmm_sandbox_is_locked(void)
{
	return locked;
}

int vmm_sandbox_files(const struct vmm_options *options, struct vmm_sandbox_rules *rules,
		      struct vsu_error *err)
{
	int rc = option_apply(&options->process.confinement, rules, err);

	if (rc < 0)
		return rc;
	if (options->process.confinement.how != VMM_SANDBOX_ON)
		return vsu_error_set(err, -EINVAL, "--jail needs --sandbox=on: a process that keeps its capabilities could leave the jail");
	rules->confined = true;
	return vmm_sandbox_rules_fill(rules, options, err);
}

int vmm_sandbox_lock(const struct vmm_options *options, struct vsu_error *err)
{
	struct vmm_sandbox_rules rules = { .n = 0 };
	const struct device_needs needs = device_needs_of(options);
	bool more_folders;
	const enum vmm_sandbox_how how = options->process.confinement.how;
	int rc = option_apply(&options->process.confinement, &rules, err);

	more_folders = rules.n;
	rules.confined = how == VMM_SANDBOX_ON;
	/* also loads what devices need */
	if (!rc && how != VMM_SANDBOX_OFF)
		rc = vmm_sandbox_rules_fill(&rules, options, err);
	if (!rc && how == VMM_SANDBOX_ON)
		rc = rights_drop(options, &needs, &rules, err);
	if (!rc && how != VMM_SANDBOX_OFF)
		rc = vmm_call_filters_start(how == VMM_SANDBOX_ON ? CALL_FILTER_FAIL : CALL_FILTER_LOG,
			&(struct vmm_call_needs){
				.folder = needs.folder || more_folders,
				.user = options->process.user,
				.sockets = options->process.sockets.given ? &options->process.sockets.access : NULL,
			}, complaint_level(options), err);
	vmm_sandbox_rules_close(&rules);
	locked = !rc && how == VMM_SANDBOX_ON;
	return rc;
}
