/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Filters of system calls. */
#include <config.h>

#include <errno.h>
#include <stddef.h>

#include "confine/call_filter.h"
#include "confine/call_numbers.h"
#include "confine/privileges.h"

static int built_without(struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "this program was built without filters of system calls");
}

#ifdef HAVE_CALL_FILTER

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef FILTER_BY_LIBSECCOMP
#include <seccomp.h>
#endif

/* A sanitizer makes calls of its own. */
#ifdef UNDER_SANITIZER
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static const struct call_rule always[] = {
	CALL_IF("mmap", 2, PROT_EXEC, 0),
	CALL_IF("mmap2", 2, PROT_EXEC, 0),
	CALL_IF("mprotect", 2, PROT_EXEC, 0),
	CALL_IF("clone", 0, CLONE_THREAD, CLONE_THREAD),
	{ .name = NULL },
};

static const struct call_table always_table = { NULL, always };

#ifdef FILTER_BY_LIBSECCOMP
/* libseccomp has negative numbers for calls that share one. */
static int resolve_name(const char *name)
{
	const int call = seccomp_syscall_resolve_name(name);

	return call == __NR_SCMP_ERROR ? call_number(name) : call;
}

static bool is_absent(int call)
{
	return call == CALL_ABSENT || call == CALL_UNKNOWN;
}
#else
static int resolve_name(const char *name)
{
	return call_number(name);
}

static bool is_absent(int call)
{
	return call == CALL_ABSENT;
}
#endif

/* Items of all tables. */
struct items {
	struct call_item *list;
	size_t n, room;
};

/* -ENOSYS: the list of numbers lacks a name. */
static int item_add(struct items *items, const char *name, const struct call_rule *rule,
		    uint32_t action)
{
	const int call = resolve_name(name);
	struct call_item *list;

	if (is_absent(call))
		return 0;
	if (call == CALL_UNKNOWN)
		return -ENOSYS;
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

static int load_failed(int rc, struct vsu_error *err)
{
	if (rc == -ENOMEM)
		return vsu_error_sys(err, rc, "a filter of system calls");
	return vsu_error_set(err, -EOPNOTSUPP, "this host does not support filters of system calls");
}

#ifndef FILTER_BY_LIBSECCOMP

/* ------------------------------------------ the program of call_program.c */

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARM_BIG_ENDIAN)
#define NATIVE AUDIT_ARCH_ARMEB
#elif defined(__arm__)
#define NATIVE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#elif defined(__riscv)
#define NATIVE AUDIT_ARCH_RISCV32
#elif defined(__loongarch64)
#define NATIVE AUDIT_ARCH_LOONGARCH64
#endif

struct call_filter {
	struct sock_fprog code;
};

static int filter_build(struct call_filter *f, struct items *items, enum call_filter_action action)
{
	static const uint32_t actions[] = {
		[CALL_FILTER_FAIL] = SECCOMP_RET_ERRNO | EPERM,
		[CALL_FILTER_KILL] = SECCOMP_RET_KILL_PROCESS,
		[CALL_FILTER_LOG] = SECCOMP_RET_LOG,
	};
	const struct call_program program = {
		.arch = NATIVE, .refused = actions[action],
		.foreign = action == CALL_FILTER_LOG ? SECCOMP_RET_LOG : SECCOMP_RET_KILL_PROCESS,
		.first = SYS_ioctl,	/* enters the guest; the most frequent call of a CPU's
					   thread */
	};

	return call_program_build(&program, items->list, items->n, &f->code);
}

/* The calls of x32 reach a kernel that supports them. */
static int denial_build(struct call_filter *f, struct items *items)
{
	const struct call_program program = {
		.arch = NATIVE, .refused = SECCOMP_RET_ALLOW,
		.foreign = SECCOMP_RET_KILL_PROCESS,
#ifdef __x86_64__
		.foreign_from = 0x40000000,
#endif
	};

	return call_program_build(&program, items->list, items->n, &f->code);
}

/* With all_threads, a positive result is a thread that could not be changed: a failure. */
int call_filter_install(const struct call_filter *f, bool all_threads, struct vsu_error *err)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &f->code) ?
	       load_failed(-EOPNOTSUPP, err) : 0;
}

void call_filter_free(struct call_filter *f)
{
	if (f)
		free(f->code.filter);
	free(f);
}

#else

/* ------------------ a program of libseccomp, where calls of sockets share a number */

struct call_filter {
	scmp_filter_ctx context;
};

static int put_item(scmp_filter_ctx filter, const struct call_item *item)
{
	const struct call_rule *rule = item->rule;
	const uint32_t action = item->action == SECCOMP_RET_ALLOW ? SCMP_ACT_ALLOW :
				SCMP_ACT_ERRNO(item->action & SECCOMP_RET_DATA);
	struct scmp_arg_cmp when[CALL_CONDITIONS];
	unsigned int i, n = 0;

	for (i = 0; rule && i < CALL_CONDITIONS; i++)
		if (rule->when[i].mask)
			when[n++] = SCMP_CMP(rule->when[i].arg, SCMP_CMP_MASKED_EQ,
					     rule->when[i].mask, rule->when[i].value);
	return seccomp_rule_add_array(filter, action, (int)item->number, n, when);
}

