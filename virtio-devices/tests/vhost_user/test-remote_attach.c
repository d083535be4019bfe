/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device behind a transport: start, reset, pause and replaced back-ends. */
#include <config.h>

#include <sys/mman.h>

#include <virtio-devices/report.h>

#include "remote-rig.h"

/* --------------------------------------------------------------- start and reset */

START_TEST(driver_starts_and_resets_the_device_without_callbacks_of_the_owner)
{
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	ck_assert_uint_eq(rig.started, 1);
	ck_assert_uint_eq(rig.starting, 1);
	use(1);
	virtdev_transport_set_status(rig.t, 0);
	ck_assert(virtdev_transport_is_resetting(rig.t));
	pump();
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 0);
	ck_assert_ptr_null(rig.q);
	teardown();
}
END_TEST

START_TEST(d4_02_device_has_one_server)
{
	struct virtdev_transport *other;
	struct virtdev *dev;

	begin(VIRTDEV_ID_BLOCK, false);
	ck_assert_int_eq(virtdev_vhost_user_attach(rig.remote, rig.t, &rig_owner, &rig.served, &rig.err), -EBUSY);
	ck_assert_int_eq(virtdev_new(&model_ops, virtdev_get_info(rig.model), &rig, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(dev, NULL, NULL, &other, NULL), 0);
	ck_assert_int_eq(virtdev_vhost_user_attach(rig.remote, other, &rig_owner, &rig.served, &rig.err), -EINVAL);
	virtdev_transport_free(other);
	virtdev_free(dev);
	start_driver();
	use(1);
	teardown();
}
END_TEST

START_TEST(a3_06_failed_session_asks_the_driver_for_a_reset_that_ends_at_once)
{
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	end_server();
	pump();
	ck_assert_uint_eq(rig.failed, 1);
	ck_assert(needs_reset());
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -ECONNRESET);
	ck_assert_int_eq(virtdev_server_check_save(rig.served, NULL), -ENOTCONN);
	virtdev_transport_set_status(rig.t, 0);
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 0);
	ck_assert_uint_eq(virtdev_transport_features(rig.t), 0);
	ck_assert(!virtdev_transport_queue_ready(rig.t, 0));
	ck_assert_int_eq(virtdev_priv_remote_activate(rig.remote, 0, &rig.err), -ECONNRESET);
	teardown();
}
END_TEST

static unsigned int reports;
static struct vsu_error reported;

static void on_report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	reports++;
	reported = *what;
}

/* The end of the session has its own callback. */
START_TEST(start_that_fails_is_reported_unless_the_session_has_ended)
{
	begin(VIRTDEV_ID_BLOCK, false);
	virtdev_set_report(virtdev_vhost_user_device(rig.remote), on_report, NULL);
	start_driver_at(GUEST_HOLE);
	ck_assert(needs_reset());
	ck_assert_uint_eq(reports, 1);
	ck_assert_ptr_nonnull(strstr(reported.msg, "its queues cannot be started: ring 0"));
	end_server();
	pump();
	virtdev_transport_set_status(rig.t, 0);
	start_driver_at(rig.g.config.device_gpa);
	ck_assert(needs_reset());
	ck_assert_uint_eq(reports, 1);
	teardown();
}
END_TEST

/* --------------------------------------------------------------------- pause */

START_TEST(paused_device_continues_at_its_position)
{
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	use(3);
	pause_device();
	ck_assert_ptr_null(rig.q);
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), 0);
	ck_assert_int_eq(virtdev_priv_remote_activate(rig.remote, VQ_F_VERSION_1, &rig.err), -EBUSY);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	ck_assert_uint_eq(rig.started, 2);
	ck_assert_uint_eq(rig.features, VQ_F_VERSION_1);
	ck_assert_uint_eq(rig.base, 3);
	use(4);
	teardown();
}
END_TEST

START_TEST(pause_that_is_given_up_ends_when_it_is_complete)
{
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	use(1);
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -EAGAIN);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	ck_assert_uint_eq(rig.started, 2);
	use(2);
	teardown();
}
END_TEST

