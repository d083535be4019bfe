/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about which failures of a disk are reported to the owner. */
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
static unsigned int reports;
static struct vsu_error last;

static void on_report(void *opaque, struct virtdev *dev,
		      const struct vsu_error *what)
{
	ck_assert_ptr_eq(opaque, &reports);
	ck_assert_ptr_eq(dev, r.dev);
	reports++;
	last = *what;
}

static void setup(void)
{
	reports = 0;
	rig_init(&r, 0, 64);
	virtdev_set_report(r.dev, on_report, &reports);
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

START_TEST(repeated_failures_are_reported_once)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		write_fails(-ENOSPC);
	ck_assert_uint_eq(reports, 1);
	ck_assert_int_eq(last.code, -ENOSPC);
	ck_assert_ptr_nonnull(strstr(last.msg, "no space"));
}
END_TEST

START_TEST(each_kind_of_failure_is_reported_separately)
{
	write_fails(-EIO);
	ck_assert_uint_eq(reports, 1);
	ck_assert_int_eq(last.code, -EIO);
	write_fails(-EDQUOT);
	ck_assert_uint_eq(reports, 2);
	ck_assert_int_eq(last.code, -EDQUOT);
	write_fails(-ENOSPC);
	write_fails(-EIO);
	ck_assert_uint_eq(reports, 2);
}
END_TEST

START_TEST(successes_in_between_cause_no_second_report)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		write_fails(-ENOSPC);
		r.disk.result = 0;
		ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
	}
	ck_assert_uint_eq(reports, 1);
}
END_TEST

START_TEST(unsupported_requests_are_not_reported)
{
	r.disk.result = -EOPNOTSUPP;
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_UNSUPP);
	ck_assert_uint_eq(reports, 0);
}
END_TEST

START_TEST(invalid_requests_of_the_driver_are_not_reported)
{
	ck_assert_int_eq(rig_simple(&r, T_IN, FAKE_SECTORS, 512), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_OUT, UINT64_MAX, 512), S_IOERR);
	ck_assert_uint_eq(reports, 0);
}
END_TEST

/* Does not suppress a later failure of the host. */
START_TEST(truncated_guest_memory_is_not_reported)
{
	write_fails(-EFAULT);
	ck_assert_uint_eq(reports, 0);
	write_fails(-EIO);
	ck_assert_uint_eq(reports, 1);
	ck_assert_int_eq(last.code, -EIO);
}
END_TEST

/*
 * Reported once, by the first successful write a minute after the last failure.
 */
START_TEST(recovery_is_reported_after_a_minute_of_successful_writes)
{
	struct blk *blk = model();

	virtdev_priv_blk_failed(blk, -ENOSPC, SECOND);
	virtdev_priv_blk_failed(blk, -ENOSPC, 10 * SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_WRITE, 69 * SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_READ, 71 * SECOND);
	ck_assert_uint_eq(reports, 1);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_WRITE, 71 * SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_WRITE, 72 * SECOND);
	ck_assert_uint_eq(reports, 2);
	ck_assert_int_eq(last.code, 0);
	ck_assert_str_eq(last.msg, "space is available again: writes succeed");
	virtdev_priv_blk_failed(blk, -ENOSPC, 73 * SECOND);
	ck_assert_uint_eq(reports, 3);
}
END_TEST

START_TEST(recovery_of_an_unresponsive_host_is_reported_by_any_request)
{
	struct blk *blk = model();

	virtdev_priv_blk_failed(blk, -EIO, SECOND);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_READ, 2 * SECOND);
	ck_assert_uint_eq(reports, 1);
	virtdev_priv_blk_worked(blk, VIRTDEV_DISK_READ, 62 * SECOND);
	ck_assert_uint_eq(reports, 2);
	ck_assert_int_eq(last.code, 0);
	ck_assert_str_eq(last.msg, "requests of the guest succeed again");
}
END_TEST

START_TEST(failures_without_a_callback_are_ignored)
{
	virtdev_set_report(r.dev, NULL, NULL);
	write_fails(-ENOSPC);
	ck_assert_uint_eq(reports, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk health");
	TCase *tc = tcase_create("blk health");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, repeated_failures_are_reported_once);
	tcase_add_test(tc, each_kind_of_failure_is_reported_separately);
	tcase_add_test(tc, successes_in_between_cause_no_second_report);
	tcase_add_test(tc, unsupported_requests_are_not_reported);
	tcase_add_test(tc, invalid_requests_of_the_driver_are_not_reported);
	tcase_add_test(tc, truncated_guest_memory_is_not_reported);
	tcase_add_test(tc, recovery_is_reported_after_a_minute_of_successful_writes);
	tcase_add_test(tc, recovery_of_an_unresponsive_host_is_reported_by_any_request);
	tcase_add_test(tc, failures_without_a_callback_are_ignored);
	return run_suite(s);
}
