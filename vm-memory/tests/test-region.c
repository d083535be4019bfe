/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about regions. */
#include <config.h>

#include <vm-memory/dirty.h>

#include "util.h"

START_TEST(region_is_a_piece_of_its_block)
{
	struct vmem_block *block = make_block(4 * PAGE);
	struct vmem_region *r = region_of(block, PAGE, 0x100000, 2 * PAGE, 0);

	ck_assert_ptr_eq(vmem_region_block(r), block);
	ck_assert_ptr_eq(vmem_region_hva(r), vmem_block_hva(block) + PAGE);
	ck_assert_uint_eq(vmem_region_offset(r), PAGE);
	ck_assert_uint_eq(vmem_region_gpa(r), 0x100000);
	ck_assert_uint_eq(vmem_region_len(r), 2 * PAGE);
	ck_assert(!vmem_region_is_rom(r));
	ck_assert_ptr_null(vmem_region_dirty(r));
	vmem_region_unref(r);
	vmem_block_unref(block);
}
END_TEST

START_TEST(file_position_adds_all_three_offsets)
{
	struct vmem_block *block;
	struct vmem_region *r;
	int fd = make_memfd(8 * PAGE);

	ck_assert_int_eq(new_block_fd(fd, 2 * PAGE + 1, 5 * PAGE, RW_SHARED,
				      &block), 0);
	r = region_of(block, PAGE + 10, 0, PAGE, 0);
	ck_assert_uint_eq(vmem_region_file_pos(r, 100), 3 * PAGE + 111);
	ck_assert_uint_eq(vmem_region_hva(r)[100], pattern(3 * PAGE + 111));
	vmem_region_unref(r);
	vmem_block_unref(block);
	close(fd);
}
END_TEST

START_TEST(region_keeps_its_block)
{
	struct vmem_region *r = make_region(0, PAGE, 0);

	vmem_region_hva(r)[0] = 1;	/* its block has no other owner */
	ck_assert_ptr_eq(vmem_region_ref(r), r);
	ck_assert_ptr_null(vmem_region_unref(r));
	vmem_region_hva(r)[0] = 2;
	vmem_region_unref(r);
	ck_assert_ptr_null(vmem_region_unref(NULL));
}
END_TEST

START_TEST(memory_that_cannot_be_stored_to_is_rom)
{
	struct vmem_block *ro, *rom;
	struct vmem_region *a, *b;
	int fd = make_memfd(PAGE);

	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, VMEM_BLOCK_SHARED, &ro), 0);
	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, RW_SHARED | VMEM_BLOCK_ROM,
				      &rom), 0);
	a = region_of(ro, 0, 0, PAGE, 0);
	b = region_of(rom, 0, 0, PAGE, 0);
	ck_assert(vmem_region_is_rom(a));
	ck_assert(vmem_region_is_rom(b));
	vmem_region_unref(a);
	vmem_region_unref(b);
	vmem_block_unref(ro);
	vmem_block_unref(rom);
	close(fd);
}
END_TEST

static const struct refused {
	uint64_t offset, gpa, len;	/* in a block of 64 KiB */
	uint32_t flags, shift;
} refused[] = {
	{ 64 * KIB, 0, 0, 0, 0 },
	{ UINT64_MAX, 0, 0, 0, 0 },
	{ 0, UINT64_MAX, 0, 0, 0 },
	{ 0, 0, 64 * KIB + 1, 0, 0 },
	{ 64 * KIB, 0, 1, 0, 0 },
	{ UINT64_MAX, 0, 2, 0, 0 },
	{ 1, 0, UINT64_MAX, 0, 0 },
	{ 0, UINT64_MAX, 2, 0, 0 },
	{ 0, UINT64_MAX - 4094, 4096, 0, 0 },
	{ 0, 0, 4096, 0x2, 0 },
	{ 0, 0, 4096, 0, 64 },
};

START_TEST(region_is_refused)
{
	const struct refused *r = &refused[_i];
	struct vmem_block *block = make_block(64 * KIB);
	struct vmem_region_desc d = { block, r->offset, r->gpa, r->len,
				      r->flags, r->shift };
	struct vmem_region *region = NULL;
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vmem_region_new(&d, &region, &err), -EINVAL);
	ck_assert_ptr_null(region);
	ck_assert_uint_ne(strlen(err.msg), 0);
	vmem_block_unref(block);
}
END_TEST

START_TEST(length_0_is_the_rest_of_the_block)
{
	struct vmem_block *block = make_block(64 * KIB);
	struct vmem_region *whole = region_of(block, 0, 0, 0, 0);
	struct vmem_region *rest = region_of(block, 60 * KIB, 0, 0, 0);

	ck_assert_uint_eq(vmem_region_len(whole), 64 * KIB);
	ck_assert_uint_eq(vmem_region_len(rest), 4 * KIB);
	vmem_region_unref(whole);
	vmem_region_unref(rest);
	vmem_block_unref(block);
}
END_TEST

START_TEST(region_may_end_with_the_last_guest_address)
{
	struct vmem_region *r = make_region(UINT64_MAX - 4095, 4096, 0);

	ck_assert_uint_eq(vmem_region_len(r), 4096);
	vmem_region_unref(r);
}
END_TEST

START_TEST(region_has_a_bitmap_when_asked_for)
{
	struct vmem_block *block = make_block(64 * KIB);
	struct vmem_region_desc d = { block, 0, 0, 64 * KIB, 0, 12 };
	struct vmem_region *r;

	ck_assert_int_eq(vmem_region_new(&d, &r, NULL), 0);
	ck_assert_ptr_nonnull(vmem_region_dirty(r));
	ck_assert_uint_eq(vmem_region_dirty(r)->nbits, 16);
	ck_assert_uint_eq(vmem_region_dirty(r)->enabled, 0);
	ck_assert_ptr_eq(vmem_region_dirty(r)->base, vmem_region_hva(r));
	vmem_region_unref(r);
	vmem_block_unref(block);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("region");
	TCase *tc = tcase_create("region");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, region_is_a_piece_of_its_block);
	tcase_add_test(tc, file_position_adds_all_three_offsets);
	tcase_add_test(tc, region_keeps_its_block);
	tcase_add_test(tc, memory_that_cannot_be_stored_to_is_rom);
	tcase_add_loop_test(tc, region_is_refused, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, length_0_is_the_rest_of_the_block);
	tcase_add_test(tc, region_may_end_with_the_last_guest_address);
	tcase_add_test(tc, region_has_a_bitmap_when_asked_for);
	return run_suite(s);
}
