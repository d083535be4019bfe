/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about which pages of memory files are loaded ahead of the guest. */
#include <config.h>

#include "memory/prefetch.h"
#include "../memory.h"
#include "host_page.h"

#define PAGE UINT64_C(4096)
#define LEN (8 * MIB)		/* of each block */
#define STEP (2 * MIB)		/* that is loaded at once */
#define POPULATE 22		/* MADV_POPULATE_READ */

static struct vmm_memory memory;
static struct vmem_map *map;
static struct vmem_block *other;	/* of a device, not of the machine */
static int fd;			/* of the file behind the memory */

/* Loaded parts, by file position. */
static struct {
	uint64_t at, len;
	int advice;
} loads[16];
static unsigned int nloads;
static int failing, failure;	/* advice that fails, and its error */

static const unsigned char *first_hva;	/* of the file's memory */
static bool prefetches;

int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);

int __wrap_madvise(void *at, size_t len, int advice)
{
	const uint64_t pos = (uint64_t)((unsigned char *)at - first_hva);

	if (!prefetches)
		return __real_madvise(at, len, advice);
	ck_assert_msg(pos < LEN, "other memory was loaded");
	ck_assert_uint_lt(nloads, COUNT(loads));
	if (host_page && pos % (uint64_t)host_page) {
		errno = EINVAL;
		return -1;
	}
	loads[nloads].at = pos;
	loads[nloads].advice = advice;
	loads[nloads++].len = len;
	errno = failure;
	return advice == failing ? -1 : 0;
}

static void *nothing(void *arg)
{
	return arg;
}

int __real_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);
int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);

/* The work is complete when the thread begins. */
int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg)
{
	fn(arg);
	return __real_vsu_thread_start(threads, id, nothing, NULL);
}

/* Without the third quarter of the file; memory without a file; and a device's file. */
static void make_map(void)
{
	map = with_piece(empty_map(), memory.blocks[0], 0, 0, 4 * MIB);
	map = with_piece(map, memory.blocks[0], 6 * MIB, GIB, 2 * MIB);
	map = with_piece(map, memory.blocks[1], 0, 2 * GIB, LEN);
	map = with_piece(map, other, 0, 3 * GIB, LEN);
}

static void setup(void)
{
	char path[] = "/tmp/test-prefetch.XXXXXX", list[128];

	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)LEN), 0);
	snprintf(list, sizeof(list), "size=8M,backend=file,mem-path=%s,share=off,readonly=on,rom=off", path);
	memset(&memory, 0, sizeof(memory));
	memory.blocks[memory.nblocks++] = make_block(list);
	memory.blocks[memory.nblocks++] = make_block("size=8M,backend=memfd");
	other = make_block(list);
	unlink(path);
	first_hva = vmem_block_hva(memory.blocks[0]);
	memset(vmem_block_hva(memory.blocks[1]), 1, LEN);
	make_map();
	nloads = 0;
	failing = failure = 0;
}

static void teardown(void)
{
	vmem_map_unref(map);
	vmem_block_unref(other);
	while (memory.nblocks > 0)
		vmem_block_unref(memory.blocks[--memory.nblocks]);
	close(fd);
}

static struct vmm_working_set make_set(const struct vmm_working_range *ranges, size_t n)
{
	struct vmm_working_set set = { .n = n };

	set.ranges = malloc(n * sizeof(*ranges));
	ck_assert_ptr_nonnull(set.ranges);
	memcpy(set.ranges, ranges, n * sizeof(*ranges));
	return set;
}

static void prefetch(struct vmm_working_set *set)
{
	struct vmm_prefetch *p;

	prefetches = true;
	ck_assert_int_eq(vmm_prefetch_new(&memory, map, set, &p, NULL), 0);
	vmm_prefetch_free(p);
	prefetches = false;
}

static void write_data(uint64_t at, uint64_t len)
{
	static const unsigned char bytes[PAGE] = { 1 };

	for (; len; at += PAGE, len -= PAGE)
		ck_assert_int_eq(pwrite(fd, bytes, PAGE, (off_t)at), (ssize_t)PAGE);
}