/* As after a driver's reset of its queue. */
static void start_queue_anew(void)
{
	struct vhost_user_ring ring;

	memset(guest_at(&rig.g, rig.g.config.driver_gpa), 0, 4);
	memset(guest_at(&rig.g, rig.g.config.device_gpa), 0, 4);
	virtdev_priv_describe_ring(rig.t, 0, &rig.fds, &ring);
	ck_assert_int_eq(virtdev_priv_remote_start_queue(rig.remote, 0, &ring, &rig.err), 0);
	pump();
}

/* Also if the owner pauses the device again before its queues have stopped. */
START_TEST(queue_is_reset_while_a_pause_that_is_given_up_ends)
{
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	use(1);
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -EAGAIN);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 0), 0);
	if (_i) {
		pause_device();
		ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	}
	pump();
	ck_assert_uint_eq(rig.started, 1);
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 0), 1);
	start_queue_anew();
	ck_assert_uint_eq(rig.started, 2);
	ck_assert_uint_eq(rig.base, 0);
	use(1);
	teardown();
}
END_TEST

START_TEST(device_without_a_driver_is_paused_at_once)
{
	begin(VIRTDEV_ID_BLOCK, false);
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	start_driver();
	use(1);
	teardown();
}
END_TEST

/* Also if the owner has given the pause up. */
START_TEST(driver_resets_a_device_during_its_pause)
{
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	use(1);
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -EAGAIN);
	if (_i)
		ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	virtdev_transport_set_status(rig.t, 0);
	pump();
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 0);
	pause_device();
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	ck_assert_uint_eq(rig.started, 1);
	teardown();
}
END_TEST

/* ------------------------------------------------------------ replaced back-ends */

static void lose_back_end(void)
{
	end_server();
	while (!rig.lost)
		virtdev_vhost_user_dispatch(rig.remote);
}

static void find_back_end(void)
{
	struct pollfd p = { .fd = virtdev_vhost_user_fd(rig.remote), .events = POLLIN };

	rig.listens = true;
	while (!rig.back) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		pump();
	}
	pump();
}

START_TEST(c1_14_driver_starts_while_no_back_end_is_connected)
{
	begin(VIRTDEV_ID_BLOCK, true);
	lose_back_end();
	start_driver();
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 15);
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -ENOTCONN);
	find_back_end();
	ck_assert_uint_eq(rig.started, 1);
	use(1);
	teardown();
}
END_TEST

START_TEST(queue_changes_while_no_back_end_is_connected_wait_for_the_start)
{
	begin(VIRTDEV_ID_BLOCK, true);
	lose_back_end();
	start_driver();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 0), 1);
	ck_assert_int_eq(virtdev_priv_remote_start_queue(rig.remote, 0, NULL, NULL), 0);
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, UINT32_MAX), -EINVAL);
	find_back_end();
	ck_assert_uint_eq(rig.started, 1);
	teardown();
}
END_TEST

START_TEST(start_that_fails_late_asks_for_a_reset)
{
	begin(VIRTDEV_ID_BLOCK, true);
	reports = 0;
	virtdev_set_report(virtdev_vhost_user_device(rig.remote), on_report, NULL);
	lose_back_end();
	start_driver_at(GUEST_HOLE);
	find_back_end();
	ck_assert_uint_eq(reports, 1);
	ck_assert(needs_reset());
	teardown();
}
END_TEST

START_TEST(reset_cancels_a_start_that_waits)
{
	begin(VIRTDEV_ID_BLOCK, true);
	lose_back_end();
	start_driver();
	virtdev_transport_set_status(rig.t, 0);
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 0);
	find_back_end();
	ck_assert_uint_eq(rig.started, 0);
	teardown();
}
END_TEST

START_TEST(paused_device_continues_behind_the_next_back_end)
{
	begin(VIRTDEV_ID_BLOCK, true);
	start_driver();
	use(5);
	pause_device();
	lose_back_end();
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -ENOTCONN);
	rig.features = 0;
	find_back_end();
	ck_assert_uint_eq(rig.features, VQ_F_VERSION_1);
	ck_assert_uint_eq(rig.base, 5);
	ck_assert(!needs_reset());
	use(6);
	teardown();
}
END_TEST

