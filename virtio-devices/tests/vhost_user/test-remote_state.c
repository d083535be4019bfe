/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device that is saved, and continues behind another session. */
#include <config.h>

#include "remote-rig.h"

static void collect(void)
{
	int rc;

	while ((rc = virtdev_vhost_user_collect(rig.remote, &rig.err)) == -EAGAIN)
		pump();
	ck_assert_msg(!rc, "%s", rig.err.msg);
}

static void *take(size_t *len)
{
	void *bytes;

	ck_assert_msg(!virtdev_vhost_user_check_save(rig.remote, &rig.err), "%s", rig.err.msg);
	pause_device();
	collect();
	ck_assert_int_eq(virtdev_vhost_user_take(rig.remote, &bytes, len, &rig.err), 0);
	return bytes;
}

static int load(const void *bytes, size_t len)
{
	int rc;

	server_begin();
	rc = virtdev_vhost_user_load(rig.remote, bytes, len, &rig.err);
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
	ck_assert_int_eq(virtdev_vhost_user_resume(rig.remote, &rig.err), 0);
	pump();
	ck_assert_uint_eq(rig.base, 7);
	use(8);
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
	ck_assert_int_eq(virtdev_vhost_user_load(rig.remote, bytes, len, &rig.err), -EBUSY);
	disconnect();
	connect_session(false);
	for (n = 0; n < len; n++)
		ck_assert_int_lt(load(bytes, n), 0);
	ck_assert_int_eq(load(bytes, len), 0);
	ck_assert_int_eq(virtdev_vhost_user_resume(rig.remote, &rig.err), 0);
	pump();
	use(1);
	free(bytes);
	teardown();
}
END_TEST

START_TEST(device_that_runs_has_no_state_to_collect)
{
	begin(VIRTDEV_ID_SOCKET, false);
	start_driver();
	ck_assert_int_eq(virtdev_vhost_user_collect(rig.remote, &rig.err), -EBUSY);
	teardown();
}
END_TEST

/* Not what the save before it has read. */
START_TEST(each_save_has_the_present_state_of_the_back_end)
{
	size_t len, again;
	void *first, *second;

	begin(VIRTDEV_ID_SOCKET, false);
	start_driver();
	rig.state = 1;
	first = take(&len);
	ck_assert_int_eq(virtdev_vhost_user_resume(rig.remote, &rig.err), 0);
	pump();
	rig.state = 2;
	second = take(&again);
	ck_assert_uint_eq(len, again);
	ck_assert_int_ne(memcmp(first, second, len), 0);
	free(first);
	free(second);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("remote state");
	TCase *tc = tcase_create("remote state");

	tcase_add_loop_test(tc, saved_device_continues_behind_another_session, 0,
			    sizeof(saved) / sizeof(saved[0]));
	tcase_add_test(tc, truncated_state_is_refused_and_another_one_is_loaded);
	tcase_add_test(tc, device_that_runs_has_no_state_to_collect);
	tcase_add_test(tc, each_save_has_the_present_state_of_the_back_end);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
