/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about sets of pages, and about pages that are sent and received. */
#include <config.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/sock.h>

#include "../memory.h"
#include "../sparse_file.h"
#include "migration/pages.h"

#define LOW (64 * KIB)		/* length of the first region, at 0 */
#define HIGH (8 * MIB)		/* address of the second, of 16 KiB */
#define PAGE VMM_SET_PAGE

static struct vmm_memory memory;
static struct vmem_map *map;
static struct vmm_page_set set;
static struct vmm_stream here, there;
static struct vsu_error err;

static void add_memory(uint64_t gpa, uint64_t len, const char *properties)
{
	struct vmem_block *block = make_block(properties);

	memory.blocks[memory.nblocks++] = block;
	map = with_piece(map, block, 0, gpa, len);
}

static void setup(void)
{
	int pair[2];

	memset(&memory, 0, sizeof(memory));
	map = empty_map();
	add_memory(0, LOW, "size=64K");
	add_memory(HIGH, 4 * PAGE, "size=16K,backend=memfd");
	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
}

static void teardown(void)
{
	vmm_stream_close(&here);
	vmm_stream_close(&there);
	vmm_page_set_free(&set);
	vmem_map_unref(map);
	while (memory.nblocks > 0)
		vmem_block_unref(memory.blocks[--memory.nblocks]);
}

static void drain(void)
{
	struct vmm_page_run run;
	struct vmm_page_cursor cursor = { 0 };

	while (vmm_page_set_next(&set, &cursor, MIB, &run))
		;
	ck_assert_uint_eq(set.npages, 0);
}

START_TEST(set_begins_with_all_pages)
{
	struct vmm_page_run run;
	struct vmm_page_cursor cursor = { 0 };

	ck_assert_uint_eq(set.npages, 20);
	ck_assert(vmm_page_set_next(&set, &cursor, 10 * PAGE, &run));
	ck_assert_uint_eq(run.len, 10 * PAGE);
	ck_assert(vmm_page_set_next(&set, &cursor, 10 * PAGE, &run));
	ck_assert_uint_eq(run.offset, 10 * PAGE);
	ck_assert_uint_eq(run.len, 6 * PAGE);
	ck_assert(vmm_page_set_next(&set, &cursor, 10 * PAGE, &run));
	ck_assert_uint_eq(run.span->gpa, HIGH);
	ck_assert(!vmm_page_set_next(&set, &cursor, 10 * PAGE, &run));
	ck_assert_uint_eq(set.npages, 0);
}
END_TEST

START_TEST(page_behind_the_cursor_waits_for_the_next_round)
{
	struct vmm_page_run run;
	struct vmm_page_cursor cursor = { 0 };

	drain();
	vmm_page_set_add(&set, 3 * PAGE, 2 * PAGE);
	vmm_page_set_add(&set, 3 * PAGE, PAGE);
	ck_assert_uint_eq(set.npages, 2);
	ck_assert(vmm_page_set_next(&set, &cursor, MIB, &run));
	ck_assert_uint_eq(run.offset, 3 * PAGE);
	ck_assert_uint_eq(run.len, 2 * PAGE);
	vmm_page_set_add(&set, 4 * PAGE, PAGE);
	ck_assert(!vmm_page_set_next(&set, &cursor, MIB, &run));
	cursor.page = 0;
	ck_assert(vmm_page_set_next(&set, &cursor, MIB, &run));
}
END_TEST

/* A third region, whose blocks belong to three parts. */
START_TEST(parts_of_a_set_have_each_page_once)
{
	struct vmm_page_cursor cursor = { .parts = 3 };
	struct vmm_page_run run;
	uint64_t bytes = 0;

	vmm_page_set_free(&set);
	add_memory(16 * MIB, 7 * MIB, "size=7M");
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	vmm_page_set_add(&set, 0, 32 * MIB);
	for (cursor.part = 0; cursor.part < 3; cursor.part++, cursor.page = 0) {
		while (vmm_page_set_next(&set, &cursor, 16 * MIB, &run)) {
			bytes += run.len;
			ck_assert_uint_eq(vmm_page_part(run.offset, 3), cursor.part);
			ck_assert_uint_eq(vmm_page_part(run.offset + run.len - 1, 3),
					  cursor.part);
		}
	}
	ck_assert_uint_eq(bytes, LOW + 4 * PAGE + 7 * MIB);
	ck_assert_uint_eq(set.npages, 0);
}
END_TEST

