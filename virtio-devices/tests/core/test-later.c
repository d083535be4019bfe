/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a model with two queues whose turn returns VQ_TURN_LATER: an echo console
 * that copies each transmitted text into a receive buffer, and waits for buffers.
 */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <string.h>

#include <virtio-devices/inline.h>
#include <virtio-queue/cursor.h>

#include "../guest.h"
#include "../suite.h"
#include "../transport/registers.h"

enum { RECEIVE, TRANSMIT, NQUEUES };

#define SIZE 16u
#define TEXTS 40u
#define STEP 64u

static const uint64_t features[] = {
	VQ_F_VERSION_1, VQ_F_VERSION_1 | VQ_F_EVENT_IDX,
	VQ_F_VERSION_1 | VQ_F_RING_PACKED,
	VQ_F_VERSION_1 | VQ_F_RING_PACKED | VQ_F_EVENT_IDX,
};

static struct rig {
	struct transport_rig d;
	struct guest g;
	struct virtdev_server *server;
	struct vq *q[NQUEUES];
	struct vq_driver *drivers[NQUEUES];
	uint64_t sent, supplied;
	unsigned int kicks[NQUEUES];
} rig;

/* ----------------------------------------------------------------- the model */

static int on_start(void *self, uint32_t queue, struct vq *q,
		    struct vsu_error *err)
{
	(void)err;
	((struct rig *)self)->q[queue] = q;
	return 0;
}

static void on_stop(void *self, uint32_t queue)
{
	((struct rig *)self)->q[queue] = NULL;
}

static uint32_t echo_one(void *opaque, struct vq *from_queue,
			 struct vq_chain *text)
{
	struct rig *r = opaque;
	struct vq *to_queue = r->q[RECEIVE];
	struct iovec iov[4];
	struct vq_chain buffer = { .iov = iov, .iov_max = 4 };
	struct vq_cursor from, to;
	int n;

	do
		n = vq_pop(to_queue, &buffer);
	while (n == 0 && vq_enable_notify(to_queue));
	if (n != 1)
		return VQ_TURN_LATER;
	vq_reader_init(&from, from_queue, text);
	vq_writer_init(&to, to_queue, &buffer);
	vq_push(to_queue, &buffer,
		vq_cursor_copy(&to, &from, vq_cursor_left(&from)));
	return 0;
}

/* A kick of either queue resumes the turn of the transmit queue. */
static int on_serve(void *self, uint32_t queue)
{
	struct rig *r = self;
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = echo_one, .opaque = r,
	};
	int rc;

	(void)queue;
	if (!r->q[RECEIVE] || !r->q[TRANSMIT])
		return 0;
	rc = virtdev_queue_turn(r->d.dev, TRANSMIT, r->q[TRANSMIT], &turn);
	if (vq_publish(r->q[RECEIVE]))
		virtdev_notify(r->d.dev, RECEIVE);
	return rc;
}

static const struct virtdev_ops model = {
	.size = sizeof(model), .name = "echo", .queue_start = on_start,
	.queue_serve = on_serve, .queue_stop = on_stop,
};

/* ---------------------------------------------------------------- the driver */

static void set(enum field field, uint64_t value)
{
	transport_rig_set(&rig.d, field, value);
}

static void make_ready(uint32_t i, uint64_t wanted)
{
	struct vq_driver_config config = {
		.map = rig.g.map, .gpa = GUEST_RING + i * 0x4000,
		.features = wanted, .size = SIZE,
	};

	ck_assert_int_eq(vq_driver_new(&config, &rig.drivers[i], NULL), 0);
	set(QUEUE_SEL, i);
	set(QUEUE_SIZE, SIZE);
	set(DESC_LOW, vq_driver_desc_gpa(rig.drivers[i]));
	set(DRIVER_LOW, vq_driver_driver_gpa(rig.drivers[i]));
	set(DEVICE_LOW, vq_driver_device_gpa(rig.drivers[i]));
	set(QUEUE_READY, 1);
}

static void setup(int i)
{
	const struct virtdev_info info = {
		.id = 3, .nqueues = NQUEUES, .queue_size_max = SIZE,
		.features = features[i],
	};

	memset(&rig, 0, sizeof(rig));
	guest_init_memory(&rig.g);
	transport_rig_init(&rig.d, &mmio_registers, &model, &info, NULL, &rig);
	ck_assert_int_eq(virtdev_inline_new(rig.d.t, rig.g.space, NULL, NULL, &rig.server,
					    NULL), 0);
	set(STATUS, 3);
	set(WANTED_WORD, features[i] & UINT32_MAX);
	set(WANTED_SEL, 1);
	set(WANTED_WORD, features[i] >> 32);
	set(STATUS, 11);
	make_ready(RECEIVE, features[i]);
	make_ready(TRANSMIT, features[i]);
	set(STATUS, 15);
}

