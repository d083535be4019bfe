/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the record of what a guest writes to a port. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../console-rig.h"
#include "../suite.h"

#define TX 1u

/* Recorded bytes; those beyond room are lost. */
static struct record {
	char text[1 << 16];
	size_t len, room;
	unsigned int freed;
} record;

static uint64_t on_record(void *opaque, const struct iovec *iov, int n)
{
	struct record *r = opaque;
	uint64_t kept = 0;
	size_t piece;
	int i;

	for (i = 0; i < n; i++, kept += piece) {
		piece = iov[i].iov_len < r->room - r->len ? iov[i].iov_len : r->room - r->len;
		memcpy(r->text + r->len, iov[i].iov_base, piece);
		r->len += piece;
	}
	return kept;
}

static void on_free(void *opaque)
{
	((struct record *)opaque)->freed++;
}

static void setup(void)
{
	memset(&record, 0, sizeof(record));
	record.room = sizeof(record.text);
	console_record = (struct virtdev_console_port){
		.record = on_record, .free_recorder = on_free, .recorder = &record,
	};
	console_init_one(0);
}

static void teardown(void)
{
	console_fini();
	ck_assert_uint_eq(record.freed, 1);
}

START_TEST(has_what_the_reader_receives)
{
	console_write(TX, "login: ", 7);
	ck_assert_str_eq(console_host_read(0), "login: ");
	console_write(TX, "root", 4);
	console_settle();
	ck_assert_str_eq(record.text, "login: root");
	ck_assert_uint_eq(console_counts(0).unrecorded, 0);
}
END_TEST

START_TEST(continues_without_a_reader)
{
	vsu_fd_close(&con.host[0]);
	console_write(TX, "lost ", 5);
	console_write(TX, "in part", 7);
	console_settle();
	ck_assert_str_eq(record.text, "lost in part");
	ck_assert_uint_eq(console_counts(0).dropped, 0);
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
}
END_TEST

/* The reader receives a part of the last request; the record has each byte once. */
START_TEST(has_each_byte_once_if_the_reader_stops)
{
	static char line[CONSOLE_BUFFER];
	struct pollfd p;
	size_t i, sent = 0;

	do {
		memset(line, 'a' + (int)(sent / sizeof(line) % 26), sizeof(line));
		console_write(TX, line, sizeof(line));
		console_settle();
		sent += sizeof(line);
		record.len = record.len > sizeof(record.text) / 2 ? 0 : record.len;
	} while (console_used(TX, NULL, 0) == 0);
	record.len = 0;
	p = (struct pollfd){ virtdev_queue_host_fd(con.dev, TX), POLLIN, 0 };
	ck_assert_int_eq(poll(&p, 1, 10000), 1);	/* a second of patience */
	console_settle();
	ck_assert_uint_eq(record.len, console_counts(0).dropped);
	for (i = 0; i < record.len; i++)
		ck_assert_int_eq(record.text[i], line[0]);
	ck_assert_uint_eq(console_counts(0).from_guest + record.len, sent);
}
END_TEST

START_TEST(counts_what_it_loses)
{
	record.room = 3;
	console_write(TX, "abcdef", 6);
	console_settle();
	ck_assert_str_eq(record.text, "abc");
	ck_assert_uint_eq(console_counts(0).unrecorded, 3);
	ck_assert_str_eq(console_host_read(0), "abcdef");
}
END_TEST

START_TEST(is_found_by_its_port)
{
	ck_assert_ptr_eq(virtdev_console_recorder(con.dev, 0), &record);
	ck_assert_ptr_null(virtdev_console_recorder(con.dev, 99));
}
END_TEST

START_TEST(has_emergency_writes)
{
	ck_assert_int_eq(virtdev_config_write(con.dev, 8, "!", 1), 0);
	ck_assert_str_eq(record.text, "!");
}
END_TEST

/* A recorder can be slow, so a request must not occupy the thread: 2 MiB of the same memory. */
START_TEST(dropped_request_is_recorded_in_bounded_turns)
{
	enum { PIECES = CONSOLE_RING };
	struct vq_buffer b[PIECES];
	struct virtdev_console_counts now;
	uint64_t last = 0;
	unsigned int i, turns = 0;

	vsu_fd_close(&con.host[0]);
	console_settle();
	for (i = 0; i < PIECES; i++)
		b[i] = (struct vq_buffer){ GUEST_DATA, 128 * 1024, false };
	ck_assert_int_eq(vq_driver_add(con.queues[TX].driver, b, PIECES, 0), 0);
	vq_driver_publish(con.queues[TX].driver);
	while (virtdev_queue_serve(con.dev, TX) > 0) {
		now = console_counts(0);
		ck_assert_uint_le(now.dropped - last, 64 << 10);
		last = now.dropped;
		turns++;
	}
	ck_assert_uint_eq(console_counts(0).dropped, PIECES * 128 * 1024 - 65536);	/* the last is kept */
	ck_assert_uint_ge(turns, PIECES * 2 - 1);
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
}
END_TEST

START_TEST(remains_with_the_caller_after_a_failure)
{
	struct virtdev_console_port port = console_record;
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port, .max_ports = 99,
	};
	struct virtdev *dev;
	int other;

	port.size = sizeof(port);
	port.host = console_socket(&other);
	ck_assert_int_eq(virtdev_console_new(&config, &dev, NULL), -EINVAL);
	ck_assert_uint_eq(record.freed, 0);
	virtdev_port_free(port.host);
	close(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *tc = tcase_create("record");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, has_what_the_reader_receives);
	tcase_add_test(tc, continues_without_a_reader);
	tcase_add_test(tc, has_each_byte_once_if_the_reader_stops);
	tcase_add_test(tc, counts_what_it_loses);
	tcase_add_test(tc, is_found_by_its_port);
	tcase_add_test(tc, has_emergency_writes);
	tcase_add_test(tc, dropped_request_is_recorded_in_bounded_turns);
	tcase_add_test(tc, remains_with_the_caller_after_a_failure);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
