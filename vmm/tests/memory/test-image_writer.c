/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the image of the guest's memory. */
#include <config.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "memory/image.h"
#include "memory/memory_options.h"
#include "../memory.h"
#include "../sparse_file.h"

#define FIRST (UINT64_C(40) << 20)
#define SECOND (UINT64_C(3) << 20)
#define SECOND_GPA (UINT64_C(1) << 30)

static const struct varch_vm no_vm = { .kvm_fd = -1, .vm_fd = -1,
				      .phys_bits = 46 };
static struct vmm_memory memory;
static struct vmm_image_progress progress;
static struct vsu_error err;
static int image;

/* Two regions, more than one slice, the second one from a file in RAM. */
static void make_guest(void)
{
	struct vmm_memory_lists options = {
		.what = "--memory", .n = 2,
		.list = { "size=40M", "size=3M,at=1G,backend=memfd,seal=off" },
	};

	memset(&progress, 0, sizeof(progress));
	ck_assert_int_eq(vmm_memory_parse(&memory, &options, NULL, &err), 0);
	ck_assert_int_eq(vmm_memory_make(&memory, &no_vm, NULL, &err), 0);
	image = memfd_create("image", MFD_CLOEXEC);
	ck_assert_int_ge(image, 0);
}

static void free_guest(void)
{
	close(image);
	vmm_memory_free(&memory);
}

static unsigned char *at(uint64_t gpa)
{
	const struct vmem_map *map = vmm_memory_map(&memory);
	const struct vmem_region *r = vmem_map_region(map, gpa >= SECOND_GPA);

	return (unsigned char *)vmem_region_hva(r) + (gpa - vmem_region_gpa(r));
}

static int write_image(void)
{
	return vmm_image_write(vmm_memory_map(&memory), image, &progress, &err);
}

static void check_region(uint64_t gpa, uint64_t len, uint64_t offset)
{
	void *bytes = mmap(NULL, len, PROT_READ, MAP_SHARED, image, (off_t)offset);

	ck_assert_ptr_ne(bytes, MAP_FAILED);
	ck_assert_int_eq(memcmp(bytes, at(gpa), len), 0);
	munmap(bytes, len);
}

START_TEST(regions_follow_each_other_with_holes_for_zeros)
{
	struct stat st;
	uint64_t gpa;

	/* both sides of each slice's border, and the ends */
	for (gpa = 0; gpa < FIRST; gpa += (8 << 20) - 4096)
		memset(at(gpa), (int)(gpa >> 12) | 1, 5000);
	*at(FIRST - 1) = 7;
	*at(SECOND_GPA) = 8;
	*at(SECOND_GPA + SECOND - 1) = 9;
	ck_assert_int_eq(write_image(), 0);
	ck_assert_int_eq(fstat(image, &st), 0);
	ck_assert_int_eq(st.st_size, FIRST + SECOND);
	ck_assert_int_lt(st.st_blocks * 512, 1 << 20);
	check_region(0, FIRST, 0);
	check_region(SECOND_GPA, SECOND, FIRST);
	ck_assert_uint_eq(progress.total, FIRST + SECOND);
	ck_assert_uint_eq(progress.done, progress.total);
}
END_TEST

START_TEST(cancelled_image_is_not_written)
{
	struct stat st;

	memset(at(0), 1, FIRST);
	progress.cancel = true;
	ck_assert_int_eq(write_image(), -ECANCELED);
	ck_assert_int_eq(fstat(image, &st), 0);
	ck_assert_int_eq(st.st_blocks, 0);
}
END_TEST

START_TEST(failed_write_is_reported)
{
	memset(at(0), 1, FIRST);
	close(image);
	image = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(write_image(), -EINVAL);
	close(image);
	image = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(image, FIRST + SECOND), 0);
	ck_assert_int_eq(fcntl(image, F_ADD_SEALS, F_SEAL_WRITE), 0);
	ck_assert_int_eq(write_image(), -EPERM);
	ck_assert_str_eq(err.msg, "the guest's memory: Operation not permitted");
}
END_TEST

START_TEST(e3_05_truncated_file_is_not_written_as_zeros)
{
	const int fd = vmem_block_fd(memory.blocks[1]);

	*at(SECOND_GPA) = 1;
	ck_assert_int_eq(ftruncate(fd, SECOND - 4096), 0);
	ck_assert_int_eq(write_image(), -EFAULT);
	ck_assert_str_eq(err.msg, "a part of the guest's memory is lost: its file was truncated");
}
END_TEST

