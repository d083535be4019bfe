/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about serving a device to front-ends, on one thread and on several. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <virtio-devices/report.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../fake-disk.h"
#include "../image.h"
#include "../server-rig.h"
#include "../suite.h"
#include "core/device_priv.h"

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4 };

static struct fake_disk disk;
static struct server_side server;
static struct client_side client;
static bool threaded;

static void one_thread(void)
{
	threaded = false;
	server_poll_ns = 0;
}

static void several_threads(void)
{
	threaded = true;
	server_poll_ns = 0;
}

static void threads_that_poll(void)
{
	threaded = true;
	server_poll_ns = 200000;
}

static struct virtdev_disk *make_fake_disk(void)
{
	fake_disk_init(&disk);
	fake_disk_make(&disk);
	return disk.disk;
}

/* The default disk of the tests does not support several threads. */
static struct virtdev_disk *make_sync_disk(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct virtdev_disk *real;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(ftruncate(fd, FAKE_BYTES), 0);
	ck_assert_int_eq(disk_open(path, false, VIRTDEV_DISK_ENGINE_SYNC, &real,
				   NULL), 0);
	close(fd);
	return real;
}

static struct virtdev *make_device(void)
{
	struct virtdev_blk_config config = {
		.size = sizeof(config), .nqueues = QUEUES,
	};
	struct virtdev *dev = NULL;

	config.disk = threaded ? make_sync_disk() : make_fake_disk();
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, NULL), 0);
	return dev;
}

static void setup(void)
{
	server_listen(&server, make_device(), threaded);
}

static void teardown(void)
{
	server_fini(&server);
	if (!threaded)
		fake_disk_fini(&disk);
}

/* Writes a sector and reads it into another buffer. */
static void use_disk(unsigned char mark)
{
	memset(client_data(&client, 0, 0), mark, 512);
	ck_assert_int_eq(client_do(&client, T_OUT, mark), 0);
	memset(client_data(&client, 0, 0), 0, 512);
	ck_assert_int_eq(client_do(&client, T_IN, mark), 0);
	ck_assert_uint_eq(client_data(&client, 0, 0)[511], mark);
	ck_assert_int_eq(client_do(&client, T_FLUSH, 0), 0);
}

START_TEST(front_end_reads_and_writes)
{
	client_connect(&client, &server);
	client_start(&client, true);
	use_disk(0x42);
	client_fini(&client);
	pump_server(&server, 1);
	ck_assert_int_eq(server.why.code, -ECONNRESET);
}
END_TEST

START_TEST(front_end_that_sends_no_kicks_is_polled)
{
	client_connect(&client, &server);
	client_start(&client, false);
	use_disk(0x43);
	client_stop(&client);
	client_fini(&client);
	pump_server(&server, 1);
}
END_TEST

START_TEST(front_end_sees_configuration_and_its_changes)
{
	client_connect(&client, &server);
	pump(&client, &client.ready);
	ck_assert_int_eq(vhost_user_frontend_get_config(client.fe, 0, 60, NULL),
			 0);
	pump(&client, &client.configured);
	ck_assert_uint_eq(client.config[0] | client.config[1] << 8,
			  FAKE_SECTORS);
	ck_assert_uint_eq(client.config[34], QUEUES);
	client_start(&client, true);
	virtdev_config_changed(server.dev);
	pump(&client, &client.config_changed);
	client_fini(&client);
}
END_TEST

START_TEST(both_queues_run_concurrently)
{
	unsigned int round, slot, q;

	client_connect(&client, &server);
	client_start(&client, true);
	for (round = 0; round < 50; round++) {
		for (slot = 0; slot < 20; slot++)
			for (q = 0; q < QUEUES; q++)
				client_begin(&client, q, slot, T_FLUSH, 0);
		client_wait(&client);
		for (slot = 0; slot < 20; slot++)
			for (q = 0; q < QUEUES; q++)
				ck_assert_int_eq(client_status(&client, q,
							       slot), 0);
	}
	client_fini(&client);
}
END_TEST

