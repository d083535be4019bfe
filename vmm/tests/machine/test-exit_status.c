/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about exit statuses. */
#include <config.h>

#include "cvmm/exit_status.h"
#include "../util.h"

static const struct row {
	enum cvmm_step stage;
	int code, status;
} rows[] = {
	{ CVMM_STEP_OPTIONS, -ENOENT, 64 },
	{ CVMM_STEP_OPTIONS, -EINVAL, 65 },
	{ CVMM_STEP_OPTIONS, -ENOPKG, 69 },
	{ CVMM_STEP_OPTIONS, -EREMOTEIO, 69 },
	{ CVMM_STEP_OPTIONS, -EADDRINUSE, 75 },
	{ CVMM_STEP_CONFIGURATION, -ENOENT, 66 },
	{ CVMM_STEP_CONFIGURATION, -EBADMSG, 65 },
	{ CVMM_STEP_KERNEL, -ENOENT, 66 },
	{ CVMM_STEP_KERNEL, -EACCES, 66 },
	{ CVMM_STEP_KERNEL, -EISDIR, 66 },
	{ CVMM_STEP_KERNEL, -ENODEV, 66 },
	{ CVMM_STEP_KERNEL, -EBADMSG, 65 },
	{ CVMM_STEP_KERNEL, -E2BIG, 65 },
	{ CVMM_STEP_KERNEL, -EINVAL, 65 },
	{ CVMM_STEP_KERNEL, -EOPNOTSUPP, 69 },
	{ CVMM_STEP_KVM, -ENOENT, 69 },
	{ CVMM_STEP_KVM, -EACCES, 69 },
	{ CVMM_STEP_KVM, -EOPNOTSUPP, 69 },
	{ CVMM_STEP_MEMORY, -EINVAL, 65 },
	{ CVMM_STEP_MEMORY, -EEXIST, 65 },
	{ CVMM_STEP_MEMORY, -ENOENT, 66 },
	{ CVMM_STEP_MEMORY, -EACCES, 66 },
	{ CVMM_STEP_MEMORY, -EISDIR, 66 },
	{ CVMM_STEP_MEMORY, -EBUSY, 75 },
	{ CVMM_STEP_MEMORY, -ENOMEM, 69 },
	{ CVMM_STEP_MEMORY, -EOPNOTSUPP, 69 },
	{ CVMM_STEP_DISK, -ENOENT, 66 },
	{ CVMM_STEP_DISK, -EISDIR, 66 },
	{ CVMM_STEP_DISK, -EACCES, 66 },
	{ CVMM_STEP_DISK, -EBUSY, 75 },
	{ CVMM_STEP_DISK, -EINVAL, 65 },
	{ CVMM_STEP_SOCKET, -ENOENT, 69 },
	{ CVMM_STEP_SOCKET, -ECONNREFUSED, 69 },
	{ CVMM_STEP_SOCKET, -ECONNRESET, 69 },
	{ CVMM_STEP_SOCKET, -ENOTSOCK, 69 },
	{ CVMM_STEP_SOCKET, -ENAMETOOLONG, 65 },
	{ CVMM_STEP_SOCKET, -EINVAL, 65 },
	{ CVMM_STEP_STREAM, -EBUSY, 75 },
	{ CVMM_STEP_STREAM, -ECONNRESET, 69 },
	{ CVMM_STEP_CONSOLE, -ENXIO, 66 },
	{ CVMM_STEP_OPTIONS, -EMFILE, 69 },
	{ CVMM_STEP_KERNEL, -ENFILE, 69 },
	{ CVMM_STEP_DISK, -EMFILE, 69 },
	{ CVMM_STEP_CONSOLE, -EMFILE, 69 },
	{ CVMM_STEP_RUN, -EMFILE, 69 },
	{ CVMM_STEP_RUN, -EIO, 70 },
};

START_TEST(stage_and_code_make_the_status)
{
	ck_assert_int_eq(cvmm_exit_status(rows[_i].stage, rows[_i].code),
			 rows[_i].status);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("failure");
	TCase *tc = tcase_create("status");

	tcase_add_loop_test(tc, stage_and_code_make_the_status, 0,
			    COUNT(rows));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
