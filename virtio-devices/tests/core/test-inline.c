/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about queues that the process itself serves behind a transport. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-devices/inline.h>
#include <virtio-devices/rate.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/event.h>

#include "../suite.h"
#include "core/inline_priv.h"

#define MEMORY 0x10000u

/* A device of two queues controlled by the test, and its server. */
struct rig {
	struct virtdev *dev;
	struct virtdev_transport *t;
	struct virtdev_server *server;
	struct vmem_space *space;
	unsigned int served[2], stopped[2], stopped_early;
	int more;		/* result of serve */
	uint64_t wait_ns;	/* serve waits this long; 0: it does not */
	uint64_t turn_ns;	/* duration of serve */
	int left[2];		/* results of drain; counts down */
	int host_fd;		/* of queue 0, or -1 */
	int start_result;	/* result of start for queue 1 */
	bool slow_stops;	/* each stop takes a whole turn */
	int reset_turns;	/* turns that a reset takes; counts down */
	unsigned int resets;
	uint32_t interrupted;
};

static struct rig rig;
static bool is_rare;			/* both queues */
static struct vsu_error start_err;	/* of the last start */
static uint32_t ring_gpa;		/* address of a queue's descriptor table */

static int on_start(void *self, uint32_t queue, struct vq *q,
		    struct vsu_error *err)
{
	const int rc = queue ? ((struct rig *)self)->start_result : 0;

	(void)q;
	return rc < 0 ? vsu_error_set(err, rc, "the device of the test") : 0;
}

static void spend(uint64_t ns)
{
	const uint64_t until = vsu_now_ns() + ns;

	while (vsu_now_ns() < until)
		;
}

static int on_serve(void *self, uint32_t queue)
{
	struct rig *r = self;

	spend(r->turn_ns);
	r->served[queue]++;
	return r->wait_ns ? virtdev_queue_wait(r->dev, queue, r->wait_ns) :
			    r->more;
}

static int on_drain(void *self, uint32_t queue)
{
	struct rig *r = self;
	const int left = r->left[queue];

	r->left[queue] -= left > 0;
	return left;
}

static void on_stop(void *self, uint32_t queue)
{
	struct rig *r = self;

	r->stopped[queue]++;
	r->stopped_early += r->left[queue] != 0;
	if (r->slow_stops)
		spend(VQ_TURN_NS);
}

static int on_reset_turn(void *self)
{
	struct rig *r = self;

	r->reset_turns -= r->reset_turns > 0;
	return r->reset_turns > 0;
}

static void on_reset(void *self)
{
	struct rig *r = self;

	ck_assert_int_eq(r->reset_turns, 0);
	r->resets++;
}

static int on_host_fd(void *self, uint32_t queue)
{
	return queue ? -1 : ((struct rig *)self)->host_fd;
}

static bool on_is_rare(void *self, uint32_t queue)
{
	(void)self;
	(void)queue;
	return is_rare;
}

static int activate(void *opaque, uint64_t features)
{
	(void)features;
	return virtdev_priv_inline_start(((struct rig *)opaque)->server->self, 0, &start_err);
}

static int queue_reset(void *opaque, uint32_t queue)
{
	return virtdev_priv_inline_reset_queue(((struct rig *)opaque)->server->self, queue);
}

static int queue_start(void *opaque, uint32_t queue)
{
	return virtdev_priv_inline_start_queue(((struct rig *)opaque)->server->self, queue, NULL);
}

static void on_interrupt(void *registers, uint32_t source)
{
	((struct rig *)registers)->interrupted = source;
}

