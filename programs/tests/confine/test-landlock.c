/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about Landlock: which rights a process loses by the kernel's version, and which
 * a rule returns to it. The kernel is in this program.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../../../tests/support/suite.h"
#include "confine/landlock.h"
#include "confine/privileges.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446

/* The kernel's structures. */
struct ruleset {
	uint64_t files, ports, scopes;
};

struct rule {
	uint64_t rights;
	int32_t place;
} __attribute__((packed));

static long version;		/* of the kernel, or -1 if it lacks Landlock */
static struct ruleset ruleset;	/* as created */
static int set;			/* its descriptor, or -1 */
static struct rule rules[4];
static unsigned int nrules;
static bool restricted;
static long failing;		/* the call that fails, with failure */
static int failure;
static int folder, file;

static long create(const struct ruleset *wanted, size_t size)
{
	if (!wanted) {
		errno = ENOSYS;
		return version;
	}
	ck_assert_uint_eq(size, sizeof(*wanted));
	ruleset = *wanted;
	return set = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static long add_rule(va_list args)
{
	ck_assert_int_eq(va_arg(args, int), set);
	ck_assert_uint_eq(va_arg(args, unsigned int), 1);	/* beneath a path */
	ck_assert_uint_lt(nrules, COUNT(rules));
	rules[nrules++] = *va_arg(args, const struct rule *);
	return 0;
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	const struct ruleset *wanted;
	va_list args;
	long rc = 0;

	va_start(args, number);
	if (number == CREATE_RULESET) {
		wanted = va_arg(args, const struct ruleset *);
		rc = wanted && failing == number ? -1 : create(wanted, va_arg(args, size_t));
	} else if (number == ADD_RULE) {
		rc = failing == number ? -1 : add_rule(args);
	} else {
		ck_assert_int_eq(number, RESTRICT_SELF);
		ck_assert_int_eq(va_arg(args, int), set);
		rc = failing == number ? -1 : 0;
		restricted = rc >= 0;
	}
	va_end(args);
	if (failing == number)
		errno = failure;
	return rc;
}

static void setup(void)
{
	version = 6;
	memset(&ruleset, 0xff, sizeof(ruleset));
	set = -1;
	nrules = 0;
	restricted = false;
	failing = failure = 0;
	folder = open("/", O_PATH | O_CLOEXEC);
	file = open("/dev/null", O_PATH | O_CLOEXEC);
	ck_assert_int_ge(folder, 0);
	ck_assert_int_ge(file, 0);
}

/* The set of rules ends with the call. */
static void teardown(void)
{
	if (set >= 0)
		ck_assert_int_eq(fcntl(set, F_GETFD), -1);
	vsu_fd_close(&folder);
	vsu_fd_close(&file);
}

#ifndef UNDER_SANITIZER

static const struct {
	long version;
	struct ruleset lost;
} kernels[] = {
	{ 2, { 0x3fff, 0, 0 } },	/* renames to other folders */
	{ 3, { 0x7fff, 0, 0 } },	/* truncation */
	{ 4, { 0x7fff, 3, 0 } },	/* TCP ports */
	{ 5, { 0xffff, 3, 0 } },	/* ioctl() of devices */
	{ 6, { 0xffff, 3, 3 } },	/* abstract sockets and signals */
	{ 99, { 0xffff, 3, 3 } },
};

START_TEST(process_loses_every_right_that_the_kernel_restricts)
{
	version = kernels[_i].version;
	ck_assert_int_eq(landlock_narrow(NULL, 0, false), 0);
	ck_assert_uint_eq(ruleset.files, kernels[_i].lost.files);
	ck_assert_uint_eq(ruleset.ports, kernels[_i].lost.ports);
	ck_assert_uint_eq(ruleset.scopes, kernels[_i].lost.scopes);
	ck_assert(restricted);
}
END_TEST

START_TEST(process_that_connects_keeps_its_ports)
{
	ck_assert_int_eq(landlock_narrow(NULL, 0, true), 0);
	ck_assert_uint_eq(ruleset.files, 0xffff);
	ck_assert_uint_eq(ruleset.ports, 0);
	ck_assert_uint_eq(ruleset.scopes, 3);
}
END_TEST

/* By the numbers of linux/landlock.h; 0: no rule. */
static const struct {
	enum landlock_use use;
	uint64_t of_folder, of_file;
	uint64_t of_old_file;	/* before truncation and ioctl() were restricted */
} uses[] = {
	{ LANDLOCK_FULL, 0x7ffe, 0x4006, 0x6 },
	{ LANDLOCK_READ, 0xc, 0x4, 0x4 },
	{ LANDLOCK_READ_FILE, 0x8004, 0x8004, 0x4 },
	{ LANDLOCK_REMOVE, 0x20, 0, 0 },
	{ LANDLOCK_DEVICE, 0x8006, 0x8006, 0x6 },
	{ LANDLOCK_FILE, 0xc006, 0xc006, 0x6 },
	{ LANDLOCK_SOCKETS, 0x228, 0, 0 },
};

static void assert_rights(int place, enum landlock_use use, uint64_t rights)
{
	const struct landlock_rule rule = { place, use };

	nrules = 0;
	ck_assert_int_eq(landlock_narrow(&rule, 1, false), 0);
	ck_assert_uint_eq(nrules, rights ? 1 : 0);
	if (!rights)
		return;
	ck_assert_uint_eq(rules[0].rights, rights);
	ck_assert_int_eq(rules[0].place, place);
}

START_TEST(rule_permits_what_its_use_requires)
{
	assert_rights(folder, uses[_i].use, uses[_i].of_folder);
	assert_rights(file, uses[_i].use, uses[_i].of_file);
	version = 2;
	assert_rights(file, uses[_i].use, uses[_i].of_old_file);
}
END_TEST

START_TEST(rule_without_a_place_is_ignored)
{
	const struct landlock_rule some[] = {
		{ -1, LANDLOCK_FULL }, { folder, LANDLOCK_READ },
	};

	ck_assert_int_eq(landlock_narrow(some, COUNT(some), false), 0);
	ck_assert_uint_eq(nrules, 1);
	ck_assert_int_eq(rules[0].place, folder);
}
END_TEST

/* Landlock restricts no pipes, sockets and memfds. */
START_TEST(place_that_cannot_be_named_needs_no_rule)
{
	const struct landlock_rule rule = { file, LANDLOCK_FILE };

	failing = ADD_RULE;
	failure = EBADFD;
	ck_assert_int_eq(landlock_narrow(&rule, 1, false), 0);
	ck_assert(restricted);
}
END_TEST

static const long calls[] = { CREATE_RULESET, ADD_RULE, RESTRICT_SELF };

START_TEST(failed_call_restricts_nothing)
{
	const struct landlock_rule some[] = {
		{ folder, LANDLOCK_READ }, { file, LANDLOCK_FILE },
	};

	failing = calls[_i];
	failure = E2BIG;
	ck_assert_int_eq(landlock_narrow(some, COUNT(some), false), -E2BIG);
	ck_assert(!restricted);
}
END_TEST

START_TEST(closed_place_is_an_error)
{
	const struct landlock_rule rule = { 1 << 20, LANDLOCK_FILE };

	ck_assert_int_eq(landlock_narrow(&rule, 1, false), -EBADF);
	ck_assert(!restricted);
}
END_TEST

#endif

static const long old_versions[] = { -1, 0, 1 };

START_TEST(kernel_without_rights_to_rename_is_unsupported)
{
	version = old_versions[_i];
	ck_assert_int_eq(landlock_narrow(NULL, 0, false), -EOPNOTSUPP);
	ck_assert_int_eq(set, -1);
	ck_assert(!restricted);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("landlock");
	TCase *tc = tcase_create("landlock");

	tcase_add_checked_fixture(tc, setup, teardown);
	/* A program with a sanitizer does without Landlock. */
#ifndef UNDER_SANITIZER
	tcase_add_loop_test(tc, process_loses_every_right_that_the_kernel_restricts, 0,
			    COUNT(kernels));
	tcase_add_test(tc, process_that_connects_keeps_its_ports);
	tcase_add_loop_test(tc, rule_permits_what_its_use_requires, 0, COUNT(uses));
	tcase_add_test(tc, rule_without_a_place_is_ignored);
	tcase_add_test(tc, place_that_cannot_be_named_needs_no_rule);
	tcase_add_loop_test(tc, failed_call_restricts_nothing, 0, COUNT(calls));
	tcase_add_test(tc, closed_place_is_an_error);
#endif
	tcase_add_loop_test(tc, kernel_without_rights_to_rename_is_unsupported, 0,
			    COUNT(old_versions));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
