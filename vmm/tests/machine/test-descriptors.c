/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the descriptors of a machine, which programs that its process starts must not get. */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "plug_rig.h"

#define MAX_FDS 1024

static bool before[MAX_FDS];	/* open when the test began */

/* Calls fn for each open descriptor. */
static void for_each_fd(void (*fn)(int fd))
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			fn(atoi(entry->d_name));
	closedir(dir);
}

static void note(int fd)
{
	ck_assert_int_lt(fd, MAX_FDS);
	before[fd] = true;
}

/* A descriptor that was closed meanwhile has no flags. */
static void assert_closed_on_exec(int fd)
{
	const int flags = fcntl(fd, F_GETFD);
	char name[64], file[256] = "";

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	(void)!readlink(name, file, sizeof(file) - 1);
	ck_assert_msg(before[fd] || flags < 0 || flags & FD_CLOEXEC, "%d: %s", fd, file);
}

static void setup(void)
{
	rig_init();
	rig_file("over", "", 0);
	rig_file("ram", "", 0);
	ck_assert_int_eq(truncate("ram", 4 * MIB), 0);
	rig_file("other", "", 0);
	ck_assert_int_eq(truncate("other", 65536), 0);
	rig_file("pmem", "", 0);
	ck_assert_int_eq(truncate("pmem", 2 * MIB), 0);
	ck_assert_int_eq(setenv("TMPDIR", rig.folder, 1), 0);
	for_each_fd(note);
}

static void check(void)
{
	for_each_fd(assert_closed_on_exec);
	assert_told("device-add rng\n", ADDED(10));
	assert_told("pause\n", DONE);
	for_each_fd(assert_closed_on_exec);
	assert_told("resume\n", DONE);
}

START_TEST(each_descriptor_is_closed_on_exec)
{
	const char *const words[] = {
		"kernel", "--memory=size=4M,backend=file,mem-path=ram,share=on",
		"--memory=size=2M,backend=memfd", "--memory=size=2M,backend=shm",
		"--disk=path=disk,overlay=over", "--disk=path=other,readonly=on",
		"--disk=path=other,snapshot=on", "--device=fs,tag=t,path=.,dax-window=4M",
		"--vsock=cid=5,path=v", "--mem=size=128M", "--pmem=path=pmem", "--device=balloon",
		"--console=socket=c,port=a:pty", "--device=rng", "--serial=null", "--cpus=2",
		NULL,
	};

	machine_run_words(words, check);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("descriptors");
	TCase *tc = tcase_create("descriptors");

	tcase_add_checked_fixture(tc, setup, rig_fini);
	tcase_add_test(tc, each_descriptor_is_closed_on_exec);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