static bool is_loaded(uint64_t at)
{
	unsigned int i;

	for (i = 0; i < nloads; i++)
		if (at >= loads[i].at && at - loads[i].at < loads[i].len)
			return true;
	return false;
}

START_TEST(data_of_the_file_is_loaded_without_its_holes)
{
	write_data(PAGE, PAGE);
	write_data(5 * MIB, PAGE);	/* not in the guest's memory */
	write_data(7 * MIB, PAGE);
	prefetch(NULL);
	ck_assert_uint_eq(nloads, 2);
	ck_assert(is_loaded(PAGE) && is_loaded(7 * MIB));
	ck_assert(!is_loaded(2 * MIB) && !is_loaded(5 * MIB) && !is_loaded(6 * MIB));
	ck_assert_int_eq(loads[0].advice, POPULATE);
}
END_TEST

START_TEST(long_parts_are_loaded_in_steps)
{
	write_data(0, LEN);
	prefetch(NULL);
	ck_assert_uint_eq(nloads, 3);
	ck_assert_uint_eq(loads[1].at, STEP);
	ck_assert_uint_eq(loads[2].at, 6 * MIB);
	ck_assert_uint_eq(loads[0].len + loads[1].len + loads[2].len, 3 * STEP);
}
END_TEST

START_TEST(working_set_is_loaded_as_far_as_it_is_mapped)
{
	static const struct vmm_working_range ranges[] = {
		{ 0, PAGE }, { 3 * MIB, 4 * MIB }, { 7 * MIB + PAGE, PAGE },
	};
	struct vmm_working_set set = make_set(ranges, COUNT(ranges));

	prefetch(&set);
	ck_assert_uint_eq(nloads, 4);
	ck_assert_uint_eq(loads[0].len, PAGE);
	ck_assert_uint_eq(loads[1].at, 3 * MIB);
	ck_assert_uint_eq(loads[1].len, MIB);
	ck_assert_uint_eq(loads[2].at, 6 * MIB);
	ck_assert_uint_eq(loads[2].len, MIB);
	ck_assert_uint_eq(loads[3].at, 7 * MIB + PAGE);
	ck_assert_uint_eq(loads[3].len, PAGE);
}
END_TEST

/* Another host has written the file: its parts begin at multiples of 4 KiB. */
START_TEST(parts_are_loaded_from_a_page_of_the_host_on)
{
	static const struct vmm_working_range ranges[] = {
		{ PAGE, PAGE }, { 3 * MIB + 17 * PAGE, PAGE },
	};
	struct vmm_working_set set = make_set(ranges, COUNT(ranges));

	host_page = 16 * PAGE;
	prefetch(&set);
	host_page = 0;
	ck_assert_uint_eq(nloads, 2);
	ck_assert_uint_eq(loads[0].at, 0);
	ck_assert_uint_eq(loads[0].len, 2 * PAGE);
	ck_assert_uint_eq(loads[1].at, 3 * MIB + 16 * PAGE);
	ck_assert_uint_eq(loads[1].len, 2 * PAGE);
}
END_TEST

/* Before Linux 5.14 */
START_TEST(kernel_without_populate_reads_the_file)
{
	write_data(0, PAGE);
	failing = POPULATE;
	failure = EINVAL;
	prefetch(NULL);
	ck_assert_uint_eq(nloads, 2);
	ck_assert_int_eq(loads[1].advice, MADV_WILLNEED);
}
END_TEST

START_TEST(file_that_was_truncated_ends_it)
{
	write_data(0, LEN);
	failing = POPULATE;
	failure = EFAULT;
	prefetch(NULL);
	ck_assert_uint_eq(nloads, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prefetch");
	TCase *tc = tcase_create("prefetch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, data_of_the_file_is_loaded_without_its_holes);
	tcase_add_test(tc, long_parts_are_loaded_in_steps);
	tcase_add_test(tc, working_set_is_loaded_as_far_as_it_is_mapped);
	tcase_add_test(tc, parts_are_loaded_from_a_page_of_the_host_on);
	tcase_add_test(tc, kernel_without_populate_reads_the_file);
	tcase_add_test(tc, file_that_was_truncated_ends_it);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
