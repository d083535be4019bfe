/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about cursors over chains. */
#include <config.h>

#include <virtio-queue/cursor.h>

#include "ring.h"

/* Readable "0123456789" in pieces of 3, 0, 3 and 4; writable 5 and 6. */
static void rig_init_pieces(struct rig *r)
{
	rig_init(r, 0);
	memcpy(r->mem + RIG_DATA, "012", 3);
	memcpy(r->mem + RIG_DATA + 64, "345", 3);
	memcpy(r->mem + RIG_DATA + 128, "6789", 4);
	put_desc(r, RIG_DESC, 0, RIG_DATA, 3, F_NEXT, 1);
	put_desc(r, RIG_DESC, 1, RIG_DATA, 0, F_NEXT, 2);
	put_desc(r, RIG_DESC, 2, RIG_DATA + 64, 3, F_NEXT, 3);
	put_desc(r, RIG_DESC, 3, RIG_DATA + 128, 4, F_NEXT, 4);
	put_desc(r, RIG_DESC, 4, RIG_DATA + 256, 5, F_NEXT | F_WRITE, 5);
	put_desc(r, RIG_DESC, 5, RIG_DATA + 320, 6, F_WRITE, 0);
	offer(r, 0);
	ck_assert_int_eq(rig_pop(r), 1);
}

START_TEST(reader_joins_pieces)
{
	struct vq_cursor c;
	char buf[16] = "";

	rig_init_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	ck_assert_uint_eq(vq_cursor_left(&c), 10);
	ck_assert_uint_eq(vq_cursor_done(&c), 0);
	ck_assert_uint_eq(vq_cursor_read(&c, buf, 5), 5);
	ck_assert_uint_eq(vq_cursor_read(&c, buf + 5, 11), 5);
	ck_assert_str_eq(buf, "0123456789");
	ck_assert_uint_eq(vq_cursor_done(&c), 10);
	ck_assert_uint_eq(vq_cursor_left(&c), 0);
	ck_assert_uint_eq(vq_cursor_read(&c, buf, 1), 0);
}
END_TEST

START_TEST(read_exact_is_all_or_nothing)
{
	struct vq_cursor c;
	char buf[16] = "";

	rig_init_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	ck_assert(!vq_cursor_read_exact(&c, buf, 11));
	ck_assert_uint_eq(vq_cursor_done(&c), 0);
	ck_assert(vq_cursor_read_exact(&c, buf, 10));
	ck_assert_str_eq(buf, "0123456789");
}
END_TEST

START_TEST(peek_does_not_move)
{
	struct vq_cursor c;
	char buf[16] = "";

	rig_init_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	vq_cursor_skip(&c, 2);
	ck_assert(vq_cursor_peek(&c, buf, 4));
	ck_assert_str_eq(buf, "2345");
	ck_assert_uint_eq(vq_cursor_done(&c), 2);
	ck_assert(!vq_cursor_peek(&c, buf, 9));
}
END_TEST

START_TEST(writer_spreads_over_pieces_and_stops_at_the_end)
{
	struct vq_cursor c;

	rig_init_pieces(&rig);
	memset(rig.mem + RIG_DATA + 256, 0xaa, 128);
	vq_writer_init(&c, rig.q, &rig.chain);
	ck_assert_uint_eq(vq_cursor_write(&c, "abcdefgh", 8), 8);
	ck_assert_uint_eq(vq_cursor_zero(&c, 100), 3);
	ck_assert_int_eq(memcmp(rig.mem + RIG_DATA + 256, "abcde\xaa", 6), 0);
	ck_assert_int_eq(memcmp(rig.mem + RIG_DATA + 320, "fgh\0\0\0\xaa", 7), 0);
	ck_assert_uint_eq(vq_cursor_done(&c), 11);
}
END_TEST