static void teardown(void)
{
	while (virtdev_server_stop(rig.server))
		virtdev_server_dispatch(rig.server);
	virtdev_server_free(rig.server);
	transport_rig_fini(&rig.d);
	vq_driver_free(rig.drivers[RECEIVE]);
	vq_driver_free(rig.drivers[TRANSMIT]);
	guest_fini(&rig.g);
}

/* Kicks only if the device requires it. */
static void add(uint32_t queue, uint64_t cookie)
{
	const struct vq_buffer buffer = {
		GUEST_DATA + (queue * TEXTS + cookie) * STEP, STEP,
		queue == RECEIVE,
	};

	ck_assert_int_eq(vq_driver_add(rig.drivers[queue], &buffer, 1, cookie),
			 0);
	if (!vq_driver_publish(rig.drivers[queue]))
		return;
	rig.kicks[queue]++;
	set(NOTIFY, queue);
}

static void send(void)
{
	memset(guest_at(&rig.g, GUEST_DATA + (TEXTS + rig.sent) * STEP),
	       (int)rig.sent + 1, STEP);
	add(TRANSMIT, rig.sent++);
}

static void supply(void)
{
	add(RECEIVE, rig.supplied++);
}

static void serve(void)
{
	struct pollfd p = { .fd = virtdev_server_fd(rig.server),
			    .events = POLLIN };

	while (poll(&p, 1, 0) == 1)
		virtdev_server_dispatch(rig.server);
}

/* Reads the next completion of both queues; the text contains NUMBER. */
static void expect_echo(uint64_t number)
{
	uint64_t cookie;
	uint32_t len;

	ck_assert_int_eq(vq_driver_collect(rig.drivers[RECEIVE], &cookie, &len),
			 1);
	ck_assert_uint_eq(cookie, number);
	ck_assert_uint_eq(len, STEP);
	ck_assert_uint_eq(*guest_at(&rig.g, GUEST_DATA + number * STEP),
			  number + 1);
	ck_assert_int_eq(vq_driver_collect(rig.drivers[TRANSMIT], &cookie,
					   &len), 1);
	ck_assert_uint_eq(cookie, number);
}

static void expect_no_completion(void)
{
	uint64_t cookie;
	uint32_t len;

	ck_assert_int_eq(vq_driver_collect(rig.drivers[RECEIVE], &cookie, &len),
			 0);
	ck_assert_int_eq(vq_driver_collect(rig.drivers[TRANSMIT], &cookie,
					   &len), 0);
}

/* -------------------------------------------------------------------- claims */

START_TEST(texts_wait_for_buffers)
{
	uint64_t i;

	setup(_i);
	for (i = 0; i < TEXTS; i++) {
		send();
		serve();
		expect_no_completion();
		supply();
		serve();
		expect_echo(i);
		expect_no_completion();
	}
	teardown();
}
END_TEST

START_TEST(full_ring_of_texts_loses_none)
{
	uint64_t i;

	setup(_i);
	serve();
	while (rig.sent < SIZE)
		send();
	serve();
	expect_no_completion();
	for (i = 0; i < TEXTS; i++) {
		supply();
		serve();
		expect_echo(i);
		if (rig.sent < TEXTS)
			send();
		serve();
	}
	expect_no_completion();
	teardown();
}
END_TEST

START_TEST(buffers_wait_for_texts)
{
	uint64_t i;

	setup(_i);
	while (rig.supplied < SIZE)
		supply();
	serve();
	expect_no_completion();
	for (i = 0; i < SIZE; i++) {
		send();
		serve();
		expect_echo(i);
	}
	teardown();
}
END_TEST

START_TEST(waiting_texts_need_no_further_kick)
{
	setup(_i);
	serve();
	send();
	serve();
	rig.kicks[TRANSMIT] = 0;
	while (rig.sent < SIZE)
		send();
	ck_assert_uint_eq(rig.kicks[TRANSMIT], 0);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("later");
	TCase *tc = tcase_create("later");
	const int n = sizeof(features) / sizeof(features[0]);

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, texts_wait_for_buffers, 0, n);
	tcase_add_loop_test(tc, full_ring_of_texts_loses_none, 0, n);
	tcase_add_loop_test(tc, buffers_wait_for_texts, 0, n);
	tcase_add_loop_test(tc, waiting_texts_need_no_further_kick, 0, n);

	return run_suite(s);
}
