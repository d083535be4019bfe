/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about how a request is divided into system calls, independent of the
 * engine; the test supplies the kernel's results.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "disk/file.h"

static struct virtdev_priv_file file;
static unsigned char memory[64], image[64];
static struct iovec iov[8];
static struct virtdev_disk_request r;

static void setup(void)
{
	size_t i;

	memset(&file, 0, sizeof(file));
	file.direct = -1;
	memset(&r, 0, sizeof(r));
	memset(memory, 0, sizeof(memory));
	for (i = 0; i < sizeof(image); i++)
		image[i] = (unsigned char)(i + 1);
	r.iov = iov;
	r.result = 1;
}

static struct virtdev_priv_step step(void)
{
	struct virtdev_priv_step s;

	virtdev_priv_file_step(&file, &r, &s);
	return s;
}

static bool answer(int64_t value)
{
	return virtdev_priv_file_outcome(&file, &r, value);
}

/* The memory pieces of a request: 1, 2, 3 ... bytes, and the rest. */
static void make_pieces(uint32_t op)
{
	size_t at = 0, i;

	for (i = 0; i < 7; at += ++i)
		iov[i] = (struct iovec) { memory + at, i + 1 };
	iov[7] = (struct iovec) { memory + at, sizeof(memory) - at };
	r.op = op;
	r.niov = 8;
	r.len = sizeof(memory);
}

/* A kernel that reads at most a few bytes per call. */
static int64_t short_read(const struct virtdev_priv_step *s, uint64_t most)
{
	uint64_t done = 0, n;
	uint32_t i;

	ck_assert_uint_eq(s->kind, VIRTDEV_PRIV_STEP_READV);
	for (i = 0; i < r.niov && done < most; i++) {
		n = r.iov[i].iov_len < most - done ? r.iov[i].iov_len :
		    most - done;
		memcpy(r.iov[i].iov_base, image + s->pos + done, n);
		done += n;
	}
	return (int64_t)done;
}

START_TEST(e1_08_short_reads_are_continued_at_the_right_offset)
{
	struct virtdev_priv_step s;
	bool finished;

	make_pieces(VIRTDEV_DISK_READ);
	ck_assert(virtdev_priv_file_begin(&file, &r));
	do {
		s = step();
		ck_assert_uint_eq(s.pos + s.len, sizeof(image));
		finished = answer(short_read(&s, (uint64_t)_i));
	} while (!finished);
	ck_assert_int_eq(r.result, 0);
	ck_assert_mem_eq(memory, image, sizeof(image));
}
END_TEST

START_TEST(e1_08_first_transfer_may_end_anywhere)
{
	struct virtdev_priv_step s;

	make_pieces(VIRTDEV_DISK_READ);
	virtdev_priv_file_begin(&file, &r);
	s = step();
	ck_assert(!answer(short_read(&s, (uint64_t)_i)));
	s = step();
	ck_assert_uint_eq(s.pos, (uint64_t)_i);
	ck_assert(answer(short_read(&s, sizeof(image))));
	ck_assert_mem_eq(memory, image, sizeof(image));
}
END_TEST

START_TEST(transfer_without_progress_fails)
{
	make_pieces(VIRTDEV_DISK_READ);
	virtdev_priv_file_begin(&file, &r);
	ck_assert(!answer(10));
	ck_assert(answer(0));
	ck_assert_int_eq(r.result, -EIO);
}
END_TEST

START_TEST(result_larger_than_the_request_fails)
{
	make_pieces(VIRTDEV_DISK_WRITE);
	virtdev_priv_file_begin(&file, &r);
	ck_assert(answer(sizeof(memory) + 1));
	ck_assert_int_eq(r.result, -EIO);
}
END_TEST

START_TEST(e1_06_interrupted_step_is_repeated)
{
	make_pieces(VIRTDEV_DISK_WRITE);
	virtdev_priv_file_begin(&file, &r);
	ck_assert(!answer(20));
	ck_assert(!answer(-EINTR));
	ck_assert(!answer(-EAGAIN));
	ck_assert_uint_eq(step().pos, 20);
	ck_assert(answer(44));
	ck_assert_int_eq(r.result, 0);
}
END_TEST