START_TEST(back_end_lost_during_a_pause_has_lost_the_positions)
{
	begin(VIRTDEV_ID_BLOCK, true);
	start_driver();
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -EAGAIN);
	lose_back_end();
	ck_assert(needs_reset());
	ck_assert_int_eq(virtdev_server_pause(rig.served, false, NULL), -ENOTCONN);
	teardown();
}
END_TEST

static const struct {
	uint32_t id;
	bool runs;
	enum virtdev_vhost_user_settings settings;
} replaced[] = {
	{ VIRTDEV_ID_BLOCK, true, VIRTDEV_VHOST_USER_SETTINGS_REPEATED },
	{ VIRTDEV_ID_BALLOON, true, VIRTDEV_VHOST_USER_SETTINGS_REPEATED },
	{ VIRTDEV_ID_SOCKET, false, VIRTDEV_VHOST_USER_SETTINGS_REPEATED },
	{ VIRTDEV_ID_FS, true, VIRTDEV_VHOST_USER_SETTINGS_UNKNOWN },
};

/* How often back-ends have loaded what they kept in the in-flight area. */
static uint64_t loads, loads_of_next;

bool __attribute__((used)) __wrap_vhost_user_frontend_kept_loads(const struct vhost_user_frontend *f,
								  uint64_t *to);
bool __wrap_vhost_user_frontend_kept_loads(const struct vhost_user_frontend *f, uint64_t *to)
{
	(void)f;
	*to = rig.again ? loads_of_next : loads;
	return *to > 0;
}

static const struct {
	uint32_t id;
	/* between: by a replacement that was lost before it served */
	uint64_t before, between, after;
	enum virtdev_vhost_user_settings settings;
} kept[] = {
	{ VIRTDEV_ID_SOCKET, 0, 0, 1, VIRTDEV_VHOST_USER_SETTINGS_KEPT },
	{ VIRTDEV_ID_SOCKET, 3, 3, 4, VIRTDEV_VHOST_USER_SETTINGS_KEPT },
	{ VIRTDEV_ID_SOCKET, 3, 4, 5, VIRTDEV_VHOST_USER_SETTINGS_KEPT },
	{ VIRTDEV_ID_SOCKET, 3, 3, 3, VIRTDEV_VHOST_USER_SETTINGS_RESET },
	{ VIRTDEV_ID_SOCKET, 3, 4, 4, VIRTDEV_VHOST_USER_SETTINGS_RESET },
	{ VIRTDEV_ID_FS, 3, 3, 4, VIRTDEV_VHOST_USER_SETTINGS_KEPT },
	{ VIRTDEV_ID_FS, 3, 3, 3, VIRTDEV_VHOST_USER_SETTINGS_RESET },
};

START_TEST(e3_24_back_end_that_loads_what_the_lost_one_kept_needs_no_reset)
{
	begin(kept[_i].id, true);
	start_driver();
	loads = kept[_i].before;
	lose_back_end();
	loads = kept[_i].between;
	loads_of_next = kept[_i].after;
	find_back_end();
	ck_assert_int_eq(virtdev_vhost_user_settings(rig.remote), kept[_i].settings);
	ck_assert_int_eq(needs_reset(), kept[_i].settings == VIRTDEV_VHOST_USER_SETTINGS_RESET);
	loads = loads_of_next = 0;
	teardown();
}
END_TEST

/* The model keeps no state behind the in-flight area. */
START_TEST(settings_behind_the_next_back_end_are_those_of_the_kind)
{
	begin(replaced[_i].id, true);
	if (replaced[_i].runs)
		start_driver();
	lose_back_end();
	find_back_end();
	ck_assert_int_eq(virtdev_vhost_user_settings(rig.remote), replaced[_i].settings);
	ck_assert(!needs_reset());
	teardown();
}
END_TEST

START_TEST(e3_24_settings_that_only_the_lost_back_end_had_require_a_reset)
{
	begin(VIRTDEV_ID_SOCKET, true);
	start_driver();
	lose_back_end();
	find_back_end();
	ck_assert_int_eq(virtdev_vhost_user_settings(rig.remote), VIRTDEV_VHOST_USER_SETTINGS_RESET);
	ck_assert(needs_reset());
	teardown();
}
END_TEST

