/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A filter of system calls from tables. A filter is permanent, and new
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
 * with NULL. Calls that an architecture lacks are skipped. Each filter permits signals to
 * this process, the creation of threads but not of processes, and mappings that cannot be
 * executed. The flags of clone3() are in memory, which a filter cannot read, so it fails
 * with ENOSYS and the C library uses clone().
 *
 * all_threads: the filter applies to all threads of this process; else to the calling
 * thread. -EOPNOTSUPP: built without filters, or refused by the host; err->msg has the
 * reason.
 */
int call_filter_load(enum call_filter_action action,
		     const struct call_table *const *tables, bool all_threads,
		     struct vsu_error *err);

/*
 * The same in two steps, for threads that begin later: a thread that has a filter made for it
 * allocates no memory, for which malloc() would map an arena of its own.
 */
struct call_filter;
int call_filter_make(enum call_filter_action action, const struct call_table *const *tables,
		     struct call_filter **out, struct vsu_error *err);
int call_filter_install(const struct call_filter *f, bool all_threads, struct vsu_error *err);
void call_filter_free(struct call_filter *f);

/* Calls that fail with EPERM under a filter that permits all others. */
struct call_denials {
	const char *const *names;	/* with any arguments; ends with NULL */
	const struct call_rule *rules;	/* if the conditions hold; ends like a table; or NULL */
	const struct call_rule *only;	/* unless all conditions hold: at most CALL_EXCEPTIONS
					   rules with masks of UINT64_MAX, or NULL */
	const char *lacked;		/* fails with ENOSYS, or NULL */
};

#define CALL_EXCEPTIONS 16u

/*
 * Installs such a filter for the calling thread. Calls of another architecture kill the
 * process. -EOPNOTSUPP: built without filters, or refused by the host; -ENOMEM.
 */
int call_filter_deny(const struct call_denials *denials);

#endif