START_TEST(endless_eagain_fails_the_request)
{
	unsigned int n = 0;

	make_pieces(VIRTDEV_DISK_WRITE);
	virtdev_priv_file_begin(&file, &r);
	while (!answer(-EAGAIN))
		ck_assert_uint_lt(++n, 100000);
	ck_assert_int_eq(r.result, -EAGAIN);
}
END_TEST

static void begin_flush(void)
{
	r.op = VIRTDEV_DISK_FLUSH;
	r.result = 1;
}

START_TEST(e1_03_failed_flush_fails_all_later_ones)
{
	begin_flush();
	ck_assert(virtdev_priv_file_begin(&file, &r));
	ck_assert_uint_eq(step().kind, VIRTDEV_PRIV_STEP_FDATASYNC);
	ck_assert(answer(-EIO));
	ck_assert_int_eq(r.result, -EIO);
	begin_flush();
	ck_assert(!virtdev_priv_file_begin(&file, &r));
	ck_assert_int_eq(r.result, -EIO);
}
END_TEST

START_TEST(e1_03_flush_in_flight_fails_with_the_failed_one)
{
	struct virtdev_disk_request second = { .op = VIRTDEV_DISK_FLUSH };

	begin_flush();
	virtdev_priv_file_begin(&file, &r);
	ck_assert(virtdev_priv_file_begin(&file, &second));
	ck_assert(answer(-ENOSPC));
	ck_assert(virtdev_priv_file_outcome(&file, &second, 0));
	ck_assert_int_eq(second.result, -ENOSPC);
}
END_TEST

START_TEST(flush_that_could_not_start_may_be_repeated)
{
	begin_flush();
	virtdev_priv_file_begin(&file, &r);
	ck_assert(answer(-ENOMEM));
	ck_assert_int_eq(r.result, -ENOMEM);
	begin_flush();
	ck_assert(virtdev_priv_file_begin(&file, &r));
	ck_assert(answer(0));
	ck_assert_int_eq(r.result, 0);
}
END_TEST

START_TEST(reads_succeed_after_a_failed_flush)
{
	file.flush_error = -EIO;
	make_pieces(VIRTDEV_DISK_READ);
	ck_assert(virtdev_priv_file_begin(&file, &r));
	ck_assert(answer(sizeof(memory)));
	ck_assert_int_eq(r.result, 0);
}
END_TEST

