/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about populating, discarding and remapping pieces of blocks. */
#include <config.h>

#include <vm-memory/backend.h>

#include "util.h"

static struct vmem_block *alloc(const char *list)
{
	struct vmem_backend *b;
	struct vmem_block *block = NULL;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", list, NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(b, &block, NULL), 0);
	vmem_backend_free(b);
	return block;
}

static unsigned int present(const struct vmem_block *b, uint64_t off,
			    uint64_t len)
{
	unsigned char vec[64];
	unsigned int n = 0, i;

	ck_assert_int_eq(mincore(vmem_block_hva(b) + off, len, vec), 0);
	for (i = 0; i < len / PAGE; i++)
		n += vec[i] & 1;
	return n;
}

static const char *const kinds[] = {
	"size=64k", "size=64k,share=on", "backend=memfd,size=64k",
	"backend=memfd,size=64k,share=off", "backend=shm,size=64k",
};

START_TEST(populate_makes_that_piece_present_for_every_kind)
{
	struct vmem_block *b = alloc(kinds[_i]);

	ck_assert_uint_eq(present(b, 0, 64 * KIB), 0);
	ck_assert_int_eq(vmem_block_populate(b, 4 * PAGE, 2 * PAGE, NULL), 0);
	ck_assert_uint_eq(present(b, 4 * PAGE, 2 * PAGE), 2);
	ck_assert_int_eq(vmem_block_populate(b, 0, 0, NULL), 0);
	ck_assert_int_eq(vmem_block_populate(b, 0, 1, NULL), 0);
	ck_assert_uint_eq(present(b, 0, PAGE), 1);
	vmem_block_unref(b);
}
END_TEST

START_TEST(populate_keeps_what_is_there)
{
	struct vmem_block *b = make_block(64 * KIB);

	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[12345], pattern(12345));
	vmem_block_unref(b);
}
END_TEST

START_TEST(populate_of_read_only_memory_reads)
{
	struct vmem_block *b;
	int fd = make_memfd(64 * KIB);

	ck_assert_int_eq(new_block_fd(fd, 0, 64 * KIB, VMEM_BLOCK_SHARED, &b),
			 0);
	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[777], pattern(777));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(populate_past_a_cut_file_is_an_error)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;
	int fd = make_memfd(64 * KIB);

	ck_assert_int_eq(new_block_fd(fd, 0, 64 * KIB, RW_SHARED, &b), 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, &err), -ENOSPC);
	ck_assert_uint_ne(strlen(err.msg), 0);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(piece_outside_the_block_is_refused)
{
	struct vmem_block *b = make_block(64 * KIB);

	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB + 1, NULL),
			 -EINVAL);
	ck_assert_int_eq(vmem_block_populate(b, UINT64_MAX, 2, NULL), -EINVAL);
	ck_assert_int_eq(vmem_block_discard(b, 64 * KIB, PAGE, NULL), -EINVAL);
	ck_assert_int_eq(vmem_block_remap(b, PAGE, 64 * KIB, NULL), -EINVAL);
	vmem_block_unref(b);
}
END_TEST

START_TEST(discard_gives_zeros_for_every_kind)
{
	struct vmem_block *b = alloc(kinds[_i]);

	memset(vmem_block_hva(b), 0x5a, 64 * KIB);
	ck_assert_int_eq(vmem_block_discard(b, PAGE, 2 * PAGE, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[PAGE - 1], 0x5a);
	ck_assert_uint_eq(vmem_block_hva(b)[PAGE], 0);
	ck_assert_uint_eq(vmem_block_hva(b)[3 * PAGE - 1], 0);
	ck_assert_uint_eq(vmem_block_hva(b)[3 * PAGE], 0x5a);
	ck_assert_int_eq(vmem_block_discard(b, 0, 0, NULL), 0);
	vmem_block_unref(b);
}
END_TEST

/* The hole is punched where the block lies in the file, not at its start. */
START_TEST(discard_punches_at_the_file_offset)
{
	int fd = make_memfd(64 * KIB);
	struct vmem_block *b;
	unsigned char byte;

	ck_assert_int_eq(new_block_fd(fd, 4 * PAGE, 4 * PAGE, RW_SHARED, &b),
			 0);
	ck_assert_int_eq(vmem_block_discard(b, PAGE, PAGE, NULL), 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(5 * PAGE + 1)), 1);
	ck_assert_uint_eq(byte, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(PAGE + 1)), 1);
	ck_assert_uint_eq(byte, pattern(PAGE + 1));
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(6 * PAGE + 1)), 1);
	ck_assert_uint_eq(byte, pattern(6 * PAGE + 1));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(discard_wants_whole_pages_that_may_be_stored_to)
{
	int fd = make_memfd(64 * KIB);
	struct vmem_block *rw, *ro, *odd, *private;

	ck_assert_int_eq(new_block_fd(fd, 0, 64 * KIB, RW_SHARED, &rw), 0);
	ck_assert_int_eq(new_block_fd(fd, 0, 64 * KIB, VMEM_BLOCK_SHARED, &ro),
			 0);
	ck_assert_int_eq(new_block_fd(fd, 100, PAGE, RW_SHARED, &odd), 0);
	ck_assert_int_eq(new_block_fd(fd, 0, 64 * KIB, VMEM_BLOCK_WRITE,
				      &private), 0);
	ck_assert_int_eq(vmem_block_discard(private, 0, PAGE, NULL),
			 -EOPNOTSUPP);
	vmem_block_unref(private);
	ck_assert_int_eq(vmem_block_discard(rw, 0, 100, NULL), -EINVAL);
	ck_assert_int_eq(vmem_block_discard(rw, 100, PAGE, NULL), -EINVAL);
	ck_assert_int_eq(vmem_block_discard(odd, 0, PAGE, NULL), -EINVAL);
	ck_assert_int_eq(vmem_block_discard(ro, 0, PAGE, NULL), -EOPNOTSUPP);
	vmem_block_unref(rw);
	vmem_block_unref(ro);
	vmem_block_unref(odd);
	close(fd);
}
END_TEST

