/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the kernel as the server of a device behind a transport: from a driver's
 * start to its reset, over a pause and a saved state.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/report.h>
#include <virtio-devices/server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../guest.h"
#include "../wrong_struct.h"
#include "fake-kernel.h"

#define QUEUES 3u
#define NEEDS_RESET 64u
#define STARTED 15u
#define DESC 0x1000u
#define DRIVER 0x2000u
#define DEVICE 0x3000u
/* A used ring from here on is in two regions. */
#define BETWEEN (GUEST_HALF - 8)

static struct guest guest;
static struct virtdev_vhost_kern *kern;
static struct virtdev_transport *transport;
static struct virtdev_server *server;
static struct virtdev_server_queue queues[QUEUES];
static struct vsu_error reported;	/* reason of a failed start */

static bool runs(void)
{
	return kernel.nodes[0].runs[0];
}

static uint32_t status(void)
{
	return virtdev_transport_status(transport);
}

static int on_starting(void *opaque, struct vsu_error *err)
{
	(void)opaque;
	return virtdev_server_set_memory(server, vmem_space_current(guest.space), err);
}

static void on_report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	reported = *what;
}

/* Takes kern. */
static void serve(struct virtdev_vhost_kern *k)
{
	const struct virtdev_server_owner owner = {
		.size = sizeof(owner), .queues = queues, .starting = on_starting,
	};

	kern = k;
	vsu_error_clear(&reported);
	virtdev_set_report(virtdev_vhost_kern_device(k), on_report, NULL);
	ck_assert_int_eq(virtdev_transport_new(virtdev_vhost_kern_device(k), NULL, NULL, &transport,
					       NULL), 0);
	ck_assert_int_eq(virtdev_vhost_kern_attach(k, transport, guest.space, &owner, &server, NULL), 0);
}

static void serve_card(void)
{
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(make_net("tap", 1, &k, NULL), 0);
	serve(k);
}

static void end_server(void)
{
	virtdev_server_free(server);
	virtdev_transport_free(transport);
	virtdev_vhost_kern_free(kern);
}

static void setup(void)
{
	unsigned int i;

	guest_init_memory(&guest);
	for (i = 0; i < QUEUES; i++)
		queues[i] = (struct virtdev_server_queue){ vsu_event_new(), vsu_event_new(), vsu_event_new() };
	serve_card();
}

static void teardown(void)
{
	unsigned int i;

	end_server();
	vmem_map_unref(guest.map);
	vmem_space_free(guest.space);
	for (i = 0; i < QUEUES; i++) {
		vsu_fd_close(&queues[i].kick_fd);
		vsu_fd_close(&queues[i].call_fd);
		vsu_fd_close(&queues[i].err_fd);
	}
}

/* The server is that of the fixture, which a refused one leaves. */
static int pass_owner(const void *owner, struct vsu_error *err)
{
	return virtdev_vhost_kern_attach(kern, transport, guest.space, owner, &server, err);
}

START_TEST(owner_with_a_wrong_size_or_an_unknown_member_is_refused)
{
	static const struct wrong_struct owner = {
		"virtdev_server_owner", sizeof(struct virtdev_server_owner), pass_owner, STRUCT_NAMED, false,
	};

	assert_wrong_struct_refused(&owner);
}
END_TEST

/* ------------------------------------------------------------------------ a driver */

static void set_up_queue(uint32_t queue, uint16_t size, uint32_t device_gpa)
{
	virtdev_transport_set_queue_size(transport, queue, size);
	virtdev_transport_set_queue_area(transport, queue, VIRTDEV_QUEUE_DESC, 0, DESC);
	virtdev_transport_set_queue_area(transport, queue, VIRTDEV_QUEUE_DRIVER, 0, DRIVER);
	virtdev_transport_set_queue_area(transport, queue, VIRTDEV_QUEUE_DEVICE, 0, device_gpa);
	virtdev_transport_set_queue_ready(transport, queue, true);
}

static void start_with(uint64_t features, uint32_t queue, uint32_t device_gpa)
{
	virtdev_transport_set_status(transport, 3);
	virtdev_transport_set_features(transport, 1, (uint32_t)((features | VQ_F_VERSION_1) >> 32));
	virtdev_transport_set_status(transport, 11);
	set_up_queue(queue, 16, device_gpa);
	virtdev_transport_set_status(transport, STARTED);
}

static void start(void)
{
	start_with(0, 0, DEVICE);
	ck_assert_uint_eq(status(), STARTED);
	ck_assert(runs());
}

/* The register interface must support the feature, too. */
static void support_resets(void)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .features = VQ_F_RING_RESET,
	};

	ck_assert_int_eq(virtdev_transport_set_registers(transport, &registers, NULL, NULL), 0);
}

/* Resets the first queue, as a driver does that moves its used ring. */
static void move_queue(uint32_t device_gpa)
{
	support_resets();
	start_with(VQ_F_RING_RESET, 0, DEVICE);
	ck_assert(runs());
	virtdev_transport_reset_queue(transport, 0);
	ck_assert(!virtdev_transport_queue_resets(transport, 0));
	ck_assert(!runs());
	set_up_queue(0, 8, device_gpa);
}