static struct vmem_space *make_space(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vmem_fd_desc file = { fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, MEMORY, NULL, NULL };
	struct vmem_region_desc desc = { .len = MEMORY };
	struct vmem_region *region;
	struct vmem_space *space;
	struct vmem_map *map;

	ck_assert_int_eq(ftruncate(fd, MEMORY), 0);
	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	close(fd);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	vmem_block_unref(desc.block);
	ck_assert_int_eq(vmem_map_from_regions(&region, 1, &map, NULL), 0);
	vmem_region_unref(region);
	ck_assert_int_eq(vmem_space_new(&space), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	vmem_map_unref(map);
	return space;
}

static void setup(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
		.queue_start = on_start, .queue_serve = on_serve,
		.queue_drain = on_drain, .queue_stop = on_stop,
		.queue_host_fd = on_host_fd,
		.reset = on_reset, .reset_turn = on_reset_turn,
		.queue_is_rare = on_is_rare,
	};
	static const struct virtdev_transport_ops transport_ops = {
		.size = sizeof(transport_ops), .activate = activate,
		.features = VQ_F_RING_RESET, .queue_reset = queue_reset,
		.queue_start = queue_start,
	};
	static const struct virtdev_register_ops register_ops = {
		.size = sizeof(register_ops), .interrupt = on_interrupt,
		.features = VQ_F_RING_RESET,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 2, .queue_size_max = 16,
		.features = VQ_F_VERSION_1,
	};

	memset(&rig, 0, sizeof(rig));
	vsu_error_clear(&start_err);
	ring_gpa = 0x1000;
	rig.host_fd = -1;
	rig.space = make_space();
	ck_assert_int_eq(virtdev_new(&ops, &info, &rig, &rig.dev, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(rig.dev, &transport_ops, &rig,
					       &rig.t, NULL), 0);
	ck_assert_int_eq(virtdev_transport_set_registers(rig.t, &register_ops, &rig,
							 NULL), 0);
	ck_assert_int_eq(virtdev_inline_new(rig.t, rig.space, NULL, NULL, &rig.server,
					    NULL), 0);
}

static void setup_rare(void)
{
	is_rare = true;
	setup();
}

static void teardown(void)
{
	is_rare = false;
	while (virtdev_server_stop(rig.server))
		virtdev_server_dispatch(rig.server);
	virtdev_server_free(rig.server);
	virtdev_transport_free(rig.t);
	virtdev_free(rig.dev);
	if (rig.host_fd >= 0)
		close(rig.host_fd);
	vmem_space_reclaim(rig.space);
	vmem_space_free(rig.space);
}

static void ready(uint32_t i)
{
	virtdev_transport_set_queue_size(rig.t, i, 16);
	virtdev_transport_set_queue_area(rig.t, i, VIRTDEV_QUEUE_DESC, 0,
					 ring_gpa);
	virtdev_transport_set_queue_area(rig.t, i, VIRTDEV_QUEUE_DRIVER, 0,
					 0x2000);
	virtdev_transport_set_queue_area(rig.t, i, VIRTDEV_QUEUE_DEVICE, 0,
					 0x3000);
	virtdev_transport_set_queue_ready(rig.t, i, true);
}

/* The driver sets up n queues and sets DRIVER_OK. */
static void start(uint32_t n)
{
	const uint64_t features = VQ_F_VERSION_1 | VQ_F_RING_RESET;
	uint32_t i;

	virtdev_transport_set_status(rig.t, 3);
	virtdev_transport_set_features(rig.t, 1, (uint32_t)(features >> 32));
	virtdev_transport_set_status(rig.t, 11);
	for (i = 0; i < n; i++)
		ready(i);
	virtdev_transport_set_status(rig.t, 15);
}

static bool is_readable(void)
{
	struct pollfd p = { .fd = virtdev_server_fd(rig.server),
			    .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* On a slow host one dispatch may return before the last queue is served. */
static void dispatch_all(void)
{
	while (is_readable())
		virtdev_server_dispatch(rig.server);
}

/* One stop may also return before the last queue has stopped; then the descriptor becomes readable. */
static int stop_all(void)
{
	struct pollfd p = { .fd = virtdev_server_fd(rig.server), .events = POLLIN };
	int rc;

	while ((rc = virtdev_server_stop(rig.server)) == -EAGAIN)
		ck_assert_int_eq(poll(&p, 1, -1), 1);
	return rc;
}

START_TEST(queues_are_served_once_at_their_start)
{
	start(2);
	ck_assert(is_readable());
	dispatch_all();
	ck_assert_uint_eq(rig.served[0], 1);
	ck_assert_uint_eq(rig.served[1], 1);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(kick_and_host_descriptor_serve_their_queue)
{
	rig.host_fd = vsu_event_new();
	start(2);
	dispatch_all();
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 1));
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[1], 2);
	ck_assert_uint_eq(rig.served[0], 1);
	vsu_event_signal(rig.host_fd);
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[0], 2);
	ck_assert_uint_eq(rig.served[1], 2);
}
END_TEST

