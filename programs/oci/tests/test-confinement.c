/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the confinement of a monitor. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci/monitor_confinement.h"
#include "util.h"

enum { REMARKED = 1, WRITTEN = 2, FAILED = 4 };

/* Returns what a confined process notices. */
static int confine_child(const char *path)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const char *remark = NULL;
	int status, seen = 0;
	pid_t pid = fork();

	if (!pid) {
		seen |= oci_monitor_confine(NULL, &remark, &err) < 0 ? FAILED : 0;
		seen |= remark ? REMARKED : 0;
		seen |= open(path, O_WRONLY | O_CLOEXEC) >= 0 ? WRITTEN : 0;
		_exit(seen);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(files_that_can_be_written_are_remarked)
{
	char path[] = "/tmp/oci-confinement.XXXXXX";
	int fd = mkstemp(path), seen;

	ck_assert_int_ge(fd, 0);
	seen = confine_child(path);
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(seen & FAILED, 0);
	ck_assert_int_eq(!!(seen & WRITTEN), !!(seen & REMARKED));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("confinement");
	TCase *t = tcase_create("confinement");

	tcase_add_test(t, files_that_can_be_written_are_remarked);
	suite_add_tcase(s, t);
	return run_suite(s);
}
