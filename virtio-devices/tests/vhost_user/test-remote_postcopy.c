/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a back-end that waits for memory. Needs userfaultfd. */
#include <config.h>

#include <fcntl.h>
#include <sys/syscall.h>

#include <vhost/frontend_device.h>

#include "remote-rig.h"

static int faults = -1;		/* the back-end's userfaultfd */
static unsigned int nplaced, nended;

static int on_add(void *opaque, int fd, unsigned int *number, struct vsu_error *err)
{
	(void)err;
	ck_assert_ptr_eq(opaque, &rig);
	faults = fd;
	*number = 9;
	return 0;
}

static int on_place(void *opaque, unsigned int number,
		    const struct vhost_user_placed_region *regions, unsigned int n)
{
	ck_assert_ptr_eq(opaque, &rig);
	ck_assert_uint_eq(number, 9);
	ck_assert_uint_ne(regions[0].address, 0);
	nplaced = n;
	return 0;
}

static void on_ended(void *opaque)
{
	ck_assert_ptr_eq(opaque, &rig);
	nended++;
}

static const struct virtdev_page_faults to = {
	.add = on_add, .place = on_place, .ended = on_ended, .opaque = &rig,
};

static void begin_advised(bool reconnects)
{
	rig_postcopy = true;
	begin(VIRTDEV_ID_BLOCK, reconnects);
	server_begin();
	ck_assert_msg(!virtdev_server_postcopy_advise(rig.served, &rig.err), "%s", rig.err.msg);
	server_end();
}

static void begin_listening(bool reconnects)
{
	begin_advised(reconnects);
	server_begin();
	ck_assert_int_eq(virtdev_server_postcopy_listen(rig.served, &to, &rig.err), 1);
	server_end();
	ck_assert_int_ge(faults, 0);
}

static void end(void)
{
	if (faults >= 0)
		close(faults);
	teardown();
}

START_TEST(faults_of_a_back_end_are_its_owners_until_the_end)
{
	begin_listening(false);
	start_driver();
	ck_assert_uint_eq(rig.started, 1);
	ck_assert_uint_eq(nplaced, 2);	/* the third region is ROM */
	ck_assert_uint_eq(nended, 0);
	virtdev_server_postcopy_end(rig.served);
	pump();
	ck_assert_uint_eq(nended, 1);
	end();
	ck_assert_uint_eq(nended, 1);
}
END_TEST

START_TEST(back_end_that_was_not_advised_uses_no_missing_memory)
{
	begin(VIRTDEV_ID_BLOCK, false);
	ck_assert_int_eq(virtdev_server_postcopy_listen(rig.served, &to, &rig.err), 0);
	virtdev_server_postcopy_end(rig.served);
	ck_assert_uint_eq(nended, 0);
	teardown();
}
END_TEST

/* Nothing is missing after all. */
START_TEST(advised_back_end_may_run_without_missing_pages)
{
	begin_advised(false);
	virtdev_server_postcopy_end(rig.served);
	start_driver();
	use(1);
	ck_assert_uint_eq(nended, 0);
	end();
}
END_TEST

START_TEST(e2_34_lost_back_end_does_not_wait_for_pages)
{
	begin_listening(true);
	end_server();
	while (!rig.lost && !rig.failed)
		virtdev_vhost_user_dispatch(rig.remote);
	ck_assert_uint_eq(nended, 1);
	end();
	ck_assert_uint_eq(nended, 1);
}
END_TEST

START_TEST(e2_34_advised_back_end_that_is_lost_cannot_listen)
{
	begin_advised(true);
	end_server();
	while (!rig.lost)
		virtdev_vhost_user_dispatch(rig.remote);
	ck_assert_int_eq(virtdev_server_postcopy_listen(rig.served, &to, &rig.err), -ECONNRESET);
	end();
}
END_TEST

START_TEST(e2_34_back_end_that_is_lost_before_its_reply_ends_the_request)
{
	rig_postcopy = true;
	begin(VIRTDEV_ID_BLOCK, _i);
	end_server();
	ck_assert_int_eq(virtdev_server_postcopy_advise(rig.served, &rig.err), -ECONNRESET);
	end();
}
END_TEST

START_TEST(end_of_the_device_ends_its_faults)
{
	begin_listening(false);
	end();
	ck_assert_uint_eq(nended, 1);
}
END_TEST

static bool may_postcopy(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd >= 0 && close(fd) == 0;
}

int main(void)
{
	Suite *s = suite_create("remote postcopy");
	TCase *tc = tcase_create("remote postcopy");

	suite_add_tcase(s, tc);
	if (!may_postcopy()) {
		printf("1..0 # SKIP userfaultfd is not permitted\n");
		srunner_free(srunner_create(s));
		return 0;
	}
	tcase_add_test(tc, faults_of_a_back_end_are_its_owners_until_the_end);
	tcase_add_test(tc, back_end_that_was_not_advised_uses_no_missing_memory);
	tcase_add_test(tc, advised_back_end_may_run_without_missing_pages);
	tcase_add_test(tc, e2_34_lost_back_end_does_not_wait_for_pages);
	tcase_add_test(tc, e2_34_advised_back_end_that_is_lost_cannot_listen);
	tcase_add_loop_test(tc, e2_34_back_end_that_is_lost_before_its_reply_ends_the_request, 0, 2);
	tcase_add_test(tc, end_of_the_device_ends_its_faults);
	return run_suite(s);
}
