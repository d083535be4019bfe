/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about files of a guest's /etc, in a folder that is the root of a process: the names that it resolves, and
 * accounts.
 * Mounts are lines on a port, and the test chooses which file systems are in memory.
 */
#define _GNU_SOURCE
#include <config.h>

#include <ftw.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../suite.h"
#include "rig.h"

#define LOCAL "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

static char folder[32];
static const char *on_host;	/* the begin of paths of a file system of the host; NULL: none */

/* ------------------------------------------------------------ calls of the kernel */

#pragma GCC visibility push(default)
int __wrap_mount(const char *what, const char *where, const char *type, unsigned long flags, const void *data);
int __wrap_statfs(const char *path, struct statfs *s);
#pragma GCC visibility pop

int __wrap_mount(const char *what, const char *where, const char *type, unsigned long flags, const void *data)
{
	(void)type, (void)data;
	dprintf(vagent_priv_ports[VAGENT_OUT], "mount %s %s %lx\n", what, where, flags);
	return 0;
}

int __wrap_statfs(const char *path, struct statfs *s)
{
	char real[PATH_MAX];

	memset(s, 0, sizeof(*s));
	if (!realpath(path, real))
		return -1;
	s->f_type = !strncmp(real, "/run", 4) ? TMPFS_MAGIC :
		    on_host && !strncmp(real, on_host, strlen(on_host)) ? FUSE_SUPER_MAGIC : OVERLAYFS_SUPER_MAGIC;
	return 0;
}

/* ------------------------------------------------------------- the guest's files */

static void name_path(char path[128], const char *name)
{
	snprintf(path, 128, "%s%s", folder, name);
}

static void add_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	name_path(path, name);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

