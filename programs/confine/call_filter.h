/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A filter of system calls from tables, by libseccomp. A filter is permanent, and new
 * threads inherit it; if a thread has several, the strictest one decides.
 */
#ifndef PROGRAMS_CALL_FILTER_H
#define PROGRAMS_CALL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "confine/call_program.h"

/* The effect of a call that the tables do not permit. */
enum call_filter_action {
	CALL_FILTER_NONE,	/* no filter; not to be loaded */
	CALL_FILTER_FAIL,	/* EPERM */
	CALL_FILTER_KILL,	/* the process is killed */
	CALL_FILTER_LOG,	/* the kernel logs it, and executes it */
};

struct call_table {
	const char *const *names; /* permitted with any arguments; ends with NULL, or NULL */
	const struct call_rule *rules; /* or NULL */
};

/*
 * Installs a filter that permits what at least one table permits; the list of tables ends
 * with NULL. Names that an architecture lacks are skipped. Each filter permits signals to
 * this process, the creation of threads but not of processes, and mappings that cannot be
 * executed. The flags of clone3() are in memory, which a filter cannot read, so it fails
 * with ENOSYS and the C library uses clone().
 *
 * all_threads: the filter applies to all threads of this process; else to the calling
 * thread. -EOPNOTSUPP: built without libseccomp, or refused by the host; err->msg has the
 * reason.
 */
int call_filter_load(enum call_filter_action action,
		     const struct call_table *const *tables, bool all_threads,
		     struct vsu_error *err);

#endif
