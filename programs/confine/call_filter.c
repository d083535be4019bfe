/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Filters of system calls. */
#include <config.h>

#include <errno.h>
#include <stddef.h>

#include "confine/call_filter.h"
#include "confine/privileges.h"

#if defined(HAVE_LIBSECCOMP) && !defined(UNDER_SANITIZER)

#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct call_rule always[] = {
	CALL_IF("mmap", 2, PROT_EXEC, 0),
	CALL_IF("mmap2", 2, PROT_EXEC, 0),
	CALL_IF("mprotect", 2, PROT_EXEC, 0),
	CALL_IF("clone", 0, CLONE_THREAD, CLONE_THREAD),
	{ .name = NULL },
};

static const struct call_table always_table = { NULL, always };

/*
 * System calls that older versions of libseccomp do not know. Their numbers are equal on
 * all architectures except a few old ones.
 */
static int resolve_recent_call(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} recent[] = {
		{ "pidfd_send_signal", 424 }, /* Linux 5.1 */
		{ "open_tree", 428 },	/* 5.2 */
		{ "move_mount", 429 },
		{ "mount_setattr", 442 }, /* 5.12 */
		{ "landlock_create_ruleset", 444 }, /* 5.13 */
		{ "landlock_add_rule", 445 },
		{ "landlock_restrict_self", 446 },
		{ "cachestat", 451 },	/* 6.5 */
		{ "setxattrat", 463 },	/* 6.13 */
		{ "getxattrat", 464 },
		{ "listxattrat", 465 },
		{ "removexattrat", 466 },
	};
	size_t i;

	for (i = 0; i < sizeof(recent) / sizeof(*recent); i++)
		if (!strcmp(name, recent[i].name))
			return recent[i].number;
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

/* ------------------------------------------ the program of call_program.c */

/* Items of all tables. */
struct items {
	struct call_item *list;
	size_t n, room;
};

/* Some old architectures make all calls of sockets by socketcall(). */
static bool has_shared_calls(void)
{
	return call_resolve("socket") < 0;
}

static int item_add(struct items *items, const char *name, const struct call_rule *rule,
		    uint32_t action)
{
	const int call = call_resolve(name);
	struct call_item *list;

	/* libseccomp has negative numbers for calls that this architecture lacks or shares */
	if (call == __NR_SCMP_ERROR || (call < 0 && !has_shared_calls()))
		return 0;
	if (items->n == items->room) {
		items->room += 256;
		list = realloc(items->list, items->room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		items->list = list;
	}
	items->list[items->n++] = (struct call_item){ (uint32_t)call, rule, action };
	return 0;
}

static int table_add(struct items *items, const struct call_table *table)
{
	const char *const *name = table->names;
	const struct call_rule *rule = table->rules;
	int rc = 0;

	for (; !rc && name && *name; name++)
		rc = item_add(items, *name, NULL, SECCOMP_RET_ALLOW);
	for (; !rc && rule && rule->name; rule++)
		rc = item_add(items, rule->name, rule, SECCOMP_RET_ALLOW);
	return rc;
}

/* own: the rule that permits abort(); a signal to another process of the user is refused */
static int items_fill(struct items *items, const struct call_table *const *tables,
		      const struct call_rule *own)
{
	int rc = table_add(items, &always_table);

	rc = rc ? rc : item_add(items, own->name, own, SECCOMP_RET_ALLOW);
	rc = rc ? rc : item_add(items, "clone3", NULL, SECCOMP_RET_ERRNO | ENOSYS);
	for (; !rc && *tables; tables++)
		rc = table_add(items, *tables);
	return rc;
}

/* With all_threads, a positive result is a thread that could not be changed: a failure. */
static int program_load(struct items *items, enum call_filter_action action, bool all_threads)
{
	static const uint32_t actions[] = {
		[CALL_FILTER_FAIL] = SECCOMP_RET_ERRNO | EPERM,
		[CALL_FILTER_KILL] = SECCOMP_RET_KILL_PROCESS,
		[CALL_FILTER_LOG] = SECCOMP_RET_LOG,
	};
	const struct call_program program = {
		.arch = seccomp_arch_native(), .refused = actions[action],
		.foreign = action == CALL_FILTER_LOG ? SECCOMP_RET_LOG : SECCOMP_RET_KILL_PROCESS,
		.first = SYS_ioctl,	/* enters the guest; the most frequent call of a CPU's
					   thread */
	};
	struct sock_fprog code;
	int rc = call_program_build(&program, items->list, items->n, &code);

	if (rc < 0)
		return rc;
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &code) ? -EOPNOTSUPP : 0;
	free(code.filter);
	return rc;
}

/* ------------------ a program of libseccomp, where calls of sockets share a number */

static int allow_item(scmp_filter_ctx filter, const struct call_item *item)
{
	const struct call_rule *rule = item->rule;
	const uint32_t action = item->action == SECCOMP_RET_ALLOW ? SCMP_ACT_ALLOW :
								    SCMP_ACT_ERRNO(ENOSYS);
	struct scmp_arg_cmp when[CALL_CONDITIONS];
	unsigned int i, n = 0;

	for (i = 0; rule && i < CALL_CONDITIONS; i++)
		if (rule->when[i].mask)
			when[n++] = SCMP_CMP(rule->when[i].arg, SCMP_CMP_MASKED_EQ,
					     rule->when[i].mask, rule->when[i].value);
	return seccomp_rule_add_array(filter, action, (int)item->number, n, when);
}

static int library_load(const struct items *items, enum call_filter_action action,
			bool all_threads)
{
	static const uint32_t actions[] = {
		[CALL_FILTER_FAIL] = SCMP_ACT_ERRNO(EPERM),
		[CALL_FILTER_KILL] = SCMP_ACT_KILL_PROCESS,
		[CALL_FILTER_LOG] = SCMP_ACT_LOG,
	};
	scmp_filter_ctx filter = seccomp_init(actions[action]);
	size_t i;
	int rc = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, all_threads) : -ENOMEM;

	for (i = 0; !rc && i < items->n; i++)
		rc = allow_item(filter, &items->list[i]);
	rc = rc ? rc : seccomp_load(filter);
	seccomp_release(filter);
#ifdef __GLIBC__
	malloc_trim(0);	/* libseccomp needs more memory than the rest of a small process */
#endif
	return rc;
}

/* ----------------------------------------------------------------- for both */

int call_filter_load(enum call_filter_action action,
		     const struct call_table *const *tables, bool all_threads,
		     struct vsu_error *err)
{
	const struct call_rule own = CALL_IF_INT("tgkill", 0, (uint32_t)getpid());
	struct items items = { .list = NULL };
	int rc = items_fill(&items, tables, &own);

	if (!rc)
		rc = has_shared_calls() ? library_load(&items, action, all_threads) :
					 program_load(&items, action, all_threads);
	free(items.list);
	if (rc == -ENOMEM)
		return vsu_error_sys(err, rc, "a filter of system calls");
	return rc ? vsu_error_set(err, -EOPNOTSUPP, "this host does not support filters of system calls") : 0;
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