static void dispatch_when_readable(void)
{
	struct pollfd p = { .fd = virtdev_server_fd(rig.server),
			    .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	virtdev_server_dispatch(rig.server);
}

START_TEST(queue_that_waits_is_served_again)
{
	rig.wait_ns = 1000;
	start(2);
	while (rig.served[0] < 5 || rig.served[1] < 5)
		dispatch_when_readable();
	rig.wait_ns = 0;
	ck_assert_int_eq(stop_all(), 0);
}
END_TEST

#define HOUR_NS (UINT64_C(3600) * 1000000000)

START_TEST(earliest_of_two_waits_counts)
{
	rig.wait_ns = HOUR_NS;
	start(2);
	dispatch_all();
	rig.wait_ns = 1000;
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 1));
	virtdev_server_dispatch(rig.server);
	rig.wait_ns = HOUR_NS;
	while (rig.served[1] < 3)
		dispatch_when_readable();
	dispatch_all();
	ck_assert(!is_readable());
	ck_assert_uint_eq(rig.served[0], 2);
}
END_TEST

START_TEST(wait_of_a_stopped_queue_is_ignored)
{
	rig.wait_ns = 1;
	start(1);
	virtdev_server_dispatch(rig.server);
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	dispatch_when_readable();
	ck_assert_uint_eq(rig.served[0], 1);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a3_19_remaining_work_waits_for_the_next_turn)
{
	unsigned int turns;

	rig.more = 1;
	start(2);
	for (turns = 1; turns <= 10; turns++) {
		ck_assert(is_readable());
		virtdev_server_dispatch(rig.server);
		ck_assert_uint_ge(rig.served[0] + rig.served[1], turns);
		ck_assert_uint_ge(rig.served[0], rig.served[1]);
		ck_assert_uint_le(rig.served[0], rig.served[1] + 1);
	}
}
END_TEST

START_TEST(a3_19_dispatch_with_long_turns_serves_one_queue_at_a_time)
{
	unsigned int i;

	rig.more = 1;
	rig.turn_ns = 3000000;
	start(2);
	for (i = 0; i < 6; i++) {
		ck_assert(is_readable());
		virtdev_server_dispatch(rig.server);
		ck_assert_uint_eq(rig.served[0], i / 2 + 1);
		ck_assert_uint_eq(rig.served[1], (i + 1) / 2);
	}
}
END_TEST

/*
 * Each dispatch returns after the first queue; the event of the second stays
 * pending.
 */
START_TEST(pending_event_of_a_stopped_queue_is_ignored)
{
	rig.turn_ns = 3000000;
	start(2);
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[1], 0);
	ck_assert_int_eq(stop_all(), 0);
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[0], 1);
	ck_assert_uint_eq(rig.served[1], 0);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a3_05_stop_ends_when_nothing_is_in_flight)
{
	start(1);
	rig.left[0] = 2;
	ck_assert_int_eq(virtdev_server_stop(rig.server), -EAGAIN);
	ck_assert_int_eq(virtdev_server_stop(rig.server), -EAGAIN);
	ck_assert_uint_eq(rig.stopped[0], 0);
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	ck_assert_uint_eq(rig.stopped[0], 1);
	ck_assert_uint_eq(rig.stopped_early, 0);
}
END_TEST

START_TEST(stop_serves_no_further_requests)
{
	start(1);
	virtdev_server_dispatch(rig.server);
	rig.left[0] = 1;
	ck_assert_int_eq(virtdev_server_stop(rig.server), -EAGAIN);
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 0));
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[0], 1);
}
END_TEST

