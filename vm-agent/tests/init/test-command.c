/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a process of the guest itself, such as the command of a session. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "guest_rig.h"

/* Limits of the first process, as of Linux 5.4, and one that has more; and those of its command. */
static const struct limited {
	struct rlimit files, memlock;
	const char *set;
} limited[] = {
	{ { 1024, 4096 }, { 65536, 65536 }, "files 1024 524288\nmemlock 8388608 8388608\n" },
	{ { 2048, 1000000 }, { 16u << 20, RLIM_INFINITY }, "files 2048 1000000\nmemlock 16777216 unlimited\n" },
};
static const struct limited *before;	/* NULL: those of this process */

static char vmstat[32];	/* a file in place of /proc/vmstat; empty: that */

static unsigned int refusals;	/* of a terminal that is full when its input ends */

#pragma GCC visibility push(default)
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __real_write(int fd, const void *bytes, size_t len);
int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *r);
int __real_getrlimit(__rlimit_resource_t resource, struct rlimit *r);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *r);
int __real_setrlimit(__rlimit_resource_t resource, const struct rlimit *r);
#pragma GCC visibility pop

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	if (!refusals || !len || *(const char *)bytes != 4)
		return __real_write(fd, bytes, len);
	refusals--;
	errno = EAGAIN;
	return -1;
}

/* Without a mode: the agent creates no file. */
int __wrap_open(const char *path, int flags, ...)
{
	return __real_open(vmstat[0] && !strcmp(path, "/proc/vmstat") ? vmstat : path, flags);
}

/* The runtime of a sanitizer calls it before it can record calls. */
#if defined(__has_attribute) && __has_attribute(disable_sanitizer_instrumentation)
__attribute__((disable_sanitizer_instrumentation))
#endif
int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *r)
{
	if (!before)
		return __real_getrlimit(resource, r);
	*r = resource == RLIMIT_NOFILE ? before->files : before->memlock;
	return 0;
}

/* Not all users may raise limits: what would be set is printed. */
#if defined(__has_attribute) && __has_attribute(disable_sanitizer_instrumentation)
__attribute__((disable_sanitizer_instrumentation))
#endif
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *r)
{
	if (!before)
		return __real_setrlimit(resource, r);
	dprintf(STDOUT_FILENO, r->rlim_max == RLIM_INFINITY ? "%s %ju unlimited\n" : "%s %ju %ju\n",
		resource == RLIMIT_NOFILE ? "files" : "memlock", (uintmax_t)r->rlim_cur, (uintmax_t)r->rlim_max);
	return 0;
}

static void begin(struct run *r, const char *script, struct vagent_process_config c)
{
	begin_itself();
	prepare(r, script, c);
	start(r);
}

/* ------------------------------------------------------------------------- end */

/* The command writes the guest's count of processes that were killed. */
static const struct {
	const char *script;
	enum vagent_end_kind kind;
	int signo;
} kills[] = {
	{ "printf 'a 1\\noom_kill 4\\n' >$F; kill -KILL $$", VAGENT_END_MEMORY, SIGKILL },
	{ "printf 'a 1\\noom_kill 4\\n' >$F; kill -TERM $$", VAGENT_END_SIGNAL, SIGTERM },
	{ "printf 'a 4\\noom_kill 3\\n' >$F; kill -KILL $$", VAGENT_END_SIGNAL, SIGKILL },
	{ "printf 'a 4\\noom_kill_x 9\\n' >$F; kill -KILL $$", VAGENT_END_SIGNAL, SIGKILL },
};

static void begin_with_vmstat(struct run *r, const char *commands)
{
	char script[256];
	int fd;

	strcpy(vmstat, "/tmp/cvmm-vmstat.XXXXXX");
	fd = mkstemp(vmstat);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "a 1\noom_kill 3\n", 15), 15);
	close(fd);
	snprintf(script, sizeof(script), "F=%s; %s", vmstat, commands);
	begin(r, script, PLAIN);
}

START_TEST(kernel_that_killed_a_process_is_the_cause_of_sigkill)
{
	struct run r;

	begin_with_vmstat(&r, kills[_i].script);
	ends_by(&r, kills[_i].kind, kills[_i].signo);
}
END_TEST

START_TEST(sigkill_of_the_host_has_no_cause)
{
	struct run r;

	begin_with_vmstat(&r, "printf 'a 1\\noom_kill 4\\n' >$F; echo ready; while :; do sleep .01; done");
	turn_until(is_echoed, &r);
	ck_assert_int_eq(vagent_process_signal(r.p, SIGKILL, false, &err), 0);
	ends_by(&r, VAGENT_END_SIGNAL, SIGKILL);
}
END_TEST

