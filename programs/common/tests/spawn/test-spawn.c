/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the starter's processes; the daemons are scripts of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <vmm-sys-util/fd.h>

#include "turns.h"
#include "util.h"
#include "common/spawn/spawn.h"
#include "config/device_option.h"

static struct vmm_starter_setup setup;
static struct vmm_spawner spawner = VMM_SPAWNER_INIT;
static struct vmm_device_spec spec;
static struct cvmm_servers daemons;
static void *spawned;
static struct vsu_loop *loop;
static struct vsu_error err;

#define SLEEPS "echo \"got $*\"; exec sleep 1000"

static const char *kind_name = "rng";

static void daemon_path(char path[PATH_MAX + 64])
{
	snprintf(path, PATH_MAX + 64, "%s/cvmm-vhost-user-%s", setup.folder, kind_name);
}

static void daemon_write(const char *script)
{
	char path[PATH_MAX + 64];
	FILE *file;

	daemon_path(path);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	ck_assert_int_eq(fchmod(fileno(file), 0755), 0);
	fclose(file);
}

static void rig_start(const char *script)
{
	daemons = vmm_spawn_servers(&spawner);
	strcpy(setup.folder, "/tmp/cvmm.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(setup.folder));
	daemon_write(script);
	loop = loop_begin();
	ck_assert_int_eq(vmm_spawn_prepare(&spawner, &setup, &err), 0);
}

/* The device of the option that describes it. */
static struct cvmm_server read_device(const char *list)
{
	const struct vmm_device_option option = { VMM_DEVICE_ANY, list };

	ck_assert_msg(!vmm_device_option_parse(&option, NULL, &spec, &err), "%s", err.msg);
	return (struct cvmm_server){
		.loop = loop, .kind = spec.kind, .config = spec.config, .name = "device 7",
		.queues = spec.queues, .queue_size = spec.queue_size,
	};
}

static void make_one(const char *list, bool passes)
{
	struct cvmm_server config = read_device(list);

	config.passes = passes;
	ck_assert_msg(!daemons.add(daemons.opaque, &config, &spawned, &err), "%s", err.msg);
}

static void rig_init(const char *script)
{
	rig_start(script);
	make_one("rng,rate=5,backend=spawn", false);
}

static void rig_fini(void)
{
	char path[PATH_MAX + 64];

	daemons.remove(spawned);
	vmm_spawn_end(&spawner);
	vsu_loop_free(loop);
	daemon_path(path);
	unlink(path);
	rmdir(setup.folder);
}

static int connect_it(void)
{
	int sock = daemons.connect(spawned, &err);

	ck_assert_msg(sock >= 0, "%s", err.msg);
	return sock;
}

static void wait_for_end(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char byte;

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_le(read(sock, &byte, 1), 0);
}

/* The daemon ends after this line. */
static void check_end(const char *line)
{
	wait_for_end(connect_it());
	daemons.explain(spawned, &err);
	ck_assert_str_eq(err.msg, line);
}

static pid_t wait_for_pid(void)
{
	pid_t pid;

	while (!(pid = daemons.pid(spawned)))
		poll(NULL, 0, 1);
	return pid;
}

/* The daemon's process, which serves; its connection is *sock. */
static pid_t start_it(const char *script, int *sock)
{
	rig_init(script);
	*sock = connect_it();
	return wait_for_pid();
}

static void free_it(void)
{
	daemons.remove(spawned);
	spawned = NULL;
}

/* A process that ended is reaped by the starter, so it does not exist. */
static void wait_until_gone(pid_t pid)
{
	while (!kill(pid, 0))
		poll(NULL, 0, 1);
	ck_assert_int_eq(errno, ESRCH);
}

START_TEST(a_daemon_is_started_with_its_options)
{
	rig_init("echo \"got ${1%=*} $2 $3 $4\" >&2");
	check_end("backend=spawn: got --fd --log-level=warning --rate=5 ");
	rig_fini();
}
END_TEST

START_TEST(it_has_standard_streams_and_the_connection_only)
{
	int leak;

	/* without close-on-exec */
	leak = open("/dev/null", O_RDONLY);
	rig_init("n=${1#--fd=}; eval \"exec $n>&-\"; set -- /proc/self/fd/*; echo \"$#\" >&2");
	wait_for_end(connect_it());
	daemons.explain(spawned, &err);
	/* 0 to 2, and those of the shell: its script */
	ck_assert_int_le(atoi(err.msg + strlen("backend=spawn: ")), 5);
	close(leak);
	rig_fini();
}
END_TEST

static int file_with(const char *text)
{
	int fd = memfd_create("text", 0);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* Its number is another one in the daemon, and /proc/self/fd/N begins at the start. */
#define CATS "w=${3#*:}; n=${w%%:*}; echo \"$(cat /proc/self/fd/$n) ${w#*:}\" >&2"

static const char *list_of(int fd)
{
	static char list[64];

	snprintf(list, sizeof(list), "blk,path=fd:%d:name,backend=spawn", fd);
	return list;
}

START_TEST(a_descriptor_is_passed_to_each_process)
{
	int fd = file_with("content"), i;

	kind_name = "blk";
	rig_start(CATS);
	make_one(list_of(fd), true);
	close(fd);
	for (i = 0; i < 2; i++) {
		check_end("backend=spawn: content name");
	}
	rig_fini();
}
END_TEST

START_TEST(a_descriptor_that_is_not_open_is_refused)
{
	struct cvmm_server config = read_device("blk,path=fd:999,backend=spawn");

	config.passes = true;
	daemons = vmm_spawn_servers(&spawner);
	ck_assert_int_eq(daemons.add(daemons.opaque, &config, &spawned, &err), -EBADF);
	ck_assert_ptr_nonnull(strstr(err.msg, "--blk-file=fd:999"));
}
END_TEST

static void list_device(const char *list)
{
	const struct cvmm_server device = read_device(list);

	ck_assert_int_eq(vmm_daemon_spec_make(&setup.devices[0], &device), 0);
	setup.n = 1;
}

START_TEST(a_listed_descriptor_is_inherited)
{
	int fd = file_with("inherited");

	kind_name = "blk";
	list_device(list_of(fd));
	setup.locked = true;
	rig_start(CATS);
	close(fd);
	make_one(list_of(fd), false);
	check_end("backend=spawn: inherited name");
	rig_fini();
}
END_TEST

/* --incoming: the command line arrives after the fork. */
static void list_begin(void)
{
	kind_name = "blk";
	setup.locked = setup.open = true;
	rig_start("echo \"got $3\" >&2");
}

static void list_end(const char *list)
{
	list_device(list);
	ck_assert_int_eq(vmm_spawn_list(&spawner, &setup, &err), 0);
}

START_TEST(devices_may_follow_the_fork)
{
	list_begin();
	list_end("blk,/a,backend=spawn");
	make_one("blk,/a,backend=spawn", false);
	check_end("backend=spawn: got --blk-file=/a");
	rig_fini();
}
END_TEST

/* Once: the second device has it among its own. */
START_TEST(a_replacement_has_one_more_option)
{
	static const char *const devices[] = { "blk,/a,backend=spawn", "blk,/a,format=raw,backend=spawn" };
	size_t i;

	kind_name = "blk";
	rig_start("echo \"got $3 $4 $5\" >&2");
	for_rows(i, COUNT(devices)) {
		make_one(devices[i], false);
		check_end(i ? "backend=spawn: got --blk-file=/a --format=raw " : "backend=spawn: got --blk-file=/a  ");
		check_end("backend=spawn: got --blk-file=/a --format=raw ");
		free_it();
	}
	rig_fini();
}
END_TEST

START_TEST(nothing_is_started_before_the_list_ends)
{
	list_begin();
	make_one("blk,/a,backend=spawn", false);
	wait_for_end(connect_it());
	ck_assert_int_eq(daemons.pid(spawned), 0);
	rig_fini();
}
END_TEST

START_TEST(a_list_has_one_end)
{
	list_begin();
	list_end("blk,/a,backend=spawn");
	list_end("blk,/b,backend=spawn");
	make_one("blk,/b,backend=spawn", false);
	wait_for_end(connect_it());
	daemons.explain(spawned, &err);
	ck_assert_ptr_nonnull(strstr(err.msg, "opens by name only what the command line names"));
	rig_fini();
}
END_TEST

START_TEST(descriptors_are_closed_when_the_list_ends)
{
	char byte;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	list_begin();
	close(ends[1]);
	list_end("blk,/a,backend=spawn");
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	make_one("blk,/a,backend=spawn", false);
	rig_fini();
}
END_TEST

START_TEST(the_starter_keeps_no_descriptor_of_other_devices)
{
	char byte;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	rig_start(SLEEPS);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	rig_fini();
}
END_TEST

START_TEST(its_process_is_known)
{
	pid_t pid;
	int sock;

	pid = start_it(SLEEPS, &sock);
	ck_assert_int_eq(kill(pid, 0), 0);
	close(sock);
	rig_fini();
	wait_until_gone(pid);
}
END_TEST

START_TEST(it_ends_with_its_device)
{
	pid_t pid;
	int sock;

	pid = start_it(SLEEPS, &sock);
	free_it();
	wait_until_gone(pid);
	close(sock);
	rig_fini();
}
END_TEST

/* SIGSTOP and ignored signals delay nothing for long. */
START_TEST(one_that_ignores_signals_ends_too)
{
	pid_t pid;
	int sock;

	rig_init("trap '' TERM; exec sleep 1000");
	sock = connect_it();
	pid = wait_for_pid();
	kill(pid, SIGSTOP);
	free_it();
	wait_until_gone(pid);
	close(sock);
	rig_fini();
}
END_TEST

START_TEST(another_start_replaces_it)
{
	pid_t first, second;
	int sock;

	first = start_it(SLEEPS, &sock);
	close(sock);
	sock = connect_it();
	second = wait_for_pid();
	ck_assert_int_ne(first, second);
	wait_until_gone(first);
	ck_assert_int_eq(kill(second, 0), 0);
	close(sock);
	rig_fini();
}
END_TEST

/* The starter may still hold a copy of the daemon's connection, so that does not tell. */
static void wait_for_death(pid_t pid)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	ck_assert_int_ge(p.fd, 0);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	close(p.fd);
}

/* The file stands for the standard error of this program. */
static bool printed(int file, const char *part)
{
	char text[4096];
	const ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return strstr(text, part);
}

START_TEST(an_end_is_logged_although_the_next_daemon_runs)
{
	const int file = memfd_create("standard error", MFD_CLOEXEC);
	int first, second;
	pid_t pid;

	ck_assert_int_ge(dup2(file, STDERR_FILENO), 0);
	pid = start_it(SLEEPS, &first);
	ck_assert_int_eq(kill(spawner.pid, SIGSTOP), 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_for_death(pid);
	second = connect_it();
	ck_assert_int_eq(kill(spawner.pid, SIGCONT), 0);
	wait_for_pid();
	while (!printed(file, "was killed by signal 9"))
		loop_once(loop);
	close(first);
	close(second);
	close(file);
	rig_fini();
}
END_TEST

#define LOCKS \
	"mkdir \"$0.lock\" || { echo busy >&2; exit; }; sleep 1000 & " \
	"trap \"kill $!; rmdir '$0.lock'; exit\" TERM; echo served; wait"

static void wait_for_line(const char *line)
{
	do {
		poll(NULL, 0, 1);
		daemons.explain(spawned, &err);
	} while (!strstr(err.msg, "backend=spawn: "));
	ck_assert_ptr_nonnull(strstr(err.msg, line));
}

/* As after a reset of the guest: the new machine has the same devices. */
START_TEST(the_next_device_of_a_file_waits_for_the_former)
{
	int sock, i;

	rig_init(LOCKS);
	for (i = 0; i < 5; i++) {
		sock = connect_it();
		vsu_error_clear(&err);
		wait_for_line("served");
		close(sock);
		daemons.remove(spawned);
		make_one("rng,rate=5,backend=spawn", false);
	}
	rig_fini();
}
END_TEST

START_TEST(a_missing_daemon_is_named)
{
	rig_init(SLEEPS);
	ck_assert_int_eq(vmm_spawn_find(setup.folder, devkind_blk(), &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "cvmm-vhost-user-blk"));
	ck_assert_ptr_nonnull(strstr(err.msg, "--daemon-path"));
	ck_assert_int_eq(vmm_spawn_find(setup.folder, devkind_rng(), &err), 0);
	rig_fini();
}
END_TEST

START_TEST(a_program_that_cannot_run_is_explained)
{
	char path[PATH_MAX + 64];

	rig_init(SLEEPS);
	daemon_path(path);
	ck_assert_int_eq(chmod(path, 0644), 0);
	wait_for_end(connect_it());
	daemons.explain(spawned, &err);
	ck_assert_ptr_nonnull(strstr(err.msg, "Permission denied"));
	rig_fini();
}
END_TEST

START_TEST(a_killed_daemon_is_explained)
{
	int sock;

	rig_init(SLEEPS);
	sock = connect_it();
	kill(wait_for_pid(), SIGKILL);
	wait_for_end(sock);
	do {
		daemons.explain(spawned, &err);
		poll(NULL, 0, 1);
	} while (!strstr(err.msg, "was killed by signal 9"));
	close(sock);
	rig_fini();
}
END_TEST

START_TEST(a_refused_request_is_explained)
{
	setup.locked = true;
	kind_name = "vsock";
	rig_start(SLEEPS);
	make_one("vsock,cid=3,path=/a,backend=spawn", false);
	wait_for_end(connect_it());
	daemons.explain(spawned, &err);
	ck_assert_ptr_nonnull(strstr(err.msg, "backend=spawn: cvmm-starter: '--uds-path=/a': with --sandbox=on"));
	ck_assert_int_eq(daemons.pid(spawned), 0);
	rig_fini();
}
END_TEST

/* Control characters would reach the user's terminal. */
START_TEST(text_of_a_daemon_is_cleaned_and_cut)
{
	const char *c;

	rig_init("printf 'a\\033[2Jb\\r%01000d\\n' 0 >&2");
	wait_for_end(connect_it());
	daemons.explain(spawned, &err);
	ck_assert_ptr_nonnull(strstr(err.msg, "a?[2Jb?0"));
	for (c = err.msg; *c; c++)
		ck_assert_int_ge(*c, ' ');
	ck_assert_uint_le(strlen(err.msg), 600);
	rig_fini();
}
END_TEST

START_TEST(a_flood_of_lines_is_read_in_pieces)
{
	unsigned int i;
	pid_t pid;
	int sock;

	pid = start_it("exec yes lines >&2", &sock);
	for (i = 0; i < 50; i++)
		loop_once(loop);
	free_it();
	wait_until_gone(pid);
	close(sock);
	rig_fini();
}
END_TEST

START_TEST(without_a_starter_a_device_is_refused)
{
	loop = loop_begin();
	daemons = vmm_spawn_servers(&spawner);
	make_one("rng,rate=5,backend=spawn", false);
	ck_assert_int_eq(daemons.connect(spawned, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "--daemon-path"));
	daemons.remove(spawned);
	vsu_loop_free(loop);
}
END_TEST

/* In place of cvmm: starts a daemon, reports its process, and is killed. */
static void live_until_killed(int report)
{
	pid_t pid;

	rig_init(SLEEPS);
	(void)connect_it();
	pid = wait_for_pid();
	(void)!write(report, &pid, sizeof(pid));
	(void)!write(report, setup.folder, sizeof(setup.folder));
	for (;;)
		pause();
}

START_TEST(nothing_outlives_a_killed_cvmm)
{
	char path[PATH_MAX + 64];
	int ends[2];
	pid_t cvmm, daemon;

	ck_assert_int_eq(pipe(ends), 0);
	cvmm = fork();
	ck_assert_int_ge(cvmm, 0);
	if (!cvmm)
		live_until_killed(ends[1]);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &daemon, sizeof(daemon)), sizeof(daemon));
	ck_assert_int_gt(vsu_fd_read_full(ends[0], setup.folder, sizeof(setup.folder)), 0);
	kill(cvmm, SIGKILL);
	waitpid(cvmm, NULL, 0);
	wait_until_gone(daemon);
	daemon_path(path);
	unlink(path);
	rmdir(setup.folder);
	close(ends[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spawn");
	TCase *tcase = tcase_create("spawn");

	/* a daemon that ignores signals ends after five seconds */
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_daemon_is_started_with_its_options);
	tcase_add_test(tcase, it_has_standard_streams_and_the_connection_only);
	tcase_add_test(tcase, a_descriptor_is_passed_to_each_process);
	tcase_add_test(tcase, a_descriptor_that_is_not_open_is_refused);
	tcase_add_test(tcase, a_listed_descriptor_is_inherited);
	tcase_add_test(tcase, devices_may_follow_the_fork);
	tcase_add_test(tcase, a_replacement_has_one_more_option);
	tcase_add_test(tcase, nothing_is_started_before_the_list_ends);
	tcase_add_test(tcase, a_list_has_one_end);
	tcase_add_test(tcase, descriptors_are_closed_when_the_list_ends);
	tcase_add_test(tcase, the_starter_keeps_no_descriptor_of_other_devices);
	tcase_add_test(tcase, its_process_is_known);
	tcase_add_test(tcase, it_ends_with_its_device);
	tcase_add_test(tcase, one_that_ignores_signals_ends_too);
	tcase_add_test(tcase, another_start_replaces_it);
	tcase_add_test(tcase, an_end_is_logged_although_the_next_daemon_runs);
	tcase_add_test(tcase, the_next_device_of_a_file_waits_for_the_former);
	tcase_add_test(tcase, a_missing_daemon_is_named);
	tcase_add_test(tcase, a_program_that_cannot_run_is_explained);
	tcase_add_test(tcase, a_killed_daemon_is_explained);
	tcase_add_test(tcase, a_refused_request_is_explained);
	tcase_add_test(tcase, text_of_a_daemon_is_cleaned_and_cut);
	tcase_add_test(tcase, a_flood_of_lines_is_read_in_pieces);
	tcase_add_test(tcase, without_a_starter_a_device_is_refused);
	tcase_add_test(tcase, nothing_outlives_a_killed_cvmm);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
