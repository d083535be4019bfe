/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device whose queues a back-end serves, in another thread. */
#include <config.h>

#include <pthread.h>
#include <stdatomic.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../back_end.h"
#include "rig.h"
#include "../owner.h"
#include "virtio/remote.h"

static struct vmm_windows windows;
static struct vmm_memory memory;
static struct vmm_virtio_resources resources;
static struct vmm_virtio *virtio;
static struct vmem_map *map;
static struct vsu_error lost;
static uint32_t reconnect_ms;

static void on_lost(void *opaque, const struct vsu_error *why)
{
	(void)opaque;
	ck_assert(!lost.code);
	lost = *why;
}

static void connect_to(uint64_t features)
{
	struct vmm_device_spec spec = {
		.id = 26, .remote = true, .queues = 1, .config_size = 4,
		.reconnect_ms = reconnect_ms,
	};

	back_end_start(features);
	vsu_error_clear(&lost);
	strcpy(spec.socket, be.path);
	windows.memory = &memory;
	resources.loop = loop_begin();
	resources.log = &tests_log;
	resources.closer = &tests_closer;
	resources.shmem = &windows;
	resources.lost = on_lost;
	map = rig_map();
	ck_assert_int_eq(vmm_virtio_remote(&resources, &spec, map, &virtio,
					   NULL), 0);
}

static void teardown(void)
{
	vmm_virtio_free(virtio);
	back_end_free();
	vmem_map_unref(map);
	vsu_loop_free(resources.loop);
	vsu_fd_close(&said_fd);
}

static int connect_by(const char *text)
{
	struct vmm_device_spec spec = { .id = 26, .remote = true, .queues = 1, .config_size = 4 };

	snprintf(spec.socket, sizeof(spec.socket), "%s", text);
	return vmm_virtio_remote(&resources, &spec, map, &virtio, NULL);
}

START_TEST(connected_socket_is_used_and_remains_the_callers)
{
	char text[32];
	int sock;

	back_end_start(VQ_F_VERSION_1);
	windows.memory = &memory;
	resources = (struct vmm_virtio_resources){
		.loop = loop_begin(), .log = &tests_log, .closer = &tests_closer,
		.shmem = &windows, .lost = on_lost,
	};
	map = rig_map();
	sock = vsu_sock_connect(be.path, NULL);
	ck_assert_int_ge(sock, 0);
	snprintf(text, sizeof(text), "fd:%d:name", sock);
	ck_assert_int_eq(connect_by("fd:999:name"), -EBADF);
	ck_assert_int_eq(connect_by(text), 0);
	ck_assert_int_ge(fcntl(sock, F_GETFD), 0);
	vsu_fd_close(&sock);
	teardown();
}
END_TEST

static uint32_t config_word(void)
{
	struct virtdev_transport *t = vmm_virtio_transport(virtio);
	uint32_t word;

	vmm_virtio_lock(virtio);
	word = (uint32_t)virtdev_transport_config_read(t, 0, 4);
	vmm_virtio_unlock(virtio);
	return word;
}

#define STORES 2000u	/* the last one's low byte is not 0 */

/* Stores as the register interface does, on a CPU's thread. */
static void config_store(void *registers, struct varch_access *access)
{
	virtdev_transport_config_write(registers, (uint32_t)access->offset,
				       access->len, access->value);
}

static void *store_often(void *arg)
{
	struct virtdev_transport *t = vmm_virtio_transport(virtio);
	struct varch_access access = { .offset = 3, .len = 1, .write = true };
	unsigned int i;

	for (i = 1; i <= STORES; i++) {
		access.value = i;
		vmm_virtio_access(virtio, VIRTDEV_ACCESS_PLAIN, config_store,
				  t, &access);
		if (i == STORES)
			atomic_store((atomic_bool *)arg, true);
		vsu_event_signal(be.change);
	}
	return NULL;
}

/* Each write is a message; each change is one of the back-end and a query. */
START_TEST(e1_22_a_cpu_stores_configuration_while_the_session_is_served)
{
	atomic_bool done = false;
	pthread_t cpu;

	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	ck_assert_int_eq(pthread_create(&cpu, NULL, store_often, &done), 0);
	while (!atomic_load(&done) || config_word() >> 24 == 0)
		loop_once(resources.loop);
	pthread_join(cpu, NULL);
	ck_assert_int_eq(lost.code, 0);
	ck_assert_uint_eq(rig_status(virtio), 15);
	teardown();
}
END_TEST

