/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the format of a saved state, and what is not one. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checksum.h>
#include <vmm-sys-util/state.h>

#include "util.h"

#define HEADER 40u		/* of a section */
#define FIRST 16u		/* byte of the first section */

static unsigned int nsums;	/* computed parts of checksums */

uint32_t __real_vsu_checksum_add(uint32_t sum, const unsigned char *bytes, size_t len);
uint32_t __attribute__((used)) __wrap_vsu_checksum_add(uint32_t sum, const unsigned char *bytes,
						       size_t len);
uint32_t __wrap_vsu_checksum_add(uint32_t sum, const unsigned char *bytes, size_t len)
{
	nsums++;
	return __real_vsu_checksum_add(sum, bytes, len);
}

static const struct vsu_state_kind kinds[] = {
	{ "clock", 1, false }, { "cpu", 1, false }, { "note", 2, true }, { NULL, 0, false },
};

static struct vsu_state_writer w;
static struct vsu_state state;
static struct vsu_error err;

/* A clock, which consists of two numbers and three bytes, and an empty section of CPU 3. */
static void write_two_sections(void)
{
	memset(&w, 0, sizeof(w));
	vsu_error_clear(&err);
	vsu_state_begin(&w, kinds);
	vsu_state_section(&w, "clock", 0);
	vsu_state_put_u32(&w, 7);
	vsu_state_put_u64(&w, UINT64_C(0x1122334455667788));
	vsu_state_put(&w, "abc", 3);
	vsu_state_section_end(&w);
	vsu_state_section(&w, "cpu", 3);
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state.bytes = w.out.bytes;
	state.len = w.out.len;
}

static void free_state(void)
{
	free(w.out.bytes);
}

START_TEST(sections_are_read_as_written)
{
	struct vsu_state_fields f;
	char bytes[3];

	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), 0);
	ck_assert_int_eq(vsu_state_find(&state, "clock", 0, &f, &err), 0);
	ck_assert_uint_eq(vsu_state_get_u32(&f), 7);
	ck_assert_uint_eq(vsu_state_get_u64(&f), UINT64_C(0x1122334455667788));
	ck_assert_int_eq(vsu_state_fields_end(&f, &err), -EBADMSG);
	vsu_state_get(&f, bytes, 3);
	ck_assert_int_eq(memcmp(bytes, "abc", 3), 0);
	ck_assert_int_eq(vsu_state_fields_end(&f, &err), 0);
	ck_assert_int_eq(vsu_state_find(&state, "cpu", 3, &f, &err), 0);
	ck_assert_uint_eq(f.in.left, 0);
}
END_TEST

/* The bytes of these sections, as another program made them from docs/state-format.md. */
static const unsigned char two_sections[] = {
	0x43, 0x56, 0x4d, 0x4d, 0x53, 0x54, 0x41, 0x54, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x63, 0x6c, 0x6f, 0x63, 0x6b, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0xa7, 0xff, 0xf2, 0x3c,
	0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x88, 0x77, 0x66, 0x55,
	0x44, 0x33, 0x22, 0x11, 0x61, 0x62, 0x63, 0x63, 0x70, 0x75, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x00, 0x00, 0x29, 0xc9, 0x2b, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x65,
	0x6e, 0x64, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x15, 0xbb, 0x53, 0xc8, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

START_TEST(bytes_of_a_state_are_those_of_its_format)
{
	ck_assert_uint_eq(state.len, sizeof(two_sections));
	ck_assert_mem_eq(state.bytes, two_sections, sizeof(two_sections));
}
END_TEST

START_TEST(d1_61_checksums_are_computed_once)
{
	struct vsu_state_fields f;

	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), 0);
	ck_assert_uint_gt(nsums, 0);
	nsums = 0;
	ck_assert_int_eq(vsu_state_find(&state, "cpu", 3, &f, &err), 0);
	ck_assert_int_eq(vsu_state_find(&state, "cpu", 4, &f, &err), -EBADMSG);
	ck_assert_uint_eq(nsums, 0);
}
END_TEST

START_TEST(d1_61_sections_are_counted)
{
	unsigned int i;

	free(w.out.bytes);
	memset(&w, 0, sizeof(w));
	vsu_state_begin(&w, kinds);
	for (i = 0; i < 16383 + (unsigned int)_i; i++) {
		vsu_state_section(&w, "cpu", i);
		vsu_state_section_end(&w);
	}
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), _i ? -EBADMSG : 0);
}
END_TEST

