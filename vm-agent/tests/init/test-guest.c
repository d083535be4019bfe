/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about containers and processes of an agent, which is a process of this host, seen by the host's side of
 * the library.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "guest_rig.h"
#include "init/guest.h"

static char folder[64];		/* root of the container */
static struct vagent_mount mounts[16];
static unsigned int nmounts;

/* ------------------------------------------------------------------- container */

static void add_mount(const char *type, const char *source, const char *target, const char *data, uint64_t flags)
{
	mounts[nmounts++] = (struct vagent_mount){ type, source, target, data, flags, false };
}

/* Programs of this host, in folders or behind links to /usr. */
static void add_programs(void)
{
	static const char *const names[] = { "/bin", "/lib", "/lib64", "/usr" };
	char target[64], path[128];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", folder, names[i]);
		n = readlink(names[i], target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (n > 0)
			ck_assert_int_eq(symlink(target, path), 0);
		else if (access(names[i], F_OK) == 0)
			add_mount(NULL, names[i], names[i], NULL, MS_BIND | MS_REC | MS_RDONLY);
	}
}

static void add_container(struct vagent_container c)
{
	c.size = sizeof(c);
	c.root = folder;
	c.mounts = mounts;
	c.nmounts = nmounts;
	ck_assert_int_eq(vagent_guest_add_container(g, &c, &container, &err), 0);
}