START_TEST(rings_stop_and_start_again)
{
	unsigned char i;
	int status;

	client_connect(&client, &server);
	for (i = 1; i < 30; i++) {
		client_start(&client, true);
		use_disk(i);
		client_begin(&client, 1, 0, T_FLUSH, 0);
		client_stop(&client);
		/* A write finished before the stop, or was never popped. */
		status = client_status(&client, 1, 0);
		ck_assert_int_eq(client.bases[1], status == 0);
		ck_assert(status == 0 || status == 0xee);
		client.inflight = 0;
	}
	client_fini(&client);
}
END_TEST

START_TEST(descriptors_of_a_running_ring_can_be_replaced)
{
	int i, call;

	client_connect(&client, &server);
	client_start(&client, true);
	for (i = 0; i < 50; i++) {
		client_begin(&client, 0, 1, T_FLUSH, 0);
		call = vsu_event_new();
		ck_assert_int_eq(vhost_user_frontend_set_call(client.fe, 0,
							      call, NULL), 0);
		/* The previous descriptor would report the last one. */
		pump(&client, NULL);
		vsu_fd_close(&client.call[0]);
		client.call[0] = call;
		vsu_event_signal(call);
		client_wait(&client);
	}
	client_fini(&client);
}
END_TEST

/* Adds a region to the map, or restores the previous map. */
static void swap_memory(struct vmem_map *map)
{
	client.memory_done = false;
	ck_assert_int_eq(vhost_user_frontend_set_memory(client.fe, map, NULL),
			 0);
	pump(&client, &client.memory_done);
}

START_TEST(memory_can_change_while_rings_run)
{
	struct vmem_region_desc desc = {
		.gpa = 0x10000000, .len = GUEST_HALF,
	};
	struct vmem_region *region;
	struct vmem_map *more;
	int i;

	client_connect(&client, &server);
	client_start(&client, true);
	desc.block = vmem_region_block(vmem_map_region(client.g.map, 0));
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_add(client.g.map, region, &more, NULL), 0);
	for (i = 0; i < 30; i++) {
		client_begin(&client, i % QUEUES, 2, T_IN, 0);
		swap_memory(i % 2 ? client.g.map : more);
		client_wait(&client);
	}
	vmem_map_unref(more);
	vmem_region_unref(region);
	client_fini(&client);
}
END_TEST

START_TEST(b5_04_repeated_sessions_leak_nothing)
{
	struct baseline before;
	unsigned int i;

	for (i = 0; i < 40; i++) {
		client_connect(&client, &server);
		if (i % 4 != 1)
			client_start(&client, true);
		if (i % 4 == 2)
			use_disk((unsigned char)i);
		if (i % 4 == 3)
			client_begin(&client, 0, 3, T_OUT, 0);
		client_fini(&client);
		pump_server(&server, i + 1);
		if (i == 3)
			before = baseline_take();
	}
	baseline_check(before);
}
END_TEST

START_TEST(b5_05_second_front_end_waits_for_the_first)
{
	struct client_side second;

	client_connect(&client, &server);
	client_start(&client, true);
	client_connect(&second, &server);
	use_disk(0x21);
	vhost_user_frontend_dispatch(second.fe);
	ck_assert(!second.ready);
	client_fini(&client);
	pump(&second, &second.ready);
	client = second;
	client_fini(&second);
}
END_TEST

static void setup_impatient(void)
{
	server_silence_ns = 1;
	setup();
	server_silence_ns = 0;
}

START_TEST(b5_15_idle_front_end_is_replaced)
{
	int silent = server_connect(&server);
	char byte;

	while (virtdev_vhost_user_server_dispatch(server.server))
		;
	client_connect(&client, &server);
	client_start(&client, true);
	use_disk(0x22);
	ck_assert_uint_eq(server.ended, 1);
	ck_assert_int_eq(server.why.code, -ETIMEDOUT);
	ck_assert_int_eq(read(silent, &byte, 1), 0);
	close(silent);
	client_fini(&client);
}
END_TEST

START_TEST(b5_15_front_end_that_only_queries_is_replaced)
{
	static const uint32_t get_features[3] = { 1, 1, 0 };
	int asking = server_connect(&server);

	ck_assert_int_eq(write(asking, get_features, sizeof(get_features)),
			 sizeof(get_features));
	while (virtdev_vhost_user_server_dispatch(server.server))
		;
	client_connect(&client, &server);
	client_start(&client, true);
	use_disk(0x22);
	ck_assert_uint_eq(server.ended, 1);
	ck_assert_int_eq(server.why.code, -ETIMEDOUT);
	close(asking);
	client_fini(&client);
}
END_TEST