/* Two windows behind the memory: of plugged memory, and of mapped files. */
START_TEST(plugged_memory_is_sent_and_mapped_files_are_not)
{
	static struct vmm_windows windows;
	struct vmem_block *block = make_block("size=32K,backend=memfd");
	unsigned int i;

	for (i = 0; i < 2; i++) {
		windows.windows[i] = (struct vmm_window){
			.gpa = (i + 1) * 16 * MIB, .len = MIB, .plugged = !i,
		};
		map = with_piece(map, block, i * 4 * PAGE, (i + 1) * 16 * MIB, 4 * PAGE);
	}
	vmem_block_unref(block);
	windows.n = 2;
	vmm_page_set_free(&set);
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, &windows, 2, map, &err), 0);
	ck_assert_uint_eq(set.npages, LOW / PAGE + 4);
	ck_assert_uint_eq(set.span[set.n - 1].gpa, 16 * MIB);
	drain();
	vmm_page_set_add(&set, 16 * MIB, 2 * MIB);
	vmm_page_set_add(&set, 32 * MIB, 4 * PAGE);
	ck_assert_uint_eq(set.npages, 4);
}
END_TEST

START_TEST(addresses_that_are_not_memory_are_not_added)
{
	drain();
	vmm_page_set_add(&set, LOW, 4 * PAGE);
	vmm_page_set_add(&set, UINT64_MAX - PAGE + 1, PAGE);
	ck_assert_uint_eq(set.npages, 0);
	vmm_page_set_add(&set, HIGH - PAGE, 2 * PAGE);
	ck_assert_uint_eq(set.npages, 1);
}
END_TEST

/* The next section is stored; its name must be that. */
static int receive(const char *name)
{
	struct vsu_state_section section;

	ck_assert_int_eq(vmm_stream_expect(&here, name, &section, &err), 0);
	return vmm_pages_receive(map, &section, &err);
}

START_TEST(pages_and_zeros_arrive_in_place_of_what_was_there)
{
	unsigned char *low = vmem_block_hva(memory.blocks[0]), *copy = malloc(LOW);
	struct vmm_page_run run = { .span = &set.span[0], .len = 4 * PAGE };

	memset(low + PAGE, 7, PAGE);
	memcpy(copy, low, LOW);
	ck_assert_int_eq(vmm_pages_send(&there, &run, &err), 0);
	memset(low, 0xee, 4 * PAGE);
	ck_assert_int_eq(receive("zeros"), 0);
	ck_assert_int_eq(receive("pages"), 0);
	ck_assert_int_eq(receive("zeros"), 0);
	ck_assert_int_eq(memcmp(low, copy, LOW), 0);
	free(copy);
}
END_TEST

START_TEST(hole_of_a_file_is_sent_without_being_read)
{
	struct vmm_stream *const streams[] = { &there };

	ck_assert_int_eq(vmm_pages_send_holes(streams, 1, &set, NULL, &err), 0);
	ck_assert_uint_eq(set.npages, 16);	/* pages of the anonymous memory */
	memset(vmem_block_hva(memory.blocks[1]), 1, 4 * PAGE);
	ck_assert_int_eq(receive("zeros"), 0);
	ck_assert_uint_eq(vmem_block_hva(memory.blocks[1])[PAGE], 0);
}
END_TEST

START_TEST(unused_anonymous_memory_is_sent_without_being_read)
{
	const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct vmm_stream *const streams[] = { &there };
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	ck_assert_int_ge(pagemap, 0);
	vmem_block_hva(memory.blocks[0])[0] = 1;
	ck_assert_int_eq(vmm_pages_send_holes(streams, 1, &set, &pagemap, &err), 0);
	ck_assert_uint_eq(set.npages, page / PAGE);
	ck_assert(vmm_page_set_has(&set, 0));
	close(pagemap);
}
END_TEST

/* In KiB, and the pages that have some of the data. */
static const struct { off_t begin, end; uint64_t npages; } small_blocks[] = {
	{ 0, 1, 1 }, { 1, 4, 1 }, { 5, 6, 1 }, { 3, 5, 2 }, { 7, 15, 3 }, { 15, 16, 1 }, { 0, 16, 4 },
};