static void setup_guest(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(folder, "/tmp/guest.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	chmod(folder, 0755);
	nmounts = 0;
	add_programs();
	add_mount("proc", NULL, "/proc", NULL, 0);
	add_mount(NULL, "/dev/null", "/dev/null", NULL, MS_BIND);
	add_mount(NULL, "/dev/zero", "/dev/zero", NULL, MS_BIND);
	begin_guest(NULL);
}

static void setup(void)
{
	setup_guest();
	add_container((struct vagent_container){ .readonly_root = false });
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void teardown(void)
{
	end_guest();
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ------------------------------------------------------------------- processes */

START_TEST(first_process_is_pid_1)
{
	runs("echo $$; exec 2>&-", PLAIN, "1\n");
}
END_TEST

START_TEST(status_is_that_of_the_process)
{
	struct run r;

	prepare(&r, "exit 7", PLAIN);
	start(&r);
	ends_by(&r, VAGENT_END_STATUS, 7);
}
END_TEST

START_TEST(process_of_the_guest_has_the_namespaces_of_the_agent)
{
	char text[64] = "", line[80];

	ck_assert_int_gt(readlink("/proc/self/ns/mnt", text, sizeof(text) - 1), 0);
	snprintf(line, sizeof(line), "%s\n", text);
	runs("readlink /proc/self/ns/mnt", PLAIN, line);
}
END_TEST

START_TEST(processes_of_the_guest_end_apart)
{
	struct run first, second;

	begin_first(&first);
	prepare(&second, "exit 7", PLAIN);
	start(&second);
	ends_by(&second, VAGENT_END_STATUS, 7);
	ck_assert_int_eq(write(first.in, "on\n", 3), 3);
	close(first.in);
	first.in = -1;
	finish(&first);
	ck_assert_str_eq(first.text, "on\n");
	release(&first);
}
END_TEST

START_TEST(signal_is_for_the_group_of_a_process_of_the_guest)
{
	struct run r;

	prepare(&r, "sleep 1000 | cat; true", PLAIN);
	start(&r);
	ck_assert_int_eq(vagent_process_signal(r.p, SIGTERM, false, &err), 0);
	ends_by(&r, VAGENT_END_SIGNAL, SIGTERM);
}
END_TEST

START_TEST(request_of_a_command_is_its_process)
{
	const char *const words[] = { "sh", "-c", "echo $NAME $HOME; pwd; id -u", NULL };
	const char *const settings[] = { "NAME=value", NULL };
	const struct vagent_command c = { .size = sizeof(c), .words = words, .environment = settings, .folder = "/usr" };
	struct vagent_request request = { NULL, 0, 0 };
	struct run r;

	ck_assert_int_eq(vagent_request_add_command(&request, &c, &err), 0);
	vagent_request_add(&request, 'U', "65534 65534 22");
	prepare_request(&r, &request);
	vagent_request_free(&request);
	start(&r);
	finish(&r);
	ck_assert_str_eq(r.text, "value /root\n/usr\n65534\n");
	release(&r);
}
END_TEST

/* Files of accounts in the root of the container. */
static void write_accounts(void)
{
	static const struct {
		const char *name, *text;
	} files[] = {
		{ "passwd", "# none\n+\nroot:x:0:0::/root:/bin/sh\nodd:x:y:1::/:\nann:x:1001:1002::/home/ann:/bin/sh\n" },
		{ "group", "ann:x:1002:\nusers:x:100:bob,ann\naudio:x:29:annette\nvideo:x:44:ann\n" },
	};
	char path[96];
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "%s/etc", folder);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/etc/%s", folder, files[i].name);
		f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		fputs(files[i].text, f);
		ck_assert_int_eq(fclose(f), 0);
	}
}

static void prepare_account_with(struct run *r, const char *account, const char *const *settings)
{
	const char *const words[] = { "sh", "-c", "echo $(id -u) $(id -G) $HOME $USER", NULL };
	const struct vagent_command c = { .size = sizeof(c), .words = words, .folder = "/", .environment = settings };
	struct vagent_request request = { NULL, 0, 0 };

	ck_assert_int_eq(vagent_request_add_command(&request, &c, &err), 0);
	vagent_request_add(&request, 'U', "@%s", account);
	prepare_request(r, &request);
	vagent_request_free(&request);
}

static void prepare_account(struct run *r, const char *account)
{
	prepare_account_with(r, account, NULL);
}

static const struct {
	const char *account, *text;
} accounts[] = {
	{ "ann", "1001 1002 44 100 /home/ann ann\n" },
	{ "1001", "1001 1002 44 100 /home/ann ann\n" },
	{ "ann:video", "1001 44 /home/ann ann\n" },
	{ "ann:7", "1001 7 /home/ann ann\n" },
	{ "root", "0 0 /root root\n" },
	{ "5", "5 0 /root root\n" },
	{ "5:users", "5 100 /root root\n" },
	{ "4294967294:1", "4294967294 1 /root root\n" },
};

START_TEST(account_is_found_in_the_root_of_the_process)
{
	struct run r;

	write_accounts();
	prepare_account(&r, accounts[_i].account);
	start(&r);
	finish(&r);
	ck_assert_str_eq(r.text, accounts[_i].text);
	release(&r);
}
END_TEST

START_TEST(variables_of_the_command_win_over_those_of_the_account)
{
	const char *const settings[] = { "HOME=/root", "USER=root", NULL };
	struct run r;

	write_accounts();
	prepare_account_with(&r, "ann", settings);
	start(&r);
	finish(&r);
	ck_assert_str_eq(r.text, "1001 1002 44 100 /root root\n");
	release(&r);
}
END_TEST

static const struct {
	const char *account, *why;
} unknown[] = {
	{ "bob", "in the guest: the guest has no user 'bob'" },
	{ "odd", "in the guest: the guest has no user 'odd'" },
	{ "", "in the guest: the guest has no user ''" },
	{ "4294967295", "in the guest: the guest has no user '4294967295'" },
	{ "-1", "in the guest: the guest has no user '-1'" },
	{ "ann:bob", "in the guest: the guest has no group 'bob'" },
	{ "ann:", "in the guest: the guest has no group ''" },
};

START_TEST(unknown_account_fails_before_the_program)
{
	struct run r;

	write_accounts();
	prepare_account(&r, unknown[_i].account);
	finish(&r);
	ck_assert_int_eq(r.end.kind, VAGENT_END_MACHINE);
	ck_assert_str_eq(err.msg, unknown[_i].why);
	release(&r);
}
END_TEST

START_TEST(root_without_accounts_has_numbers)
{
	struct run r;

	prepare_account(&r, "5:6");
	start(&r);
	finish(&r);
	ck_assert_str_eq(r.text, "5 6 /root root\n");
	release(&r);
}
END_TEST

START_TEST(request_may_have_a_terminal)
{
	const char *const words[] = { "stty", "size", NULL };
	const struct vagent_command c = { .size = sizeof(c), .words = words, .terminal = true, .rows = 30, .columns = 90 };
	struct vagent_request request = { NULL, 0, 0 };
	struct run r;

	ck_assert_int_eq(vagent_request_add_command(&request, &c, &err), 0);
	prepare_request(&r, &request);
	vagent_request_free(&request);
	start(&r);
	finish(&r);
	ck_assert_str_eq(r.text, "30 90\r\n");
	release(&r);
}
END_TEST

static const struct {
	const char *word;
	enum vagent_end_kind kind;
	const char *why;
} absent[] = {
	{ "none", VAGENT_END_NOT_FOUND, "in the guest: none: executable file not found in $PATH" },
	{ "/none", VAGENT_END_NOT_FOUND, "in the guest: /none: No such file or directory" },
	{ "/usr", VAGENT_END_NOT_EXECUTED, "in the guest: /usr: Permission denied" },
	{ "", VAGENT_END_NOT_FOUND, "in the guest: : executable file not found in $PATH" },
};

START_TEST(absent_program_fails_before_the_start)
{
	const char *const words[] = { absent[_i].word, NULL };
	struct run r;

	prepare_words(&r, words, PLAIN);
	finish(&r);
	ck_assert_int_eq(r.end.kind, absent[_i].kind);
	ck_assert_str_eq(err.msg, absent[_i].why);
	release(&r);
	runs("echo again", PLAIN, "again\n");
}
END_TEST

START_TEST(path_that_is_too_long_is_not_cut)
{
	char path[PATH_MAX + 1];
	const char *const words[] = { path, NULL };
	struct run r;

	memset(path, '/', sizeof(path));
	memcpy(path + sizeof(path) - 8, "bin/shx", 8);
	prepare_words(&r, words, PLAIN);
	finish(&r);
	ck_assert_int_eq(r.end.kind, VAGENT_END_NOT_EXECUTED);
	ck_assert_ptr_nonnull(strstr(err.msg, ": File name too long"));
	release(&r);
}
END_TEST

START_TEST(script_without_its_interpreter_is_not_found)
{
	static const char script[] = "#!/none\n";
	const char *const words[] = { "/script", NULL };
	char path[96];
	struct run r;
	int fd;

	snprintf(path, sizeof(path), "%s/script", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ck_assert_int_eq(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
	close(fd);
	prepare_words(&r, words, PLAIN);
	ck_assert_int_eq(vagent_process_start(r.p, &err), 0);
	ends_by(&r, VAGENT_END_NOT_FOUND, 0);
	ck_assert_str_eq(err.msg, "in the guest: /script: No such file or directory");
}
END_TEST

START_TEST(prepared_process_waits_for_its_start)
{
	struct run r;
	char path[96];

	snprintf(path, sizeof(path), "%s/mark", folder);
	prepare(&r, "echo > /mark", PLAIN);
	ck_assert_int_lt(access(path, F_OK), 0);
	start(&r);
	ends_by(&r, VAGENT_END_STATUS, 0);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(prepared_process_can_be_killed)
{
	struct run r;

	prepare(&r, "true", PLAIN);
	ck_assert_int_eq(vagent_process_signal(r.p, SIGKILL, false, &err), 0);
	ends_by(&r, VAGENT_END_SIGNAL, SIGKILL);
}
END_TEST

START_TEST(second_process_is_in_the_namespaces_of_the_first)
{
	struct run first;

	begin_first(&first);
	runs("until grep cat /proc/1/comm; do :; done; test $$ != 1 && echo other", PLAIN, "cat\nother\n");
	close(first.in);
	first.in = -1;
	ends_by(&first, VAGENT_END_STATUS, 0);
}
END_TEST

/* Its memory and descriptors are the agent's, also where no capability distinguishes the process. */
START_TEST(waiting_process_is_hidden_from_the_container)
{
	static const uint64_t none[VAGENT_AMBIENT + 1];
	const struct vagent_process_config c = { .capabilities = none };
	struct run first, waiting;

	prepare(&first, "exec cat", c);
	start(&first);
	prepare(&waiting, ":", c);
	runs("for p in /proc/[0-9]*; do readlink $p/exe >/dev/null || echo ${p#/proc/}; done", c, "2\n");
	release(&waiting);
	release(&first);
}
END_TEST

START_TEST(end_of_the_first_process_ends_the_others)
{
	struct run first, second;

	begin_first(&first);
	prepare(&second, "sleep 1000", PLAIN);
	start(&second);
	ck_assert_int_eq(vagent_process_signal(first.p, SIGKILL, false, &err), 0);
	ends_by(&second, VAGENT_END_SIGNAL, SIGKILL);
	ends_by(&first, VAGENT_END_SIGNAL, SIGKILL);
}
END_TEST

START_TEST(ended_container_prepares_nothing)
{
	const char *const words[] = { "true", NULL };
	struct run first, second;

	begin_first(&first);
	ck_assert_int_eq(vagent_process_signal(first.p, SIGKILL, false, &err), 0);
	ends_by(&first, VAGENT_END_SIGNAL, SIGKILL);
	prepare_words(&second, words, PLAIN);
	ends_by(&second, VAGENT_END_MACHINE, 1);
	ck_assert_str_eq(err.msg, "in the guest: the first process of the container has ended");
}
END_TEST

START_TEST(signal_is_for_one_process_or_all)
{
	struct run first, second, third;

	begin_first(&first);
	prepare(&second, "sleep 1000", PLAIN);
	start(&second);
	prepare(&third, "sleep 1000", PLAIN);
	start(&third);
	ck_assert_int_eq(vagent_process_signal(second.p, SIGTERM, false, &err), 0);
	ends_by(&second, VAGENT_END_SIGNAL, SIGTERM);
	ck_assert_int_eq(vagent_process_signal(first.p, SIGHUP, true, &err), 0);
	ends_by(&third, VAGENT_END_SIGNAL, SIGHUP);
	close(first.in);
	first.in = -1;
	ends_by(&first, VAGENT_END_STATUS, 0);
}
END_TEST

START_TEST(freed_process_is_killed)
{
	struct run first, second;

	begin_first(&first);
	prepare(&second, "trap '' TERM; echo; exec sleep 1000", PLAIN);
	start(&second);
	release(&second);
	runs("while grep -qs '^sleep$' /proc/[0-9]*/comm; do :; done; echo gone", PLAIN, "gone\n");
	release(&first);
}
END_TEST

static bool is_listed(const void *opaque)
{
	return *(const unsigned int *)opaque != 0;
}

static void on_list(void *opaque, const uint32_t *pids, unsigned int n)
{
	(void)pids;
	*(unsigned int *)opaque = n;
}

START_TEST(list_has_all_processes_of_the_container)
{
	unsigned int n = 0;
	struct run first;

	prepare(&first, "sleep 1000 & echo; exec cat", PLAIN);
	start(&first);
	turn_until(is_echoed, &first);
	ck_assert_int_eq(vagent_guest_list(g, container, on_list, &n, &err), 0);
	turn_until(is_listed, &n);
	ck_assert_uint_eq(n, 2);
	release(&first);
}
END_TEST

static void on_usage(void *opaque, const struct vagent_usage *usage)
{
	*(unsigned int *)opaque = usage->processes;
}

START_TEST(processes_of_the_container_are_counted)
{
	unsigned int n = 0;
	struct run first;

	prepare(&first, "sleep 1000 & echo; exec cat", PLAIN);
	start(&first);
	turn_until(is_echoed, &first);
	ck_assert_int_eq(vagent_guest_measure(g, container, on_usage, &n, &err), 0);
	turn_until(is_listed, &n);
	ck_assert_uint_eq(n, 2);
	release(&first);
}
END_TEST

/* The agent sets no clock of this host. */
int __wrap_clock_settime(clockid_t clock, const struct timespec *now);
int __wrap_clock_settime(clockid_t clock, const struct timespec *now)
{
	struct timespec t;

	if (clock == CLOCK_REALTIME && !clock_gettime(clock, &t) && now->tv_sec <= t.tv_sec && now->tv_sec > t.tv_sec - 600)
		return 0;
	errno = EINVAL;
	return -1;
}

/* An agent that fails ends its connection. */
START_TEST(clock_is_set_while_processes_run)
{
	struct run first;

	begin_first(&first);
	ck_assert_int_eq(vagent_guest_set_clock(g, &err), 0);
	ck_assert_int_eq(vagent_guest_remove_container(g, container, &err), 0);
	ends_by(&first, VAGENT_END_SIGNAL, SIGKILL);
}
END_TEST

START_TEST(removed_container_is_killed)
{
	struct run first;

	begin_first(&first);
	ck_assert_int_eq(vagent_guest_remove_container(g, container, &err), 0);
	ends_by(&first, VAGENT_END_SIGNAL, SIGKILL);
}
END_TEST

START_TEST(container_too_many_is_refused)
{
	const char *const words[] = { "true", NULL };
	unsigned int i;
	struct run r;

	for (i = 0; i <= VAGENT_MAX_CONTAINERS; i++)
		add_container((struct vagent_container){ .readonly_root = false });
	prepare_words(&r, words, PLAIN);
	ends_by(&r, VAGENT_END_MACHINE, 1);
	ck_assert_str_eq(err.msg, "in the guest: the container does not exist");
}
END_TEST

/* --------------------------------------------------------------------- streams */

/* Writes and reads pieces in turns, more than any window. */
START_TEST(bytes_are_unchanged)
{
	static char piece[4096], copy[sizeof(piece)];
	struct run r;
	unsigned int i;

	begin_first(&r);
	for (i = 0; i < scaled(100); i++) {
		memset(piece, (int)i, sizeof(piece));
		ck_assert_int_eq(write(r.in, piece, sizeof(piece)), sizeof(piece));
		turn_until(is_echoed, &r);
		ck_assert_int_gt(read(r.out, copy, 1), 0);
		ck_assert_int_eq(copy[0], (char)i);
		for (size_t n = 1; n < sizeof(piece); ) {
			turn_until(is_echoed, &r);
			n += (size_t)read(r.out, copy, sizeof(piece) - n);
			ck_assert_int_eq(copy[0], (char)i);
		}
	}
	close(r.in);
	r.in = -1;
	ends_by(&r, VAGENT_END_STATUS, 0);
}
END_TEST

START_TEST(reader_that_does_not_read_stops_only_its_process)
{
	struct run first;

	prepare(&first, "exec cat /dev/zero", PLAIN);
	start(&first);
	turn_until(is_echoed, &first);
	runs("echo second", PLAIN, "second\n");
	ck_assert_int_eq(vagent_process_signal(first.p, SIGKILL, false, &err), 0);
	release(&first);
}
END_TEST

START_TEST(lost_reader_ends_the_writer)
{
	struct run first, second;

	begin_first(&first);	/* its end would not be by the signal, which PID 1 ignores */
	prepare(&second, "exec cat /dev/zero", PLAIN);
	start(&second);
	close(second.out);
	second.out = -1;
	ends_by(&second, VAGENT_END_SIGNAL, SIGPIPE);
	release(&first);
}
END_TEST

START_TEST(output_of_a_descendant_does_not_delay_the_end)
{
	struct run first, second;

	begin_first(&first);
	prepare(&second, "sleep 1000 & echo done", PLAIN);
	start(&second);
	finish(&second);
	ck_assert_str_eq(second.text, "done\n");
	release(&second);
	release(&first);
}
END_TEST

/* ---------------------------------------------------------------------- rights */

START_TEST(user_groups_and_umask_are_set)
{
	const uint32_t groups[] = { 7, 9 };
	const struct vagent_process_config c = {
		.user = 1000, .group = 100, .groups = groups, .ngroups = 2, .has_umask = true, .umask = 027,
	};

	runs("id -u; id -g; id -G; umask", c, "1000\n100\n100 7 9\n0027\n");
}
END_TEST

START_TEST(capabilities_are_set)
{
	const uint64_t sets[] = { 0x21, 0x1, 0x1, 0x21, 0x1 };
	const struct vagent_process_config c = { .user = 1000, .capabilities = sets };

	runs("grep Cap /proc/self/status | tr -d '\t0\n'", c, "CapInh:1CapPrm:1CapEff:1CapBnd:21CapAmb:1");
}
END_TEST

START_TEST(limits_and_oom_score_are_set)
{
	const struct vagent_limit limit = { RLIMIT_NOFILE, 99, 100 };
	const struct vagent_process_config c = {
		.limits = &limit, .nlimits = 1, .has_oom_score_adj = true, .oom_score_adj = 500,
	};

	runs("ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj", c, "99\n100\n500\n");
}
END_TEST

/* Refuses getpgrp()-like calls of this number with EPERM. */
#define REFUSE(number) {								\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),		\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),				\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),				\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),					\
}

START_TEST(filter_of_system_calls_holds)
{
	const struct sock_filter filter[] = REFUSE(SYS_uname);
	const struct vagent_process_config c = {
		.filter = filter, .nfilter = 4, .no_new_privileges = _i, .user = _i ? 1000 : 0,
	};

	runs(_i ? "uname 2>&-; grep -o 'NoNewPrivs:.*' /proc/self/status" : "uname 2>&-; echo", c, _i ? "NoNewPrivs:\t1\n" : "\n");
}
END_TEST

/* The accounts are those of the container: the second user has none there. */
START_TEST(home_is_that_of_the_account)
{
	static const char *const homes[] = { "/home/one\n", "/\n", "/set\n", "/root\n" };
	const char *const set[] = { "PATH=/bin", "HOME=/set", NULL };
	const uint32_t users[] = { 1000, 1001, 1000, 0 };
	const struct vagent_process_config c = { .user = users[_i], .environment = _i == 2 ? set : NULL };
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/etc", folder);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	strcat(path, "/passwd");
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs("+\nroot:x:0:0::/root:/bin/sh\nnot an account\none:x:1000:100::/home/one:/bin/sh\n", f);
	fclose(f);
	runs("echo $HOME", c, homes[_i]);
}
END_TEST

START_TEST(working_folder_is_made)
{
	const struct vagent_process_config c = { .folder = "/srv/a" };

	runs("pwd", c, "/srv/a\n");
}
END_TEST

START_TEST(working_folder_of_a_readonly_root_is_made)
{
	const struct vagent_process_config c = { .folder = "/srv/a" };

	add_container((struct vagent_container){ .readonly_root = true });
	runs("pwd; { echo >b; } 2>&- || echo no", c, "/srv/a\nno\n");
}
END_TEST

/* -------------------------------------------------------------------- terminal */

START_TEST(terminal_has_its_size)
{
	const struct vagent_process_config c = { .terminal = true, .rows = 30, .columns = 90 };

	add_mount("tmpfs", NULL, "/dev", "mode=0755", 0);
	add_mount("devpts", NULL, "/dev/pts", "newinstance,ptmxmode=0666,mode=0620", 0);
	add_container((struct vagent_container){ .readonly_root = false });
	runs("stty size; tty", c, "30 90\r\n/dev/pts/0\r\n");
}
END_TEST

START_TEST(terminal_is_resized)
{
	const struct vagent_process_config c = { .terminal = true };
	struct run r;

	add_mount("tmpfs", NULL, "/dev", "mode=0755", 0);
	add_mount("devpts", NULL, "/dev/pts", "newinstance,ptmxmode=0666,mode=0620", 0);
	add_container((struct vagent_container){ .readonly_root = false });
	prepare(&r, "stty -echo; echo; read x; stty size", c);
	start(&r);
	turn_until(is_echoed, &r);
	ck_assert_int_eq(vagent_process_resize(r.p, 11, 22, &err), 0);
	ck_assert_int_eq(write(r.in, "\n", 1), 1);
	finish(&r);
	ck_assert_str_eq(r.text, "\r\n11 22\r\n");
	release(&r);
}
END_TEST

/* The agent ends the input by a byte that the host has not sent. */
/* Pipe and window take their sizes, whatever the number of turns is. */
START_TEST(closed_input_takes_no_more_of_the_hosts)
{
	static const char bytes[VAGENT_WINDOW];
	size_t taken = 0;
	struct run r;
	ssize_t n;
	int i;

	prepare(&r, "exec <&-; echo; exec sleep 1000", PLAIN);
	start(&r);
	turn_until(is_echoed, &r);
	ck_assert_int_eq(fcntl(r.in, F_SETFL, O_NONBLOCK), 0);
	for (i = 0; i < 8; i++) {
		n = write(r.in, bytes, sizeof(bytes));
		taken += n > 0 ? (size_t)n : 0;
		runs("true", PLAIN, "");
	}
	ck_assert_uint_le(taken, 3 * VAGENT_WINDOW);
	ck_assert_int_eq(vagent_process_signal(r.p, SIGKILL, false, &err), 0);
	ends_by(&r, VAGENT_END_SIGNAL, SIGKILL);
}
END_TEST

START_TEST(end_of_a_terminals_input_is_not_credited)
{
	const struct vagent_process_config c = { .terminal = true };
	char lines[VAGENT_WINDOW / 2 - 1];
	struct run r;

	memset(lines, '\n', sizeof(lines));
	add_mount("tmpfs", NULL, "/dev", "mode=0755", 0);
	add_mount("devpts", NULL, "/dev/pts", "newinstance,ptmxmode=0666,mode=0620", 0);
	add_container((struct vagent_container){ .readonly_root = false });
	prepare(&r, "stty -echo; echo; wc -l", c);
	start(&r);
	turn_until(is_echoed, &r);
	ck_assert_int_eq(write(r.in, lines, sizeof(lines)), sizeof(lines));
	vsu_fd_close(&r.in);
	finish(&r);
	ck_assert_str_eq(r.text, "\r\n32767\r\n");
	release(&r);
}
END_TEST

/* ---------------------------------------------------------------------- mounts */

START_TEST(mounts_are_made_in_their_order)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/hosts", folder);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs("name\n", f);
	fclose(f);
	add_mount("tmpfs", NULL, "/run", "size=64k,mode=0700", MS_NODEV);
	add_mount(NULL, path, "/run/a/hosts", NULL, MS_BIND | MS_RDONLY);
	add_container((struct vagent_container){ .readonly_root = true });
	runs("cat /run/a/hosts; stat -c %a /run; echo > /run/b; for f in /a /run/a/hosts; do echo > $f || echo no; done 2>&-", PLAIN,
	     "name\n700\nno\nno\n");
}
END_TEST

START_TEST(tmpfs_begins_with_the_files_of_its_target)
{
	static const char *const words[] = {
		"sh", "-c", "cd \"$0\" && mkdir -p run/a/b && echo x >run/a/b/file && chmod 4711 run/a/b/file && ln -s a run/link && chmod 1777 run", folder, NULL,
	};
	const pid_t pid = fork();

	if (!pid)
		execv("/bin/sh", (char **)(uintptr_t)words);
	waitpid(pid, NULL, 0);
	add_mount("tmpfs", NULL, "/run", NULL, 0);
	mounts[nmounts - 1].copies_up = true;
	add_container((struct vagent_container){ .readonly_root = true });
	runs("stat -c %a /run /run/a/b/file; cat /run/link/b/file; rm /run/link; stat -f -c %T /run", PLAIN, "1777\n4711\nx\ntmpfs\n");
}
END_TEST

START_TEST(read_only_tmpfs_begins_with_the_files_of_its_target)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/run", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	strcat(path, "/file");
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs("x\n", f);
	fclose(f);
	add_mount("tmpfs", NULL, "/run", "size=1m", MS_RDONLY | MS_NOSUID);
	mounts[nmounts - 1].copies_up = true;
	add_container((struct vagent_container){ .readonly_root = false });
	runs("cat /run/file; stat -c %a /run; { echo >/run/new; } 2>&- || echo no; grep ' /run ' /proc/mounts | grep -c nosuid", PLAIN,
	     "x\n700\nno\n1\n");
}
END_TEST

START_TEST(read_only_tmpfs_has_later_mounts_and_devices)
{
	const struct vagent_device device = { "/dev/null", 'c', 1, 3, 0666, 0, 0 };

	add_mount("tmpfs", NULL, "/dev", "mode=0755", MS_RDONLY | MS_NOSUID);
	add_mount("devpts", NULL, "/dev/pts", NULL, 0);
	add_mount("tmpfs", NULL, "/twice/in", NULL, MS_RDONLY);
	add_mount("tmpfs", NULL, "/twice", NULL, MS_RDONLY);
	add_mount("tmpfs", NULL, "/twice", NULL, 0);
	add_container((struct vagent_container){ .devices = &device, .ndevices = 1 });
	runs("ls -d /dev/pts /dev/fd /dev/null; for f in /dev/new /twice/new; do { echo >$f; } 2>&- || echo no; done", PLAIN,
	     "/dev/fd\n/dev/null\n/dev/pts\nno\n");
}
END_TEST

START_TEST(options_of_a_tmpfs_are_preferred_to_its_target)
{
	add_mount("tmpfs", NULL, "/made", "size=1m,mode=1770,uid=7", 0);
	mounts[nmounts - 1].copies_up = true;
	add_mount("tmpfs", NULL, "/other", "size=1m", 0);
	mounts[nmounts - 1].copies_up = true;
	add_container((struct vagent_container){ .readonly_root = false });
	runs("stat -c '%a %u %g' /made /other", PLAIN, "1770 7 0\n755 0 0\n");
}
END_TEST

START_TEST(links_of_the_root_lead_nowhere_else)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/tmp", folder);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/out", folder);
	ck_assert_int_eq(symlink("/../../../../tmp", path), 0);
	add_mount("tmpfs", NULL, "/out/inner", NULL, 0);
	add_container((struct vagent_container){ .readonly_root = false });
	runs("grep -c ' /tmp/inner tmpfs' /proc/mounts", PLAIN, "1\n");
	ck_assert_int_lt(access("/tmp/inner", F_OK), 0);
}
END_TEST