START_TEST(dead_back_end_is_reported_once_and_sets_needs_reset)
{
	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	back_end_stop();
	while (!lost.code)
		loop_once(resources.loop);
	ck_assert(strstr(lost.msg, be.path));
	ck_assert_uint_eq(rig_status(virtio), 15 | 0x40);
	vsu_loop_dispatch(resources.loop);
	teardown();
}
END_TEST

/* The result of the handshake. */
struct arrival {
	bool arrived;
	struct vsu_error why;
};

static void on_arrived(void *opaque, const struct vsu_error *why)
{
	struct arrival *a = opaque;

	ck_assert(!a->arrived);
	a->arrived = true;
	if (why)
		a->why = *why;
}

static struct remote *begin_late(struct arrival *a, unsigned int limit_ms)
{
	struct vmm_device_spec spec = {
		.id = 26, .remote = true, .queues = 1, .config_size = 4,
	};
	const struct vmm_remote_arrival arrival = {
		.arrived = on_arrived, .opaque = a, .limit_ms = limit_ms,
	};
	struct remote *r;

	memset(a, 0, sizeof(*a));
	strcpy(spec.socket, be.path);
	ck_assert_int_eq(vmm_virtio_remote_begin(&resources, &spec, &arrival, &r,
						 NULL), 0);
	return r;
}

START_TEST(silent_late_back_end_is_dropped_at_its_limit)
{
	struct vmm_virtio *second;
	struct arrival a;
	struct remote *r;

	connect_to(VQ_F_VERSION_1);
	r = begin_late(&a, 20);
	while (!a.arrived)
		loop_once(resources.loop);
	ck_assert_int_eq(a.why.code, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(a.why.msg, "did not finish its handshake within 20 ms"));
	ck_assert_ptr_nonnull(strstr(a.why.msg, be.path));
	vmm_virtio_remote_cancel(r);
	vmm_virtio_free(virtio);
	r = begin_late(&a, 60000);
	while (!a.arrived)
		loop_once(resources.loop);
	ck_assert_int_eq(a.why.code, 0);
	ck_assert_int_eq(vmm_virtio_remote_finish(r, &resources, map, &second, NULL), 0);
	virtio = second;
	rig_start(virtio);
	teardown();
}
END_TEST

/* Sets the driver's index of available chains in ring 0, and kicks. */
static void offer(uint16_t index)
{
	uint32_t hint = 0;
	unsigned char *at = vmem_view_translate(vmem_map_view(map), &hint,
						0x2002, 2, VMEM_WRITE);

	at[0] = (unsigned char)index;
	at[1] = (unsigned char)(index >> 8);
	vsu_event_signal(vmm_virtio_kick_fd(virtio, 0));
}

static void reset_driver(void)
{
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(vmm_virtio_transport(virtio), 0);
	vmm_virtio_unlock(virtio);
	while (rig_status(virtio))
		loop_once(resources.loop);
}

START_TEST(e2_09_queue_broken_in_its_back_end_sets_needs_reset)
{
	unsigned int i;

	reconnect_ms = 0;
	listen_to_stderr();
	connect_to(VQ_F_VERSION_1);
	for (i = 1; i <= 2; i++) {
		rig_start(virtio);
		offer(1000);
		while (rig_status(virtio) != (15 | 0x40))
			loop_once(resources.loop);
		ck_assert_uint_eq(times_said("reports that queue 0 of its device is broken"),
				  i);
		ck_assert_uint_ge(times_said(be.path), i);
		offer(0);
		reset_driver();
	}
	ck_assert_int_eq(lost.code, 0);
	rig_start(virtio);
	vsu_loop_dispatch(resources.loop);
	ck_assert_uint_eq(rig_status(virtio), 15);
	teardown();
}
END_TEST

static void lose_back_end(void)
{
	back_end_stop();
	while (!times_said("waits for another back-end"))
		loop_once(resources.loop);
}

