/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device that is saved, and continues behind another session. */
#include <config.h>

#include <vhost/frontend.h>
#include <vhost/protocol.h>
#include <vmm-sys-util/fd.h>

#include "remote-rig.h"

static bool lacks_state;	/* the back-end lacks DEVICE_STATE */

uint64_t __real_vhost_user_frontend_protocol_features(const struct vhost_user_frontend *f);
uint64_t __wrap_vhost_user_frontend_protocol_features(const struct vhost_user_frontend *f);
uint64_t __wrap_vhost_user_frontend_protocol_features(const struct vhost_user_frontend *f)
{
	const uint64_t all = __real_vhost_user_frontend_protocol_features(f);

	if (rig_card)
		return all | UINT64_C(1) << VHOST_USER_PROTOCOL_F_RARP;
	return lacks_state ? all & ~(UINT64_C(1) << VHOST_USER_PROTOCOL_F_DEVICE_STATE) : all;
}

static unsigned int announced;	/* requests to the back-end */

int __wrap_vhost_user_frontend_announce(struct vhost_user_frontend *f, const unsigned char *mac,
					struct vsu_error *err);
int __wrap_vhost_user_frontend_announce(struct vhost_user_frontend *f, const unsigned char *mac,
					struct vsu_error *err)
{
	(void)err;
	ck_assert_ptr_nonnull(f);
	ck_assert_mem_eq(mac, rig_mac, sizeof(rig_mac));
	ck_assert_uint_eq(rig.base, 7);
	announced++;
	return 0;
}

/* All tests may run in one process. */
static void reset(void)
{
	rig_card = false;
	rig_region = -1;
	lacks_state = false;
	announced = 0;
}

static void collect(void)
{
	int rc;

	while ((rc = virtdev_server_pause(rig.served, true, &rig.err)) == -EAGAIN) {
		ck_assert_int_eq(rig.err.code, -EAGAIN);
		vsu_error_clear(&rig.err);
		pump();
	}
	ck_assert_msg(!rc, "%s", rig.err.msg);
}

static void *take(size_t *len)
{
	void *bytes;

	ck_assert_msg(!virtdev_server_check_save(rig.served, &rig.err), "%s", rig.err.msg);
	pause_device();
	collect();
	ck_assert_int_eq(virtdev_server_take(rig.served, &bytes, len, &rig.err), 0);
	return bytes;
}

static int load(const void *bytes, size_t len)
{
	int rc;

	server_begin();
	rc = virtdev_server_load(rig.served, bytes, len, &rig.err);
	server_end();
	return rc;
}

/* Without and with a state of the back-end's own. */
static const uint32_t saved[] = { VIRTDEV_ID_BLOCK, VIRTDEV_ID_SOCKET };

