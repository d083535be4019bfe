/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Builders that the tests of this folder share. */
#ifndef VMEM_TESTS_UTIL_H
#define VMEM_TESTS_UTIL_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/fd.h>

/*
 * Check writes and reads a record of each assertion that holds, so that it can report the
 * last one before a crash. Assertions of a loop are recorded once, because they would take most
 * of its time.
 */
static __thread int noted_line __attribute__((unused));
#define _mark_point(file, line) \
	(noted_line == (line) ? (void)0 \
			      : (noted_line = (line), (_mark_point)(file, line)))

#define KIB 1024ull
#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

#define RW_SHARED (VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED)

/* n times the environment's TEST_SCALE (0.1 in slow builds); at least 1. */
static inline unsigned int scaled(unsigned int n)
{
	const char *text = getenv("TEST_SCALE");
	double scale = text ? strtod(text, NULL) : 1;

	if (!(scale > 0 && scale < 1))
		return n;
	return n * scale > 1 ? (unsigned int)(n * scale) : 1;
}

static inline uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A memfd whose byte i is (i / 256) ^ i, which identifies each position. */
static inline unsigned char pattern(uint64_t i)
{
	return (unsigned char)((i >> 8) ^ i);
}

static inline int make_memfd(uint64_t size)
{
	unsigned char buf[4096];
	uint64_t at, i, n;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	for (at = 0; at < size; at += n) {
		n = size - at < sizeof(buf) ? size - at : sizeof(buf);
		for (i = 0; i < n; i++)
			buf[i] = pattern(at + i);
		ck_assert_int_eq(pwrite(fd, buf, n, (off_t)at), (ssize_t)n);
	}
	return fd;
}

static inline int new_block_fd(int fd, uint64_t fd_offset, uint64_t len,
			       uint32_t flags, struct vmem_block **out)
{
	struct vmem_fd_desc d = { fd, flags, fd_offset, len, NULL,
				  NULL };

	return vmem_block_new_fd(&d, out, NULL);
}

/* A writable shared block over a new memfd with the pattern in it. */
static inline struct vmem_block *make_block(uint64_t len)
{
	struct vmem_block *block = NULL;
	int fd = make_memfd(len);

	ck_assert_int_eq(new_block_fd(fd, 0, len, RW_SHARED, &block), 0);
	close(fd);
	return block;
}

static inline struct vmem_region *region_of(struct vmem_block *block,
					    uint64_t offset, uint64_t gpa,
					    uint64_t len, uint32_t flags)
{
	struct vmem_region_desc d = { block, offset, gpa, len, flags, 0 };
	struct vmem_region *region = NULL;

	ck_assert_int_eq(vmem_region_new(&d, &region, NULL), 0);
	return region;
}

/* A region over a block of its own. */
static inline struct vmem_region *make_region(uint64_t gpa, uint64_t len,
					      uint32_t flags)
{
	struct vmem_block *block = make_block(len);
	struct vmem_region *region = region_of(block, 0, gpa, len, flags);

	vmem_block_unref(block);
	return region;
}

/* *map with the region in it; takes both references. */
static inline void put_region(struct vmem_map **map, struct vmem_region *region)
{
	struct vmem_map *bigger = NULL;

	ck_assert_int_eq(vmem_map_add(*map, region, &bigger, NULL), 0);
	vmem_region_unref(region);
	vmem_map_unref(*map);
	*map = bigger;
}

/* [0, 0x400) and [0x400, 0x800) adjacent, [0x1000, 0x1400) behind a hole. */
static inline struct vmem_map *make_map(void)
{
	struct vmem_map *map;

	ck_assert_int_eq(vmem_map_new(&map), 0);
	put_region(&map, make_region(0, 0x400, 0));
	put_region(&map, make_region(0x400, 0x400, 0));
	put_region(&map, make_region(0x1000, 0x400, 0));
	return map;
}

/* By the signal itself, not by what a sanitizer makes of it. */
static inline void die_of_faults(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
}

/* In place of a test that cannot run here. */
static inline void test_nothing(int row)
{
	(void)row;
}

/* Counts a test as skipped: its name has the directive of TAP. */
static inline void tcase_add_skipped(TCase *tc, const char *file, const char *test,
				     const char *why, int start, int end)
{
	static char names[16][160];
	static unsigned int n;

	if (n == sizeof(names) / sizeof(names[0]))
		abort();
	snprintf(names[n], sizeof(names[n]), "%s # SKIP %s", test, why);
#if CHECK_MAJOR_VERSION > 0 || CHECK_MINOR_VERSION >= 13
	static TTest tests[sizeof(names) / sizeof(names[0])];

	tests[n] = (TTest){ names[n], test_nothing, file, 0 };
	_tcase_add_test(tc, &tests[n], 0, 0, start, end);
#else
	(void)file;
	_tcase_add_test(tc, test_nothing, names[n], 0, 0, start, end);
#endif
	n++;
}

/* Adds a test, unless there is a reason why it cannot run on this host; or NULL. */
#define tcase_add_loop_test_unless(tc, reason, test, start, end) do {	\
	const char *why_ = (reason);					\
									\
	if (why_)							\
		tcase_add_skipped(tc, __FILE__, #test, why_, start, end); \
	else								\
		tcase_add_loop_test(tc, test, start, end);		\
} while (0)
#define tcase_add_test_unless(tc, reason, test) \
	tcase_add_loop_test_unless(tc, reason, test, 0, 1)

/* The time limit of a test, by hand as under make, unless the environment has another. */
static void __attribute__((constructor)) set_time_limit(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "120", 0);
}

/* The report by TAP lacks the row of a loop test. */
static inline int run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	if (failed && getenv("CK_TAP_LOG_FILE_NAME"))
		srunner_print(sr, CK_NORMAL);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * Runs each case in a process of its own, even with CK_FORK=no, because the cases change
 * their process. With TEST_FORK set, CK_FORK decides, for a debugger.
 */
static inline int run_suite_apart(Suite *s)
{
	if (!getenv("TEST_FORK"))
		setenv("CK_FORK", "yes", 1);
	return run_suite(s);
}

#endif