START_TEST(tail_is_cut_off_wherever_the_pieces_end)
{
	struct vq_cursor c, tail;
	char buf[16] = "";

	rig_init_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	ck_assert(!vq_cursor_split_tail(&c, 11, &tail));
	ck_assert(vq_cursor_split_tail(&c, 5, &tail));
	ck_assert_uint_eq(vq_cursor_left(&c), 5);
	ck_assert_uint_eq(vq_cursor_left(&tail), 5);
	ck_assert_uint_eq(vq_cursor_done(&tail), 0);
	vq_cursor_read(&tail, buf, 16);
	ck_assert_str_eq(buf, "56789");
	memset(buf, 0, sizeof(buf));
	vq_cursor_read(&c, buf, 16);
	ck_assert_str_eq(buf, "01234");
}
END_TEST

START_TEST(host_pieces_cover_what_was_asked)
{
	struct iovec iov[4];
	struct vq_cursor c;
	uint32_t bytes;

	rig_init_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	vq_cursor_skip(&c, 1);
	ck_assert_int_eq(vq_cursor_iov(&c, 7, iov, 4, &bytes), 3);
	ck_assert_uint_eq(bytes, 7);
	ck_assert_uint_eq(iov[0].iov_len, 2);
	ck_assert_uint_eq(iov[2].iov_len, 2);
	ck_assert_ptr_eq(iov[1].iov_base, rig.mem + RIG_DATA + 64);
	ck_assert_int_eq(vq_cursor_iov(&c, 100, iov, 4, &bytes), 1);
	ck_assert_uint_eq(bytes, 2);
	ck_assert_int_eq(vq_cursor_iov(&c, 1, iov, 4, &bytes), 0);
}
END_TEST

START_TEST(host_pieces_stop_at_the_callers_room)
{
	struct iovec iov[1];
	struct vq_cursor c;
	uint32_t bytes;

	rig_init_pieces(&rig);
	vq_writer_init(&c, rig.q, &rig.chain);
	ck_assert_int_eq(vq_cursor_iov(&c, 11, iov, 1, &bytes), 1);
	ck_assert_uint_eq(bytes, 5);
	ck_assert_uint_eq(vq_cursor_left(&c), 6);
}
END_TEST

START_TEST(pieces_go_to_a_file_and_come_from_one)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	struct vq_cursor c;
	char buf[16] = "";

	ck_assert_int_ge(fd, 0);
	rig_init_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	vq_cursor_skip(&c, 1);
	ck_assert_int_eq(vq_cursor_to_fd(&c, fd, 3, 7), 7);
	ck_assert_uint_eq(vq_cursor_left(&c), 2);
	ck_assert_int_eq(pread(fd, buf, 16, 3), 7);
	ck_assert_str_eq(buf, "1234567");
	vq_writer_init(&c, rig.q, &rig.chain);
	ck_assert_int_eq(vq_cursor_from_fd(&c, fd, 3, 100), 7);
	ck_assert_uint_eq(vq_cursor_done(&c), 7);
	ck_assert_int_eq(memcmp(rig.mem + RIG_DATA + 256, "12345", 5), 0);
	ck_assert_int_eq(memcmp(rig.mem + RIG_DATA + 320, "67", 2), 0);
	ck_assert_int_eq(vq_cursor_from_fd(&c, fd, 10, 1), 0);
	close(fd);
}
END_TEST