START_TEST(saved_device_continues_behind_another_session)
{
	size_t len;
	void *bytes;

	begin(saved[_i], false);
	start_driver();
	use(7);
	rig.state = 77;
	bytes = take(&len);
	disconnect();
	rig.state = 0;
	connect_session(false);
	ck_assert_msg(!load(bytes, len), "%s", rig.err.msg);
	ck_assert_uint_eq(rig.state, _i ? 77 : 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	ck_assert_uint_eq(rig.base, 7);
	use(8);
	free(bytes);
	teardown();
}
END_TEST

/* Once, after the queues have started; other kinds have no address. */
START_TEST(back_end_of_a_moved_card_is_asked_to_announce_it)
{
	const uint32_t id = _i ? VIRTDEV_ID_ENTROPY : VIRTDEV_ID_NET;
	size_t len;
	void *bytes;

	rig_card = true;
	begin(id, false);
	start_driver();
	use(7);
	bytes = take(&len);
	disconnect();
	connect_session(false);
	ck_assert_int_eq(load(bytes, len), 0);
	ck_assert_uint_eq(announced, 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	ck_assert_uint_eq(announced, !_i);
	pause_device();
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	ck_assert_uint_eq(announced, !_i);
	free(bytes);
	teardown();
}
END_TEST

START_TEST(truncated_state_is_refused_and_another_one_is_loaded)
{
	size_t len, n;
	void *bytes;

	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	bytes = take(&len);
	ck_assert_int_eq(virtdev_server_load(rig.served, bytes, len, &rig.err), -EBUSY);
	disconnect();
	connect_session(false);
	for (n = 0; n < len; n++)
		ck_assert_int_lt(load(bytes, n), 0);
	ck_assert_int_eq(load(bytes, len), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	use(1);
	free(bytes);
	teardown();
}
END_TEST

/* The transport is loaded before the back-end reads its own part. */
START_TEST(e2_25_state_that_the_back_end_refuses_leaves_a_new_device)
{
	unsigned char *bytes, *own;
	size_t len;

	begin(VIRTDEV_ID_SOCKET, false);
	start_driver();
	bytes = take(&len);
	disconnect();
	connect_session(false);
	own = memmem(bytes, len, "vdev", 4);
	ck_assert_ptr_nonnull(own);
	*own ^= 1;
	ck_assert_int_lt(load(bytes, len), 0);
	ck_assert_uint_eq(virtdev_transport_status(rig.t), 0);
	ck_assert_uint_eq(virtdev_transport_features(rig.t), 0);
	*own ^= 1;
	vsu_error_clear(&rig.err);
	ck_assert_msg(!load(bytes, len), "%s", rig.err.msg);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	use(1);
	free(bytes);
	teardown();
}
END_TEST

/* The driver has reset its only queue when the device is saved. */
START_TEST(queue_that_was_reset_starts_behind_another_session)
{
	struct vhost_user_ring ring;
	size_t len;
	void *bytes;

	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 0), 0);
	pump();
	bytes = take(&len);
	disconnect();
	rig.features = 0;
	connect_session(false);
	ck_assert_int_eq(load(bytes, len), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	virtdev_priv_describe_ring(rig.t, 0, &rig.fds, &ring);
	ck_assert_int_eq(virtdev_priv_remote_start_queue(rig.remote, 0, &ring, &rig.err), 0);
	pump();
	ck_assert_uint_eq(rig.features, VQ_F_VERSION_1);
	use(1);
	free(bytes);
	teardown();
}
END_TEST

START_TEST(device_that_runs_has_no_state_to_take)
{
	void *bytes;
	size_t len;

	begin(VIRTDEV_ID_SOCKET, false);
	start_driver();
	ck_assert_int_eq(virtdev_server_take(rig.served, &bytes, &len, &rig.err), -EBUSY);
	teardown();
}
END_TEST

static const int regions[] = { 0, 1, VHOST_USER_SHMEM_REGIONS - 1 };

START_TEST(device_with_a_shared_memory_region_cannot_be_saved)
{
	rig_region = regions[_i];
	begin(VIRTDEV_ID_BLOCK, false);
	start_driver();
	ck_assert_int_eq(virtdev_server_check_save(rig.served, &rig.err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "shared memory regions"));
	use(1);
	teardown();
}
END_TEST

static const struct {
	uint32_t id;
	bool keeps;		/* the back-end keeps a state of its own */
} kinds[] = {
	{ VIRTDEV_ID_BLOCK, false }, { VIRTDEV_ID_ENTROPY, false }, { VIRTDEV_ID_SCSI, false },
	{ VIRTDEV_ID_NET, false }, { VIRTDEV_ID_SOCKET, true }, { VIRTDEV_ID_CONSOLE, true },
};

START_TEST(back_end_with_state_that_it_cannot_transfer_is_not_saved)
{
	lacks_state = true;
	begin(kinds[_i].id, false);
	start_driver();
	ck_assert_int_eq(virtdev_server_check_save(rig.served, &rig.err),
			 kinds[_i].keeps ? -EOPNOTSUPP : 0);
	ck_assert(!kinds[_i].keeps || strstr(rig.err.msg, "lacks the protocol feature DEVICE_STATE"));
	lacks_state = false;
	vsu_error_clear(&rig.err);
	ck_assert_int_eq(virtdev_server_check_save(rig.served, &rig.err), 0);
	teardown();
}
END_TEST

/* Not what the save before it has read. */
START_TEST(each_save_has_the_present_state_of_the_back_end)
{
	size_t len, again;
	void *first, *second;
	int fds;

	begin(VIRTDEV_ID_SOCKET, false);
	start_driver();
	fds = vsu_fd_count();
	rig.state = 1;
	first = take(&len);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	rig.state = 2;
	second = take(&again);
	ck_assert_uint_eq(len, again);
	ck_assert_int_ne(memcmp(first, second, len), 0);
	ck_assert_int_eq(virtdev_server_resume(rig.served, &rig.err), 0);
	pump();
	ck_assert_int_eq(vsu_fd_count(), fds);
	free(first);
	free(second);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("remote state");
	TCase *tc = tcase_create("remote state");

	tcase_add_checked_fixture(tc, reset, NULL);
	tcase_add_loop_test(tc, saved_device_continues_behind_another_session, 0,
			    sizeof(saved) / sizeof(saved[0]));
	tcase_add_loop_test(tc, back_end_of_a_moved_card_is_asked_to_announce_it, 0, 2);
	tcase_add_test(tc, truncated_state_is_refused_and_another_one_is_loaded);
	tcase_add_test(tc, e2_25_state_that_the_back_end_refuses_leaves_a_new_device);
	tcase_add_test(tc, queue_that_was_reset_starts_behind_another_session);
	tcase_add_test(tc, device_that_runs_has_no_state_to_take);
	tcase_add_loop_test(tc, device_with_a_shared_memory_region_cannot_be_saved, 0,
			    sizeof(regions) / sizeof(regions[0]));
	tcase_add_loop_test(tc, back_end_with_state_that_it_cannot_transfer_is_not_saved, 0,
			    sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(tc, each_save_has_the_present_state_of_the_back_end);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
