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

#include "cli/sandbox.h"
#include "cli/sandbox_rules.h"
#include "devices/spawned.h"
#include "log.h"
#include "machine/call_filters.h"
#include "migration/tls.h"
#include "privileges.h"

/* ---------------------------------------------------------------- the option */

enum { ON, LOG, OFF, TLS, FOLDER };

static const struct vsu_option sandbox_rows[] = {
	[ON] = { .name = "on", .kind = VSU_OPTION_FLAG },
	[LOG] = { .name = "log", .kind = VSU_OPTION_FLAG },
	[OFF] = { .name = "off", .kind = VSU_OPTION_FLAG },
	[TLS] = { .name = "tls", .kind = VSU_OPTION_FLAG },
	[FOLDER] = { .name = "folder", .kind = VSU_OPTION_STRING, .repeat = true },
	{ .name = NULL },
};

struct choice {
	bool given[FOLDER];	/* ON, LOG, OFF, TLS */
	struct vmm_sandbox_rules *rules;
};

static int take_property(void *opaque, unsigned int index,
			 const struct vsu_option_value *value,
			 struct vsu_error *err)
{
	struct choice *c = opaque;
	int place;

	if (index != FOLDER) {
		c->given[index] = value->number;
		return 0;
	}
	place = open(value->text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return vsu_error_sys(err, -errno, "--sandbox: folder '%s'",
				     value->text);
	return vmm_sandbox_rules_add(c->rules, place, value->text, LANDLOCK_FULL, err);
}

/* how: ON, LOG or OFF. */
static int choice_parse(const char *list, struct vmm_sandbox_rules *rules, int *how,
			struct vsu_error *err)
{
	struct choice c = { .rules = rules };
	char *scratch = strdup(list);
	int rc = scratch ? vsu_option_parse_list(sandbox_rows, "--sandbox", list,
						 scratch, strlen(list) + 1,
						 take_property, &c, err) :
			   vsu_error_set(err, -ENOMEM, "no memory for options");

	free(scratch);
	if (rc < 0)
		return rc;
	if (c.given[ON] + c.given[LOG] + c.given[OFF] != 1)
		return vsu_error_set(err, -EINVAL,
				     "--sandbox '%s': expected on, log, off, or on,tls,folder=FOLDER", list);
	*how = c.given[ON] ? ON : c.given[LOG] ? LOG : OFF;
	return c.given[TLS] && *how != OFF ? vmm_tls_load(err) : 0;
}

/* ------------------------------------------------------------------------ lock */

/* Of any user's files, of memory that is not swapped; then by device. */
#define COMMON_CAPABILITIES						\
	(UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE |	\
	 UINT64_C(1) << CAP_IPC_LOCK)
/* Until the change of the user. */
#define USER_CAPABILITIES (UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID)
#define NET_CAPABILITIES (UINT64_C(1) << CAP_NET_ADMIN)
#define FOLDER_CAPABILITIES						\
	(UINT64_C(1) << CAP_FOWNER | UINT64_C(1) << CAP_FSETID | UINT64_C(1) << CAP_SETGID | \
	 UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_MKNOD | UINT64_C(1) << CAP_SETFCAP)

static bool is_served_here(const struct vmm_device_option *d, enum vmm_device_how how)
{
	return !vmm_device_is_spawned(d) && (d->how == how || d->how == VMM_DEVICE_ANY);
}

static uint64_t kept_capabilities(const struct vmm_options *o)
{
	uint64_t keep = COMMON_CAPABILITIES | (o->user ? USER_CAPABILITIES : 0);
	unsigned int i;

	for (i = 0; i < o->ndevices; i++) {
		if (is_served_here(&o->devices[i], VMM_DEVICE_NET))
			keep |= NET_CAPABILITIES;
		if (is_served_here(&o->devices[i], VMM_DEVICE_FS))
			keep |= FOLDER_CAPABILITIES;
	}
	return keep;
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
	return o->sandbox ? PROG_LOG_WARNING : PROG_LOG_INFO;
#else
	(void)o;
	return PROG_LOG_WARNING;
#endif
}

static int rights_drop(const struct vmm_options *options,
		       const struct vmm_sandbox_rules *rules, struct vsu_error *err)
{
	int rc = confine_capabilities(kept_capabilities(options), err);

	if (rc < 0)
		return rc;
	forbid_tracing();
	rc = files_narrow(rules);
	if (rc == -EOPNOTSUPP || rc == -ENOSYS) {
		prog_log(complaint_level(options), "sandbox",
			 "--sandbox: files are not restricted: this kernel or build has no Landlock");
		return 0;
	}
	if (rc < 0 && !options->sandbox) {
		prog_log(PROG_LOG_WARNING, "sandbox",
			 "--sandbox: files are not restricted: this host refuses Landlock (%s)",
			 strerror(-rc));
		return 0;
	}
	return rc < 0 ? vsu_error_sys(err, rc, "--sandbox: Landlock") : 0;
}

static bool locked;

bool vmm_sandbox_is_locked(void)
{
	return locked;
}

int vmm_sandbox_files(const struct vmm_options *options, struct vmm_sandbox_rules *rules,
		      struct vsu_error *err)
{
	int how = ON;
	int rc = options->sandbox ? choice_parse(options->sandbox, rules, &how, err) : 0;

	if (rc < 0)
		return rc;
	if (how != ON)
		return vsu_error_set(err, -EINVAL, "--jail needs --sandbox=on: a process that keeps its capabilities could leave the jail");
	return vmm_sandbox_rules_fill(rules, options, err);
}

int vmm_sandbox_lock(const struct vmm_options *options, struct vsu_error *err)
{
	struct vmm_sandbox_rules rules = { .n = 0 };
	int how = ON;
	int rc = options->sandbox ? choice_parse(options->sandbox, &rules, &how, err) : 0;

	/* also loads what devices need */
	if (!rc && how != OFF)
		rc = vmm_sandbox_rules_fill(&rules, options, err);
	if (!rc && how == ON)
		rc = rights_drop(options, &rules, err);
	if (!rc && how != OFF)
		rc = vmm_call_filters_start(how == ON ? CALL_FILTER_FAIL : CALL_FILTER_LOG,
					    complaint_level(options), err);
	vmm_sandbox_rules_close(&rules);
	locked = !rc && how == ON;
	return rc;
}