/* The device has no host descriptor, so nothing else would wake the caller. */
START_TEST(stop_without_a_host_descriptor_stays_readable)
{
	struct pollfd p = { .events = POLLIN };

	start(1);
	virtdev_server_dispatch(rig.server);
	rig.left[0] = 3;
	ck_assert_int_eq(virtdev_server_stop(rig.server), -EAGAIN);
	p.fd = virtdev_server_fd(rig.server);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	virtdev_server_dispatch(rig.server);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a4_18_stop_waits_for_the_host_descriptor_without_spinning)
{
	rig.host_fd = vsu_event_new();
	start(1);
	virtdev_server_dispatch(rig.server);
	rig.left[0] = 1;
	ck_assert_int_eq(virtdev_server_stop(rig.server), -EAGAIN);
	ck_assert(!is_readable());
	vsu_event_signal(rig.host_fd);
	ck_assert(is_readable());
	ck_assert_int_eq(stop_all(), 0);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(step_stops_one_slow_queue)
{
	rig.slow_stops = true;
	start(2);
	dispatch_all();
	ck_assert_int_eq(virtdev_server_stop(rig.server), -EAGAIN);
	ck_assert_uint_eq(rig.stopped[0], 1);
	ck_assert_uint_eq(rig.stopped[1], 0);
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	ck_assert_uint_eq(rig.stopped[1], 1);
}
END_TEST

START_TEST(slow_stop_of_the_last_queue_needs_no_further_step)
{
	rig.slow_stops = true;
	start(1);
	dispatch_all();
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	ck_assert_uint_eq(rig.stopped[0], 1);
}
END_TEST

START_TEST(reset_takes_as_many_turns_as_the_device)
{
	struct pollfd p = { .events = POLLIN };
	int left = 3;

	start(1);
	dispatch_all();
	rig.reset_turns = 4;
	virtdev_transport_set_status(rig.t, 0);
	p.fd = virtdev_server_fd(rig.server);
	for (; left; left--) {
		ck_assert(virtdev_transport_is_resetting(rig.t));
		ck_assert_int_eq(rig.reset_turns, left);
		ck_assert_uint_eq(rig.resets, 0);
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		virtdev_server_dispatch(rig.server);
	}
	ck_assert(!virtdev_transport_is_resetting(rig.t));
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 0);
}
END_TEST

START_TEST(a3_08_partly_failed_start_is_stopped_by_a_reset)
{
	rig.start_result = -ENOMEM;
	start(2);
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 15 | 64);
	ck_assert_int_eq(start_err.code, -ENOMEM);
	ck_assert_ptr_nonnull(strstr(start_err.msg, "queue 1: "));
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	ck_assert_uint_eq(rig.stopped[0], 1);
	ck_assert_uint_eq(rig.stopped[1], 0);
}
END_TEST

START_TEST(error_of_a_ring_outside_memory_names_the_ring)
{
	ring_gpa = 16 * MEMORY;
	start(1);
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 15 | 64);
	ck_assert_int_eq(start_err.code, -EFAULT);
	ck_assert_ptr_nonnull(strstr(start_err.msg, "queue 0: "));
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
}
END_TEST

START_TEST(a3_18_queue_reset_ends_when_nothing_is_in_flight)
{
	struct pollfd p = { .events = POLLIN };

	start(2);
	while (!rig.served[1])
		virtdev_server_dispatch(rig.server);
	rig.left[1] = 3;
	virtdev_transport_reset_queue(rig.t, 1);
	ck_assert(virtdev_transport_queue_resets(rig.t, 1));
	ck_assert_uint_eq(rig.stopped[1], 0);
	p.fd = virtdev_server_fd(rig.server);
	while (virtdev_transport_queue_resets(rig.t, 1)) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		vsu_event_signal(virtdev_server_kick_fd(rig.server, 0));
		virtdev_server_dispatch(rig.server);
	}
	ck_assert_uint_eq(rig.stopped[1], 1);
	ck_assert_uint_eq(rig.stopped_early, 0);
	ck_assert_uint_eq(rig.served[1], 1);
	ck_assert_uint_gt(rig.served[0], 1);
	ck_assert_uint_eq(rig.stopped[0], 0);
}
END_TEST

START_TEST(reset_of_a_stopped_queue_needs_no_further_step)
{
	const struct inline_server *h = rig.server->self;

	ck_assert_int_eq(virtdev_priv_inline_reset_queue(rig.server->self, 1), 0);
	ck_assert(!h->resets);
	ck_assert_uint_eq(h->timer_at, 0);
}
END_TEST

START_TEST(queue_is_served_again_after_its_reset)
{
	start(2);
	dispatch_all();
	virtdev_transport_reset_queue(rig.t, 1);
	ck_assert(!virtdev_transport_queue_ready(rig.t, 1));
	ready(1);
	dispatch_all();
	ck_assert_uint_eq(rig.served[1], 2);
	ck_assert_uint_eq(rig.served[0], 1);
}
END_TEST

START_TEST(queue_starts_again_after_a_stop)
{
	start(1);
	virtdev_server_dispatch(rig.server);
	ck_assert_int_eq(virtdev_server_stop(rig.server), 0);
	virtdev_transport_set_status(rig.t, 0);
	start(1);
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[0], 2);
	ck_assert_int_eq(virtdev_server_set_memory(rig.server, NULL, NULL), 0);
}
END_TEST

