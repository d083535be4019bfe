/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the control messages of a console. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../console-rig.h"
#include "../suite.h"

#define DATA_RX 4u
#define DATA_TX 5u

static void setup(void)
{
	console_init_many(F_SIZE);
}

START_TEST(ports_are_announced_in_order)
{
	console_start_driver();
	ck_assert_str_eq(console_read_message(), "");
	ck_assert_uint_eq(console_counts(0).refused, 0);
	ck_assert(console_counts(0).guest_open && console_counts(0).host_open);
	ck_assert(!console_counts(1).guest_open && console_counts(1).host_open);
}
END_TEST

START_TEST(no_message_is_sent_before_the_driver_is_ready)
{
	ck_assert_int_eq(virtdev_console_resize(con.dev, 0, 80, 24), 0);
	console_offer(2, 1, 64);
	console_settle();
	ck_assert_int_eq(console_used(2, NULL, 0), -1);
}
END_TEST

START_TEST(driver_that_reports_failure_gets_no_messages)
{
	console_send_message(UINT32_MAX, DEVICE_READY, 0);
	ck_assert_str_eq(console_read_message(), "");
	console_send_message(UINT32_MAX, DEVICE_READY, 1);
	ck_assert_str_eq(console_read_message(), "1 0 1");
	ck_assert_str_eq(console_read_message(), "1 1 1");
	console_send_message(1, PORT_READY, 0);
	ck_assert_str_eq(console_read_message(), "");
}
END_TEST

START_TEST(size_is_sent_with_columns_first)
{
	console_start_driver();
	ck_assert_int_eq(virtdev_console_resize(con.dev, 0, 132, 43), 0);
	ck_assert_str_eq(console_read_message(), "5 0 1 132 43");
	ck_assert_str_eq(console_read_message(), "");
}
END_TEST

START_TEST(size_is_sent_to_a_driver_that_starts_later)
{
	ck_assert_int_eq(virtdev_console_resize(con.dev, 0, 80, 25), 0);
	console_send_message(UINT32_MAX, DEVICE_READY, 1);
	console_read_message();
	console_read_message();
	console_send_message(0, PORT_READY, 1);
	ck_assert_str_eq(console_read_message(), "4 0 1");
	ck_assert_str_eq(console_read_message(), "5 0 1 80 25");
	ck_assert_str_eq(console_read_message(), "6 0 1");
}
END_TEST

START_TEST(only_the_last_of_many_changes_is_sent)
{
	uint16_t i;

	console_start_driver();
	for (i = 1; i <= 1000; i++)
		ck_assert_int_eq(virtdev_console_resize(con.dev, 0, i, i), 0);
	ck_assert_str_eq(console_read_message(), "5 0 1 1000 1000");
	ck_assert_str_eq(console_read_message(), "");
}
END_TEST

START_TEST(host_connection_opens_and_closes_the_port)
{
	console_start_driver();
	vsu_fd_close(&con.host[1]);
	console_settle();
	ck_assert_str_eq(console_read_message(), "6 1 0");
	ck_assert_str_eq(console_read_message(), "");
}
END_TEST

START_TEST(a6_05_stream_is_not_read_until_the_guest_opens_it)
{
	char text[8];

	console_start_driver();
	console_offer(DATA_RX, 1, 64);
	console_host_write(1, "early");
	ck_assert_int_eq(console_used(DATA_RX, NULL, 0), -1);
	console_send_message(1, PORT_OPEN, 1);
	ck_assert_int_eq(console_used(DATA_RX, text, sizeof(text)), 5);
	ck_assert_int_eq(memcmp(text, "early", 5), 0);
	console_send_message(1, PORT_OPEN, 0);
	console_offer(DATA_RX, 1, 64);
	console_host_write(1, "late");
	ck_assert_int_eq(console_used(DATA_RX, NULL, 0), -1);
}
END_TEST

START_TEST(ports_are_independent)
{
	console_start_driver();
	console_write(1, "zero", 4);
	console_write(DATA_TX, "one", 3);
	ck_assert_str_eq(console_host_read(0), "zero");
	ck_assert_str_eq(console_host_read(1), "one");
}
END_TEST

static uint32_t add_third(void)
{
	const struct virtdev_console_port port = {
		.size = sizeof(port), .name = "third",
		.host = console_socket(&con.host[2]),
	};
	uint32_t id = 99;

	ck_assert_int_eq(virtdev_console_add(con.dev, &port, &id, NULL), 0);
	return id;
}