START_TEST(page_with_data_beside_a_hole_is_not_sent_as_zeros)
{
	struct vmm_stream *const streams[] = { &there };
	uint64_t page;

	sparse_file.begin = small_blocks[_i].begin * KIB;
	sparse_file.end = small_blocks[_i].end * KIB;
	sparse_file.used = true;
	ck_assert_int_eq(vmm_pages_send_holes(streams, 1, &set, NULL, &err), 0);
	sparse_file.used = false;
	ck_assert_uint_eq(set.npages, LOW / PAGE + small_blocks[_i].npages);
	for (page = sparse_file.begin / PAGE; page * PAGE < (uint64_t)sparse_file.end; page++)
		ck_assert(vmm_page_set_has(&set, HIGH + page * PAGE));
}
END_TEST

/* Blocks 0 and 2 of the file over one connection, block 1 over the other. */
START_TEST(hole_of_a_file_is_sent_over_the_connections_of_its_blocks)
{
	struct vmm_stream other;
	struct vmm_stream *const streams[] = { &there, &other };
	const uint64_t sizes[] = { 4 * PAGE, 2 * MIB, 2 * MIB };
	struct vsu_state_section section;
	struct vsu_state_fields f;
	unsigned int i;
	int pair[2];

	vmm_page_set_free(&set);
	add_memory(16 * MIB, 6 * MIB, "size=6M,backend=memfd");
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&other);
	other.fd = pair[0];
	ck_assert_int_eq(vmm_pages_send_holes(streams, 2, &set, NULL, &err), 0);
	for_rows(i, COUNT(sizes)) {
		ck_assert_int_eq(vmm_stream_expect(&here, "zeros", &section, &err), 0);
		vmm_stream_fields(&section, &f);
		vsu_state_get_u64(&f);
		ck_assert_uint_eq(vsu_state_get_u64(&f), sizes[i]);
	}
	vmm_stream_close(&other);
	other.fd = pair[1];
	ck_assert_int_eq(vmm_stream_expect(&other, "zeros", &section, &err), 0);
	vmm_stream_fields(&section, &f);
	ck_assert_uint_eq(vsu_state_get_u64(&f), 18 * MIB);
	vmm_stream_close(&other);
}
END_TEST

static const struct { uint64_t gpa, len; } hostile[] = {
	{ LOW, PAGE }, { LOW - PAGE, 2 * PAGE }, { HIGH + 3 * PAGE, 2 * PAGE },
	{ UINT64_MAX, 2 }, { UINT64_MAX - PAGE + 1, 2 * PAGE }, { 0, UINT64_MAX },
	{ PAGE, UINT64_MAX - PAGE + 2 }, { 0, 0 }, { HIGH - 1, 2 },
};

START_TEST(e2_18_range_that_is_not_memory_is_refused)
{
	vmm_stream_begin(&there, "zeros");
	vsu_state_put_u64(&there.w, hostile[_i].gpa);
	vsu_state_put_u64(&there.w, hostile[_i].len);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(receive("zeros"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "not in guest memory"));
}
END_TEST

START_TEST(e2_18_pages_beyond_their_region_are_refused)
{
	unsigned char bytes[2 * PAGE] = { 1 };

	vmm_stream_begin(&there, "pages");
	vsu_state_put_u64(&there.w, LOW - PAGE);
	vsu_state_put(&there.w, bytes, sizeof(bytes));
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(receive("pages"), -EBADMSG);
}
END_TEST

/* The last bytes of memory that is no multiple of a page, and a part of a page. */
START_TEST(part_of_a_page_is_accepted)
{
	vmm_stream_begin(&there, "pages");
	vsu_state_put_u64(&there.w, HIGH + 4 * PAGE - 3);
	vsu_state_put(&there.w, "abc", 3);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(receive("pages"), 0);
	ck_assert_int_eq(memcmp(vmem_block_hva(memory.blocks[1]) + 4 * PAGE - 3,
				"abc", 3), 0);
}
END_TEST

/* A file of 16 KiB, mapped as ROM at 32 MiB. */
static void add_rom(void)
{
	char path[] = "/tmp/cvmm-rom-XXXXXX", list[128];
	unsigned char bytes[4 * PAGE] = { 0 };
	int fd = mkstemp(path);

	memset(bytes + PAGE, 0x5a, PAGE);
	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	snprintf(list, sizeof(list), "size=16K,backend=file,readonly=on,mem-path=%s", path);
	add_memory(32 * MIB, 4 * PAGE, list);
	close(fd);
	unlink(path);
}