START_TEST(pieces_go_through_a_stream)
{
	struct vq_cursor c;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	rig_init_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	ck_assert_int_eq(vq_cursor_to_fd(&c, fds[1], -1, 10), 10);
	ck_assert_int_eq(vq_cursor_to_fd(&c, fds[1], -1, 10), 0);
	vq_writer_init(&c, rig.q, &rig.chain);
	ck_assert_int_eq(vq_cursor_from_fd(&c, fds[0], -1, 11), 10);
	ck_assert_uint_eq(vq_cursor_left(&c), 1);
	ck_assert_int_eq(vq_cursor_from_fd(&c, fds[1], -1, 1), -EBADF);
	ck_assert_uint_eq(vq_cursor_left(&c), 1);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(cursor_over_nothing_is_empty)
{
	struct vq_cursor c, tail;
	struct iovec iov[1];
	uint32_t bytes;

	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 4, 0, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_writer_init(&c, rig.q, &rig.chain);
	ck_assert_uint_eq(vq_cursor_write(&c, "x", 1), 0);
	ck_assert_int_eq(vq_cursor_iov(&c, 1, iov, 1, &bytes), 0);
	ck_assert_uint_eq(bytes, 0);
	ck_assert(vq_cursor_split_tail(&c, 0, &tail));
}
END_TEST

/* Pops a chain with readable and writable buffers of 5 and 9 bytes. */
static void pop_pieces(struct rig *r)
{
	rig_init(r, 0);
	put_desc(r, RIG_DESC, 0, RIG_DATA, 5, F_NEXT, 1);
	put_desc(r, RIG_DESC, 1, RIG_DATA + 64, 9, F_NEXT, 2);
	put_desc(r, RIG_DESC, 2, RIG_DATA + 128, 5, F_NEXT | F_WRITE, 3);
	put_desc(r, RIG_DESC, 3, RIG_DATA + 192, 9, F_WRITE, 0);
	memcpy(r->mem + RIG_DATA, "\x01\x02\x03\x04\x05", 5);
	memcpy(r->mem + RIG_DATA + 64, "\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 9);
	offer(r, 0);
	ck_assert_int_eq(rig_pop(r), 1);
}

START_TEST(numbers_are_little_endian_and_whole_or_not_read)
{
	struct vq_cursor c;
	uint16_t a = 0;
	uint32_t b = 0;
	uint64_t d = 0;

	pop_pieces(&rig);
	vq_reader_init(&c, rig.q, &rig.chain);
	ck_assert(vq_cursor_read_le16(&c, &a));
	ck_assert(vq_cursor_read_le64(&c, &d));
	ck_assert_uint_eq(a, 0x0201);
	ck_assert_uint_eq(d, UINT64_C(0x0a09080706050403));
	ck_assert(!vq_cursor_read_le64(&c, &d));
	ck_assert_uint_eq(d, UINT64_C(0x0a09080706050403));
	ck_assert(vq_cursor_read_le32(&c, &b));
	ck_assert_uint_eq(b, 0x0e0d0c0bu);
	ck_assert(!vq_cursor_read_le16(&c, &a));
	ck_assert(!vq_cursor_read_le32(&c, &b));
}
END_TEST

START_TEST(numbers_are_written_whole_or_not_at_all)
{
	struct vq_cursor c;

	pop_pieces(&rig);
	vq_writer_init(&c, rig.q, &rig.chain);
	ck_assert(vq_cursor_write_le16(&c, 0x0201));
	ck_assert(vq_cursor_write_le64(&c, UINT64_C(0x0a09080706050403)));
	ck_assert(!vq_cursor_write_le64(&c, 0));
	ck_assert(!vq_cursor_write_exact(&c, "12345678", 8));
	ck_assert_uint_eq(vq_cursor_done(&c), 10);
	ck_assert(vq_cursor_write_le32(&c, 0x0e0d0c0bu));
	ck_assert(!vq_cursor_write_le16(&c, 0));
	ck_assert(!vq_cursor_write_le32(&c, 0));
	ck_assert_mem_eq(rig.mem + RIG_DATA + 128, rig.mem + RIG_DATA, 5);
	ck_assert_mem_eq(rig.mem + RIG_DATA + 192, rig.mem + RIG_DATA + 64, 9);
}
END_TEST

START_TEST(objects_are_read_and_written_whole)
{
	struct { struct vsu_le32 type, flags; } header, peeked;
	struct vq_cursor in, out;

	pop_pieces(&rig);
	vq_reader_init(&in, rig.q, &rig.chain);
	vq_writer_init(&out, rig.q, &rig.chain);
	ck_assert(vq_cursor_peek_obj(&in, &peeked));
	ck_assert(vq_cursor_read_obj(&in, &header));
	ck_assert(!vq_cursor_read_obj(&in, &header));
	ck_assert_uint_eq(vsu_le32_load(header.flags), 0x08070605u);
	ck_assert_mem_eq(&header, &peeked, sizeof(header));
	ck_assert(vq_cursor_write_obj(&out, &header));
	ck_assert(!vq_cursor_write_obj(&out, &header));
	ck_assert_uint_eq(vq_cursor_done(&in), vq_cursor_done(&out));
	ck_assert_mem_eq(rig.mem + RIG_DATA + 128, rig.mem + RIG_DATA, 5);
}
END_TEST

START_TEST(copy_goes_from_piece_to_piece_until_one_side_ends)
{
	struct vq_cursor in, out;

	rig_init_pieces(&rig);
	vq_reader_init(&in, rig.q, &rig.chain);
	vq_writer_init(&out, rig.q, &rig.chain);
	ck_assert_uint_eq(vq_cursor_copy(&out, &in, 2), 2);
	ck_assert_uint_eq(vq_cursor_copy(&out, &in, UINT32_MAX), 8);
	ck_assert_mem_eq(rig.mem + RIG_DATA + 256, "01234", 5);
	ck_assert_mem_eq(rig.mem + RIG_DATA + 320, "56789", 5);
	ck_assert_uint_eq(vq_cursor_left(&in), 0);
	ck_assert_uint_eq(vq_cursor_done(&out), 10);
	vq_reader_init(&in, rig.q, &rig.chain);
	ck_assert_uint_eq(vq_cursor_copy(&out, &in, 10), 1);
	ck_assert_uint_eq(vq_cursor_done(&in), 1);
	ck_assert_uint_eq(rig.mem[RIG_DATA + 325], '0');
}
END_TEST

START_TEST(copy_between_pieces_that_overlap_stays_within_them)
{
	struct vq_cursor in, out;

	rig_init(&rig, 0);
	memcpy(rig.mem + RIG_DATA, "abcdefgh", 8);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 8, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA + 2, 8, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_reader_init(&in, rig.q, &rig.chain);
	vq_writer_init(&out, rig.q, &rig.chain);
	ck_assert_uint_eq(vq_cursor_copy(&out, &in, 8), 8);
	ck_assert_mem_eq(rig.mem + RIG_DATA, "ababcdefgh\0", 11);
}
END_TEST

int main(void)
{
	TCase *tc = rig_case("cursor");

	tcase_add_test(tc, reader_joins_pieces);
	tcase_add_test(tc, read_exact_is_all_or_nothing);
	tcase_add_test(tc, peek_does_not_move);
	tcase_add_test(tc, writer_spreads_over_pieces_and_stops_at_the_end);
	tcase_add_test(tc, tail_is_cut_off_wherever_the_pieces_end);
	tcase_add_test(tc, host_pieces_cover_what_was_asked);
	tcase_add_test(tc, host_pieces_stop_at_the_callers_room);
	tcase_add_test(tc, pieces_go_to_a_file_and_come_from_one);
	tcase_add_test(tc, pieces_go_through_a_stream);
	tcase_add_test(tc, cursor_over_nothing_is_empty);
	tcase_add_test(tc, numbers_are_little_endian_and_whole_or_not_read);
	tcase_add_test(tc, numbers_are_written_whole_or_not_at_all);
	tcase_add_test(tc, objects_are_read_and_written_whole);
	tcase_add_test(tc, copy_goes_from_piece_to_piece_until_one_side_ends);
	tcase_add_test(tc, copy_between_pieces_that_overlap_stays_within_them);
	return run_tcase(tc, "cursor");
}