START_TEST(b5_15_idle_front_end_stays_if_no_other_waits)
{
	client_take_sock(&client, &server, server_connect(&server));
	while (virtdev_vhost_user_server_dispatch(server.server))
		;
	client_start(&client, true);
	use_disk(0x23);
	ck_assert_uint_eq(server.ended, 0);
	client_fini(&client);
}
END_TEST

/* The disk contains what the front-end wrote before it disconnected. */
START_TEST(b5_03_requests_of_a_lost_front_end_are_drained)
{
	disk.hold = true;
	client_connect(&client, &server);
	client_start(&client, true);
	client_begin(&client, 0, 0, T_OUT, 0);
	pump(&client, NULL);
	while (!disk.nwaiting)
		virtdev_vhost_user_server_dispatch(server.server);
	client_fini(&client);
	ck_assert_int_ge(virtdev_vhost_user_server_dispatch(server.server), 0);
	ck_assert_int_ge(virtdev_vhost_user_server_dispatch(server.server), 0);
	ck_assert_uint_eq(server.ended, 0);
	ck_assert(virtdev_vhost_user_server_is_draining(server.server));
	disk.hold = false;
	fake_disk_finish(&disk);
	pump_server(&server, 1);
	ck_assert(!virtdev_vhost_user_server_is_draining(server.server));
	ck_assert_uint_eq(disk.channels, 0);
}
END_TEST

START_TEST(stop_waits_for_requests_in_flight)
{
	disk.hold = true;
	client_connect(&client, &server);
	client_start(&client, true);
	client_begin(&client, 0, 0, T_OUT, 0);
	while (!disk.nwaiting)
		virtdev_vhost_user_server_dispatch(server.server);
	ck_assert_int_eq(virtdev_vhost_user_server_stop(server.server),
			 -EAGAIN);
	disk.hold = false;
	fake_disk_finish(&disk);
	pump_server(&server, 1);
	ck_assert_int_eq(virtdev_vhost_user_server_stop(server.server), 0);
	client_fini(&client);
}
END_TEST

START_TEST(device_is_new_for_every_front_end)
{
	uint8_t off = 0;

	client_connect(&client, &server);
	client_start(&client, true);
	ck_assert_int_eq(vhost_user_frontend_set_config(client.fe, 32, &off, 1,
							false, NULL), 0);
	use_disk(1);
	client_fini(&client);
	pump_server(&server, 1);
	client_connect(&client, &server);
	pump(&client, &client.ready);
	ck_assert_int_eq(vhost_user_frontend_get_config(client.fe, 0, 60, NULL),
			 0);
	pump(&client, &client.configured);
	ck_assert_uint_eq(client.config[32], 1);
	client_fini(&client);
}
END_TEST

static struct vsu_error ring_report;
static unsigned int ring_reports;

static void on_ring_report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	if (!__atomic_load_n(&ring_reports, __ATOMIC_RELAXED))
		ring_report = *what;
	__atomic_add_fetch(&ring_reports, 1, __ATOMIC_RELEASE);
}

START_TEST(d4_08_broken_ring_is_reported_and_the_other_continues)
{
	struct pollfd p;
	uint16_t jump = 1000;

	ring_reports = 0;
	virtdev_set_report(server.dev, on_ring_report, NULL);
	client_connect(&client, &server);
	client_start(&client, true);
	use_disk(7);
	__atomic_store_n((uint16_t *)(void *)guest_at(&client.g,
		vq_driver_driver_gpa(client.drivers[1]) + 2), jump,
		__ATOMIC_RELEASE);
	vsu_event_signal(client.kick[1]);
	p = (struct pollfd) { client.err[1], POLLIN, 0 };
	while (poll(&p, 1, 0) == 0)
		virtdev_vhost_user_server_dispatch(server.server);
	vsu_event_signal(client.kick[1]);
	use_disk(8);
	/* The thread of the ring reports after it has signalled. */
	while (!__atomic_load_n(&ring_reports, __ATOMIC_ACQUIRE))
		virtdev_vhost_user_server_dispatch(server.server);
	ck_assert_uint_eq(__atomic_load_n(&ring_reports, __ATOMIC_ACQUIRE), 1);
	ck_assert_ptr_nonnull(strstr(ring_report.msg,
				     "ring 1 is broken: the available index jumped"));
	client_fini(&client);
}
END_TEST

