/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about working sets: which pages are recorded, and files from anyone. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/working_set.h"
#include "../memory.h"
#include "host_page.h"

#define PAGE 4096u
#define HEADER 16u		/* in front of the checksums */
#define FILE_SIZE (64u * PAGE)

static struct vmm_working_set set;
static struct vsu_state_writer w;
static struct vsu_error err;

static void setup(void)
{
	memset(&set, 0, sizeof(set));
	memset(&w, 0, sizeof(w));
	vsu_error_clear(&err);
}

static void teardown(void)
{
	vmm_working_set_free(&set);
	free(w.out.bytes);
}

/* ---------------------------------------------------------------------- files */

struct pair { uint64_t at, len; };

/* A file with these ranges, and its parse. */
static int parse(const struct pair *pairs, size_t n)
{
	struct vsu_state state;
	size_t i;

	vsu_state_begin(&w, NULL);
	vsu_state_section(&w, "working-set", 0);
	for (i = 0; i < n; i++) {
		vsu_state_put_u64(&w, pairs[i].at);
		vsu_state_put_u64(&w, pairs[i].len);
	}
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	return vmm_working_set_get(&set, &state, FILE_SIZE, &err);
}

START_TEST(ranges_survive_a_file)
{
	static const struct pair pairs[] = { { 0, PAGE }, { 4 * PAGE, 8 * PAGE },
					     { FILE_SIZE - PAGE, PAGE } };
	struct vsu_state_writer again = { 0 };

	ck_assert_int_eq(parse(pairs, 3), 0);
	ck_assert_uint_eq(set.n, 3);
	ck_assert_uint_eq(set.bytes, 10 * PAGE);
	ck_assert_int_eq(vmm_working_set_put(&set, &again, &err), 0);
	ck_assert_uint_eq(again.out.len, w.out.len);
	ck_assert_mem_eq(again.out.bytes, w.out.bytes, w.out.len);
	free(again.out.bytes);
}
END_TEST

START_TEST(empty_set_is_valid)
{
	ck_assert_int_eq(parse(NULL, 0), 0);
	ck_assert_uint_eq(set.n, 0);
}
END_TEST

static const struct pair impossible[][2] = {
	{ { 0, 0 } },					/* empty */
	{ { 1, PAGE } },				/* not aligned */
	{ { 0, PAGE + 1 } },
	{ { FILE_SIZE, PAGE } },			/* behind the end */
	{ { FILE_SIZE - PAGE, 2 * PAGE } },
	{ { 0, UINT64_MAX & ~(uint64_t)(PAGE - 1) } },
	{ { UINT64_MAX & ~(uint64_t)(PAGE - 1), PAGE } },
	{ { 0, 2 * PAGE }, { PAGE, PAGE } },		/* overlapping */
	{ { 4 * PAGE, PAGE }, { 0, PAGE } },		/* descending */
	{ { 0, PAGE }, { 0, PAGE } },			/* repeated */
};

START_TEST(e2_29_impossible_ranges_are_refused)
{
	ck_assert_int_eq(parse(impossible[_i], impossible[_i][1].len ? 2 : 1), -EBADMSG);
	ck_assert_str_eq(err.msg, "the working set has a range that is not in the saved memory");
	ck_assert_ptr_null(set.ranges);
}
END_TEST

START_TEST(e2_29_truncated_and_damaged_files_are_refused)
{
	static const struct pair pairs[] = { { 0, PAGE } };
	struct vsu_state state;
	size_t i;

	ck_assert_int_eq(parse(pairs, 1), 0);
	for (i = 0; i < w.out.len; i++) {
		vmm_working_set_free(&set);
		state = (struct vsu_state){ w.out.bytes, i };
		ck_assert_int_lt(vmm_working_set_get(&set, &state, FILE_SIZE, &err), 0);
		if (i < HEADER)
			continue;
		w.out.bytes[i] ^= 1;
		state.len = w.out.len;
		ck_assert_int_lt(vmm_working_set_get(&set, &state, FILE_SIZE, &err), 0);
		w.out.bytes[i] ^= 1;
	}
}
END_TEST

/* Behind a whole one. */
START_TEST(e2_29_half_a_range_is_refused)
{
	struct vsu_state state;

	vsu_state_begin(&w, NULL);
	vsu_state_section(&w, "working-set", 0);
	vsu_state_put_u64(&w, 0);
	vsu_state_put_u64(&w, PAGE);
	vsu_state_put_u64(&w, 2 * PAGE);
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	ck_assert_int_eq(vmm_working_set_get(&set, &state, FILE_SIZE, &err), -EBADMSG);
	ck_assert_ptr_null(set.ranges);
}
END_TEST

