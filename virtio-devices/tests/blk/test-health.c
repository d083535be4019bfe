/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what a disk that fails says to whoever runs the program. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <string.h>

#include <virtio-devices/report.h>

#include "blk/priv.h"
#include "core/device_priv.h"
#include "../blk-rig.h"
#include "../suite.h"

#define SECOND UINT64_C(1000000000)

static struct rig r;
static unsigned int said;
static struct vsu_error last;

static void on_report(void *opaque, struct virtdev *dev,
		      const struct vsu_error *what)
{
	ck_assert_ptr_eq(opaque, &said);
	ck_assert_ptr_eq(dev, r.dev);
	said++;
	last = *what;
}

static void setup(void)
{
	said = 0;
	rig_init(&r, 0, 64);
	virtdev_set_report(r.dev, on_report, &said);
}

static void teardown(void)
{
	rig_fini(&r);
}

static struct blk *model(void)
{
	return virtdev_priv_self(r.dev, virtdev_priv_blk_stats);
}

static void write_fails(int code)
{
	r.disk.result = code;
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_IOERR);
}

START_TEST(however_many_requests_fail_it_is_said_once)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		write_fails(-ENOSPC);
	ck_assert_uint_eq(said, 1);
	ck_assert_int_eq(last.code, -ENOSPC);
	ck_assert_ptr_nonnull(strstr(last.msg, "no space"));
}
END_TEST

START_TEST(each_kind_of_trouble_is_said_by_itself)
{
	write_fails(-EIO);
	ck_assert_uint_eq(said, 1);
	ck_assert_int_eq(last.code, -EIO);
	write_fails(-EDQUOT);
	ck_assert_uint_eq(said, 2);
	ck_assert_int_eq(last.code, -EDQUOT);
	write_fails(-ENOSPC);
	write_fails(-EIO);
	ck_assert_uint_eq(said, 2);
}
END_TEST

START_TEST(successes_in_between_do_not_have_it_said_again)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		write_fails(-ENOSPC);
		r.disk.result = 0;
		ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
	}
	ck_assert_uint_eq(said, 1);
}
END_TEST

START_TEST(what_the_disk_cannot_do_is_no_trouble)
{
	r.disk.result = -EOPNOTSUPP;
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_UNSUPP);
	ck_assert_uint_eq(said, 0);
}
END_TEST

START_TEST(what_a_driver_asks_wrongly_is_no_trouble)
{
	ck_assert_int_eq(rig_simple(&r, T_IN, FAKE_SECTORS, 512), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_OUT, UINT64_MAX, 512), S_IOERR);
	ck_assert_uint_eq(said, 0);
}
END_TEST

/* And hides none of the host's that comes later. */
START_TEST(memory_of_a_guest_that_was_cut_is_no_trouble_of_the_host)
{
	write_fails(-EFAULT);
	ck_assert_uint_eq(said, 0);
	write_fails(-EIO);
	ck_assert_uint_eq(said, 1);
	ck_assert_int_eq(last.code, -EIO);
}
END_TEST

/* A minute after the last failure, by a write that succeeds, and once. */
START_TEST(the_end_of_a_shortage_is_said_when_writes_go_for_a_minute)
{
	struct blk *blk = model();

	virtdev_priv_blk_failed(blk, -ENOSPC, SECOND);
	virtdev_priv_blk_failed(blk, -ENOSPC, 10 * SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_WRITE, 69 * SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_READ, 71 * SECOND);
	ck_assert_uint_eq(said, 1);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_WRITE, 71 * SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_WRITE, 72 * SECOND);
	ck_assert_uint_eq(said, 2);
	ck_assert_int_eq(last.code, 0);
	virtdev_priv_blk_failed(blk, -ENOSPC, 73 * SECOND);
	ck_assert_uint_eq(said, 3);
}
END_TEST

START_TEST(a_host_that_answers_again_is_said_by_any_request)
{
	struct blk *blk = model();

	virtdev_priv_blk_failed(blk, -EIO, SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_READ, 2 * SECOND);
	ck_assert_uint_eq(said, 1);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_READ, 62 * SECOND);
	ck_assert_uint_eq(said, 2);
	ck_assert_int_eq(last.code, 0);
}
END_TEST

START_TEST(without_somebody_to_tell_nothing_happens)
{
	virtdev_set_report(r.dev, NULL, NULL);
	write_fails(-ENOSPC);
	ck_assert_uint_eq(said, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk health");
	TCase *tc = tcase_create("blk health");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, however_many_requests_fail_it_is_said_once);
	tcase_add_test(tc, each_kind_of_trouble_is_said_by_itself);
	tcase_add_test(tc, successes_in_between_do_not_have_it_said_again);
	tcase_add_test(tc, what_the_disk_cannot_do_is_no_trouble);
	tcase_add_test(tc, what_a_driver_asks_wrongly_is_no_trouble);
	tcase_add_test(tc, memory_of_a_guest_that_was_cut_is_no_trouble_of_the_host);
	tcase_add_test(tc, the_end_of_a_shortage_is_said_when_writes_go_for_a_minute);
	tcase_add_test(tc, a_host_that_answers_again_is_said_by_any_request);
	tcase_add_test(tc, without_somebody_to_tell_nothing_happens);
	return run_suite(s);
}
