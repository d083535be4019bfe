/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about examples/delayed-echo, an asynchronous device with two queues, made by a
 * driver: texts return complete and in order, independent of the order in which the driver
 * supplies buffers.
 */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <virtio-queue/features.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/event.h>

#include "echo_client.h"
#include "example.h"
#include "suite.h"

enum { RECEIVE, TRANSMIT };

#define BUFFERS UINT64_C(0x10000)	/* offset of a ring's buffers from its base */
#define STEP 1024u
#define TEXTS 20u

static const uint64_t features[] = {
	VQ_F_VERSION_1, VQ_F_VERSION_1 | VQ_F_EVENT_IDX,
	VQ_F_VERSION_1 | VQ_F_RING_PACKED,
};

static struct echo_client client;

/* ---------------------------------------------------------------- the driver */

static void begin(uint64_t wanted)
{
	echo_client_init(&client, example_connect(), 2, wanted);
	ck_assert(echo_client_wait(&client, &client.ready));
	ck_assert(echo_client_start(&client));
}

static void finish(void)
{
	ck_assert(echo_client_stop(&client));
	echo_client_fini(&client);
}

static uint64_t gpa_of(unsigned int index, uint64_t cookie)
{
	return client.rings[index].base_gpa + BUFFERS + cookie * STEP;
}

static void add(unsigned int index, uint64_t cookie, uint32_t len)
{
	const struct vq_buffer buffer = { gpa_of(index, cookie), len,
					  index == RECEIVE };
	struct echo_ring *ring = &client.rings[index];

	ck_assert_int_eq(vq_driver_add(ring->driver, &buffer, 1, cookie), 0);
	if (vq_driver_publish(ring->driver))
		vsu_event_signal(ring->kick_fd);
}

static void send(uint64_t cookie, const char *text)
{
	const uint32_t len = (uint32_t)strlen(text);

	ck_assert_int_ge(vmem_write_exact(vmem_map_view(client.map),
					  gpa_of(TRANSMIT, cookie), text, len),
			 0);
	add(TRANSMIT, cookie, len);
}

static int poll_ring(unsigned int index, uint64_t *cookie, uint32_t *len)
{
	return vq_driver_collect(client.rings[index].driver, cookie, len);
}

/* Waits for the next completion and asserts that its cookie is this one. */
static uint32_t wait_for(unsigned int index, uint64_t cookie)
{
	struct echo_ring *ring = &client.rings[index];
	struct pollfd p = { .fd = ring->call_fd, .events = POLLIN };
	uint64_t done;
	uint32_t len;
	int rc;

	while ((rc = poll_ring(index, &done, &len)) == 0) {
		if (vq_driver_enable_call(ring->driver))
			continue;
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		vsu_event_drain(ring->call_fd, NULL);
	}
	ck_assert_int_eq(rc, 1);
	ck_assert_uint_eq(done, cookie);
	return len;
}

static void expect_text(uint64_t cookie, const char *text)
{
	const uint32_t len = wait_for(RECEIVE, cookie);
	char got[STEP] = "";

	ck_assert_uint_eq(len, strlen(text));
	ck_assert_int_ge(vmem_read_exact(vmem_map_view(client.map),
					 gpa_of(RECEIVE, cookie), got, len), 0);
	ck_assert_str_eq(got, text);
}

static const char *text_of(uint64_t number)
{
	static char text[32];

	snprintf(text, sizeof(text), "text %u", (unsigned int)number);
	return text;
}

/* -------------------------------------------------------------------- claims */

START_TEST(texts_return_in_order)
{
	uint64_t i;

	begin(features[_i]);
	for (i = 0; i < TEXTS; i++)
		add(RECEIVE, i, STEP);
	for (i = 0; i < TEXTS; i++)
		send(i, text_of(i));
	for (i = 0; i < TEXTS; i++) {
		expect_text(i, text_of(i));
		ck_assert_uint_eq(wait_for(TRANSMIT, i), 0);
	}
	finish();
}
END_TEST

/* Each text is sent, with its kick, while the device holds the first one. */
START_TEST(texts_without_receive_buffers_wait)
{
	uint64_t i, cookie;
	uint32_t len;

	begin(features[_i]);
	for (i = 0; i < TEXTS; i++)
		send(i, text_of(i));
	for (i = 0; i < TEXTS; i++) {
		ck_assert_int_eq(poll_ring(TRANSMIT, &cookie, &len), 0);
		add(RECEIVE, i, STEP);
		expect_text(i, text_of(i));
		ck_assert_uint_eq(wait_for(TRANSMIT, i), 0);
	}
	finish();
}
END_TEST

START_TEST(receive_buffers_without_a_text_wait)
{
	uint64_t i, cookie;
	uint32_t len;

	begin(features[_i]);
	for (i = 0; i < TEXTS; i++)
		add(RECEIVE, i, STEP);
	for (i = 0; i < TEXTS; i++) {
		ck_assert_int_eq(poll_ring(RECEIVE, &cookie, &len), 0);
		send(i, text_of(i));
		expect_text(i, text_of(i));
	}
	finish();
}
END_TEST

START_TEST(a_long_text_continues_in_the_next_buffer)
{
	begin(features[_i]);
	send(0, "one two three");
	add(RECEIVE, 0, 4);
	expect_text(0, "one ");
	add(RECEIVE, 1, 4);
	expect_text(1, "two ");
	add(RECEIVE, 2, STEP);
	expect_text(2, "three");
	wait_for(TRANSMIT, 0);
	finish();
}
END_TEST

START_TEST(a_held_text_survives_a_stop)
{
	begin(features[_i]);
	send(0, "before the stop");
	ck_assert(echo_client_stop(&client));
	ck_assert(echo_client_start(&client));
	add(RECEIVE, 0, STEP);
	expect_text(0, "before the stop");
	wait_for(TRANSMIT, 0);
	finish();
}
END_TEST

START_TEST(the_next_front_end_begins_with_no_text)
{
	begin(features[_i]);
	send(0, "of the first front-end");
	echo_client_fini(&client);
	begin(features[_i]);
	add(RECEIVE, 0, STEP);
	send(0, "of the second one");
	expect_text(0, "of the second one");
	finish();
}
END_TEST

START_TEST(a_machine_waits_for_the_text)
{
	example_expect_here("there and back, later");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("delayed-example");
	TCase *tc = tcase_create("delayed-example");
	const int n = sizeof(features) / sizeof(features[0]);

	if (!example_find("delayed-echo"))
		return 0;
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, example_launch, example_end);
	tcase_add_loop_test(tc, texts_return_in_order, 0, n);
	tcase_add_loop_test(tc, texts_without_receive_buffers_wait, 0, n);
	tcase_add_loop_test(tc, receive_buffers_without_a_text_wait, 0, n);
	tcase_add_loop_test(tc, a_long_text_continues_in_the_next_buffer, 0, n);
	tcase_add_loop_test(tc, a_held_text_survives_a_stop, 0, n);
	tcase_add_loop_test(tc, the_next_front_end_begins_with_no_text, 0, n);
	tcase_add_test(tc, a_machine_waits_for_the_text);

	return run_suite(s);
}