static void set_status(uint32_t status)
{
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(vmm_virtio_transport(virtio), status);
	vmm_virtio_unlock(virtio);
}

/* The current back-end has replied once. */
static void hear_of_change(void)
{
	const uint32_t before = config_word();

	vsu_event_signal(be.change);
	while (config_word() == before)
		loop_once(resources.loop);
}

static void run_and_lose(void)
{
	reconnect_ms = 1;
	listen_to_stderr();
	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	hear_of_change();
	lose_back_end();
}

START_TEST(rings_that_ran_go_on_with_the_next_back_end)
{
	run_and_lose();
	back_end_serve();
	hear_of_change();
	ck_assert_uint_eq(rig_status(virtio), 15);
	ck_assert(!lost.code);
	teardown();
}
END_TEST

static void on_word(void *opaque, uint64_t gpa, const uint64_t *words, uint64_t npages)
{
	(void)npages;
	ck_assert_uint_eq(gpa, 0);
	*(uint64_t *)opaque = *words;
}

START_TEST(areas_of_a_ring_are_logged_for_every_server)
{
	struct vhost_dirty_log record;
	uint64_t words = 0;

	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	ck_assert_int_eq(vhost_dirty_log_init(&record, map, 0, NULL), 0);
	vmm_virtio_log_rings(virtio, &record);
	vhost_dirty_log_harvest(&record, 0, RIG_MEMORY, on_word, &words);
	ck_assert_uint_eq(words, 1 << 1 | 1 << 2 | 1 << 3);
	vhost_dirty_log_free(&record);
	teardown();
}
END_TEST

/* Descriptors of this process, when the thread that closes has closed all. */
static int settled_fd_count(void)
{
	tests_closer_settle();
	return vsu_fd_count();
}

/* The first one starts the thread that closes files. */
START_TEST(freed_device_closes_its_own_descriptors_only)
{
	int input = open("/dev/null", O_RDONLY), fds = 0, i;

	ck_assert_int_eq(dup2(input, STDIN_FILENO), STDIN_FILENO);
	close(input);
	for (i = 0; i < 3; i++) {
		reconnect_ms = 0;
		connect_to(VQ_F_VERSION_1);
		rig_start(virtio);
		teardown();
		ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
		ck_assert_msg(!i || settled_fd_count() == fds, "%d, then %d", fds, settled_fd_count());
		fds = settled_fd_count();
	}
}
END_TEST

START_TEST(device_may_be_freed_without_a_back_end)
{
	run_and_lose();
	if (_i)
		set_status(0);
	teardown();
}
END_TEST

START_TEST(c1_07_a_back_end_that_offers_less_is_refused_with_a_sentence)
{
	run_and_lose();
	virtdev_free(be.dev);
	back_end_make_device(0);
	back_end_serve();
	while (!times_said("lacks the features"))
		loop_once(resources.loop);
	ck_assert_uint_eq(rig_status(virtio), 15);
	back_end_stop();
	virtdev_free(be.dev);
	back_end_make_device(VQ_F_VERSION_1);
	back_end_serve();
	hear_of_change();
	ck_assert_uint_eq(rig_status(virtio), 15);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("remote");
	TCase *tc = tcase_create("remote");

	tcase_add_test(tc, connected_socket_is_used_and_remains_the_callers);
	tcase_add_test(tc,
		e1_22_a_cpu_stores_configuration_while_the_session_is_served);
	tcase_add_test(tc, dead_back_end_is_reported_once_and_sets_needs_reset);
	tcase_add_test(tc, silent_late_back_end_is_dropped_at_its_limit);
	tcase_add_test(tc,
		e2_09_queue_broken_in_its_back_end_sets_needs_reset);
	tcase_add_test(tc, areas_of_a_ring_are_logged_for_every_server);
	tcase_add_test(tc, freed_device_closes_its_own_descriptors_only);
	tcase_add_test(tc, rings_that_ran_go_on_with_the_next_back_end);
	tcase_add_loop_test(tc, device_may_be_freed_without_a_back_end, 0,
			    2);
	tcase_add_test(tc,
		c1_07_a_back_end_that_offers_less_is_refused_with_a_sentence);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