/* ----------------------------------------------------------------------- the log */

#define LOG_BYTES 4096u

static unsigned char *log_bytes;
static int log_fd;

static void begin_log(void)
{
	struct virtdev_server_log log = { .size = LOG_BYTES };

	log_fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(log_fd, LOG_BYTES), 0);
	log_bytes = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, log_fd, 0);
	ck_assert_ptr_ne(log_bytes, MAP_FAILED);
	ck_assert_int_eq(virtdev_server_check_log(rig.served, &rig.err), 0);
	pause_device();
	log.fd = log_fd;
	ck_assert_msg(!virtdev_server_set_log(rig.served, &log, &rig.err), "%s", rig.err.msg);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
}

static void end_log(void)
{
	munmap(log_bytes, LOG_BYTES);
	close(log_fd);
	teardown();
}

/* Whether the page of the used ring was written since the last call. */
static bool is_logged(void)
{
	const uint64_t page = rig.g.config.device_gpa / 4096;
	const bool set = log_bytes[page / 8] >> page % 8 & 1;

	memset(log_bytes, 0, LOG_BYTES);
	return set;
}

START_TEST(log_begins_with_a_start_and_ends_while_queues_run)
{
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	use(1);
	begin_log();
	use(2);
	ck_assert(is_logged());
	ck_assert_int_eq(virtdev_server_set_log(rig.served, NULL, &rig.err), 0);
	pump();
	(void)is_logged();
	use(3);
	ck_assert(!is_logged());
	end_log();
}
END_TEST

START_TEST(log_of_a_disconnected_back_end_ends_in_the_next_one)
{
	begin(VIRTDEV_ID_BLOCK, true);
	start_driver();
	begin_log();
	use(1);
	pause_device();
	lose_back_end();
	ck_assert_int_eq(virtdev_server_set_log(rig.served, NULL, &rig.err), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	find_back_end();
	(void)is_logged();
	use(2);
	ck_assert(!is_logged());
	end_log();
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, driver_starts_and_resets_the_device_without_callbacks_of_the_owner);
	tcase_add_test(tc, d4_02_device_has_one_server);
	tcase_add_test(tc, a3_06_failed_session_asks_the_driver_for_a_reset_that_ends_at_once);
	tcase_add_test(tc, start_that_fails_is_reported_unless_the_session_has_ended);
	tcase_add_test(tc, paused_device_continues_at_its_position);
	tcase_add_test(tc, pause_that_is_given_up_ends_when_it_is_complete);
	tcase_add_loop_test(tc, queue_is_reset_while_a_pause_that_is_given_up_ends, 0, 2);
	tcase_add_test(tc, device_without_a_driver_is_paused_at_once);
	tcase_add_loop_test(tc, driver_resets_a_device_during_its_pause, 0, 2);
	tcase_add_test(tc, c1_14_driver_starts_while_no_back_end_is_connected);
	tcase_add_test(tc, queue_changes_while_no_back_end_is_connected_wait_for_the_start);
	tcase_add_test(tc, start_that_fails_late_asks_for_a_reset);
	tcase_add_test(tc, reset_cancels_a_start_that_waits);
	tcase_add_test(tc, paused_device_continues_behind_the_next_back_end);
	tcase_add_test(tc, back_end_lost_during_a_pause_has_lost_the_positions);
	tcase_add_loop_test(tc, settings_behind_the_next_back_end_are_those_of_the_kind, 0,
			    sizeof(replaced) / sizeof(replaced[0]));
	tcase_add_test(tc, log_begins_with_a_start_and_ends_while_queues_run);
	tcase_add_test(tc, log_of_a_disconnected_back_end_ends_in_the_next_one);
	tcase_add_loop_test(tc, e3_24_back_end_that_loads_what_the_lost_one_kept_needs_no_reset, 0,
			    sizeof(kept) / sizeof(kept[0]));
	tcase_add_test(tc, e3_24_settings_that_only_the_lost_back_end_had_require_a_reset);
}

int main(void)
{
	Suite *s = suite_create("remote attach");
	TCase *tc = tcase_create("remote attach");

	add_tests(tc);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
