/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the files of a new device, which "cvmm ctl" opens. */
#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>

#include "ctl/device_files.h"
#include "util.h"

static struct vmm_device_files files;
static struct vsu_error err;
static char folder[64];

static void setup(void)
{
	strcpy(folder, "/tmp/test-device_files.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	close(open("a.img", O_CREAT | O_WRONLY, 0600));
	close(open("a,b.img", O_CREAT | O_WRONLY, 0600));
}

static void teardown(void)
{
	unlink("a.img");
	unlink("a,b.img");
	rmdir(folder);
}

static void end(void)
{
	while (files.n)
		vsu_fd_close(&files.fds[--files.n]);
	free(files.list);
}

static const struct {
	const char *typed, *sent;
} opened[] = {
	{ "disk,a.img", "blk,path=fd:0:a.img" },
	{ "blk,path=a.img,readonly", "blk,path=fd:0:a.img,readonly=on" },
	{ "disk,a,,b.img", "blk,path=fd:0:a,,b.img" },
	{ "disk,path=a.img,queues=2,backend=spawn", "blk,path=fd:0:a.img,queues=2,backend=spawn" },
	{ "disk,serial=x,,y,path=a.img,readonly=off", "blk,serial=x,,y,path=fd:0:a.img,readonly=off" },
	{ "pmem,a.img", "pmem,path=fd:0:a.img" },
};

START_TEST(a_file_is_replaced_by_its_descriptor)
{
	ck_assert_int_eq(vmm_device_files_open(&files, opened[_i].typed, &err), 0);
	ck_assert_uint_eq(files.n, 1);
	ck_assert_str_eq(files.list, opened[_i].sent);
	end();
}
END_TEST

static const char *const left[] = {
	"disk,none.img", "disk,path=.", "disk,fd:0:a.img", "disk,a.img,backend=user:sock", "disk,a.img,keys=1",
	"net,tap0,backend=kernel", "rng", "disk", "id=2,backend=user:sock", "none", "own:disk", "",
	"disk,path=a.img,size=", "a-word-that-is-longer-than-each-kind,a.img",
};

START_TEST(other_lists_are_left_to_the_machine)
{
	ck_assert_int_eq(vmm_device_files_open(&files, left[_i], &err), 0);
	ck_assert_uint_eq(files.n, 0);
	ck_assert_ptr_null(files.list);
}
END_TEST

START_TEST(an_image_is_opened_for_its_use)
{
	ck_assert_int_eq(vmm_device_files_open(&files, "disk,a.img,readonly", &err), 0);
	ck_assert_int_eq(fcntl(files.fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	end();
	ck_assert_int_eq(vmm_device_files_open(&files, "disk,a.img", &err), 0);
	ck_assert_int_eq(fcntl(files.fds[0], F_GETFL) & O_ACCMODE, O_RDWR);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("device_files");
	TCase *tc = tcase_create("device_files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_file_is_replaced_by_its_descriptor, 0, COUNT(opened));
	tcase_add_loop_test(tc, other_lists_are_left_to_the_machine, 0, COUNT(left));
	tcase_add_test(tc, an_image_is_opened_for_its_use);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