START_TEST(port_can_be_added_while_the_guest_runs)
{
	console_start_driver();
	ck_assert_uint_eq(add_third(), 2);
	ck_assert_str_eq(console_read_message(), "1 2 1");
	console_send_message(2, PORT_READY, 1);
	ck_assert_str_eq(console_read_message(), "7 2 1 third");
	ck_assert_str_eq(console_read_message(), "6 2 1");
	console_write(7, "hello", 5);
	ck_assert_str_eq(console_host_read(2), "hello");
}
END_TEST

START_TEST(ports_above_the_configured_maximum_are_refused)
{
	struct virtdev_console_port port = { .size = sizeof(port) };
	struct vsu_error err = VSU_ERROR_INIT;
	uint32_t id;
	int other;

	add_third();
	port.host = console_socket(&other);
	ck_assert_int_eq(virtdev_console_add(con.dev, &port, &id, &err),
			 -ENOSPC);
	ck_assert_str_eq(err.msg,
			 "console: all 3 ports are in use");
	virtdev_port_free(port.host);
	close(other);
}
END_TEST

START_TEST(port_can_be_removed_and_its_number_used_again)
{
	char c;

	console_start_driver();
	ck_assert_int_eq(virtdev_console_remove(con.dev, 1), 0);
	ck_assert_int_eq(read(con.host[1], &c, 1), 0);
	/* from a driver that has not seen the removal */
	console_write(DATA_TX, "gone", 4);
	console_settle();
	ck_assert_int_eq(console_used(DATA_TX, NULL, 0), 0);
	ck_assert_uint_eq(add_third(), 1);
	ck_assert_str_eq(console_read_message(), "2 1 1");
	ck_assert_str_eq(console_read_message(), "1 1 1");
	console_send_message(1, PORT_READY, 1);
	ck_assert_str_eq(console_read_message(), "7 1 1 third");
	console_write(DATA_TX, "new", 3);
	ck_assert_str_eq(console_host_read(2), "new");
	ck_assert_int_eq(virtdev_console_remove(con.dev, 0), -ENOENT);
	ck_assert_int_eq(virtdev_console_remove(con.dev, 2), -ENOENT);
}
END_TEST

/* The message is about the previous port with this number. */
START_TEST(port_that_the_driver_opens_before_it_learns_of_the_removal_is_closed)
{
	console_start_driver();
	ck_assert_int_eq(virtdev_console_remove(con.dev, 1), 0);
	ck_assert_uint_eq(add_third(), 1);
	console_send_message(1, PORT_OPEN, 1);
	ck_assert_str_eq(console_read_message(), "2 1 1");
	ck_assert_str_eq(console_read_message(), "1 1 1");
	ck_assert_str_eq(console_read_message(), "");
	ck_assert(!console_counts(1).guest_open);
}
END_TEST

START_TEST(port_removed_before_its_announcement_is_not_announced)
{
	console_start_driver();
	ck_assert_int_eq(virtdev_console_remove(con.dev, add_third()), 0);
	ck_assert_str_eq(console_read_message(), "");
}
END_TEST

static int enough;

static void *count_often(void *opaque)
{
	struct virtdev_console_counts counts = { .size = sizeof(counts) };
	int rc;

	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
		rc = virtdev_console_get_counts(con.dev, 2, &counts);
		ck_assert(rc == 0 || rc == -ENOENT);
	}
	return opaque;
}

START_TEST(statistics_can_be_read_while_ports_change)
{
	pthread_t thread;
	int i;

	enough = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, count_often, NULL), 0);
	for (i = 0; i < 200; i++) {
		ck_assert_int_eq(virtdev_console_remove(con.dev, add_third()),
				 0);
		vsu_fd_close(&con.host[2]);
	}
	__atomic_store_n(&enough, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}
END_TEST

/* Event, port and value of messages that drivers must not send. */
static const uint32_t bad[][3] = {
	{ PORT_ADD, 0, 1 }, { PORT_REMOVE, 1, 1 }, { CONSOLE_PORT, 0, 1 },
	{ RESIZE, 0, 1 }, { PORT_NAME, 1, 1 }, { 8, 0, 0 }, { 0xffff, 1, 1 },
	{ PORT_READY, 2, 1 }, { PORT_READY, 3, 1 }, { PORT_OPEN, 31, 1 },
	{ PORT_OPEN, UINT32_MAX, 1 }, { PORT_READY, 0x80000000, 1 },
};