static void reset_and_start(void)
{
	virtdev_transport_set_status(transport, 0);
	ck_assert_uint_eq(status(), 0);
	ck_assert(!runs());
	start();
}

/* ----------------------------------------------------------------- start and reset */

START_TEST(kernel_serves_rings_from_start_to_reset)
{
	unsigned int round;

	ck_assert(!runs());
	start();
	for (round = 0; round < 3; round++)
		reset_and_start();
	ck_assert_int_eq(reported.code, 0);
}
END_TEST

START_TEST(queue_is_stopped_and_started_in_the_kernel)
{
	move_queue(0x4000);
	ck_assert(runs());
	ck_assert_uint_eq(kernel.nodes[0].size[0], 8);
	ck_assert_uint_eq(status(), STARTED);
}
END_TEST

/* The driver sees a reset, and the owner the reason. */
static void assert_failed(const char *why)
{
	ck_assert(!runs());
	ck_assert_uint_ne(status() & NEEDS_RESET, 0);
	ck_assert_msg(strstr(reported.msg, why) != NULL, "%s", reported.msg);
	kernel.fails = 0;
	reset_and_start();
}

START_TEST(e2_11_queue_that_cannot_be_started_again_sets_needs_reset)
{
	move_queue(BETWEEN);
	assert_failed("not in one region");
}
END_TEST

START_TEST(a1_35_ring_outside_memory_is_not_passed_to_the_kernel)
{
	start_with(0, 0, BETWEEN);
	assert_failed("not in one region");
}
END_TEST

START_TEST(e2_11_start_refused_by_the_kernel_sets_needs_reset)
{
	kernel.fails = VHOST_SET_VRING_NUM;
	start_with(0, 0, DEVICE);
	assert_failed("size of ring 0");
}
END_TEST

/* --------------------------------------------------------------- pause and resume */

static void pause_device(void)
{
	ck_assert_int_eq(virtdev_server_check_save(server, NULL), 0);
	ck_assert_int_eq(virtdev_server_pause(server, true, NULL), 0);
	ck_assert(!runs());
}

START_TEST(paused_device_continues_where_it_stopped)
{
	start();
	kernel.nodes[0].base[0] = 7;
	pause_device();
	ck_assert_int_eq(virtdev_server_pause(server, true, NULL), 0);
	kernel.nodes[0].base[0] = 0;
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
	ck_assert(runs());
	ck_assert_uint_eq(kernel.nodes[0].base[0], 7);
	ck_assert_uint_eq(status(), STARTED);
	reset_and_start();
	ck_assert_uint_eq(kernel.nodes[0].base[0], 0);
}
END_TEST

START_TEST(device_without_a_driver_stays_stopped_after_a_pause)
{
	pause_device();
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
	ck_assert(!runs());
	start();
}
END_TEST

/* Before or after the kernel has its positions. */
static const unsigned int refused[] = { VHOST_SET_MEM_TABLE, VHOST_SET_VRING_BASE };

/* This process does not serve its queues instead. */
START_TEST(e2_11_paused_device_that_cannot_continue_sets_needs_reset)
{
	start();
	pause_device();
	kernel.fails = refused[_i];
	ck_assert_int_lt(virtdev_server_resume(server, NULL), 0);
	ck_assert(!runs());
	ck_assert_uint_ne(status() & NEEDS_RESET, 0);
	kernel.fails = 0;
	pause_device();
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
	ck_assert(!runs());
	reset_and_start();
}
END_TEST

/* Its memory is there again, but its driver has not reset it. */
START_TEST(device_that_was_stopped_for_removed_memory_is_not_resumed)
{
	const struct vsu_error why = { .code = -EFAULT };

	start();
	ck_assert_int_eq(virtdev_server_fail(server, &why), 0);
	pause_device();
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
	ck_assert(!runs());
	ck_assert_uint_ne(status() & NEEDS_RESET, 0);
	reset_and_start();
}
END_TEST

START_TEST(dirty_log_is_passed_to_the_kernel_until_its_end)
{
	static uint64_t words[512];
	const struct virtdev_server_log log = { words, -1, sizeof(words) };

	start();
	ck_assert_int_eq(virtdev_server_check_log(server, NULL), 0);
	pause_device();
	ck_assert_int_eq(virtdev_server_set_log(server, &log, NULL), 0);
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
	ck_assert_uint_eq(kernel.log, (uintptr_t)words);
	ck_assert(kernel.features & UINT64_C(1) << VHOST_F_LOG_ALL);
	ck_assert_int_eq(virtdev_server_set_log(server, NULL, NULL), 0);
	ck_assert(!(kernel.features & UINT64_C(1) << VHOST_F_LOG_ALL));
	ck_assert(runs());
}
END_TEST

/* ------------------------------------------------------------------ save and load */

