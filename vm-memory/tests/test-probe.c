/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the search for a page of memory that cannot be allocated. */
#include <config.h>

#include "util.h"

#define PRESENT UINT64_C(4096)	/* pages that are present: as many as are looked at at once */
#define MORE UINT64_C(200)	/* pages behind them */

static struct vmem_block *block;

/* A file with this many pages behind the present ones; the mapping is longer. */
static void map_file(uint64_t pages, uint32_t flags)
{
	static unsigned char bytes[PRESENT];
	const uint64_t len = (PRESENT + MORE) * PAGE;
	int fd = memfd_create("probe", MFD_CLOEXEC);
	uint64_t i;

	ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
	ck_assert_int_eq(new_block_fd(fd, 0, len, flags, &block), 0);
	for (i = 0; i < PAGE; i++)
		ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), (off_t)(i * sizeof(bytes))), sizeof(bytes));
	ck_assert_int_eq(ftruncate(fd, (off_t)((PRESENT + pages) * PAGE)), 0);
	close(fd);
}

static void teardown(void)
{
	vmem_block_unref(block);
}

/* NULL, or the reason why no page counts as missing. */
static const char *no_populate(void)
{
	return madvise(NULL, 0, 22) ? "the kernel lacks MADV_POPULATE_READ" : NULL;
}

START_TEST(page_behind_the_end_of_its_file_is_found)
{
	uint64_t off = 0;

	map_file((uint64_t)_i, _i % 2 ? RW_SHARED : VMEM_BLOCK_SHARED);
	ck_assert(vmem_block_find_missing(block, 0, (PRESENT + MORE) * PAGE, &off));
	ck_assert_uint_eq(off, (PRESENT + (uint64_t)_i) * PAGE);
	ck_assert(vmem_block_find_missing(block, PRESENT * PAGE, MORE * PAGE, &off));
	ck_assert_uint_eq(off, (PRESENT + (uint64_t)_i) * PAGE);
}
END_TEST

START_TEST(memory_whose_pages_can_be_allocated_has_none)
{
	uint64_t off = 0;

	map_file(MORE, RW_SHARED);
	ck_assert(!vmem_block_find_missing(block, 0, (PRESENT + MORE) * PAGE, &off));
	ck_assert(!vmem_block_find_missing(block, 0, PRESENT * PAGE, &off));
}
END_TEST

/* Each allocates a page. */
START_TEST(number_of_requested_pages_is_limited)
{
	unsigned char present[MORE];
	unsigned int i, n = 0;
	uint64_t off = 0;

	map_file(MORE - 1, RW_SHARED);
	ck_assert(!vmem_block_find_missing(block, 0, (PRESENT + MORE) * PAGE, &off));
	ck_assert_int_eq(mincore(vmem_block_hva(block) + PRESENT * PAGE, (MORE - 1) * PAGE, present), 0);
	for (i = 0; i < MORE - 1; i++)
		n += present[i] & 1;
	ck_assert_uint_eq(n, 128);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("probe");
	TCase *tc = tcase_create("probe");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test_unless(tc, no_populate(), page_behind_the_end_of_its_file_is_found, 0, 3);
	tcase_add_test(tc, memory_whose_pages_can_be_allocated_has_none);
	tcase_add_test_unless(tc, no_populate(), number_of_requested_pages_is_limited);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
