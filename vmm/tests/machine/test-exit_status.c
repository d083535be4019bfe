/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about exit statuses. */
#include <config.h>

#include "machine/exit_status.h"
#include "../util.h"

static const struct row {
	enum vmm_stage stage;
	int code, status;
} rows[] = {
	{ VMM_STAGE_OPTIONS, -ENOENT, 64 },
	{ VMM_STAGE_OPTIONS, -EINVAL, 65 },
	{ VMM_STAGE_OPTIONS, -ENOPKG, 69 },
	{ VMM_STAGE_OPTIONS, -EREMOTEIO, 69 },
	{ VMM_STAGE_OPTIONS, -EADDRINUSE, 75 },
	{ VMM_STAGE_CONFIGURATION, -ENOENT, 66 },
	{ VMM_STAGE_CONFIGURATION, -EBADMSG, 65 },
	{ VMM_STAGE_KERNEL, -ENOENT, 66 },
	{ VMM_STAGE_KERNEL, -EACCES, 66 },
	{ VMM_STAGE_KERNEL, -EISDIR, 66 },
	{ VMM_STAGE_KERNEL, -ENODEV, 66 },
	{ VMM_STAGE_KERNEL, -EBADMSG, 65 },
	{ VMM_STAGE_KERNEL, -E2BIG, 65 },
	{ VMM_STAGE_KERNEL, -EINVAL, 65 },
	{ VMM_STAGE_KERNEL, -EOPNOTSUPP, 69 },
	{ VMM_STAGE_KVM, -ENOENT, 69 },
	{ VMM_STAGE_KVM, -EACCES, 69 },
	{ VMM_STAGE_KVM, -EOPNOTSUPP, 69 },
	{ VMM_STAGE_MEMORY, -EINVAL, 65 },
	{ VMM_STAGE_MEMORY, -EEXIST, 65 },
	{ VMM_STAGE_MEMORY, -ENOENT, 66 },
	{ VMM_STAGE_MEMORY, -EACCES, 66 },
	{ VMM_STAGE_MEMORY, -EISDIR, 66 },
	{ VMM_STAGE_MEMORY, -EBUSY, 75 },
	{ VMM_STAGE_MEMORY, -ENOMEM, 69 },
	{ VMM_STAGE_MEMORY, -EOPNOTSUPP, 69 },
	{ VMM_STAGE_DISK, -ENOENT, 66 },
	{ VMM_STAGE_DISK, -EISDIR, 66 },
	{ VMM_STAGE_DISK, -EACCES, 66 },
	{ VMM_STAGE_DISK, -EBUSY, 75 },
	{ VMM_STAGE_DISK, -EINVAL, 65 },
	{ VMM_STAGE_SOCKET, -ENOENT, 69 },
	{ VMM_STAGE_SOCKET, -ECONNREFUSED, 69 },
	{ VMM_STAGE_SOCKET, -ECONNRESET, 69 },
	{ VMM_STAGE_SOCKET, -ENOTSOCK, 69 },
	{ VMM_STAGE_SOCKET, -ENAMETOOLONG, 65 },
	{ VMM_STAGE_SOCKET, -EINVAL, 65 },
	{ VMM_STAGE_STREAM, -EBUSY, 75 },
	{ VMM_STAGE_STREAM, -ECONNRESET, 69 },
	{ VMM_STAGE_CONSOLE, -ENXIO, 66 },
	{ VMM_STAGE_OPTIONS, -EMFILE, 69 },
	{ VMM_STAGE_KERNEL, -ENFILE, 69 },
	{ VMM_STAGE_DISK, -EMFILE, 69 },
	{ VMM_STAGE_CONSOLE, -EMFILE, 69 },
	{ VMM_STAGE_RUN, -EMFILE, 69 },
	{ VMM_STAGE_RUN, -EIO, 70 },
};

START_TEST(stage_and_code_make_the_status)
{
	ck_assert_int_eq(vmm_exit_status(rows[_i].stage, rows[_i].code),
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
