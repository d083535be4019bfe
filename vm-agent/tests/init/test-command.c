/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command that an agent executes: its streams, signals, terminal and end. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../suite.h"
#include "rig.h"

#define PATH "EPATH=/usr/bin:/bin\0"
#define SHELL(script) PATH "Ash\0A-c\0A" script

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
	if (before)
		dprintf(vagent_priv_ports[VAGENT_OUT], r->rlim_max == RLIM_INFINITY ? "%s %ju unlimited\n" : "%s %ju %ju\n",
			resource == RLIMIT_NOFILE ? "files" : "memlock", (uintmax_t)r->rlim_cur, (uintmax_t)r->rlim_max);
	return 0;
}

static void run_request(char *records, size_t len)
{
	struct agent_command c;
	struct agent_request r;

	vagent_priv_read_request(&r, records, len);
	vagent_priv_start(&c, &r);
	vagent_priv_send(VAGENT_STARTED, NULL, 0);
	vagent_priv_serve(&c);
}

#define starts(literal) do {							\
	agent_starts(run_request, literal);					\
	agent_sent(VAGENT_STARTED);						\
} while (0)

static void ends(uint32_t status, uint64_t out, uint64_t err)
{
	const struct last_message *m = agent_ended(VAGENT_EXITED, status);

	ck_assert_uint_eq(m->ended.out, out);
	ck_assert_uint_eq(m->ended.err, err);
}

static void host_signals(uint32_t number)
{
	host_sends(VAGENT_SIGNAL, &number, sizeof(number));
}

static void input_ends(uint64_t len)
{
	host_sends(VAGENT_INPUT_END, &len, sizeof(len));
}

static void output_is_lost(uint32_t port)
{
	host_sends(VAGENT_OUTPUT_LOST, &port, sizeof(port));
}

/* ------------------------------------------------------------------ streams */

START_TEST(outputs_are_separate_and_counted)
{
	starts(SHELL("printf abc; printf de >&2; exit 7"));
	port_has(VAGENT_OUT, "abc");
	port_has(VAGENT_ERR, "de");
	ends(7, 3, 2);
}
END_TEST

START_TEST(input_ends_after_its_length)
{
	static char bytes[200000], copy[sizeof(bytes)];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 / 3);
	starts(PATH "Acat");
	input_ends(sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i += 1000) {
		host_writes(VAGENT_IN, bytes + i, 1000);
		host_reads(VAGENT_OUT, copy + i, 1000);
	}
	ck_assert_mem_eq(bytes, copy, sizeof(bytes));
	ends(0, sizeof(bytes), 0);
}
END_TEST

START_TEST(empty_input_ends_at_once)
{
	starts(PATH "Acat");
	input_ends(0);
	ends(0, 0, 0);
}
END_TEST

/* More than all buffers between the command and the host. */
START_TEST(output_waits_for_the_host)
{
	static char bytes[2000000];
	static const char zeros[sizeof(bytes)];

	starts(PATH "Ahead\0A-c\0A2000000\0A/dev/zero");
	memset(bytes, 1, sizeof(bytes));
	host_reads(VAGENT_OUT, bytes, sizeof(bytes));
	ck_assert_mem_eq(bytes, zeros, sizeof(bytes));
	ends(0, sizeof(bytes), 0);
}
END_TEST

START_TEST(command_may_close_its_input)
{
	static const char bytes[100000];

	starts(SHELL("exec <&- 2>/dev/null; trap 'exit 4' USR1; echo closed; while :; do sleep .01; done"));
	port_has(VAGENT_OUT, "closed\n");
	host_writes(VAGENT_IN, bytes, sizeof(bytes));
	host_signals(SIGUSR1);
	ends(4, 7, 0);
}
END_TEST

/* A process that the command left keeps the pipe open. */
START_TEST(end_does_not_wait_for_processes_that_remain)
{
	char number[16] = "";

	starts(SHELL("sleep 1000 & printf %010d $!"));
	host_reads(VAGENT_OUT, number, 10);
	ends(0, 10, 0);
	ck_assert_int_eq(kill((pid_t)strtol(number, NULL, 10), SIGKILL), 0);
}
END_TEST