static void range(uint32_t op, uint32_t may_unmap)
{
	memset(&r, 0, sizeof(r));
	r.op = op;
	r.offset = 4096;
	r.len = 5 * (VIRTDEV_PRIV_ZEROS / 2);
	r.may_unmap = may_unmap;
	ck_assert(virtdev_priv_file_begin(&file, &r));
}

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define RANGE (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

START_TEST(discard_punches_a_hole_or_is_refused)
{
	range(VIRTDEV_DISK_DISCARD, 0);
	ck_assert_uint_eq(step().kind, VIRTDEV_PRIV_STEP_FALLOCATE);
	ck_assert_int_eq(step().mode, PUNCH);
	ck_assert(answer(-EOPNOTSUPP));
	ck_assert_int_eq(r.result, -EOPNOTSUPP);
	range(VIRTDEV_DISK_DISCARD, 0);
	ck_assert(answer(0));
	ck_assert_int_eq(r.result, 0);
	range(VIRTDEV_DISK_DISCARD, 0);
	ck_assert(answer(-ENOSPC));
	ck_assert_int_eq(r.result, -ENOSPC);
}
END_TEST

/* Writes of VIRTDEV_PRIV_ZEROS bytes; the last one has half. */
static void expect_written_zeros(void)
{
	uint64_t at = 4096, left = 5 * (VIRTDEV_PRIV_ZEROS / 2);
	uint64_t n = VIRTDEV_PRIV_ZEROS;

	for (; left; at += n, left -= n) {
		n = left < n ? left : n;
		ck_assert_uint_eq(step().kind, VIRTDEV_PRIV_STEP_WRITE);
		ck_assert_uint_eq(step().pos, at);
		ck_assert_uint_eq(step().len, n);
		ck_assert(answer((int64_t)n) == (left == n));
	}
	ck_assert_int_eq(r.result, 0);
}

START_TEST(e1_21_zeros_fall_back_to_supported_operations)
{
	range(VIRTDEV_DISK_ZERO, 1);
	ck_assert_int_eq(step().mode, PUNCH);
	ck_assert(!answer(-EOPNOTSUPP));
	ck_assert_int_eq(step().mode, RANGE);
	ck_assert(!answer(-EOPNOTSUPP));
	expect_written_zeros();
	/* the file remembers that the operation is not supported */
	range(VIRTDEV_DISK_ZERO, 1);
	expect_written_zeros();
}
END_TEST

START_TEST(e1_21_einval_for_one_range_is_not_remembered)
{
	range(VIRTDEV_DISK_ZERO, 0);
	ck_assert(!answer(-EINVAL));
	expect_written_zeros();
	range(VIRTDEV_DISK_ZERO, 0);
	ck_assert_int_eq(step().mode, RANGE);
}
END_TEST

START_TEST(zeros_that_must_stay_allocated_are_never_a_hole)
{
	range(VIRTDEV_DISK_ZERO, 0);
	ck_assert_int_eq(step().mode, RANGE);
	ck_assert(!answer(-EOPNOTSUPP));
	expect_written_zeros();
}
END_TEST

START_TEST(failed_zeros_do_not_disable_the_operation)
{
	range(VIRTDEV_DISK_ZERO, 0);
	ck_assert(answer(-ENOSPC));
	ck_assert_int_eq(r.result, -ENOSPC);
	range(VIRTDEV_DISK_ZERO, 0);
	ck_assert_int_eq(step().mode, RANGE);
}
END_TEST

START_TEST(a4_06_read_only_file_refuses_changes)
{
	static const uint32_t ops[] = {
		VIRTDEV_DISK_WRITE, VIRTDEV_DISK_DISCARD, VIRTDEV_DISK_ZERO,
	};

	file.info.read_only = 1;
	make_pieces(ops[_i]);
	ck_assert(!virtdev_priv_file_begin(&file, &r));
	ck_assert_int_eq(r.result, -EROFS);
	begin_flush();
	ck_assert(!virtdev_priv_file_begin(&file, &r));
	ck_assert_int_eq(r.result, 0);
}
END_TEST

#define MIB (UINT64_C(1) << 20)

/* Runs all steps successfully; returns the sum of their bytes. */
static uint64_t run_steps(uint64_t *largest, unsigned int *n)
{
	uint64_t pos = r.offset;
	struct virtdev_priv_step s;
	bool finished;

	*largest = *n = 0;
	ck_assert(virtdev_priv_file_begin(&file, &r));
	do {
		s = step();
		ck_assert_uint_eq(s.pos, pos);
		ck_assert_uint_gt(s.len, 0);
		pos += s.len;
		*largest = s.len > *largest ? s.len : *largest;
		++*n;
		finished = answer(s.kind == VIRTDEV_PRIV_STEP_FALLOCATE ? 0 :
				  (int64_t)s.len);
	} while (!finished);
	ck_assert_int_eq(r.result, 0);
	return pos - r.offset;
}

START_TEST(a4_19_large_piece_is_divided_into_steps_of_1_mib)
{
	uint64_t largest;
	unsigned int n;

	iov[0] = (struct iovec) { memory, 4 * MIB * 1024 - 512 };
	r.op = _i ? VIRTDEV_DISK_WRITE : VIRTDEV_DISK_READ;
	r.niov = 1;
	r.len = iov[0].iov_len;
	ck_assert_uint_eq(run_steps(&largest, &n), 4 * MIB * 1024 - 512);
	ck_assert_uint_eq(largest, MIB);
	ck_assert_uint_eq(n, 4096);
}
END_TEST

START_TEST(a4_19_small_pieces_are_combined_and_not_divided)
{
	const size_t lens[] = { 512, MIB - 512, 1, MIB - 2, 1, 512, 3 * MIB, 7 };
	uint64_t largest, sum = 0;
	unsigned int n, i;

	for (i = 0; i < 8; i++) {
		iov[i] = (struct iovec) { memory, lens[i] };
		sum += lens[i];
	}
	r.op = VIRTDEV_DISK_READ;
	r.niov = 8;
	r.len = sum;
	ck_assert(virtdev_priv_file_begin(&file, &r));
	ck_assert_uint_eq(step().niov, 2);
	ck_assert_uint_eq(step().len, MIB);
	ck_assert_uint_eq(step().cost, MIB);
	ck_assert_uint_eq(run_steps(&largest, &n), sum);
	ck_assert_uint_eq(largest, MIB);
	ck_assert_uint_eq(n, 1 + 1 + 1 + 3 + 1);
}
END_TEST

START_TEST(a4_19_request_that_fits_is_one_step)
{
	make_pieces(VIRTDEV_DISK_WRITE);
	virtdev_priv_file_begin(&file, &r);
	ck_assert_uint_eq(step().niov, 8);
	ck_assert_uint_eq(step().len, sizeof(memory));
}
END_TEST

START_TEST(a4_19_long_range_is_divided_at_block_boundaries)
{
	struct virtdev_priv_step s;
	uint64_t largest;
	unsigned int n;

	r.op = VIRTDEV_DISK_DISCARD;
	r.offset = 512;
	r.len = 2048 * MIB;
	ck_assert(virtdev_priv_file_begin(&file, &r));
	s = step();
	ck_assert_uint_eq(s.len, 32 * MIB - 512);
	ck_assert_uint_le(s.cost, MIB);
	ck_assert_uint_eq(run_steps(&largest, &n), 2048 * MIB);
	ck_assert_uint_eq(largest, 32 * MIB);
	ck_assert_uint_eq(n, 65);
}
END_TEST

START_TEST(a4_19_zeros_continue_by_writing_after_a_refused_step)
{
	r.op = VIRTDEV_DISK_ZERO;
	r.offset = 0;
	r.len = 64 * MIB;
	ck_assert(virtdev_priv_file_begin(&file, &r));
	ck_assert(!answer(0));
	ck_assert_uint_eq(step().pos, 32 * MIB);
	ck_assert(!answer(-EOPNOTSUPP));
	ck_assert_uint_eq(step().kind, VIRTDEV_PRIV_STEP_WRITE);
	ck_assert_uint_eq(step().pos, 32 * MIB);
	ck_assert_uint_eq(step().len, MIB);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk step");
	TCase *tc = tcase_create("disk step");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, e1_08_short_reads_are_continued_at_the_right_offset,
			    1, 65);
	tcase_add_loop_test(tc, e1_08_first_transfer_may_end_anywhere, 1, 64);
	tcase_add_test(tc, transfer_without_progress_fails);
	tcase_add_test(tc, result_larger_than_the_request_fails);
	tcase_add_test(tc, e1_06_interrupted_step_is_repeated);
	tcase_add_test(tc, endless_eagain_fails_the_request);
	tcase_add_test(tc, e1_03_failed_flush_fails_all_later_ones);
	tcase_add_test(tc, e1_03_flush_in_flight_fails_with_the_failed_one);
	tcase_add_test(tc, flush_that_could_not_start_may_be_repeated);
	tcase_add_test(tc, reads_succeed_after_a_failed_flush);
	tcase_add_test(tc, discard_punches_a_hole_or_is_refused);
	tcase_add_test(tc, e1_21_zeros_fall_back_to_supported_operations);
	tcase_add_test(tc, e1_21_einval_for_one_range_is_not_remembered);
	tcase_add_test(tc, zeros_that_must_stay_allocated_are_never_a_hole);
	tcase_add_test(tc, failed_zeros_do_not_disable_the_operation);
	tcase_add_loop_test(tc, a4_06_read_only_file_refuses_changes, 0, 3);
	tcase_add_loop_test(tc, a4_19_large_piece_is_divided_into_steps_of_1_mib,
			    0, 2);
	tcase_add_test(tc, a4_19_small_pieces_are_combined_and_not_divided);
	tcase_add_test(tc, a4_19_request_that_fits_is_one_step);
	tcase_add_test(tc, a4_19_long_range_is_divided_at_block_boundaries);
	tcase_add_test(tc, a4_19_zeros_continue_by_writing_after_a_refused_step);

	return run_suite(s);
}