START_TEST(remap_shows_the_file_again_at_the_same_place)
{
	int fd = make_memfd(64 * KIB);
	struct vmem_block *b;

	ck_assert_int_eq(new_block_fd(fd, PAGE, 8 * PAGE, VMEM_BLOCK_WRITE,
				      &b), 0);
	memset(vmem_block_hva(b), 0x5a, 8 * PAGE);
	ck_assert_int_eq(vmem_block_remap(b, 2 * PAGE, PAGE, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[2 * PAGE - 1], 0x5a);
	ck_assert_uint_eq(vmem_block_hva(b)[2 * PAGE + 7],
			  pattern(3 * PAGE + 7));
	ck_assert_uint_eq(vmem_block_hva(b)[3 * PAGE], 0x5a);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(remap_of_anonymous_memory_gives_zeros)
{
	struct vmem_block *b = alloc("size=64k");

	memset(vmem_block_hva(b), 0x5a, 64 * KIB);
	ck_assert_int_eq(vmem_block_remap(b, PAGE, PAGE, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[PAGE], 0);
	ck_assert_uint_eq(vmem_block_hva(b)[2 * PAGE], 0x5a);
	ck_assert_int_eq(vmem_block_remap(b, 1, PAGE, NULL), -EINVAL);
	vmem_block_unref(b);
}
END_TEST

static const struct pair {
	unsigned int off, len, off2, len2;	/* pages */
	bool overlap;
} pairs[] = {
	{ 0, 4, 4, 4, false }, { 0, 4, 3, 1, true }, { 2, 2, 0, 8, true },
	{ 4, 4, 0, 4, false }, { 1, 1, 1, 1, true },
};

START_TEST(blocks_overlap_by_file_and_range)
{
	const struct pair *p = &pairs[_i];
	int fd = make_memfd(64 * KIB), other = make_memfd(64 * KIB);
	struct vmem_block *a, *b, *c;

	ck_assert_int_eq(new_block_fd(fd, p->off * PAGE, p->len * PAGE,
				      RW_SHARED, &a), 0);
	ck_assert_int_eq(new_block_fd(fd, p->off2 * PAGE, p->len2 * PAGE,
				      RW_SHARED, &b), 0);
	ck_assert_int_eq(new_block_fd(other, p->off2 * PAGE, p->len2 * PAGE,
				      RW_SHARED, &c), 0);
	ck_assert_int_eq(vmem_blocks_overlap(a, b), p->overlap);
	ck_assert_int_eq(vmem_blocks_overlap(b, a), p->overlap);
	ck_assert(!vmem_blocks_overlap(a, c));
	vmem_block_unref(a);
	vmem_block_unref(b);
	vmem_block_unref(c);
	close(fd);
	close(other);
}
END_TEST

START_TEST(anonymous_blocks_overlap_nothing)
{
	struct vmem_block *a = alloc("size=64k"), *b = alloc("size=64k");

	ck_assert(!vmem_blocks_overlap(a, b));
	ck_assert(!vmem_blocks_overlap(a, a));
	vmem_block_unref(a);
	vmem_block_unref(b);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("populate");
	TCase *tc = tcase_create("populate");

	suite_add_tcase(s, tc);
	LOOP(tc, populate_makes_that_piece_present_for_every_kind, kinds);
	tcase_add_test(tc, populate_keeps_what_is_there);
	tcase_add_test(tc, populate_of_read_only_memory_reads);
	tcase_add_test(tc, populate_past_a_cut_file_is_an_error);
	tcase_add_test(tc, piece_outside_the_block_is_refused);
	LOOP(tc, discard_gives_zeros_for_every_kind, kinds);
	tcase_add_test(tc, discard_punches_at_the_file_offset);
	tcase_add_test(tc, discard_wants_whole_pages_that_may_be_stored_to);
	tcase_add_test(tc, remap_shows_the_file_again_at_the_same_place);
	tcase_add_test(tc, remap_of_anonymous_memory_gives_zeros);
	LOOP(tc, blocks_overlap_by_file_and_range, pairs);
	tcase_add_test(tc, anonymous_blocks_overlap_nothing);
	return run_suite(s);
}