START_TEST(writer_of_a_lost_output_ends)
{
	if (_i)
		starts(SHELL("exec yes >&2"));
	else
		starts(PATH "Ayes");
	output_is_lost(_i ? VAGENT_ERR : VAGENT_OUT);
	agent_ended(VAGENT_SIGNALLED, SIGPIPE);
}
END_TEST

/* Messages on the control port are in order: the output is lost before the signal. */
START_TEST(other_output_continues)
{
	starts(SHELL("trap '' PIPE; trap '(echo a >&2) 2>/dev/null; echo b; exit 3' USR1; "
		     "echo ready; while :; do sleep .01; done"));
	port_has(VAGENT_OUT, "ready\n");
	output_is_lost(VAGENT_ERR);
	host_signals(SIGUSR1);
	port_has(VAGENT_OUT, "b\n");
	ends(3, 8, 0);
}
END_TEST

/* ------------------------------------------------------- signals and messages */

START_TEST(end_by_a_signal_is_reported)
{
	starts(SHELL("kill -TERM $$"));
	agent_ended(VAGENT_SIGNALLED, SIGTERM);
}
END_TEST

/* The command writes the guest's count of processes that were killed. */
static const struct { const char *script; uint32_t signo, cause; } kills[] = {
	{ "printf 'a 1\\noom_kill 4\\n' >$F; kill -KILL $$", SIGKILL, VAGENT_CAUSE_MEMORY },
	{ "printf 'a 1\\noom_kill 4\\n' >$F; kill -TERM $$", SIGTERM, VAGENT_CAUSE_UNKNOWN },
	{ "printf 'a 4\\noom_kill 3\\n' >$F; kill -KILL $$", SIGKILL, VAGENT_CAUSE_UNKNOWN },
	{ "printf 'a 4\\noom_kill_x 9\\n' >$F; kill -KILL $$", SIGKILL, VAGENT_CAUSE_UNKNOWN },
};

static void start_with_vmstat(const char *script)
{
	char records[256];
	int fd, n;

	strcpy(vmstat, "/tmp/cvmm-vmstat.XXXXXX");
	fd = mkstemp(vmstat);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "a 1\noom_kill 3\n", 15), 15);
	close(fd);
	n = snprintf(records, sizeof(records), "EF=%s%cEPATH=/usr/bin:/bin%cAsh%cA-c%cA%s", vmstat, 0, 0, 0, 0, script);
	agent_rig_start(run_request, records, (size_t)n);
	agent_sent(VAGENT_STARTED);
}

static void killed_for(uint32_t signo, uint32_t expected)
{
	const struct last_message *m = agent_ended(VAGENT_SIGNALLED, signo);
	uint32_t cause;

	unlink(vmstat);
	memcpy(&cause, m->why, sizeof(cause));
	ck_assert_uint_eq(cause, expected);
}

START_TEST(kernel_that_killed_a_process_is_the_cause_of_sigkill)
{
	start_with_vmstat(kills[_i].script);
	killed_for(kills[_i].signo, kills[_i].cause);
}
END_TEST

START_TEST(sigkill_of_the_host_has_no_cause)
{
	start_with_vmstat("printf 'a 1\\noom_kill 4\\n' >$F; echo ready; while :; do sleep .01; done");
	port_has(VAGENT_OUT, "ready\n");
	host_signals(SIGKILL);
	killed_for(SIGKILL, VAGENT_CAUSE_UNKNOWN);
}
END_TEST

START_TEST(signal_reaches_the_process_group)
{
	starts(SHELL("exec 2>/dev/null; trap : USR1; (trap 'echo inner; exit' USR1; echo ready; while :; do sleep .01; done); "
		     "echo outer; exit 5"));
	port_has(VAGENT_OUT, "ready\n");
	host_signals(SIGUSR1);
	port_has(VAGENT_OUT, "inner\nouter\n");
	ends(5, 18, 0);
}
END_TEST

