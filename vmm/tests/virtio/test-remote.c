/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device whose queues a back-end serves, in another thread. */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
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

static void pause_device(void)
{
	int rc;

	while ((rc = vmm_virtio_pause(virtio, true)) == -EAGAIN)
		loop_once(resources.loop);
	ck_assert_int_eq(rc, 0);
}

/* The back-end uses the chain at the head of an empty table. */
static void use(uint16_t index)
{
	uint32_t hint = 0;
	const unsigned char *used = vmem_view_translate(vmem_map_view(map), &hint,
							0x3002, 2, VMEM_READ);

	offer(index);
	while (*(const volatile unsigned char *)used != index)
		vsu_loop_dispatch(resources.loop);
}

static struct vhost_dirty_log record;
static bool is_logged;

static void on_word(void *opaque, uint64_t gpa, const uint64_t *words,
		    uint64_t npages)
{
	(void)npages;
	is_logged |= *words >> (*(const uint64_t *)opaque - gpa) / 4096 & 1;
}

/* Whether the page of the used ring was written since the last call. */
static bool used_ring_is_logged(void)
{
	uint64_t page = 0x3000;

	is_logged = false;
	vhost_dirty_log_harvest(&record, page, 1, on_word, &page);
	return is_logged;
}

/* The back-end logs the ring after that, and before it reports a change. */
static void use_one(uint16_t index)
{
	use(index);
	hear_of_change();
}

static void begin_log(void)
{
	ck_assert_int_eq(vmm_virtio_check_log(virtio, NULL), 0);
	ck_assert_int_eq(vhost_dirty_log_init(&record, map, 0, NULL), 0);
	pause_device();
	ck_assert_int_eq(vmm_virtio_set_log(virtio, &record, NULL), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
}

START_TEST(a_log_ends_when_a_paused_device_continues)
{
	reconnect_ms = 0;
	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	begin_log();
	pause_device();
	(void)used_ring_is_logged();
	vmm_virtio_log_rings(virtio, &record);
	ck_assert(used_ring_is_logged());
	ck_assert_int_eq(vmm_virtio_set_log(virtio, NULL, NULL), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	use_one(1);
	ck_assert(!used_ring_is_logged());
	vhost_dirty_log_free(&record);
	teardown();
}
END_TEST

START_TEST(a_saved_device_starts_where_it_stopped)
{
	size_t len;
	void *bytes;

	reconnect_ms = 0;
	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	pause_device();
	ck_assert_int_eq(vmm_virtio_take(virtio, &bytes, &len, NULL), 0);
	teardown();
	connect_to(VQ_F_VERSION_1);
	ck_assert_int_lt(vmm_virtio_load(virtio, bytes, len - 1, NULL), 0);
	ck_assert_int_eq(vmm_virtio_load(virtio, bytes, len, NULL), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	hear_of_change();
	ck_assert_uint_eq(rig_status(virtio), 15);
	reset_driver();
	free(bytes);
	teardown();
}
END_TEST

/* ------------------------------------------------------- what continues, or is closed */

#define DRIVER_FEATURE UINT64_C(1)	/* of the two of the device */

static void set_up_ring(struct virtdev_transport *t);

/* The driver's: one of the two, and the reset of rings, which the transport has. */
static void start_with_features(void)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .features = VQ_F_RING_RESET,
	};
	struct virtdev_transport *t = vmm_virtio_transport(virtio);

	ck_assert_int_eq(virtdev_transport_set_registers(t, &registers, NULL, NULL), 0);
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(t, 3);
	virtdev_transport_set_features(t, 0, DRIVER_FEATURE);
	virtdev_transport_set_features(t, 1, (uint32_t)((VQ_F_VERSION_1 | VQ_F_RING_RESET) >> 32));
	virtdev_transport_set_status(t, 11);
	set_up_ring(t);
	virtdev_transport_set_status(t, 15);
	vmm_virtio_unlock(virtio);
	hear_of_change();
}

static void assert_features_there(void)
{
	hear_of_change();
	ck_assert_uint_eq(rig_status(virtio), 15);
	/* The thread of the back-end stores them when it has received them. */
	while (__atomic_load_n(&be.features, __ATOMIC_ACQUIRE) != (VQ_F_VERSION_1 | DRIVER_FEATURE))
		poll(NULL, 0, 1);
}

/* In the session that set them, or in the next one. */
START_TEST(continued_device_has_the_features_of_its_driver)
{
	reconnect_ms = 1;
	listen_to_stderr();
	connect_to(VQ_F_VERSION_1 | DRIVER_FEATURE | DRIVER_FEATURE << 1);
	start_with_features();
	assert_features_there();
	pause_device();
	if (_i)
		lose_back_end();
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	if (_i) {
		__atomic_store_n(&be.features, 0, __ATOMIC_RELEASE);
		back_end_serve();
	}
	assert_features_there();
	ck_assert_int_eq(virtdev_transport_set_registers(vmm_virtio_transport(virtio), NULL,
							 NULL, NULL), 0);
	teardown();
}
END_TEST

static void *take_state(uint32_t state, size_t *len)
{
	void *bytes;

	__atomic_store_n(&be.state, state, __ATOMIC_RELEASE);
	pause_device();
	ck_assert_int_eq(vmm_virtio_take(virtio, &bytes, len, NULL), 0);
	return bytes;
}

/* Descriptors of this process, when the thread that closes has closed all. */
static int settled_fd_count(void)
{
	tests_closer_settle();
	return vsu_fd_count();
}

static void save_and_resume(void)
{
	size_t len;

	free(take_state(1, &len));
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	hear_of_change();
}

START_TEST(saved_device_that_continues_keeps_no_descriptor_of_its_state)
{
	int fds, i;

	reconnect_ms = 0;
	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	save_and_resume();
	fds = settled_fd_count();
	for (i = 0; i < 3; i++)
		save_and_resume();
	ck_assert_int_eq(settled_fd_count(), fds);
	teardown();
}
END_TEST

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

START_TEST(c1_14_device_is_reset_and_restarted_without_a_back_end)
{
	run_and_lose();
	set_status(0);
	while (rig_status(virtio))
		loop_once(resources.loop);
	rig_start(virtio);
	back_end_serve();
	hear_of_change();
	ck_assert_uint_eq(rig_status(virtio), 15);
	teardown();
}
END_TEST

/* The back-end fails before that, or while it is stopping its queues. */
START_TEST(a3_06_a_reset_whose_back_end_fails_ends_in_a_clean_state)
{
	connect_to(VQ_F_VERSION_1);
	rig_start(virtio);
	if (_i)
		reset_driver();
	back_end_stop();
	while (!lost.code)
		loop_once(resources.loop);
	if (!_i)
		reset_driver();
	while (rig_status(virtio) & 15)
		loop_once(resources.loop);
	ck_assert_uint_eq(virtdev_transport_features(
				vmm_virtio_transport(virtio)), 0);
	ck_assert(!virtdev_transport_queue_ready(vmm_virtio_transport(virtio),
						 0));
	teardown();
}
END_TEST

static void set_up_ring(struct virtdev_transport *t)
{
	virtdev_transport_set_queue_size(t, 0, 16);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DESC, 0, 0x1000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DRIVER, 0,
					 0x2000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DEVICE, 0,
					 0x3000);
	virtdev_transport_set_queue_ready(t, 0, true);
}