/* The second file's data begin at 1 KiB; the checksums are those of whole pages. */
START_TEST(checksums_of_a_page_that_begins_with_a_hole_are_those_of_the_page)
{
	const uint64_t slice = FIRST / VMM_IMAGE_SLICE;
	struct vmm_image_sums sums, expected;

	memset(at(SECOND_GPA) + 1024, 1, 8192);
	ck_assert_int_eq(vmm_image_sums_new(&expected, FIRST + SECOND), 0);
	vmm_image_sums_add(&expected, FIRST, at(SECOND_GPA), 3 * VMM_IMAGE_PAGE);
	progress.sums = &sums;
	sparse_file.begin = 1024;
	sparse_file.end = 1024 + 8192;
	sparse_file.used = true;
	ck_assert_int_eq(write_image(), 0);
	sparse_file.used = false;
	ck_assert_uint_eq(sums.list[slice], expected.list[slice]);
	check_region(SECOND_GPA, SECOND, FIRST);
	vmm_image_sums_free(&sums);
	vmm_image_sums_free(&expected);
}
END_TEST

/* The first region is anonymous. */
static uint64_t entry_of(int pagemap, uint64_t gpa)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t entry;

	ck_assert_int_eq(pread(pagemap, &entry, 8, (off_t)((uint64_t)(uintptr_t)at(gpa) / page * 8)), 8);
	return entry;
}

START_TEST(unused_pages_are_not_read)
{
	const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(pagemap, 0);
	memset(at(5 << 20), 1, 5000);
	*at(FIRST - 1) = 7;
	progress.pagemap = &pagemap;
	ck_assert_int_eq(write_image(), 0);
	ck_assert(!vmm_page_is_used(entry_of(pagemap, 20 << 20)));
	ck_assert(!vmm_page_is_used(entry_of(pagemap, 30 << 20)));
	check_region(0, FIRST, 0);
	check_region(SECOND_GPA, SECOND, FIRST);
	close(pagemap);
}
END_TEST

/* A page map of this test, which denies what it does not name. */
START_TEST(swapped_pages_are_read)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), entry = VMM_PAGE_SWAPPED;
	const uint64_t first = (uint64_t)(uintptr_t)at(0) / page;
	const int pagemap = memfd_create("pagemap", MFD_CLOEXEC);
	unsigned char byte;

	memset(at(0), 3, 4 * page);
	ck_assert_int_eq(ftruncate(pagemap, (off_t)((first + FIRST / page) * 8)), 0);
	ck_assert_int_eq(pwrite(pagemap, &entry, 8, (off_t)((first + 2) * 8)), 8);
	progress.pagemap = &pagemap;
	ck_assert_int_eq(write_image(), 0);
	ck_assert_int_eq(pread(image, &byte, 1, (off_t)(2 * page)), 1);
	ck_assert_int_eq(byte, 3);
	ck_assert_int_eq(pread(image, &byte, 1, (off_t)page), 1);
	ck_assert_int_eq(byte, 0);
	close(pagemap);
}
END_TEST

START_TEST(all_is_read_if_the_page_map_cannot_be)
{
	const int pagemap = memfd_create("pagemap", MFD_CLOEXEC);

	memset(at(0), 3, FIRST);
	progress.pagemap = &pagemap;
	ck_assert_int_eq(write_image(), 0);
	check_region(0, FIRST, 0);
	close(pagemap);
}
END_TEST

/* No data follow, and the file reaches the end. */
START_TEST(hole_at_the_end_of_a_file_is_zeros)
{
	*at(SECOND_GPA) = 1;
	ck_assert_int_eq(write_image(), 0);
	check_region(SECOND_GPA, SECOND, FIRST);
}
END_TEST

/* Another process truncates the file meanwhile. */
START_TEST(e3_05_loss_is_found_after_the_memory_was_read)
{
	const int fd = vmem_block_fd(memory.blocks[1]);

	ck_assert_int_eq(vmm_memory_check_loss(&memory, 0, &err), 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(vmm_memory_check_loss(&memory, 0, &err), -EFAULT);
	ck_assert_str_eq(err.msg, "memory at 0x40000000 is lost: its file was truncated");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("image");
	TCase *tc = tcase_create("image");

	tcase_add_checked_fixture(tc, make_guest, free_guest);
	tcase_add_test(tc, regions_follow_each_other_with_holes_for_zeros);
	tcase_add_test(tc, cancelled_image_is_not_written);
	tcase_add_test(tc, failed_write_is_reported);
	tcase_add_test(tc, e3_05_truncated_file_is_not_written_as_zeros);
	tcase_add_test(tc, checksums_of_a_page_that_begins_with_a_hole_are_those_of_the_page);
	tcase_add_test_unless(tc, access("/proc/self/pagemap", R_OK) < 0 ?
			      "the kernel has no CONFIG_PROC_PAGE_MONITOR" : NULL,
			      unused_pages_are_not_read);
	tcase_add_test(tc, swapped_pages_are_read);
	tcase_add_test(tc, all_is_read_if_the_page_map_cannot_be);
	tcase_add_test(tc, hole_at_the_end_of_a_file_is_zeros);
	tcase_add_test(tc, e3_05_loss_is_found_after_the_memory_was_read);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
