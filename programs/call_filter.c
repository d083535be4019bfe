/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Filters of system calls. */
#include <config.h>

#include <errno.h>
#include <stddef.h>

#include "call_filter.h"
#include "privileges.h"

#if defined(HAVE_LIBSECCOMP) && !defined(UNDER_SANITIZER)

#include <linux/sched.h>
#include <malloc.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct call_rule always[] = {
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mmap2", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "clone", 0, CLONE_THREAD, CLONE_THREAD },
	{ .name = NULL },
};

static const struct call_table always_table = { NULL, always };

/*
 * System calls of Linux 6.13 that older versions of libseccomp do not know.
 * Their numbers are equal on all architectures except a few old ones.
 */
static int resolve_recent_call(const char *name)
{
	static const char *const young[] = {
		"setxattrat", "getxattrat", "listxattrat", "removexattrat",
	};
	size_t i;

	for (i = 0; i < sizeof(young) / sizeof(*young); i++)
		if (!strcmp(name, young[i]))
			return 463 + (int)i;
	return __NR_SCMP_ERROR;
}

static int call_resolve(const char *name)
{
	const int call = seccomp_syscall_resolve_name(name);

#if !defined(__mips__) && !defined(__alpha__) && !defined(__ILP32__)
	if (call == __NR_SCMP_ERROR)
		return resolve_recent_call(name);
#endif
	return call;
}

static int allow_name(scmp_filter_ctx filter, const char *name)
{
	const int call = call_resolve(name);

	return call == __NR_SCMP_ERROR ? 0 :
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

static int allow_rule(scmp_filter_ctx filter, const struct call_rule *rule)
{
	const int call = call_resolve(rule->name);

	return call == __NR_SCMP_ERROR ? 0 :
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_CMP(rule->arg, SCMP_CMP_MASKED_EQ, rule->mask,
					 rule->value));
}

static int allow_table(scmp_filter_ctx filter, const struct call_table *table)
{
	const char *const *name = table->names;
	const struct call_rule *rule = table->rules;
	int rc = 0;

	for (; !rc && name && *name; name++)
		rc = allow_name(filter, *name);
	for (; !rc && rule && rule->name; rule++)
		rc = allow_rule(filter, rule);
	return rc;
}

/* For abort(). Other processes of the same user cannot be signalled. */
static int allow_own_signals(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

static int fill_filter(scmp_filter_ctx filter, const struct call_table *const *tables,
		       bool all_threads)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, all_threads);

	/* a CPU enters the guest by it: check it first */
	rc = rc ? rc : seccomp_syscall_priority(filter, SCMP_SYS(ioctl), UINT8_MAX);
	rc = rc ? rc : allow_table(filter, &always_table);
	rc = rc ? rc : allow_own_signals(filter);
	rc = rc ? rc : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (; !rc && *tables; tables++)
		rc = allow_table(filter, *tables);
	return rc ? rc : seccomp_load(filter);
}

/* libseccomp needed more memory than the rest of a small process: return it. */
static void trim_heap(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

int call_filter_load(enum call_filter_action action,
		     const struct call_table *const *tables, bool all_threads,
		     struct vsu_error *err)
{
	static const uint32_t actions[] = {
		[CALL_FILTER_FAIL] = SCMP_ACT_ERRNO(EPERM),
		[CALL_FILTER_KILL] = SCMP_ACT_KILL_PROCESS,
		[CALL_FILTER_LOG] = SCMP_ACT_LOG,
	};
	scmp_filter_ctx filter = seccomp_init(actions[action]);
	int rc;

	if (!filter)
		return vsu_error_sys(err, -ENOMEM, "libseccomp");
	rc = fill_filter(filter, tables, all_threads);
	seccomp_release(filter);
	if (all_threads)
		trim_heap();
	return rc ? vsu_error_set(err, -EOPNOTSUPP, "this host takes no filter of system calls") : 0;
}

#else

int call_filter_load(enum call_filter_action action,
		     const struct call_table *const *tables, bool all_threads,
		     struct vsu_error *err)
{
	(void)action;
	(void)tables;
	(void)all_threads;
	return vsu_error_set(err, -EOPNOTSUPP, "this program was built without libseccomp");
}

#endif