START_TEST(device_notifications_are_passed_to_the_transport)
{
	start(2);
	virtdev_notify(rig.dev, 1);
	ck_assert_uint_eq(rig.interrupted, 1);
	virtdev_config_changed(rig.dev);
	ck_assert_uint_eq(rig.interrupted, VIRTDEV_INTERRUPT_CONFIG);
	ck_assert_uint_eq(virtdev_transport_generation(rig.t), 1);
	virtdev_queue_broken(rig.dev, 0);
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 15 | 64);
}
END_TEST

static const uint32_t no_queues[] = { 2, 3, 65535, UINT32_MAX };

START_TEST(d4_01_number_of_a_missing_queue_is_refused)
{
	struct vq_fault fault = { .len = 9 };
	const uint32_t queue = no_queues[_i];

	ck_assert_int_eq(virtdev_server_kick_fd(rig.server, queue), -EINVAL);
	ck_assert_uint_eq(virtdev_server_faults(rig.server, queue, &fault), 0);
	ck_assert_uint_eq(fault.len, 0);
	ck_assert_uint_eq(virtdev_server_faults(rig.server, queue, NULL), 0);
	ck_assert_int_ge(virtdev_server_kick_fd(rig.server, 1), 0);
}
END_TEST

/* The first owner of each object works on. */
START_TEST(d4_02_second_server_or_transport_is_refused)
{
	static const struct virtdev_server_ops ops = { .size = sizeof(ops) };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_transport *t = NULL;
	struct virtdev_server *server = NULL;

	ck_assert_int_eq(virtdev_transport_new(rig.dev, NULL, NULL, &t, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "behind a transport already"));
	ck_assert_int_eq(virtdev_inline_new(rig.t, rig.space, NULL, NULL, &server, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "has a server already"));
	ck_assert_int_eq(virtdev_inline_new(rig.t, NULL, NULL, NULL, &server, &err), -EINVAL);
	ck_assert_int_eq(virtdev_set_server(rig.dev, &ops, NULL), -EBUSY);
	ck_assert(!t && !server);
	virtdev_notify(rig.dev, 1);
	ck_assert_uint_eq(rig.interrupted, 1);
	virtdev_server_free(rig.server);
	virtdev_transport_free(rig.t);
	ck_assert_int_eq(virtdev_transport_new(rig.dev, NULL, NULL, &rig.t, &err), 0);
	ck_assert_int_eq(virtdev_inline_new(rig.t, rig.space, NULL, NULL, &rig.server, &err), 0);
}
END_TEST

/* ------------------------------------------------- queues that are rarely notified */

START_TEST(rare_queues_have_one_kick_which_serves_both)
{
	ck_assert_int_eq(virtdev_server_kick_fd(rig.server, 0), virtdev_server_kick_fd(rig.server, 1));
	start(2);
	dispatch_all();
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 0));
	dispatch_all();
	ck_assert_uint_eq(rig.served[0], 2);
	ck_assert_uint_eq(rig.served[1], 2);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(kick_serves_only_rare_queues_that_run)
{
	start(1);
	dispatch_all();
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 1));
	dispatch_all();
	ck_assert_uint_eq(rig.served[0], 2);
	ck_assert_uint_eq(rig.served[1], 0);
	ck_assert_int_eq(stop_all(), 0);
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 1));
	dispatch_all();
	ck_assert_uint_eq(rig.served[0], 2);
}
END_TEST

/* Else a busy queue would starve the others. */
START_TEST(a3_19_slow_rare_queues_are_served_in_turns)
{
	rig.turn_ns = VQ_TURN_NS;
	rig.more = 1;
	start(2);
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[0] + rig.served[1], 1);
	virtdev_server_dispatch(rig.server);
	virtdev_server_dispatch(rig.server);
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[0], 2);
	ck_assert_uint_eq(rig.served[1], 2);
	rig.more = 0;
}
END_TEST

/* Each takes a whole turn, and a kick is served by as many turns as there are queues. */
START_TEST(slow_rare_queues_are_served_once_for_a_kick)
{
	rig.turn_ns = VQ_TURN_NS;
	start(2);
	virtdev_server_dispatch(rig.server);
	virtdev_server_dispatch(rig.server);
	ck_assert(!is_readable());
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 0));
	virtdev_server_dispatch(rig.server);
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 1));	/* before the other one's turn */
	dispatch_all();
	ck_assert_uint_eq(rig.served[0] + rig.served[1], 5);
	ck_assert_uint_ge(rig.served[0], 2);
	ck_assert_uint_ge(rig.served[1], 2);
}
END_TEST