START_TEST(invalid_messages_are_ignored)
{
	const uint32_t two[] = { SIGKILL, 0 }, in = VAGENT_IN, control = VAGENT_CONTROL;

	starts(SHELL("exec 2>/dev/null; trap 'exit 6' USR1; echo ready; while :; do sleep .01; done"));
	port_has(VAGENT_OUT, "ready\n");
	host_sends(VAGENT_SIGNAL, two, sizeof(two));
	host_sends(VAGENT_SIGNAL, two, 2);
	host_sends(VAGENT_SIZE, two, 2);
	host_sends(VAGENT_INPUT_END, two, 4);
	host_sends(VAGENT_OUTPUT_LOST, two, 8);
	host_sends(VAGENT_OUTPUT_LOST, &in, sizeof(in));
	host_sends(VAGENT_OUTPUT_LOST, &control, sizeof(control));
	host_sends(99, two, 4);
	host_signals(SIGUSR1);
	ends(6, 6, 0);
}
END_TEST

static void receive_one(char *records, size_t len)
{
	struct vagent_header h;
	char *payload = vagent_priv_receive(&h);

	(void)records;
	(void)len;
	if (h.type == VAGENT_SIZE && h.len == VAGENT_MAX_REQUEST && !payload[h.len])
		vagent_priv_send(VAGENT_READY, NULL, 0);
}

/* The maximum is received, and one byte more ends the guest. */
START_TEST(messages_have_a_maximum)
{
	static char bytes[VAGENT_MAX_REQUEST];
	const struct vagent_header long_one = { VAGENT_SIZE, VAGENT_MAX_REQUEST + 1 };

	memset(bytes, 'x', sizeof(bytes));
	agent_starts(receive_one, "");
	if (_i) {
		host_writes(VAGENT_CONTROL, &long_one, sizeof(long_one));
		ck_assert_str_eq(agent_ended(VAGENT_FAILED, 0)->why,
				 "the host sent a message of 2097153 bytes");
	} else {
		host_sends(VAGENT_SIZE, bytes, sizeof(bytes));
		agent_sent(VAGENT_READY);
	}
}
END_TEST

/* ---------------------------------------------------------------- execution */

START_TEST(environment_and_folder_are_those_of_the_request)
{
	starts("EPATH=/usr/bin:/bin\0EA=1 2\0C/usr\0Ash\0A-c\0Aecho \"$A $HOME\"; pwd");
	port_has(VAGENT_OUT, "1 2 \n/usr\n");
	ends(0, 10, 0);
}
END_TEST

/* Nothing of the agent but the streams. */
START_TEST(command_inherits_no_descriptor)
{
	starts(SHELL("for fd in 3 4 5 6 7 8 9; do test -e /proc/self/fd/$fd && echo $fd; done; exit 0"));
	ends(0, 0, 0);
}
END_TEST

START_TEST(command_blocks_no_signal)
{
	starts(SHELL("grep ^SigBlk /proc/self/status"));
	port_has(VAGENT_OUT, "SigBlk:\t0000000000000000\n");
	ends(0, 25, 0);
}
END_TEST

START_TEST(command_has_the_limits_of_a_system)
{
	char set[64] = "";

	before = &limited[_i];
	starts(PATH "Atrue");
	host_reads(VAGENT_OUT, set, strlen(before->set));
	ck_assert_str_eq(set, before->set);
	ends(0, 0, 0);
}
END_TEST

static const struct { const char *records; size_t len; uint32_t how; const char *why; } failing[] = {
#define ROW(literal, how, why) { literal, sizeof(literal) - 1, how, why }
	ROW(PATH "Ano-such-command", VAGENT_NOT_FOUND, "no-such-command: No such file or directory"),
	ROW("A/dev/null", VAGENT_NOT_EXECUTED, "/dev/null: Permission denied"),
	ROW("C/no-such-folder\0A/bin/true", VAGENT_FAILED,
	    "cannot enter the folder /no-such-folder: No such file or directory"),
#undef ROW
};