/* Pauses the device and continues in another one; a state without its last byte is refused. */
static void move_to(void (*make)(void), void (*prepare)(void))
{
	void *bytes;
	size_t len;

	pause_device();
	ck_assert_int_eq(virtdev_server_take(server, &bytes, &len, NULL), 0);
	end_server();
	make();
	if (prepare)
		prepare();
	ck_assert_int_lt(virtdev_server_load(server, bytes, len - 1, NULL), 0);
	ck_assert_int_eq(virtdev_server_load(server, bytes, len, NULL), 0);
	free(bytes);
	ck_assert(!runs());
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
}

START_TEST(saved_device_continues_where_it_stopped)
{
	start();
	kernel.nodes[0].base[0] = 7;
	move_to(serve_card, NULL);
	ck_assert(runs());
	ck_assert_uint_eq(kernel.nodes[0].base[0], 7);
	ck_assert_uint_eq(status(), STARTED);
}
END_TEST

/* The driver has reset its only queue when the device is saved. */
START_TEST(queue_that_was_reset_starts_after_a_restore)
{
	support_resets();
	start_with(VQ_F_RING_RESET, 0, DEVICE);
	virtdev_transport_reset_queue(transport, 0);
	move_to(serve_card, support_resets);
	ck_assert(!runs());
	set_up_queue(0, 8, 0x4000);
	ck_assert(runs());
	ck_assert_uint_eq(status(), STARTED);
}
END_TEST

/* Its start was refused before it was saved: its driver has to reset it first. */
START_TEST(restored_device_that_needs_reset_starts_no_queue)
{
	kernel.fails = VHOST_SET_VRING_NUM;
	start_with(0, 0, DEVICE);
	kernel.fails = 0;
	move_to(serve_card, NULL);
	ck_assert_uint_ne(status() & NEEDS_RESET, 0);
	pause_device();
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
	ck_assert(!runs());
}
END_TEST

/* ------------------------------------------------------------------------ sockets */

#define EVENTS 2u
#define EVENT_GPA 0x4000u

static void serve_sockets(void)
{
	serve(make_vsock());
}

/* A driver that offers one buffer for an event, at descriptor 0. */
static void start_events(void)
{
	const struct vsu_le32 len = vsu_le32_make(8);

	guest_at(&guest, DESC)[1] = EVENT_GPA >> 8;
	memcpy(guest_at(&guest, DESC + 8), &len, sizeof(len));
	guest_at(&guest, DESC)[12] = 2;	/* the device writes it */
	guest_at(&guest, DRIVER)[2] = 1;	/* index */
	memset(guest_at(&guest, EVENT_GPA), 0xee, 8);
	start_with(0, EVENTS, DEVICE);
}

/* Turns of the queues that have something to do. */
static unsigned int events_used(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		virtdev_server_dispatch(server);
	return guest_at(&guest, DEVICE)[2];
}

/* Its connections have ended, and its context id may be another one. */
START_TEST(driver_of_restored_sockets_is_told_to_reset_its_transport)
{
	static const unsigned char event[8] = { 0, 0, 0, 0, 0xee, 0xee, 0xee, 0xee };

	end_server();
	serve_sockets();
	start_events();
	ck_assert_uint_eq(events_used(), 0);
	pause_device();
	ck_assert_int_eq(virtdev_server_resume(server, NULL), 0);
	ck_assert_uint_eq(events_used(), 0);
	move_to(serve_sockets, NULL);
	ck_assert_uint_eq(events_used(), 1);
	ck_assert_uint_eq(guest_at(&guest, DEVICE)[8], 4);	/* bytes written */
	ck_assert_mem_eq(guest_at(&guest, EVENT_GPA), event, sizeof(event));
	guest_at(&guest, DRIVER)[2] = 2;	/* the buffer is available again */
	virtdev_transport_notify(transport, EVENTS);
	ck_assert_uint_eq(events_used(), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_server");
	TCase *tc = tcase_create("kernel_server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, owner_with_a_wrong_size_or_an_unknown_member_is_refused);
	tcase_add_test(tc, kernel_serves_rings_from_start_to_reset);
	tcase_add_test(tc, queue_is_stopped_and_started_in_the_kernel);
	tcase_add_test(tc, e2_11_queue_that_cannot_be_started_again_sets_needs_reset);
	tcase_add_test(tc, a1_35_ring_outside_memory_is_not_passed_to_the_kernel);
	tcase_add_test(tc, e2_11_start_refused_by_the_kernel_sets_needs_reset);
	tcase_add_test(tc, paused_device_continues_where_it_stopped);
	tcase_add_test(tc, device_without_a_driver_stays_stopped_after_a_pause);
	tcase_add_loop_test(tc, e2_11_paused_device_that_cannot_continue_sets_needs_reset, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, device_that_was_stopped_for_removed_memory_is_not_resumed);
	tcase_add_test(tc, dirty_log_is_passed_to_the_kernel_until_its_end);
	tcase_add_test(tc, saved_device_continues_where_it_stopped);
	tcase_add_test(tc, queue_that_was_reset_starts_after_a_restore);
	tcase_add_test(tc, restored_device_that_needs_reset_starts_no_queue);
	tcase_add_test(tc, driver_of_restored_sockets_is_told_to_reset_its_transport);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