static int filter_build(struct call_filter *f, struct items *items, enum call_filter_action action)
{
	static const uint32_t actions[] = {
		[CALL_FILTER_FAIL] = SCMP_ACT_ERRNO(EPERM),
		[CALL_FILTER_KILL] = SCMP_ACT_KILL_PROCESS,
		[CALL_FILTER_LOG] = SCMP_ACT_LOG,
	};
	size_t i;
	int rc;

	f->context = seccomp_init(actions[action]);
	rc = f->context ? 0 : -ENOMEM;
	for (i = 0; !rc && i < items->n; i++)
		rc = put_item(f->context, &items->list[i]);
	return rc;
}

/* An item that permits a call otherwise refused: the library refuses by conditions that differ. */
static int put_exception(scmp_filter_ctx filter, const struct call_item *item)
{
	const struct call_condition *when = item->rule->when;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < CALL_CONDITIONS; i++)
		if (when[i].mask)
			rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), (int)item->number, 1,
					      SCMP_CMP(when[i].arg, SCMP_CMP_NE, when[i].value, 0));
	return rc;
}

static int denial_build(struct call_filter *f, struct items *items)
{
	const struct call_item *item;
	size_t i;
	int rc;

	f->context = seccomp_init(SCMP_ACT_ALLOW);
	rc = f->context ? seccomp_attr_set(f->context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;
	for (i = 0; !rc && i < items->n; i++) {
		item = &items->list[i];
		if (item->action == SECCOMP_RET_ALLOW)
			rc = put_exception(f->context, item);
		else if (!item->rule || item->rule->when[0].mask)
			rc = put_item(f->context, item);
	}
	return rc;
}

int call_filter_install(const struct call_filter *f, bool all_threads, struct vsu_error *err)
{
	int rc = seccomp_attr_set(f->context, SCMP_FLTATR_CTL_TSYNC, all_threads);

	rc = rc ? rc : seccomp_load(f->context);
	return rc ? load_failed(rc, err) : 0;
}

void call_filter_free(struct call_filter *f)
{
	if (f && f->context)
		seccomp_release(f->context);
	free(f);
#ifdef __GLIBC__
	malloc_trim(0);	/* libseccomp needs more memory than the rest of a small process */
#endif
}

#endif

/* ----------------------------------------------------------------- for both */

int call_filter_make(enum call_filter_action action, const struct call_table *const *tables,
		     struct call_filter **out, struct vsu_error *err)
{
	const struct call_rule own = CALL_IF_INT("tgkill", 0, (uint32_t)getpid());
	struct items items = { .list = NULL };
	struct call_filter *f;
	int rc;

	if (IS_SANITIZED)
		return built_without(err);
	f = calloc(1, sizeof(*f));
	rc = f ? items_fill(&items, tables, &own) : -ENOMEM;
	rc = rc ? rc : filter_build(f, &items, action);
	free(items.list);
	if (rc < 0) {
		call_filter_free(f);
		return load_failed(rc, err);
	}
	*out = f;
	return 0;
}

/* Each call with an exception is refused by the rule behind it, which has no condition. */
static int exceptions_add(struct items *items, const struct call_rule *only, struct call_rule *pairs)
{
	int rc = 0;

	for (; !rc && only && only->name; only++, pairs += 2) {
		pairs[0] = *only;
		pairs[1] = (struct call_rule){ .name = only->name };
		rc = item_add(items, only->name, &pairs[0], SECCOMP_RET_ALLOW);
		rc = rc ? rc : item_add(items, only->name, &pairs[1], SECCOMP_RET_ERRNO | EPERM);
	}
	return rc;
}

static int denials_fill(struct items *items, const struct call_denials *d, struct call_rule *pairs)
{
	const char *const *name;
	const struct call_rule *rule;
	int rc = exceptions_add(items, d->only, pairs);

	for (name = d->names; !rc && *name; name++)
		rc = item_add(items, *name, NULL, SECCOMP_RET_ERRNO | EPERM);
	for (rule = d->rules; !rc && rule && rule->name; rule++)
		rc = item_add(items, rule->name, rule, SECCOMP_RET_ERRNO | EPERM);
	return !rc && d->lacked ? item_add(items, d->lacked, NULL, SECCOMP_RET_ERRNO | ENOSYS) : rc;
}

int call_filter_deny(const struct call_denials *denials)
{
	struct call_rule pairs[2 * CALL_EXCEPTIONS];
	struct items items = { .list = NULL };
	struct call_filter *f = calloc(1, sizeof(*f));
	int rc = f ? denials_fill(&items, denials, pairs) : -ENOMEM;

	rc = rc ? rc : denial_build(f, &items);
	free(items.list);
	rc = rc ? rc : call_filter_install(f, false, NULL);
	call_filter_free(f);
	return rc;
}

#else

int call_filter_deny(const struct call_denials *denials)
{
	(void)denials;
	return -EOPNOTSUPP;
}

int call_filter_make(enum call_filter_action action, const struct call_table *const *tables,
		     struct call_filter **out, struct vsu_error *err)
{
	(void)action;
	(void)tables;
	(void)out;
	return built_without(err);
}

int call_filter_install(const struct call_filter *f, bool all_threads, struct vsu_error *err)
{
	(void)f;
	(void)all_threads;
	(void)err;
	return 0;
}

void call_filter_free(struct call_filter *f)
{
	(void)f;
}

#endif

int call_filter_load(enum call_filter_action action, const struct call_table *const *tables,
		     bool all_threads, struct vsu_error *err)
{
	struct call_filter *f = NULL;
	int rc = call_filter_make(action, tables, &f, err);

	rc = rc ? rc : call_filter_install(f, all_threads, err);
	call_filter_free(f);
	return rc;
}