START_TEST(missing_targets_are_made_behind_links)
{
	char path[96], file[96];

	snprintf(file, sizeof(file), "%s/file", folder);
	close(creat(file, 0600));
	snprintf(path, sizeof(path), "%s/real", folder);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/way", folder);
	ck_assert_int_eq(symlink("/real/.", path), 0);
	add_mount("tmpfs", NULL, "//way//a/b/", NULL, 0);
	add_mount(NULL, file, "/way/c/file", NULL, MS_BIND);
	add_container((struct vagent_container){ .readonly_root = false });
	runs("grep -c ' /real/a/b tmpfs' /proc/mounts; stat -c %F /real/c/file", PLAIN, "1\nregular empty file\n");
}
END_TEST

START_TEST(target_that_cannot_be_made_is_named)
{
	const char *const words[] = { "true", NULL };
	char path[96];
	struct run r;

	snprintf(path, sizeof(path), "%s/file", folder);
	close(creat(path, 0600));
	add_mount("tmpfs", NULL, "/file/a", NULL, 0);
	add_container((struct vagent_container){ .readonly_root = false });
	prepare_words(&r, words, PLAIN);
	ends_by(&r, VAGENT_END_MACHINE, 1);
	ck_assert_str_eq(err.msg, "in the guest: cannot make /file/a: Not a directory");
}
END_TEST