START_TEST(e3_03_rom_is_compared_and_in_no_set)
{
	struct vsu_state_section section;
	unsigned int n = 0;
	int rc;

	add_rom();
	vmm_page_set_free(&set);
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	ck_assert_uint_eq(set.npages, 20);
	ck_assert_int_eq(vmm_pages_send_rom(&there, &memory, map, &err), 0);
	vmm_stream_begin(&there, "ready");
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	do {
		ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), 0);
		rc = vmm_pages_receive(map, &section, &err);
		n += !rc;
	} while (!rc);
	ck_assert_int_eq(rc, 1);
	ck_assert_uint_eq(n, 3);
}
END_TEST

/* A source whose ROM has other content sends pages and zeros where ours differ. */
START_TEST(e3_03_other_rom_is_refused_by_name)
{
	const bool zeros = _i;

	add_rom();
	vmm_stream_begin(&there, zeros ? "zeros" : "pages");
	vsu_state_put_u64(&there.w, 32 * MIB + (zeros ? PAGE : 0));
	if (zeros)
		vsu_state_put_u64(&there.w, PAGE);
	else
		vsu_state_put(&there.w, "x", 1);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(receive(zeros ? "zeros" : "pages"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "the read-only memory at 0x200"));
}
END_TEST

START_TEST(e3_07_zeros_leave_preallocated_pages_allocated)
{
	struct vmem_block *block;
	struct stat st;

	add_memory(16 * MIB, 4 * PAGE, "size=16K,backend=memfd,prealloc=on");
	block = memory.blocks[2];
	memset(vmem_block_hva(block), 1, 4 * PAGE);
	vmm_stream_begin(&there, "zeros");
	vsu_state_put_u64(&there.w, 16 * MIB);
	vsu_state_put_u64(&there.w, 4 * PAGE);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(receive("zeros"), 0);
	ck_assert_uint_eq(vmem_block_hva(block)[3 * PAGE], 0);
	ck_assert_int_eq(fstat(vmem_block_fd(block), &st), 0);
	ck_assert_int_eq(st.st_blocks * 512, 4 * PAGE);
}
END_TEST

/* Its data were in the part that is missing: no hole of zeros. */
START_TEST(e3_05_truncated_file_is_not_sent_as_zeros)
{
	struct vmm_stream *const streams[] = { &there };

	vmm_page_set_free(&set);
	add_memory(16 * MIB, 4 * PAGE, "size=16K,backend=memfd,seal=off");
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	ck_assert_int_eq(ftruncate(vmem_block_fd(memory.blocks[2]), 3 * PAGE), 0);
	ck_assert_int_eq(vmm_pages_send_holes(streams, 1, &set, NULL, &err), -EFAULT);
	ck_assert_str_eq(err.msg, "memory at 0x1000000 is lost: its file was truncated");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("migration");
	TCase *tc = tcase_create("pages");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, set_begins_with_all_pages);
	tcase_add_test(tc, page_behind_the_cursor_waits_for_the_next_round);
	tcase_add_test(tc, parts_of_a_set_have_each_page_once);
	tcase_add_test(tc, plugged_memory_is_sent_and_mapped_files_are_not);
	tcase_add_test(tc, addresses_that_are_not_memory_are_not_added);
	tcase_add_test(tc, pages_and_zeros_arrive_in_place_of_what_was_there);
	tcase_add_test(tc, hole_of_a_file_is_sent_without_being_read);
	tcase_add_test_unless(tc, access("/proc/self/pagemap", R_OK) < 0 ?
			      "the kernel has no CONFIG_PROC_PAGE_MONITOR" : NULL,
			      unused_anonymous_memory_is_sent_without_being_read);
	tcase_add_loop_test(tc, page_with_data_beside_a_hole_is_not_sent_as_zeros, 0,
			    COUNT(small_blocks));
	tcase_add_test(tc, hole_of_a_file_is_sent_over_the_connections_of_its_blocks);
	tcase_add_loop_test(tc, e2_18_range_that_is_not_memory_is_refused, 0,
			    COUNT(hostile));
	tcase_add_test(tc, e2_18_pages_beyond_their_region_are_refused);
	tcase_add_test(tc, part_of_a_page_is_accepted);
	tcase_add_test(tc, e3_03_rom_is_compared_and_in_no_set);
	tcase_add_loop_test(tc, e3_03_other_rom_is_refused_by_name, 0, 2);
	tcase_add_test(tc, e3_07_zeros_leave_preallocated_pages_allocated);
	tcase_add_test(tc, e3_05_truncated_file_is_not_sent_as_zeros);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