START_TEST(section_that_is_absent_is_named)
{
	struct vsu_state_fields f;

	ck_assert_int_eq(vsu_state_find(&state, "cpu", 1, &f, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "'cpu' 1 is missing"));
	ck_assert_int_eq(vsu_state_find(&state, "serial", 0, &f, &err), -EBADMSG);
}
END_TEST

START_TEST(reads_beyond_a_section_return_zero)
{
	struct vsu_state_fields f;
	unsigned char bytes[16] = { 1 };

	ck_assert_int_eq(vsu_state_find(&state, "clock", 0, &f, &err), 0);
	vsu_state_get(&f, bytes, sizeof(bytes));
	ck_assert_uint_eq(bytes[0], 0);
	ck_assert_uint_eq(vsu_state_get_u32(&f), 0);
	ck_assert_int_eq(vsu_state_fields_end(&f, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "too short"));
}
END_TEST

START_TEST(state_that_is_cut_anywhere_is_refused)
{
	const size_t len = state.len;

	for (state.len = 0; state.len < len; state.len++)
		ck_assert_int_eq(vsu_state_check(&state, kinds, &err), -EBADMSG);
}
END_TEST

/* The file's header and lengths have other answers than the checksum's. */
START_TEST(state_with_one_other_byte_is_refused)
{
	size_t i;

	for (i = 0; i < w.out.len; i++) {
		w.out.bytes[i] ^= 0x81;
		if (i < 12 || i >= FIRST)
			ck_assert_int_lt(vsu_state_check(&state, kinds, &err), 0);
		w.out.bytes[i] ^= 0x81;
	}
	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), 0);
}
END_TEST

START_TEST(length_of_all_ones_is_refused)
{
	memset(w.out.bytes + FIRST + 32, 0xff, 8);
	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "longer than the file"));
}
END_TEST

START_TEST(bytes_behind_the_last_section_are_refused)
{
	vsu_state_put_u32(&w, 0);
	state.bytes = w.out.bytes;
	state.len = w.out.len;
	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), -EBADMSG);
}
END_TEST

START_TEST(later_version_of_the_format_is_refused)
{
	w.out.bytes[8] = 2;
	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "version 2"));
}
END_TEST

START_TEST(content_of_another_file_is_refused)
{
	w.out.bytes[0] = 'X';
	ck_assert_int_eq(vsu_state_check(&state, kinds, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "not the state of a machine"));
}
END_TEST

START_TEST(more_than_the_limit_is_not_written)
{
	static struct vsu_state_writer large;

	vsu_state_begin(&large, kinds);
	large.out.len = large.out.room = VSU_STATE_MAX - 2;
	vsu_state_put_u32(&large, 1);
	ck_assert_int_eq(large.out.error, -EFBIG);
	vsu_state_put(&large, "", 1);
	ck_assert_uint_eq(large.out.len, VSU_STATE_MAX - 2);
	free(large.out.bytes);
}
END_TEST

/* Checks a section of kinds as a program with the other kinds does. */
static int read_by_other_kinds(const char *name, const struct vsu_state_kind *other)
{
	free(w.out.bytes);
	memset(&w, 0, sizeof(w));
	vsu_state_begin(&w, kinds);
	vsu_state_section(&w, name, 0);
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	return vsu_state_check(&state, other, &err);
}

static const struct vsu_state_kind no_kinds[] = { { NULL, 0, false } };

START_TEST(unknown_section_is_refused_unless_it_is_optional)
{
	ck_assert_int_eq(read_by_other_kinds("note", no_kinds), 0);
	ck_assert_int_eq(read_by_other_kinds("cpu", no_kinds), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "unknown section 'cpu'"));
	ck_assert_int_eq(read_by_other_kinds("not-in-the-table", kinds), -EOPNOTSUPP);
}
END_TEST

START_TEST(later_version_of_a_section_is_refused)
{
	static const struct vsu_state_kind earlier[] = { { "note", 1, true }, { NULL, 0, false } };

	ck_assert_int_eq(read_by_other_kinds("note", kinds), 0);
	ck_assert_int_eq(read_by_other_kinds("note", earlier), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "has version 2; supported is 1"));
}
END_TEST