#define NUMBERS 16

/* The process that mounts has a descriptor of the agent's root. */
START_TEST(links_of_the_root_are_no_descriptors_of_the_agent)
{
	static const char *const words[] = { "true", NULL };
	const struct vagent_process_config c = { .terminal = false };
	char path[96], target[32], at[128];
	struct run r;

	snprintf(path, sizeof(path), "%s/out", folder);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", _i);
	ck_assert_int_eq(symlink(target, path), 0);
	snprintf(at, sizeof(at), "/out%s/made", folder);
	add_mount("tmpfs", NULL, at, NULL, 0);
	add_container((struct vagent_container){ .readonly_root = false });
	prepare_words(&r, words, c);
	ck_assert_int_eq(vagent_process_state(r.p), VAGENT_FINISHED);
	release(&r);
	snprintf(path, sizeof(path), "%s/made", folder);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

START_TEST(devices_and_links_are_made)
{
	const struct vagent_device devices[] = {
		{ "/dev/null", 'c', 1, 3, 0666, 0, 0 }, { "/dev/x/zero", 'c', 1, 5, 0600, 1, 2 },
	};

	add_mount("tmpfs", NULL, "/dev", "mode=0755", 0);
	add_container((struct vagent_container){ .devices = devices, .ndevices = 2 });
	runs("stat -c '%F %t:%T %a %u:%g' /dev/null /dev/x/zero; readlink /dev/stdin", PLAIN,
	     "character special file 1:3 666 0:0\ncharacter special file 1:5 600 1:2\n/proc/self/fd/0\n");
}
END_TEST

START_TEST(paths_are_masked_and_read_only)
{
	static const char *const masked[] = { "/proc/interrupts", "/proc/irq", "/none", NULL };
	static const char *const readonly[] = { "/proc/sys", "/none", NULL };

	add_container((struct vagent_container){ .masked = masked, .readonly = readonly });
	runs("head -c 1 /proc/interrupts | wc -c; ls /proc/irq | wc -l; echo 1 2>&- > /proc/sys/kernel/printk || echo no", PLAIN,
	     "0\n0\nno\n");
}
END_TEST

START_TEST(host_name_and_settings_are_those_of_the_container)
{
	static const char *const sysctls[] = { "kernel.msgmax=4096", "net/ipv4/ip_forward=1", NULL };
	char name[65];

	add_container((struct vagent_container){
		.hostname = "box", .sysctls = sysctls, .namespaces = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET,
	});
	runs("uname -n; cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward; ls /proc/sys/net/ipv4/conf", PLAIN,
	     "box\n4096\n1\nall\ndefault\nlo\n");
	gethostname(name, sizeof(name));
	ck_assert_str_ne(name, "box");
}
END_TEST

static void setup_groups(void)
{
	agent_has_groups = true;
	setup_guest();
	add_mount("cgroup2", "cgroup2", "/sys/fs/cgroup", "nsdelegate", MS_RDONLY | MS_NOSUID);
}

/* The groups of this host are beside it. */
static void teardown_groups(void)
{
	char path[64];

	teardown();
	agent_has_groups = false;
	if (mount_groups() < 0)
		return;
	snprintf(path, sizeof(path), CONTAINER_GROUP, container);
	(void)rmdir(path);
	umount(CONTAINER_GROUPS);
}

START_TEST(container_sees_its_own_group_only)
{
	add_container((struct vagent_container){ .namespaces = _i ? CLONE_NEWCGROUP : 0 });
	runs("read first </sys/fs/cgroup/cgroup.procs; echo $first; ls -d /sys/fs/cgroup/cvmm.* 2>/dev/null; mkdir /sys/fs/cgroup/a 2>/dev/null || echo refused", PLAIN,
	     "1\nrefused\n");
}
END_TEST

START_TEST(missing_limit_is_named)
{
	const char *const words[] = { "true", NULL };
	static const char *const limits[] = { "none.max=1", NULL };
	struct run r;

	add_container((struct vagent_container){ .limits = limits });
	prepare_words(&r, words, PLAIN);
	ends_by(&r, VAGENT_END_MACHINE, 1);
	ck_assert_msg(strstr(err.msg, "in the guest: cannot write /sys/fs/cgroup/cvmm."), "%s", err.msg);
}
END_TEST

START_TEST(failed_mount_is_named)
{
	const char *const words[] = { "true", NULL };
	struct run r;

	add_mount(NULL, "/none", "/mnt", NULL, MS_BIND);
	add_container((struct vagent_container){ .readonly_root = false });
	prepare_words(&r, words, PLAIN);
	ends_by(&r, VAGENT_END_MACHINE, 1);
	ck_assert_str_eq(err.msg, "in the guest: cannot mount /none: No such file or directory");
}
END_TEST

/* ------------------------------------------------------------------------- run */

/* A runtime's thread shares the file system's state, with which setns(2) refuses a mount namespace. */
static const char *cannot_join(void)
{
	return VSU_THREAD_SANITIZER ? "ThreadSanitizer has a thread in each process, which cannot join a mount namespace" : NULL;
}

#define add(test) tcase_add_test_unless(tc, why, test)
#define add_joined(test) tcase_add_test_unless(tc, why ? why : cannot_join(), test)

static void add_tests(TCase *tc, const char *why)
{
	add(first_process_is_pid_1);
	add(status_is_that_of_the_process);
	tcase_add_loop_test_unless(tc, why, absent_program_fails_before_the_start, 0, 4);
	add(path_that_is_too_long_is_not_cut);
	add(script_without_its_interpreter_is_not_found);
	add(prepared_process_waits_for_its_start);
	add(prepared_process_can_be_killed);
	add_joined(second_process_is_in_the_namespaces_of_the_first);
	add_joined(waiting_process_is_hidden_from_the_container);
	add_joined(end_of_the_first_process_ends_the_others);
	add(ended_container_prepares_nothing);
	add_joined(signal_is_for_one_process_or_all);
	add_joined(freed_process_is_killed);
	add(list_has_all_processes_of_the_container);
	add(processes_of_the_container_are_counted);
	add(clock_is_set_while_processes_run);
	add(removed_container_is_killed);
	add(container_too_many_is_refused);
	add(bytes_are_unchanged);
	add_joined(reader_that_does_not_read_stops_only_its_process);
	add_joined(lost_reader_ends_the_writer);
	add_joined(output_of_a_descendant_does_not_delay_the_end);
	add(user_groups_and_umask_are_set);
	add(capabilities_are_set);
	add(limits_and_oom_score_are_set);
	tcase_add_loop_test_unless(tc, why, filter_of_system_calls_holds, 0, 2);
	tcase_add_loop_test_unless(tc, why, home_is_that_of_the_account, 0, 4);
	add(working_folder_is_made);
	add(working_folder_of_a_readonly_root_is_made);
	add(terminal_has_its_size);
	add(terminal_is_resized);
	add_joined(closed_input_takes_no_more_of_the_hosts);
	add(end_of_a_terminals_input_is_not_credited);
	add(mounts_are_made_in_their_order);
	add(tmpfs_begins_with_the_files_of_its_target);
	add(read_only_tmpfs_begins_with_the_files_of_its_target);
	add(read_only_tmpfs_has_later_mounts_and_devices);
	add(options_of_a_tmpfs_are_preferred_to_its_target);
	add(links_of_the_root_lead_nowhere_else);
	tcase_add_loop_test_unless(tc, why, links_of_the_root_are_no_descriptors_of_the_agent, 0, NUMBERS);
	add(devices_and_links_are_made);
	add(paths_are_masked_and_read_only);
	add(host_name_and_settings_are_those_of_the_container);
	add(missing_limit_is_named);
	add(failed_mount_is_named);
	add(missing_targets_are_made_behind_links);
	add(target_that_cannot_be_made_is_named);
	tcase_add_loop_test_unless(tc, why, account_is_found_in_the_root_of_the_process, 0, sizeof(accounts) / sizeof(accounts[0]));
	add(variables_of_the_command_win_over_those_of_the_account);
	tcase_add_loop_test_unless(tc, why, unknown_account_fails_before_the_program, 0, sizeof(unknown) / sizeof(unknown[0]));
	add(root_without_accounts_has_numbers);
}

static void add_itself(TCase *tc, const char *why)
{
	add(process_of_the_guest_has_the_namespaces_of_the_agent);
	add(processes_of_the_guest_end_apart);
	add(signal_is_for_the_group_of_a_process_of_the_guest);
	add(request_of_a_command_is_its_process);
	add(request_may_have_a_terminal);
}

static const char *cannot_group(void)
{
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(mount_groups() < 0 || access(CONTAINER_GROUPS "/cgroup.procs", W_OK) < 0);
	waitpid(pid, &status, 0);
	return status ? "this process has no control groups of version 2" : NULL;
}

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *tc = tcase_create("guest"), *itself = tcase_create("itself"), *groups = tcase_create("groups");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc, cannot_contain());
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(itself, begin_itself, end_guest);
	add_itself(itself, cannot_contain());
	suite_add_tcase(s, itself);
	tcase_add_checked_fixture(groups, setup_groups, teardown_groups);
	tcase_add_loop_test_unless(groups, cannot_contain() ? cannot_contain() : cannot_group(), container_sees_its_own_group_only, 0, 2);
	suite_add_tcase(s, groups);
	return run_suite(s);
}
