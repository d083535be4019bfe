/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what processes of a container have used on the host. */
#define _GNU_SOURCE
#include <config.h>

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci/host_usage.h"
#include "util.h"

#define CHILD_BYTES (64u << 20)

static char folder[64];

static void init(void)
{
	strcpy(folder, "/tmp/oci-usage.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void fini(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(control_group_is_read)
{
	struct oci_host_usage u;

	write_file("memory.current", "1048576\n");
	write_file("cpu.stat", "usage_usec 7000\nuser_usec 5000\nsystem_usec 2000\n");
	u = oci_host_usage(folder, getpid());
	ck_assert_uint_eq(u.memory, 1048576);
	ck_assert_uint_eq(u.cpu_ns, 7000000);
}
END_TEST

START_TEST(group_without_files_has_used_nothing_known)
{
	const struct oci_host_usage u = oci_host_usage(folder, 0);

	ck_assert_uint_eq(u.memory, 0);
	ck_assert_uint_eq(u.cpu_ns, 0);
}
END_TEST

/* Reports when its memory is in use, and waits to be killed. */
static pid_t start_child(int *ready)
{
	int ends[2];
	pid_t pid;
	void *bytes;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		bytes = mmap(NULL, CHILD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (bytes != MAP_FAILED && write(ends[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	*ready = ends[0];
	return pid;
}

START_TEST(children_of_the_monitor_are_counted)
{
	const uint64_t before = oci_host_usage("", getpid()).memory;
	char byte;
	int ready;
	const pid_t pid = start_child(&ready);

	ck_assert_int_eq(read(ready, &byte, 1), 1);
	close(ready);
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_ge(oci_host_usage("", getpid()).memory, before + CHILD_BYTES / 2);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host_usage");
	TCase *t = tcase_create("host_usage");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, control_group_is_read);
	tcase_add_test(t, group_without_files_has_used_nothing_known);
	tcase_add_test(t, children_of_the_monitor_are_counted);
	suite_add_tcase(s, t);
	return run_suite(s);
}