START_TEST(a6_03_invalid_message_is_dropped_and_counted)
{
	console_start_driver();
	console_send_message(bad[_i][1], (uint16_t)bad[_i][0], (uint16_t)bad[_i][2]);
	ck_assert_uint_eq(console_counts(0).refused, 1);
	ck_assert_str_eq(console_read_message(), "");
	console_write(1, "alive", 5);
	ck_assert_str_eq(console_host_read(0), "alive");
}
END_TEST

START_TEST(a6_03_truncated_message_is_dropped_and_counted)
{
	const unsigned char m[] = { 0, 0, 0, 0, PORT_OPEN, 0, 1 };
	uint32_t len;

	console_start_driver();
	console_send_message(0, PORT_OPEN, 0);
	for (len = 0; len <= sizeof(m); len++) {
		if (!len)
			console_offer(3, 1, 64);	/* no readable byte at all */
		else
			console_write(3, m, len);
		console_settle();
		ck_assert_int_eq(console_used(3, NULL, 0), 0);
	}
	ck_assert_uint_eq(console_counts(0).refused, 8);
	ck_assert(!console_counts(0).guest_open);
}
END_TEST

START_TEST(a6_03_repeated_port_ready_is_answered_once)
{
	int i, n = 0;

	console_start_driver();
	for (i = 0; i < 1000; i++)
		console_send_message(0, PORT_READY, 1);
	while (console_read_message()[0])
		n++;
	ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(a6_03_repeated_device_ready_announces_ports_once)
{
	int i, n = 0;

	for (i = 0; i < 1000; i++)
		console_send_message(UINT32_MAX, DEVICE_READY, 1);
	while (console_read_message()[0])
		n++;
	ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(buffer_too_short_for_a_message_is_returned_empty)
{
	console_send_message(UINT32_MAX, DEVICE_READY, 1);
	console_offer(2, 3, 7);
	console_settle();
	ck_assert_int_eq(console_used(2, NULL, 0), 0);
	ck_assert_int_eq(console_used(2, NULL, 0), 0);
	ck_assert_int_eq(console_used(2, NULL, 0), 0);
	ck_assert_str_eq(console_read_message(), "1 0 1");
}
END_TEST

START_TEST(new_driver_gets_all_ports_again)
{
	console_start_driver();
	ck_assert_int_eq(virtdev_console_resize(con.dev, 0, 1, 1), 0);
	console_restart(F_MULTIPORT);	/* without F_SIZE */
	ck_assert_str_eq(console_read_message(), "");
	ck_assert(!console_counts(0).guest_open);
	console_start_driver();
	console_restart(0);			/* without messages */
	console_write(1, "plain", 5);
	ck_assert_str_eq(console_host_read(0), "plain");
}
END_TEST

/* Moves the console to another server: other host ends, the same driver. */
static void move(const void *bytes, size_t len)
{
	struct virtdev_console_port data = { .size = sizeof(data),
					     .name = "data" };
	const struct virtdev_console_port port = {
		.size = sizeof(port), .console = true,
		.host = console_socket(&con.host[2]),
	};
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port,
		.max_ports = CONSOLE_PORTS,
	};
	struct virtdev *dev;
	uint32_t i, id;

	ck_assert_int_eq(virtdev_console_new(&config, &dev, NULL), 0);
	vsu_fd_close(&con.host[1]);
	data.host = console_socket(&con.host[1]);
	ck_assert_int_eq(virtdev_console_add(dev, &data, &id, NULL), 0);
	ck_assert_int_eq(virtdev_state_load(dev, bytes, len, NULL), 0);
	ck_assert_int_eq(virtdev_set_features(dev, con.features |
					      VQ_F_VERSION_1, NULL), 0);
	for (i = 0; i < con.nqueues; i++) {
		virtdev_queue_stop(con.dev, i);
		ck_assert_int_eq(virtdev_queue_start(dev, i, con.queues[i].q,
						     NULL), 0);
	}
	virtdev_free(con.dev);
	con.dev = dev;
}

START_TEST(e3_22_driver_continues_with_the_console_of_another_server)
{
	char text[8];
	void *bytes;
	size_t len;

	console_start_driver();
	console_send_message(1, PORT_OPEN, 1);
	ck_assert_int_eq(virtdev_state_take(con.dev, &bytes, &len, NULL), 0);
	move(bytes, len);
	free(bytes);
	ck_assert_str_eq(console_read_message(), "");	/* the driver sees no change */
	ck_assert(console_counts(0).guest_open && console_counts(1).guest_open);
	console_write(DATA_TX, "on", 2);
	ck_assert_str_eq(console_host_read(1), "on");
	console_offer(DATA_RX, 1, 64);
	console_host_write(1, "and on");
	ck_assert_int_eq(console_used(DATA_RX, text, sizeof(text)), 6);
}
END_TEST

/* Events for which the driver had no buffer: a new size, and an open port. */
START_TEST(e3_22_pending_events_of_a_port_move_with_it)
{
	void *bytes;
	size_t len;

	console_start_driver();
	ck_assert_int_eq(virtdev_console_resize(con.dev, 0, 80, 25), 0);
	console_send_message(1, PORT_READY, 1);
	ck_assert_int_eq(virtdev_state_take(con.dev, &bytes, &len, NULL), 0);
	move(bytes, len);
	free(bytes);
	ck_assert_int_eq(virtdev_console_resize(con.dev, 1, 0, 0), 0);
	ck_assert_str_eq(console_read_message(), "5 0 1 0 0");
	ck_assert_str_eq(console_read_message(), "5 1 1 0 0");
	ck_assert_str_eq(console_read_message(), "7 1 1 data");
	ck_assert_str_eq(console_read_message(), "6 1 1");
	ck_assert_str_eq(console_read_message(), "");
}
END_TEST

START_TEST(invalid_state_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *bytes;
	size_t len, i;
	int rc;

	console_start_driver();
	ck_assert_int_eq(virtdev_state_take(con.dev, (void **)&bytes,
					    &len, NULL), 0);
	for (i = 0; i < len; i++)
		ck_assert_int_eq(virtdev_state_load(con.dev, bytes, i, &err),
				 -EBADMSG);
	for (i = 0; i < len; i++) {
		bytes[i] ^= 0x80;
		rc = virtdev_state_load(con.dev, bytes, len, &err);
		ck_assert(rc == 0 || rc == -EBADMSG || rc == -EOPNOTSUPP);
		bytes[i] ^= 0x80;
	}
	ck_assert_int_eq(virtdev_state_load(con.dev, bytes, len, &err), 0);
	free(bytes);
}
END_TEST

START_TEST(size_may_be_sent_with_rows_first)
{
	const struct virtdev_console_port port = {
		.size = sizeof(port), .console = true, .name = "tty",
		.host = console_socket(&con.host[2]),
	};
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port, .rows_first = true,
	};
	struct virtdev *first = con.dev, *dev;
	unsigned char columns;

	ck_assert_int_eq(virtdev_console_new(&config, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_console_resize(dev, 0, 80, 25), 0);
	virtdev_config_read(dev, 0, &columns, 1);
	ck_assert_uint_eq(columns, 80);
	virtdev_free(dev);
	con.dev = first;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_add_checked_fixture(tc, setup, console_fini);
	tcase_add_test(tc, ports_are_announced_in_order);
	tcase_add_test(tc, no_message_is_sent_before_the_driver_is_ready);
	tcase_add_test(tc, driver_that_reports_failure_gets_no_messages);
	tcase_add_test(tc, size_is_sent_with_columns_first);
	tcase_add_test(tc, size_is_sent_to_a_driver_that_starts_later);
	tcase_add_test(tc, only_the_last_of_many_changes_is_sent);
	tcase_add_test(tc, host_connection_opens_and_closes_the_port);
	tcase_add_test(tc, a6_05_stream_is_not_read_until_the_guest_opens_it);
	tcase_add_test(tc, ports_are_independent);
	tcase_add_test(tc, port_can_be_added_while_the_guest_runs);
	tcase_add_test(tc, ports_above_the_configured_maximum_are_refused);
	tcase_add_test(tc, port_can_be_removed_and_its_number_used_again);
	tcase_add_test(tc, port_that_the_driver_opens_before_it_learns_of_the_removal_is_closed);
	tcase_add_test(tc, port_removed_before_its_announcement_is_not_announced);
	tcase_add_test(tc, statistics_can_be_read_while_ports_change);
	tcase_add_loop_test(tc, a6_03_invalid_message_is_dropped_and_counted,
			    0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, a6_03_truncated_message_is_dropped_and_counted);
	tcase_add_test(tc, a6_03_repeated_port_ready_is_answered_once);
	tcase_add_test(tc, a6_03_repeated_device_ready_announces_ports_once);
	tcase_add_test(tc, buffer_too_short_for_a_message_is_returned_empty);
	tcase_add_test(tc, new_driver_gets_all_ports_again);
	tcase_add_test(tc, e3_22_driver_continues_with_the_console_of_another_server);
	tcase_add_test(tc, e3_22_pending_events_of_a_port_move_with_it);
	tcase_add_test(tc, invalid_state_is_refused);
	tcase_add_test(tc, size_may_be_sent_with_rows_first);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
