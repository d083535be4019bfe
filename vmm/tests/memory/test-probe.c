/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the search for a page of memory that cannot be allocated. */
#include <config.h>

#include <sys/mman.h>

#include "memory/probe.h"
#include "../util.h"

#define PRESENT UINT64_C(4096)	/* pages that are present: as many as are looked at at once */
#define MORE UINT64_C(200)	/* pages behind them */

static uint64_t page;
static unsigned char *hva;

/* A file with this many pages behind the present ones; the mapping is longer. */
static void map_file(uint64_t pages)
{
	const uint64_t len = (PRESENT + MORE) * page;
	int fd = memfd_create("probe", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)((PRESENT + pages) * page)), 0);
	hva = mmap(NULL, len + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(hva, MAP_FAILED);
	ck_assert_ptr_eq(mmap(hva, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), hva);
	ck_assert_int_eq(munmap(hva + len, page), 0);
	memset(hva, 1, PRESENT * page);
	close(fd);
}

static void setup(void)
{
	page = (uint64_t)sysconf(_SC_PAGESIZE);
}

static void teardown(void)
{
	munmap(hva, (PRESENT + MORE) * page);
}

/* NULL, or the reason why no page counts as missing. */
static const char *no_populate(void)
{
	return madvise(NULL, 0, 22) ? "the kernel lacks MADV_POPULATE_READ" : NULL;
}

START_TEST(page_behind_the_end_of_its_file_is_found)
{
	uint64_t off = 0;

	map_file((uint64_t)_i);
	ck_assert(vmm_probe(hva, (PRESENT + MORE) * page, page, _i % 2, &off));
	ck_assert_uint_eq(off, (PRESENT + (uint64_t)_i) * page);
}
END_TEST

START_TEST(memory_whose_pages_can_be_allocated_has_none)
{
	uint64_t off = 0;

	map_file(MORE);
	ck_assert(!vmm_probe(hva, (PRESENT + MORE) * page, page, true, &off));
	ck_assert(!vmm_probe(hva, PRESENT * page, page, false, &off));
}
END_TEST

/* Each allocates a page. */
START_TEST(number_of_requested_pages_is_limited)
{
	unsigned char present[MORE];
	unsigned int i, n = 0;
	uint64_t off = 0;

	map_file(MORE - 1);
	ck_assert(!vmm_probe(hva, (PRESENT + MORE) * page, page, true, &off));
	ck_assert_int_eq(mincore(hva + PRESENT * page, MORE * page, present), 0);
	for (i = 0; i < MORE; i++)
		n += present[i] & 1;
	ck_assert_uint_eq(n, 128);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("probe");
	TCase *tc = tcase_create("probe");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test_unless(tc, no_populate(), page_behind_the_end_of_its_file_is_found, 0, 3);
	tcase_add_test(tc, memory_whose_pages_can_be_allocated_has_none);
	tcase_add_test_unless(tc, no_populate(), number_of_requested_pages_is_limited);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
