/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the checksums of a saved memory. */
#include <config.h>

#include <sys/mman.h>

#include "memory/image_sums.h"
#include "../util.h"

#define TOTAL (VMM_IMAGE_SLICE + (UINT64_C(3) << 20))
#define PAGE VMM_IMAGE_PAGE

static struct vsu_state_writer w;
static struct vsu_state state;
static struct vsu_error err;
static unsigned char page[PAGE];
static int fd;

static void put_page(struct vmm_image_sums *sums, uint64_t at, int byte)
{
	memset(page, byte, sizeof(page));
	ck_assert_int_eq(pwrite(fd, page, PAGE, (off_t)at), PAGE);
	vmm_image_sums_add(sums, at, page, PAGE);
}

static void finish(void)
{
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	ck_assert_int_eq(vsu_state_check(&state, NULL, &err), 0);
}

static void setup(void)
{
	struct vmm_image_sums sums;

	memset(&w, 0, sizeof(w));
	vsu_error_clear(&err);
	fd = memfd_create("memory", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, (off_t)TOTAL), 0);
	ck_assert_int_eq(vmm_image_sums_new(&sums, TOTAL), 0);
	put_page(&sums, 0, 1);
	put_page(&sums, 7 * PAGE, 2);
	put_page(&sums, VMM_IMAGE_SLICE, 3);
	put_page(&sums, TOTAL - PAGE, 4);
	vsu_state_begin(&w, NULL);
	vmm_image_sums_put(&sums, &w);
	vmm_image_sums_free(&sums);
}

static void teardown(void)
{
	close(fd);
	free(w.out.bytes);
}

static int verify(void)
{
	return vmm_image_sums_verify(&state, fd, &err);
}

START_TEST(unchanged_memory_is_verified)
{
	finish();
	ck_assert_int_eq(verify(), 0);
}
END_TEST

START_TEST(written_zeros_are_holes)
{
	finish();
	memset(page, 0, sizeof(page));
	ck_assert_int_eq(pwrite(fd, page, PAGE, 20 * PAGE), PAGE);
	ck_assert_int_eq(verify(), 0);
}
END_TEST

START_TEST(e2_42_damaged_byte_is_found_with_its_place)
{
	static const struct {
		uint64_t at;
		const char *place;
	} rows[] = {
		{ 0, "first at byte 0" }, { 8 * PAGE - 1, "first at byte 0" },
		{ 100 * PAGE, "first at byte 0" }, { TOTAL - 1, "first at byte 16777216" },
	};

	finish();
	ck_assert_int_eq(pwrite(fd, "\x55", 1, (off_t)rows[_i].at), 1);
	ck_assert_int_eq(verify(), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, rows[_i].place));
}
END_TEST

START_TEST(e2_42_swapped_pages_are_found)
{
	finish();
	memset(page, 2, sizeof(page));
	ck_assert_int_eq(pwrite(fd, page, PAGE, 0), PAGE);
	memset(page, 1, sizeof(page));
	ck_assert_int_eq(pwrite(fd, page, PAGE, 7 * PAGE), PAGE);
	ck_assert_int_eq(verify(), -EBADMSG);
}
END_TEST

START_TEST(e2_42_other_length_is_damage)
{
	finish();
	ck_assert_int_eq(ftruncate(fd, (off_t)TOTAL - 1), 0);
	ck_assert_int_eq(verify(), -EBADMSG);
	ck_assert_int_eq(ftruncate(fd, (off_t)TOTAL + 1), 0);
	ck_assert_int_eq(verify(), -EBADMSG);
}
END_TEST

START_TEST(older_folder_has_no_checksums)
{
	w.out.len = 0;
	vsu_state_begin(&w, NULL);
	finish();
	ck_assert_int_eq(verify(), -ENODATA);
}
END_TEST

/* Values of slice, total and the number of sums. */
static const uint64_t impossible[][3] = {
	{ 0, TOTAL, 2 }, { PAGE, TOTAL, 2 }, { VMM_IMAGE_SLICE, UINT64_MAX, 2 },
	{ VMM_IMAGE_SLICE, UINT64_MAX - 1, 0 }, { VMM_IMAGE_SLICE, TOTAL, 1 },
	{ VMM_IMAGE_SLICE, TOTAL, 3 }, { VMM_IMAGE_SLICE, 0, 2 },
};

START_TEST(e2_42_impossible_section_is_refused)
{
	uint64_t i;

	w.out.len = 0;
	vsu_state_begin(&w, NULL);
	vsu_state_section(&w, "checksums", 0);
	vsu_state_put_u64(&w, impossible[_i][0]);
	vsu_state_put_u64(&w, impossible[_i][1]);
	for (i = 0; i < impossible[_i][2]; i++)
		vsu_state_put_u32(&w, 0);
	vsu_state_section_end(&w);
	finish();
	ck_assert_int_eq(verify(), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("image_sums");
	TCase *tc = tcase_create("image_sums");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, unchanged_memory_is_verified);
	tcase_add_test(tc, written_zeros_are_holes);
	tcase_add_loop_test(tc, e2_42_damaged_byte_is_found_with_its_place, 0, 4);
	tcase_add_test(tc, e2_42_swapped_pages_are_found);
	tcase_add_test(tc, e2_42_other_length_is_damage);
	tcase_add_test(tc, older_folder_has_no_checksums);
	tcase_add_loop_test(tc, e2_42_impossible_section_is_refused, 0, COUNT(impossible));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