/* ---------------------------------------------------------------------- pages */

/* Memory that is mapped privately from a file, as of a saved machine. */
static struct vmem_map *map_file(struct vmm_memory *memory)
{
	char path[] = "/tmp/cvmm-working-XXXXXX", list[128];
	static char bytes[FILE_SIZE];
	int fd = mkstemp(path);

	memset(memory, 0, sizeof(*memory));
	memset(bytes, 1, sizeof(bytes));
	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	close(fd);
	snprintf(list, sizeof(list), "size=%u,backend=file,mem-path=%s,share=off,readonly=on,rom=off",
		 FILE_SIZE, path);
	memory->blocks[memory->nblocks++] = make_block(list);
	unlink(path);
	return with_piece(empty_map(), memory->blocks[0], 0, 0, FILE_SIZE);
}

static bool is_recorded(uint64_t at)
{
	size_t i;

	for (i = 0; i < set.n; i++)
		if (at >= set.ranges[i].at && at < set.ranges[i].at + set.ranges[i].len)
			return true;
	return false;
}

START_TEST(used_pages_are_recorded)
{
	struct vmm_memory memory;
	struct vmem_map *map;
	bool stop = false;
	unsigned char *hva;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(pagemap, 0);
	map = map_file(&memory);
	hva = vmem_region_hva(vmem_map_region(map, 0));
	ck_assert_int_eq(madvise(hva, FILE_SIZE, MADV_RANDOM), 0);
	hva[3 * PAGE] = 2;
	hva[60 * PAGE] = 2;
	ck_assert_int_eq(vmm_working_set_record(&set, &memory, map, pagemap, &stop, &err), 0);
	ck_assert(is_recorded(3 * PAGE));
	ck_assert(is_recorded(60 * PAGE));
	ck_assert_uint_lt(set.bytes, FILE_SIZE);
	stop = true;
	vmm_working_set_free(&set);
	ck_assert_int_eq(vmm_working_set_record(&set, &memory, map, pagemap, &stop, &err),
			 -ECANCELED);
	vmem_map_unref(map);
	vmem_block_unref(memory.blocks[0]);
	close(pagemap);
}
END_TEST

/* An entry of the page map is a page of the host. */
START_TEST(pages_of_the_host_are_recorded)
{
	const uint64_t size = 16384, present = UINT64_C(1) << 63;
	const int pagemap = memfd_create("pagemap", MFD_CLOEXEC);
	struct vmm_memory memory;
	struct vmem_map *map;
	bool stop = false;
	uint64_t first;

	map = map_file(&memory);
	first = (uint64_t)(uintptr_t)vmem_region_hva(vmem_map_region(map, 0)) / size;
	ck_assert_int_eq(ftruncate(pagemap, (off_t)((first + FILE_SIZE / size) * 8)), 0);
	ck_assert_int_eq(pwrite(pagemap, &present, 8, (off_t)((first + 2) * 8)), 8);
	host_page = (long)size;
	ck_assert_int_eq(vmm_working_set_record(&set, &memory, map, pagemap, &stop, &err), 0);
	host_page = 0;
	ck_assert_uint_eq(set.n, 1);
	ck_assert_uint_eq(set.ranges[0].at, 2 * size);
	ck_assert_uint_eq(set.ranges[0].len, size);
	vmem_map_unref(map);
	vmem_block_unref(memory.blocks[0]);
	close(pagemap);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("working_set");
	TCase *tc = tcase_create("working_set");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ranges_survive_a_file);
	tcase_add_test(tc, empty_set_is_valid);
	tcase_add_loop_test(tc, e2_29_impossible_ranges_are_refused, 0, (int)COUNT(impossible));
	tcase_add_test(tc, e2_29_truncated_and_damaged_files_are_refused);
	tcase_add_test(tc, e2_29_half_a_range_is_refused);
	tcase_add_test_unless(tc, access("/proc/self/pagemap", R_OK) < 0 ?
			      "the kernel has no CONFIG_PROC_PAGE_MONITOR" : NULL,
			      used_pages_are_recorded);
	tcase_add_test(tc, pages_of_the_host_are_recorded);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