START_TEST(kick_during_a_pause_serves_rare_queues_after_it)
{
	start(2);
	dispatch_all();
	rig.left[1] = 1;
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), -EAGAIN);
	vsu_event_signal(virtdev_server_kick_fd(rig.server, 0));
	virtdev_server_dispatch(rig.server);
	ck_assert_uint_eq(rig.served[0] + rig.served[1], 2);
	ck_assert_int_eq(virtdev_server_pause(rig.server, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.server, NULL), 0);
	dispatch_all();
	ck_assert_uint_eq(rig.served[0], 2);
	ck_assert_uint_eq(rig.served[1], 2);
}
END_TEST

/* With claims that hold for any queue. */
static TCase *rare_case(void)
{
	TCase *tc = tcase_create("rare");

	tcase_add_checked_fixture(tc, setup_rare, teardown);
	tcase_add_test(tc, rare_queues_have_one_kick_which_serves_both);
	tcase_add_test(tc, kick_serves_only_rare_queues_that_run);
	tcase_add_test(tc, a3_19_slow_rare_queues_are_served_in_turns);
	tcase_add_test(tc, slow_rare_queues_are_served_once_for_a_kick);
	tcase_add_test(tc, kick_during_a_pause_serves_rare_queues_after_it);
	tcase_add_test(tc, queues_are_served_once_at_their_start);
	tcase_add_test(tc, queue_that_waits_is_served_again);
	tcase_add_test(tc, a3_05_stop_ends_when_nothing_is_in_flight);
	tcase_add_test(tc, stop_serves_no_further_requests);
	tcase_add_test(tc, a4_18_stop_waits_for_the_host_descriptor_without_spinning);
	tcase_add_test(tc, reset_takes_as_many_turns_as_the_device);
	tcase_add_test(tc, a3_08_partly_failed_start_is_stopped_by_a_reset);
	tcase_add_test(tc, reset_of_a_stopped_queue_needs_no_further_step);
	tcase_add_test(tc, queue_starts_again_after_a_stop);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("inline");
	TCase *tc = tcase_create("inline");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, queues_are_served_once_at_their_start);
	tcase_add_test(tc, kick_and_host_descriptor_serve_their_queue);
	tcase_add_test(tc, queue_that_waits_is_served_again);
	tcase_add_test(tc, earliest_of_two_waits_counts);
	tcase_add_test(tc, wait_of_a_stopped_queue_is_ignored);
	tcase_add_test(tc, a3_19_remaining_work_waits_for_the_next_turn);
	tcase_add_test(tc, a3_19_dispatch_with_long_turns_serves_one_queue_at_a_time);
	tcase_add_test(tc, pending_event_of_a_stopped_queue_is_ignored);
	tcase_add_test(tc, a3_05_stop_ends_when_nothing_is_in_flight);
	tcase_add_test(tc, stop_serves_no_further_requests);
	tcase_add_test(tc,
		       stop_without_a_host_descriptor_stays_readable);
	tcase_add_test(tc,
		a4_18_stop_waits_for_the_host_descriptor_without_spinning);
	tcase_add_test(tc, step_stops_one_slow_queue);
	tcase_add_test(tc, slow_stop_of_the_last_queue_needs_no_further_step);
	tcase_add_test(tc, reset_takes_as_many_turns_as_the_device);
	tcase_add_test(tc,
		a3_08_partly_failed_start_is_stopped_by_a_reset);
	tcase_add_test(tc, error_of_a_ring_outside_memory_names_the_ring);
	tcase_add_test(tc, a3_18_queue_reset_ends_when_nothing_is_in_flight);
	tcase_add_test(tc, reset_of_a_stopped_queue_needs_no_further_step);
	tcase_add_test(tc, queue_is_served_again_after_its_reset);
	tcase_add_test(tc, queue_starts_again_after_a_stop);
	tcase_add_test(tc, device_notifications_are_passed_to_the_transport);
	tcase_add_loop_test(tc, d4_01_number_of_a_missing_queue_is_refused, 0,
			    (int)(sizeof(no_queues) / sizeof(no_queues[0])));
	tcase_add_test(tc, d4_02_second_server_or_transport_is_refused);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, rare_case());
	return run_suite(s);
}