static bool is_readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0) > 0;
}

/*
 * The host refuses a request at first, and no descriptor reports when it would
 * accept it.
 */
START_TEST(e1_23_descriptor_is_readable_exactly_while_work_is_left)
{
	int fd = virtdev_vhost_user_server_fd(server.server);
	unsigned int more = 0;

	client_connect(&client, &server);
	client_start(&client, true);
	while (is_readable(fd))
		virtdev_vhost_user_server_dispatch(server.server);
	disk.refuse_kicks = 20;
	client_begin(&client, 0, 0, T_FLUSH, 0);
	while (is_readable(fd))
		more += virtdev_vhost_user_server_dispatch(server.server) > 0;
	ck_assert_uint_gt(more, 1);
	ck_assert_int_eq(client_status(&client, 0, 0), 0);
	client.inflight = 0;
	client_fini(&client);
}
END_TEST

/* A device whose queue 1 wakes both queues in its first turns. */
static struct {
	struct virtdev *dev;
	unsigned int served[QUEUES], wakes;
} waker;

static unsigned int turns_of(unsigned int queue)
{
	return __atomic_load_n(&waker.served[queue], __ATOMIC_ACQUIRE);
}

static int waker_serve(void *self, uint32_t queue)
{
	unsigned int i;

	(void)self;
	__atomic_add_fetch(&waker.served[queue], 1, __ATOMIC_ACQ_REL);
	if (queue != 1 || !waker.wakes)
		return 0;
	waker.wakes--;
	for (i = 0; i < QUEUES; i++)
		virtdev_priv_queue_wake(waker.dev, i);
	return 0;
}

static void serve_waker(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "waker", .queue_serve = waker_serve,
	};
	const struct virtdev_info info = {
		.id = 2, .nqueues = QUEUES, .queue_size_max = RING_SIZE, .config_size = 60,
		.features = VQ_F_VERSION_1,
	};

	server_fini(&server);
	memset(&waker, 0, sizeof(waker));
	waker.wakes = 3;
	ck_assert_int_eq(virtdev_new(&ops, &info, &waker, &waker.dev, NULL), 0);
	server_listen(&server, waker.dev, threaded);
	client_connect(&client, &server);
	client_start(&client, true);
}

START_TEST(queue_that_its_device_wakes_is_served_again)
{
	unsigned int before;

	serve_waker();
	while (turns_of(1) < 4 || turns_of(0) < 2)
		pump(&client, NULL);
	before = turns_of(0);
	virtdev_priv_queue_wake(waker.dev, 0);	/* between two dispatches */
	while (turns_of(0) == before)
		pump(&client, NULL);
	client_fini(&client);
}
END_TEST

START_TEST(wait_ends_at_its_time_out_or_for_another_descriptor)
{
	int event = vsu_event_new();

	ck_assert_int_eq(virtdev_vhost_user_server_wait(server.server, event,
							0), 0);
	vsu_event_signal_own(event);
	ck_assert_int_eq(virtdev_vhost_user_server_wait(server.server, event,
							-1), 1);
	ck_assert_int_eq(virtdev_vhost_user_server_wait(server.server, -1, 0),
			 0);
	ck_assert(!is_readable(virtdev_vhost_user_server_fd(server.server)));
	vsu_fd_close(&event);
}
END_TEST

START_TEST(wait_returns_at_once_while_work_is_left)
{
	client_connect(&client, &server);
	client_start(&client, true);
	disk.refuse_kicks = 20;
	client_begin(&client, 0, 0, T_FLUSH, 0);
	while (disk.refuse_kicks)
		ck_assert_int_eq(virtdev_vhost_user_server_wait(server.server,
								-1, -1), 0);
	client_wait(&client);
	ck_assert_int_eq(client_status(&client, 0, 0), 0);
	client_fini(&client);
}
END_TEST

static void on_alarm(int number)
{
	(void)number;
}