START_TEST(a3_18_a_queue_of_a_back_end_is_reset_and_starts_again)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .features = VQ_F_RING_RESET,
	};
	const uint64_t features = VQ_F_VERSION_1 | VQ_F_RING_RESET;
	struct virtdev_transport *t;
	int round;

	connect_to(VQ_F_VERSION_1);
	t = vmm_virtio_transport(virtio);
	ck_assert_int_eq(virtdev_transport_set_registers(t, &registers, NULL, NULL), 0);
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(t, 3);
	virtdev_transport_set_features(t, 1, (uint32_t)(features >> 32));
	virtdev_transport_set_status(t, 11);
	set_up_ring(t);
	virtdev_transport_set_status(t, 15);
	for (round = 0; round < 3; round++) {
		virtdev_transport_reset_queue(t, 0);
		vmm_virtio_unlock(virtio);
		while (virtdev_transport_queue_resets(t, 0))
			loop_once(resources.loop);
		ck_assert(!virtdev_transport_queue_ready(t, 0));
		vmm_virtio_lock(virtio);
		set_up_ring(t);
		ck_assert(virtdev_transport_queue_ready(t, 0));
	}
	vmm_virtio_unlock(virtio);
	ck_assert_uint_eq(rig_status(virtio), 15);
	ck_assert_int_eq(virtdev_transport_set_registers(t, NULL, NULL, NULL), 0);
	teardown();
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
	tcase_add_test(tc, a_log_ends_when_a_paused_device_continues);
	tcase_add_test(tc, a_saved_device_starts_where_it_stopped);
	tcase_add_loop_test(tc, continued_device_has_the_features_of_its_driver, 0, 2);
	tcase_add_test(tc, saved_device_that_continues_keeps_no_descriptor_of_its_state);
	tcase_add_test(tc, freed_device_closes_its_own_descriptors_only);
	tcase_add_test(tc, rings_that_ran_go_on_with_the_next_back_end);
	tcase_add_test(tc,
		c1_14_device_is_reset_and_restarted_without_a_back_end);
	tcase_add_loop_test(tc,
		a3_06_a_reset_whose_back_end_fails_ends_in_a_clean_state, 0, 2);
	tcase_add_test(tc,
		a3_18_a_queue_of_a_back_end_is_reset_and_starts_again);
	tcase_add_loop_test(tc, device_may_be_freed_without_a_back_end, 0,
			    2);
	tcase_add_test(tc,
		c1_07_a_back_end_that_offers_less_is_refused_with_a_sentence);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
