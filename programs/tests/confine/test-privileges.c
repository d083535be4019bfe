/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the capabilities that a program keeps. The kernel is in this program. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include "../../../tests/support/suite.h"
#include "confine/confine.h"
#include "confine/privileges.h"

static struct __user_cap_data_struct held[2];
#define LAST_CAPABILITY 40u
/* A second bit behind it; it is cleared if it is tried. */
#define BEHIND (UINT64_C(1) << (LAST_CAPABILITY + 2))

static uint64_t bounds;		/* of executed programs */
static bool no_new;
static unsigned int changes;	/* calls of capset() */
static int failure;		/* of these */
static struct vsu_error err;

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	struct __user_cap_data_struct *data;
	va_list args;

	va_start(args, number);
	(void)va_arg(args, void *);
	data = va_arg(args, struct __user_cap_data_struct *);
	va_end(args);
	if (number == SYS_capget) {
		memcpy(data, held, sizeof(held));
		return 0;
	}
	ck_assert_int_eq(number, SYS_capset);
	changes++;
	errno = failure;
	if (failure)
		return -1;
	memcpy(held, data, sizeof(held));
	return 0;
}

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
	unsigned int bit = 0;
	va_list args;

	va_start(args, option);
	if (option == PR_CAPBSET_DROP)
		bit = va_arg(args, unsigned int);
	if (option == PR_CAPBSET_DROP)
		bounds &= ~(UINT64_C(1) << bit);
	else
		no_new = option == PR_SET_NO_NEW_PRIVS && va_arg(args, int) == 1;
	va_end(args);
	if (bit <= LAST_CAPABILITY)
		return 0;
	errno = EINVAL;
	return -1;
}

/* Capabilities 0 to 40. */
static void setup(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		held[i].permitted = i ? 0x1ff : UINT32_MAX;
		held[i].effective = held[i].inheritable = held[i].permitted;
	}
	bounds = (UINT64_C(2) << LAST_CAPABILITY) - 1 + BEHIND;
	no_new = false;
	changes = 0;
	failure = 0;
	vsu_error_clear(&err);
}

static void assert_held(uint64_t wanted)
{
	ck_assert_uint_eq(held[0].permitted, (uint32_t)wanted);
	ck_assert_uint_eq(held[1].permitted, (uint32_t)(wanted >> 32));
	ck_assert_uint_eq(held[0].effective, (uint32_t)wanted);
	ck_assert_uint_eq(held[1].effective, (uint32_t)(wanted >> 32));
}

static const uint64_t kept[] = {
	0, UINT64_C(1), UINT64_C(1) << 31, UINT64_C(1) << 32, UINT64_C(1) << 40, UINT64_C(0x1a0000000d),
};

START_TEST(only_the_kept_capabilities_remain)
{
	ck_assert_int_eq(confine_capabilities(kept[_i], &err), 0);
	assert_held(kept[_i]);
	ck_assert_uint_eq(held[0].inheritable | held[1].inheritable, 0);
	ck_assert_uint_eq(bounds, kept[_i] + BEHIND);
	ck_assert(no_new);
}
END_TEST

START_TEST(capability_that_the_process_lacks_is_not_added)
{
	held[0].permitted = held[0].effective = 2;
	held[1].permitted = held[1].effective = 0;
	ck_assert_int_eq(confine_capabilities(UINT64_MAX, &err), 0);
	assert_held(2);
}
END_TEST

/* A service manager may refuse the call. */
START_TEST(process_without_capabilities_changes_none)
{
	memset(held, 0, sizeof(held));
	failure = EPERM;
	ck_assert_int_eq(confine_capabilities(0, &err), 0);
	ck_assert_uint_eq(changes, 0);
	ck_assert(no_new);
}
END_TEST

START_TEST(refused_change_is_an_error)
{
	failure = EPERM;
	ck_assert_int_eq(confine_capabilities(1, &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot drop capabilities"));
}
END_TEST

static int lookup_failure;	/* of getpwnam() */

struct passwd *__wrap_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name)
{
	(void)name;
	errno = lookup_failure;
	return NULL;
}

static const struct { int failure, rc; const char *says; } lookups[] = {
	{ 0, -ENOENT, "--user: this host has no user 'somebody'" },
	{ ENOENT, -ENOENT, "--user: this host has no user 'somebody'" },
	{ EMFILE, -EMFILE, "--user: cannot look up the user 'somebody': Too many open files" },
	{ EIO, -EIO, "--user: cannot look up the user 'somebody': " },
};

START_TEST(failed_lookup_of_a_user_has_its_cause)
{
	struct confine_plan plan = CONFINE_PLAN_INIT;

	lookup_failure = lookups[_i].failure;
	errno = EIO;
	ck_assert_int_eq(confine_user_find(&plan, "somebody", CONFINE_CLOSE, &err), lookups[_i].rc);
	ck_assert_msg(strstr(err.msg, lookups[_i].says), "%s", err.msg);
	ck_assert_ptr_null(plan.user.name);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("privileges");
	TCase *tc = tcase_create("privileges");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, only_the_kept_capabilities_remain, 0, (int)(sizeof(kept) / sizeof(kept[0])));
	tcase_add_test(tc, capability_that_the_process_lacks_is_not_added);
	tcase_add_test(tc, process_without_capabilities_changes_none);
	tcase_add_test(tc, refused_change_is_an_error);
	tcase_add_loop_test(tc, failed_lookup_of_a_user_has_its_cause, 0, (int)(sizeof(lookups) / sizeof(lookups[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