/* As io_uring, whose descriptor would be reported only by the next wait. */
START_TEST(interrupted_wait_collects_completions_of_the_host)
{
	const struct itimerval soon = { { 0, 10000 }, { 0, 10000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm };

	client_connect(&client, &server);
	client_start(&client, true);
	ck_assert_int_eq(client_do(&client, T_FLUSH, 0), 0);
	disk.hold = true;
	client_begin(&client, 0, 0, T_FLUSH, 0);
	pump(&client, NULL);
	ck_assert_uint_eq(disk.nwaiting, 1);
	fake_disk_finish(&disk);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	ck_assert_int_eq(virtdev_vhost_user_server_wait(server.server, -1, -1),
			 0);
	setitimer(ITIMER_REAL, &never, NULL);
	ck_assert_int_eq(client_status(&client, 0, 0), 0);
	client_wait(&client);
	client_fini(&client);
}
END_TEST

/* Readable within a time in which the ring is polled many times. */
static bool is_looked_at(void)
{
	struct pollfd p = { virtdev_vhost_user_server_fd(server.server),
			    POLLIN, 0 };

	return poll(&p, 1, 100) > 0;
}

START_TEST(a4_22_ring_without_kicks_is_polled_until_it_breaks)
{
	unsigned int looks = 0;
	uint16_t jump = 1000;

	client_connect(&client, &server);
	client_start(&client, false);
	use_disk(9);
	/* Idle: dispatch returns without further work. */
	while (virtdev_vhost_user_server_dispatch(server.server))
		ck_assert_uint_lt(++looks, 100000);
	ck_assert(is_looked_at());
	for (int i = 0; i < QUEUES; i++)
		__atomic_store_n((uint16_t *)(void *)guest_at(&client.g,
			vq_driver_driver_gpa(client.drivers[i]) + 2), jump,
			__ATOMIC_RELEASE);
	for (looks = 0; is_looked_at(); looks++) {
		ck_assert_uint_lt(looks, 1000);
		virtdev_vhost_user_server_dispatch(server.server);
	}
	ck_assert(is_readable(client.err[0]));
	client_fini(&client);
}
END_TEST

/* No descriptor is free for a front-end: it waits, and no thread spins. */
START_TEST(e1_04_accept_pauses_without_free_descriptors)
{
	struct rlimit before, limit;
	struct pollfd p;

	client_connect(&client, &server);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (virtdev_vhost_user_server_dispatch(server.server))
		;
	p = (struct pollfd) { virtdev_vhost_user_server_fd(server.server),
			      POLLIN, 0 };
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	setrlimit(RLIMIT_NOFILE, &before);
	client_start(&client, true);
	use_disk(9);
	client_fini(&client);
}
END_TEST

static struct vmem_sigbus *table;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(table, info))
		signal(number, SIG_DFL);
}

/* The front-end truncates the memory that contains its rings. */
START_TEST(e1_13_truncated_memory_ends_its_session)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	struct vmem_block *block;

	table = server.sigbus;
	action.sa_sigaction = on_sigbus;
	ck_assert_int_eq(sigaction(SIGBUS, &action, NULL), 0);
	client_connect(&client, &server);
	client_start(&client, true);
	use_disk(1);
	block = vmem_region_block(vmem_map_region(client.g.map, 0));
	ck_assert_int_eq(ftruncate(vmem_block_fd(block), 0), 0);
	vsu_event_signal(client.kick[0]);
	pump_server(&server, 1);
	client_fini(&client);
	client_connect(&client, &server);
	client_start(&client, true);
	use_disk(2);
	client_fini(&client);
}
END_TEST