START_TEST(reader_without_kinds_refuses_no_section)
{
	ck_assert_int_eq(read_by_other_kinds("note", NULL), 0);
	ck_assert_int_eq(read_by_other_kinds("cpu", NULL), 0);
}
END_TEST

/* One bit per step, by the polynomial. */
static uint32_t checksum_by_bits(uint32_t sum, const unsigned char *bytes, size_t len)
{
	unsigned int bit;
	size_t i;

	for (i = 0; i < len; i++) {
		sum ^= bytes[i];
		for (bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
	}
	return sum;
}

/* The check value of CRC-32C, and every length and alignment of its fast part. */
START_TEST(checksum_is_that_of_the_polynomial)
{
	unsigned char bytes[64];
	size_t from, len;

	for (len = 0; len < sizeof(bytes); len++)
		bytes[len] = (unsigned char)(len * 37);
	ck_assert_uint_eq(~vsu_checksum_add(UINT32_MAX,
					    (const unsigned char *)"123456789", 9),
			  0xe3069283);
	for (from = 0; from < 9; from++)
		for (len = 0; from + len < sizeof(bytes); len++)
			ck_assert_uint_eq(vsu_checksum_add(7, bytes + from, len),
					  checksum_by_bits(7, bytes + from, len));
}
END_TEST

static int write_section_of(const char *name)
{
	free(w.out.bytes);
	memset(&w, 0, sizeof(w));
	vsu_state_begin(&w, kinds);
	vsu_state_section(&w, name, 0);
	vsu_state_section_end(&w);
	return vsu_state_finish(&w);
}

START_TEST(name_that_is_too_long_is_not_written)
{
	char name[201];

	ck_assert_int_eq(write_section_of("sixteen-letters-"), 0);
	ck_assert_int_eq(write_section_of("seventeen-letters"), -EINVAL);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(write_section_of(name), -EINVAL);
}
END_TEST

/* The section of CPU 3 is whole in memory. */
START_TEST(section_beyond_the_end_is_refused)
{
	const size_t second = FIRST + HEADER + 15;
	const struct vsu_state cut = { state.bytes, second - (size_t)_i };
	struct vsu_state_section s;
	size_t at = second;

	ck_assert_int_eq(vsu_state_next(&cut, &at, &s, &err), -EBADMSG);
	ck_assert_uint_eq(at, second);
	ck_assert_int_eq(vsu_state_next(&state, &at, &s, &err), 0);
	ck_assert_str_eq(s.name, "cpu");
}
END_TEST

/* Its bytes are those of nothing, so that a read of one is an invalid access. */
START_TEST(no_section_is_found_in_a_short_state)
{
	const struct vsu_state empty = { .len = (size_t)_i };
	struct vsu_state_fields f;

	ck_assert_int_eq(vsu_state_find(&empty, "clock", 0, &f, &err), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state");
	TCase *tc = tcase_create("sections");

	tcase_add_checked_fixture(tc, write_two_sections, free_state);
	tcase_add_test(tc, sections_are_read_as_written);
	tcase_add_test(tc, bytes_of_a_state_are_those_of_its_format);
	tcase_add_test(tc, d1_61_checksums_are_computed_once);
	tcase_add_loop_test(tc, d1_61_sections_are_counted, 0, 2);
	tcase_add_test(tc, section_that_is_absent_is_named);
	tcase_add_test(tc, reads_beyond_a_section_return_zero);
	tcase_add_test(tc, state_that_is_cut_anywhere_is_refused);
	tcase_add_test(tc, state_with_one_other_byte_is_refused);
	tcase_add_test(tc, length_of_all_ones_is_refused);
	tcase_add_test(tc, bytes_behind_the_last_section_are_refused);
	tcase_add_test(tc, later_version_of_the_format_is_refused);
	tcase_add_test(tc, content_of_another_file_is_refused);
	tcase_add_test(tc, more_than_the_limit_is_not_written);
	tcase_add_test(tc, unknown_section_is_refused_unless_it_is_optional);
	tcase_add_test(tc, later_version_of_a_section_is_refused);
	tcase_add_test(tc, reader_without_kinds_refuses_no_section);
	tcase_add_test(tc, name_that_is_too_long_is_not_written);
	tcase_add_loop_test(tc, section_beyond_the_end_is_refused, 0, 2);
	tcase_add_loop_test(tc, no_section_is_found_in_a_short_state, 0, FIRST + HEADER);
	tcase_add_test(tc, checksum_is_that_of_the_polynomial);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