static void add_folder(const char *name)
{
	char path[128];

	name_path(path, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

/* NULL: it does not exist */
static const char *read_file(const char *name)
{
	static char text[512];
	char path[128];
	FILE *f;

	name_path(path, name);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void setup(void)
{
	strcpy(folder, "/tmp/agent.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	on_host = NULL;
	add_folder("/etc");
	add_folder("/run");
}

static void teardown(void)
{
	agent_rig_end();
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool enter(void)
{
	return unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWUTS) == 0 && chroot(folder) == 0 && chdir("/") == 0;
}

static const char *cannot_enter(void)
{
	int status = -1;
	pid_t pid;

	strcpy(folder, "/");
	pid = fork();
	if (!pid)
		_exit(!enter());
	waitpid(pid, &status, 0);
	return status ? "cannot change the root folder" : NULL;
}

static void name_guest(char *records, size_t len)
{
	struct agent_request r;
	char name[65] = "";

	if (!enter())
		_exit(98);
	vagent_priv_read_request(&r, records, len);
	vagent_priv_name_guest(&r);
	gethostname(name, sizeof(name) - 1);
	dprintf(vagent_priv_ports[VAGENT_OUT], "%s\n", name);
	_exit(0);
}

/* ----------------------------------------------------------------------- claims */

static const struct { const char *hosts, *records; size_t len; const char *name, *lines; } rows[] = {
#define ROW(hosts, records, name, lines) { hosts, records, sizeof(records) - 1, name, lines }
	ROW("", "Atrue", "cvmm", LOCAL "127.0.1.1\tcvmm\n"),
	ROW("", "Atrue\0Hweb", "web", LOCAL "127.0.1.1\tweb\n"),
	ROW("", "Atrue\0Hweb.example.org", "web.example.org", LOCAL "127.0.1.1\tweb.example.org web\n"),
	ROW("", "Atrue\0N10.0.2.15/24 - - - 0", "cvmm", LOCAL "10.0.2.15\tcvmm\n"),
	ROW("", "Atrue\0N-/0 - - - 0", "cvmm", LOCAL "127.0.1.1\tcvmm\n"),
	ROW("", "Atrue\0Ha b", "a b", LOCAL),
	ROW("127.0.0.1 localhost\n192.0.2.1 other", "Atrue", "cvmm", "127.0.1.1\tcvmm\n"),
	ROW("::1 LocalHost # cvmm\n", "Atrue", "cvmm", "127.0.1.1\tcvmm\n"),
	ROW("127.0.0.1 localhost\n127.0.1.1 host.example cvmm\r\n", "Atrue", "cvmm", ""),
	ROW("127.0.0.1 localhost cvmm.example\n", "Atrue", "cvmm", "127.0.1.1\tcvmm\n"),
	/* a name of another machine */
	ROW("127.0.0.1 localhost\n192.0.2.1 cvmm\n", "Atrue", "cvmm", "127.0.1.1\tcvmm\n"),
	ROW("127.0.0.1 localhost\n192.0.2.1 cvmm\n", "Atrue\0N192.0.2.1/24 - - - 0", "cvmm", ""),
#undef ROW
};

static void guest_is_named(const char *name)
{
	char had[65] = "";

	host_reads(VAGENT_OUT, had, strlen(name) + 1);
	ck_assert_mem_eq(had, name, strlen(name));
	ck_assert_int_eq(had[strlen(name)], '\n');
}

/* The command can replace this file, which it could not if it were mounted. */
START_TEST(names_are_added_to_a_file_in_memory)
{
	char text[512];

	add_file("/etc/hosts", rows[_i].hosts);
	agent_rig_start(name_guest, rows[_i].records, rows[_i].len);
	guest_is_named(rows[_i].name);
	snprintf(text, sizeof(text), "%s%s", rows[_i].lines, rows[_i].hosts);
	ck_assert_str_eq(read_file("/etc/hosts"), text);
	ck_assert_ptr_null(read_file("/run/cvmm.hosts"));
}
END_TEST

START_TEST(file_of_the_host_is_hidden_by_one_in_memory)
{
	char text[512];
	bool added = *rows[_i].lines;

	on_host = "/etc";
	add_file("/etc/hosts", rows[_i].hosts);
	agent_rig_start(name_guest, rows[_i].records, rows[_i].len);
	if (added)
		port_has(VAGENT_OUT, "mount /run/cvmm.hosts /etc/hosts 1000\n");
	guest_is_named(rows[_i].name);
	ck_assert_str_eq(read_file("/etc/hosts"), rows[_i].hosts);
	snprintf(text, sizeof(text), "%s%s", rows[_i].lines, rows[_i].hosts);
	ck_assert_int_eq(read_file("/run/cvmm.hosts") != NULL, added);
	if (added)
		ck_assert_str_eq(read_file("/run/cvmm.hosts"), text);
}
END_TEST

START_TEST(root_without_the_file_has_one_in_memory)
{
	char path[128];

	name_path(path, "/etc");
	if (_i)
		ck_assert_int_eq(rmdir(path), 0);
	agent_starts(name_guest, "Atrue");
	guest_is_named("cvmm");
	ck_assert_str_eq(read_file("/etc/hosts"), LOCAL "127.0.1.1\tcvmm\n");
}
END_TEST

/* The command runs without, as it did; the console has a line. */
START_TEST(folder_of_the_host_is_not_written_to)
{
	on_host = "/";
	agent_starts(name_guest, "Atrue");
	guest_is_named("cvmm");
	ck_assert_ptr_null(read_file("/etc/hosts"));
}
END_TEST

START_TEST(folder_in_place_of_the_file_is_left_alone)
{
	add_folder("/etc/hosts");
	agent_starts(name_guest, "Atrue");
	guest_is_named("cvmm");
	ck_assert_ptr_null(read_file("/run/cvmm.hosts"));
}
END_TEST

/* A FIFO, whose open would wait for a writer. */
START_TEST(fifo_in_place_of_the_file_is_left_alone)
{
	char path[128];

	name_path(path, "/etc/hosts");
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	agent_starts(name_guest, "Atrue");
	guest_is_named("cvmm");
	ck_assert_ptr_null(read_file("/run/cvmm.hosts"));
}
END_TEST

/* ------------------------------------------------------------------- accounts */

static rlim_t room = RLIM_INFINITY;	/* of a file */

static void make_accounts(char *records, size_t len)
{
	(void)records, (void)len;
	if (!enter() || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
	    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ room, room }) < 0)
		_exit(98);
	vagent_priv_make_accounts();
	dprintf(vagent_priv_ports[VAGENT_OUT], "made\n");
	_exit(0);
}

#define USERS "root:x:0:0:root:/root:/bin/bash\nopen::1:1::/:/bin/sh\nbin:x:2:2::/:/bin/sh\n:x:3:3\nnone\n"
#define LOCKED "root:*:::::::\nbin:*:::::::\n"
#define RULE "root ALL=(ALL:ALL) NOPASSWD: ALL\n"

static void add_users_and_sudo(void)
{
	char path[128];

	add_file("/etc/passwd", USERS);
	add_folder("/usr");
	add_folder("/usr/bin");
	add_file("/usr/bin/sudo", "");
	name_path(path, "/usr/bin/sudo");
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static void start_accounts(void)
{
	agent_starts(make_accounts, "");
	port_has(VAGENT_OUT, "made\n");
}

static void has_file(const char *name, const char *text, mode_t mode)
{
	struct stat st;
	char path[128];

	ck_assert_pstr_eq(read_file(name), text);
	name_path(path, name);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

START_TEST(root_may_become_other_users_without_the_files_of_the_host)
{
	add_users_and_sudo();
	start_accounts();
	has_file("/etc/shadow", LOCKED, 0600);
	has_file("/etc/sudoers", RULE, 0440);
}
END_TEST

/* A file in part would lock out the users whose lines are missing. */
START_TEST(part_of_a_file_is_removed)
{
	add_users_and_sudo();
	room = 20;
	start_accounts();
	room = RLIM_INFINITY;
	ck_assert_ptr_null(read_file("/etc/shadow"));
	ck_assert_ptr_null(read_file("/etc/sudoers"));
}
END_TEST

START_TEST(accounts_of_the_root_remain)
{
	char path[128];

	add_users_and_sudo();
	add_file("/etc/shadow", "own");
	name_path(path, "/etc/sudoers");
	ck_assert_int_eq(symlink("/etc/other", path), 0);
	start_accounts();
	ck_assert_str_eq(read_file("/etc/shadow"), "own");
	ck_assert_ptr_null(read_file("/etc/other"));
}
END_TEST

START_TEST(folder_of_the_host_has_no_account_files)
{
	on_host = "/etc";
	add_users_and_sudo();
	start_accounts();
	ck_assert_ptr_null(read_file("/etc/shadow"));
	ck_assert_ptr_null(read_file("/etc/sudoers"));
}
END_TEST

/* A root without users, with passwords in /etc/passwd, or with a FIFO at that place. */
START_TEST(root_that_needs_no_account_files_has_none)
{
	char path[128];

	name_path(path, "/etc/passwd");
	if (_i == 1)
		add_file("/etc/passwd", "root::0:0:root:/root:/bin/sh\n");
	if (_i == 2)
		ck_assert_int_eq(mkfifo(path, 0600), 0);
	start_accounts();
	ck_assert_ptr_null(read_file("/etc/shadow"));
	ck_assert_ptr_null(read_file("/etc/sudoers"));
}
END_TEST

int main(void)
{
	const char *why = cannot_enter();
	Suite *s = suite_create("agent");
	TCase *tc = tcase_create("names");
	const int n = sizeof(rows) / sizeof(rows[0]);

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return EXIT_SUCCESS;
	}
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, names_are_added_to_a_file_in_memory, 0, n);
	tcase_add_loop_test(tc, file_of_the_host_is_hidden_by_one_in_memory, 0, n);
	tcase_add_loop_test(tc, root_without_the_file_has_one_in_memory, 0, 2);
	tcase_add_test(tc, folder_of_the_host_is_not_written_to);
	tcase_add_test(tc, folder_in_place_of_the_file_is_left_alone);
	tcase_add_test(tc, fifo_in_place_of_the_file_is_left_alone);
	tcase_add_test(tc, root_may_become_other_users_without_the_files_of_the_host);
	tcase_add_test(tc, part_of_a_file_is_removed);
	tcase_add_test(tc, accounts_of_the_root_remain);
	tcase_add_test(tc, folder_of_the_host_has_no_account_files);
	tcase_add_loop_test(tc, root_that_needs_no_account_files_has_none, 0, 3);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