static TCase *listening(const char *name, SFun choose, bool with_fake_disk)
{
	TCase *tc = tcase_create(name);

	tcase_add_unchecked_fixture(tc, choose, NULL);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, front_end_reads_and_writes);
	tcase_add_test(tc, front_end_that_sends_no_kicks_is_polled);
	tcase_add_test(tc, front_end_sees_configuration_and_its_changes);
	tcase_add_test(tc, both_queues_run_concurrently);
	tcase_add_test(tc, queue_that_its_device_wakes_is_served_again);
	tcase_add_test(tc, rings_stop_and_start_again);
	tcase_add_test(tc, descriptors_of_a_running_ring_can_be_replaced);
	tcase_add_test(tc, memory_can_change_while_rings_run);
	tcase_add_test(tc, b5_04_repeated_sessions_leak_nothing);
	tcase_add_test(tc, b5_05_second_front_end_waits_for_the_first);
	tcase_add_test(tc, device_is_new_for_every_front_end);
	tcase_add_test(tc, d4_08_broken_ring_is_reported_and_the_other_continues);
	if (!under_valgrind()) {
		tcase_add_test(tc, e1_04_accept_pauses_without_free_descriptors);
		tcase_add_test(tc, e1_13_truncated_memory_ends_its_session);
	}
	if (with_fake_disk) {
		tcase_add_test(tc, b5_03_requests_of_a_lost_front_end_are_drained);
		tcase_add_test(tc, stop_waits_for_requests_in_flight);
		tcase_add_test(tc, e1_23_descriptor_is_readable_exactly_while_work_is_left);
		tcase_add_test(tc, wait_ends_at_its_time_out_or_for_another_descriptor);
		tcase_add_test(tc, wait_returns_at_once_while_work_is_left);
		tcase_add_test(tc, interrupted_wait_collects_completions_of_the_host);
		tcase_add_test(tc, a4_22_ring_without_kicks_is_polled_until_it_breaks);
	}
	return tc;
}

START_TEST(connection_is_served_until_it_ends)
{
	int sock;

	threaded = _i;
	server_connected(&server, make_device(), threaded, &sock);
	client_take_sock(&client, &server, sock);
	client_start(&client, true);
	use_disk(0x33);
	client_fini(&client);
	pump_server(&server, 1);
	ck_assert_int_eq(virtdev_vhost_user_server_dispatch(server.server),
			 -ECONNRESET);
	teardown();
}
END_TEST

START_TEST(b4_17_postcopy_is_offered_only_if_configured)
{
	const uint64_t bits = VHOST_USER_PROTOCOL_BIT(PAGEFAULT) |
			      VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	uint64_t offered;

	server_postcopy = _i;
	setup();
	server_postcopy = false;
	client_connect(&client, &server);
	pump(&client, &client.ready);
	offered = vhost_user_frontend_offered_protocol_features(client.fe);
	ck_assert_uint_eq(offered & bits, _i ?
			  VHOST_USER_PROTOCOL_BIT(PAGEFAULT) :
			  VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS));
	client_fini(&client);
	teardown();
}
END_TEST

/* An unknown request without NEED_REPLY, then a hang-up. */
START_TEST(b1_31_unacknowledged_refusal_is_reported_to_the_owner)
{
	static const uint32_t unknown[3] = { 77, 1, 0 };
	int sock;

	threaded = _i;
	server_connected(&server, make_device(), threaded, &sock);
	ck_assert_int_eq(write(sock, unknown, sizeof(unknown)),
			 sizeof(unknown));
	vsu_fd_close(&sock);
	pump_server(&server, 1);
	ck_assert_uint_eq(server.refused, 1);
	ck_assert_uint_eq(server.refused_request, 77);
	ck_assert_ptr_nonnull(strstr(server.refusal.msg, "request 77"));
	teardown();
}
END_TEST

/* A front-end may be silent for one nanosecond while another waits. */
static TCase *impatient(void)
{
	TCase *tc = tcase_create("impatient");

	tcase_add_checked_fixture(tc, one_thread, NULL);
	tcase_add_checked_fixture(tc, setup_impatient, teardown);
	tcase_add_test(tc, b5_05_second_front_end_waits_for_the_first);
	tcase_add_test(tc, b5_15_idle_front_end_is_replaced);
	tcase_add_test(tc, b5_15_front_end_that_only_queries_is_replaced);
	tcase_add_test(tc, b5_15_idle_front_end_stays_if_no_other_waits);
	return tc;
}

static TCase *connected(void)
{
	TCase *tc = tcase_create("connected");

	tcase_add_loop_test(tc, connection_is_served_until_it_ends, 0, 2);
	tcase_add_loop_test(tc, b4_17_postcopy_is_offered_only_if_configured,
			    0, 2);
	tcase_add_loop_test(tc, b1_31_unacknowledged_refusal_is_reported_to_the_owner,
			    0, 2);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("vhost-user server");

	suite_add_tcase(s, listening("one thread", one_thread, true));
	suite_add_tcase(s, listening("threads", several_threads, false));
	suite_add_tcase(s, listening("threads that poll", threads_that_poll, false));
	suite_add_tcase(s, impatient());
	suite_add_tcase(s, connected());

	return run_suite(s);
}