START_TEST(failed_execution_has_a_reason)
{
	agent_rig_start(run_request, failing[_i].records, failing[_i].len);
	ck_assert_str_eq(agent_ended(failing[_i].how, 0)->why, failing[_i].why);
}
END_TEST

/* ----------------------------------------------------------------- terminal */

#define TERMINAL(script) "T24x80\0" SHELL("stty -onlcr; " script)

START_TEST(terminal_has_the_size_of_the_request)
{
	starts(TERMINAL("test -t 0 && test -t 2 && stty size; echo e >&2; exit 2"));
	port_has(VAGENT_OUT, "24 80\ne\n");
	ends(2, 8, 0);
}
END_TEST

START_TEST(terminal_is_resized)
{
	const uint16_t size[] = { 30, 100 };

	starts(TERMINAL("trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep .01; done"));
	port_has(VAGENT_OUT, "ready\n");
	host_sends(VAGENT_SIZE, size, sizeof(size));
	port_has(VAGENT_OUT, "30 100\n");
	ends(3, 13, 0);
}
END_TEST

/* The last two find the terminal full when the input ends. */
static const struct { const char *text; unsigned int refusals; } inputs[] = {
	{ "abc\n", 0 }, { "abc", 0 }, { "", 0 }, { "a\nb", 0 }, { "abc\n", 1 }, { "abc", 2 },
};

/* As a user ends it: with Ctrl-D. Its output is never lost alone. */
START_TEST(input_of_a_terminal_ends)
{
	const char *text = inputs[_i].text;
	const size_t len = strlen(text);
	char had[8] = "";

	refusals = inputs[_i].refusals;
	starts(TERMINAL("stty -echo; echo ready; cat; exit 4"));
	port_has(VAGENT_OUT, "ready\n");
	output_is_lost(VAGENT_OUT);
	host_writes(VAGENT_IN, text, len);
	input_ends(len);
	if (len)
		host_reads(VAGENT_OUT, had, len);
	ck_assert_str_eq(had, text);
	ends(4, 6 + len, 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, outputs_are_separate_and_counted);
	tcase_add_test(tc, input_ends_after_its_length);
	tcase_add_test(tc, empty_input_ends_at_once);
	tcase_add_test(tc, output_waits_for_the_host);
	tcase_add_test(tc, command_may_close_its_input);
	tcase_add_test(tc, end_does_not_wait_for_processes_that_remain);
	tcase_add_loop_test(tc, writer_of_a_lost_output_ends, 0, 2);
	tcase_add_test(tc, other_output_continues);
	tcase_add_test(tc, end_by_a_signal_is_reported);
	tcase_add_loop_test(tc, kernel_that_killed_a_process_is_the_cause_of_sigkill, 0, sizeof(kills) / sizeof(kills[0]));
	tcase_add_test(tc, sigkill_of_the_host_has_no_cause);
	tcase_add_test(tc, signal_reaches_the_process_group);
	tcase_add_test(tc, invalid_messages_are_ignored);
	tcase_add_loop_test(tc, messages_have_a_maximum, 0, 2);
	tcase_add_test(tc, environment_and_folder_are_those_of_the_request);
	tcase_add_test(tc, command_inherits_no_descriptor);
	tcase_add_test(tc, command_blocks_no_signal);
	tcase_add_loop_test(tc, command_has_the_limits_of_a_system, 0, sizeof(limited) / sizeof(limited[0]));
	tcase_add_loop_test(tc, failed_execution_has_a_reason, 0, sizeof(failing) / sizeof(failing[0]));
	tcase_add_test(tc, terminal_has_the_size_of_the_request);
	tcase_add_test(tc, terminal_is_resized);
	tcase_add_loop_test(tc, input_of_a_terminal_ends, 0, sizeof(inputs) / sizeof(inputs[0]));
}

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *tc = tcase_create("command");

	tcase_add_checked_fixture(tc, NULL, agent_rig_end);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