START_TEST(command_may_close_its_input)
{
	static const char bytes[60000];
	struct run r;

	begin(&r, "exec <&- 2>/dev/null; trap 'exit 4' USR1; echo closed; while :; do sleep .01; done", PLAIN);
	turn_until(is_echoed, &r);
	ck_assert_int_eq(write(r.in, bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert_int_eq(vagent_process_signal(r.p, SIGUSR1, false, &err), 0);
	ends_by(&r, VAGENT_END_STATUS, 4);
}
END_TEST

/* ------------------------------------------------------------------- execution */

/* Nothing of the agent but the streams. */
START_TEST(command_inherits_no_descriptor_and_no_blocked_signal)
{
	begin_itself();
	runs("for fd in 3 4 5 6 7 8 9; do test -e /proc/self/fd/$fd && echo $fd; done; grep ^SigBlk /proc/self/status",
	     PLAIN, "SigBlk:\t0000000000000000\n");
}
END_TEST

START_TEST(command_has_the_limits_of_a_system)
{
	before = &limited[_i];
	begin_itself();
	runs("true", PLAIN, before->set);
}
END_TEST

START_TEST(absent_folder_fails_before_the_start)
{
	const char *const words[] = { "true", NULL };
	struct run r;

	begin_itself();
	prepare_words(&r, words, (struct vagent_process_config){ .folder = "/no-such-folder" });
	finish(&r);
	ck_assert_str_eq(err.msg, "in the guest: cannot enter the folder /no-such-folder: No such file or directory");
	ck_assert_int_eq(r.end.kind, VAGENT_END_MACHINE);
	release(&r);
}
END_TEST

/* env(1) executes such a script in the same way. */
START_TEST(script_without_an_interpreter_is_one_of_the_shell)
{
	char path[] = "/tmp/cvmm-script.XXXXXX";
	const char *const words[] = { path, "word", NULL };
	const int fd = mkstemp(path);
	struct run r;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "echo \"$1\"\n", 10), 10);
	ck_assert_int_eq(fchmod(fd, 0755), 0);
	close(fd);
	begin_itself();
	prepare_words(&r, words, PLAIN);
	start(&r);
	finish(&r);
	unlink(path);
	ck_assert_str_eq(r.text, "word\n");
	release(&r);
}
END_TEST

/* -------------------------------------------------------------------- terminal */

/* The last two find the terminal full when the input ends. */
static const struct { const char *text; unsigned int refusals; } inputs[] = {
	{ "abc\n", 0 }, { "abc", 0 }, { "", 0 }, { "a\nb", 0 }, { "abc\n", 1 }, { "abc", 2 },
};

/* A user ends the input with Ctrl-D. */
START_TEST(input_of_a_terminal_ends)
{
	const char *text = inputs[_i].text;
	char expected[32];
	struct run r;

	refusals = inputs[_i].refusals;
	begin(&r, "stty -onlcr -echo; echo ready; cat; exit 4", (struct vagent_process_config){ .terminal = true });
	turn_until(is_echoed, &r);
	ck_assert_int_eq(write(r.in, text, strlen(text)), (ssize_t)strlen(text));
	vsu_fd_close(&r.in);
	finish(&r);
	snprintf(expected, sizeof(expected), "ready\n%s", text);
	ck_assert_str_eq(r.text, expected);
	ck_assert_int_eq(r.end.value, 4);
	release(&r);
}
END_TEST

static void teardown(void)
{
	end_guest();
	if (vmstat[0])
		unlink(vmstat);
	vmstat[0] = '\0';
	before = NULL;
	refusals = 0;
}

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static void add_tests(TCase *tc, const char *why)
{
	tcase_add_loop_test_unless(tc, why, kernel_that_killed_a_process_is_the_cause_of_sigkill, 0, COUNT(kills));
	tcase_add_test_unless(tc, why, sigkill_of_the_host_has_no_cause);
	tcase_add_test_unless(tc, why, command_may_close_its_input);
	tcase_add_test_unless(tc, why, command_inherits_no_descriptor_and_no_blocked_signal);
	tcase_add_loop_test_unless(tc, why, command_has_the_limits_of_a_system, 0, COUNT(limited));
	tcase_add_test_unless(tc, why, absent_folder_fails_before_the_start);
	tcase_add_test_unless(tc, why, script_without_an_interpreter_is_one_of_the_shell);
	tcase_add_loop_test_unless(tc, why, input_of_a_terminal_ends, 0, COUNT(inputs));
}

int main(void)
{
	Suite *s = suite_create("command");
	TCase *tc = tcase_create("command");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	add_tests(tc, cannot_contain());
	suite_add_tcase(s, tc);
	return run_suite(s);
}
