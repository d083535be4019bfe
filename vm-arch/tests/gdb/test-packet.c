/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about packets of gdb's protocol. */
#include <config.h>

#include <check.h>
#include <string.h>

#include "gdb/packet.h"
#include "../suite.h"

static struct varch_gdb_reader reader;
static struct varch_gdb_writer writer;

static void setup(void)
{
	memset(&reader, 0, sizeof(reader));
}

/* The last event of these bytes. */
static enum varch_gdb_event read_bytes(const char *bytes, size_t n)
{
	enum varch_gdb_event event = VARCH_GDB_NOTHING;

	while (n--)
		event = varch_gdb_read_byte(&reader, (unsigned char)*bytes++);
	return event;
}

static enum varch_gdb_event read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

START_TEST(packet_is_complete_with_its_checksum)
{
	ck_assert_int_eq(read_text("+$g#6"), VARCH_GDB_NOTHING);
	ck_assert_int_eq(read_text("7"), VARCH_GDB_COMPLETE);
	ck_assert_str_eq((const char *)reader.data, "g");
	ck_assert_int_eq(read_text("$#00"), VARCH_GDB_COMPLETE);
	ck_assert_uint_eq(reader.len, 0);
	ck_assert_int_eq(read_text("$OK#9A"), VARCH_GDB_COMPLETE);
}
END_TEST

static const char *const refused[] = { "$g#68", "$g#x7", "$g#6g" };

START_TEST(wrong_checksum_is_refused)
{
	ck_assert_int_eq(read_text(refused[_i]), VARCH_GDB_REFUSED);
	ck_assert_int_eq(read_text("$g#67"), VARCH_GDB_COMPLETE);
}
END_TEST

START_TEST(escaped_bytes_are_decoded)
{
	ck_assert_int_eq(read_text("$X}\x03}]#b2"), VARCH_GDB_COMPLETE);
	ck_assert_uint_eq(reader.len, 3);
	ck_assert_mem_eq(reader.data, "X#}", 3);
}
END_TEST

START_TEST(begin_within_a_packet_begins_again)
{
	ck_assert_int_eq(read_text("$m12$g#67"), VARCH_GDB_COMPLETE);
	ck_assert_str_eq((const char *)reader.data, "g");
}
END_TEST

/* The longest packet of 'm' and one byte more. */
START_TEST(longer_packet_than_the_maximum_is_refused)
{
	unsigned int i, n;

	for (n = VARCH_GDB_PACKET; n <= VARCH_GDB_PACKET + 1; n++) {
		read_text("$");
		for (i = 0; i < n; i++)
			ck_assert_int_eq(read_text("m"), VARCH_GDB_NOTHING);
		ck_assert_int_eq(read_text(n == VARCH_GDB_PACKET ? "#00" : "#6d"),
				 n == VARCH_GDB_PACKET ? VARCH_GDB_COMPLETE : VARCH_GDB_REFUSED);
	}
	ck_assert_uint_eq(reader.len, VARCH_GDB_PACKET);
}
END_TEST

START_TEST(interrupt_and_repetition_are_found_between_packets)
{
	ck_assert_int_eq(read_text("\x03"), VARCH_GDB_INTERRUPT);
	ck_assert_int_eq(read_text("-"), VARCH_GDB_REPEAT);
	ck_assert_int_eq(read_text("$\x03-#30"), VARCH_GDB_COMPLETE);
}
END_TEST

START_TEST(written_packet_can_be_read)
{
	unsigned int i;

	varch_gdb_write_begin(&writer);
	varch_gdb_write_text(&writer, "l");
	varch_gdb_write_binary(&writer, "a#$}*b", 6);
	varch_gdb_write_number(&writer, 0);
	varch_gdb_write_number(&writer, UINT64_C(0xfedcba9876543210));
	varch_gdb_write_hex(&writer, "\x00\xff", 2);
	varch_gdb_write_end(&writer);
	for (i = 0; i + 1 < writer.len; i++)
		ck_assert_int_eq(read_bytes(writer.bytes + i, 1), VARCH_GDB_NOTHING);
	ck_assert_int_eq(read_bytes(writer.bytes + i, 1), VARCH_GDB_COMPLETE);
	ck_assert_str_eq((const char *)reader.data, "la#$}*b0fedcba987654321000ff");
}
END_TEST

START_TEST(written_packet_is_bounded)
{
	unsigned int i;

	varch_gdb_write_begin(&writer);
	for (i = 0; i < 3 * VARCH_GDB_PACKET; i++)
		varch_gdb_write_text(&writer, "x");
	varch_gdb_write_end(&writer);
	ck_assert_uint_le(writer.len, sizeof(writer.bytes));
	ck_assert_int_eq(writer.bytes[writer.len - 3], '#');
}
END_TEST

START_TEST(numbers_have_sixteen_digits_at_most)
{
	const char *at = "fFffffffffffffff,1";
	uint64_t n;

	ck_assert(varch_gdb_number(&at, &n));
	ck_assert_uint_eq(n, UINT64_MAX);
	ck_assert_int_eq(*at, ',');
	at = "10000000000000000";
	ck_assert(!varch_gdb_number(&at, &n));
	at = "x";
	ck_assert(!varch_gdb_number(&at, &n));
}
END_TEST

START_TEST(bytes_need_all_their_digits)
{
	const char *at = "0aFf1";
	unsigned char bytes[3];

	ck_assert(varch_gdb_bytes(&at, bytes, 2));
	ck_assert_mem_eq(bytes, "\x0a\xff", 2);
	ck_assert(!varch_gdb_bytes(&at, bytes, 1));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("packet");
	TCase *tc = tcase_create("packet");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, packet_is_complete_with_its_checksum);
	tcase_add_loop_test(tc, wrong_checksum_is_refused, 0, 3);
	tcase_add_test(tc, escaped_bytes_are_decoded);
	tcase_add_test(tc, begin_within_a_packet_begins_again);
	tcase_add_test(tc, longer_packet_than_the_maximum_is_refused);
	tcase_add_test(tc, interrupt_and_repetition_are_found_between_packets);
	tcase_add_test(tc, written_packet_can_be_read);
	tcase_add_test(tc, written_packet_is_bounded);
	tcase_add_test(tc, numbers_have_sixteen_digits_at_most);
	tcase_add_test(tc, bytes_need_all_their_digits);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
