/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A socket of this test is the service manager or the journal; the clock is the test's. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "../../tests/support/suite.h"
#include "journal.h"
#include "log.h"
#include "supervisor.h"

#define MS UINT64_C(1000000)

static uint64_t now_ns = 100000 * MS;
static int manager = -1, saved_stderr;
static char folder[64], path[80], received[4096];

/* Used: with LTO, gcc does not see that the linker will refer to it. */
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	return now_ns;
}

/* A datagram socket at the path, or in the abstract namespace if the name begins with '@'. */
static void listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(manager, 0);
	ck_assert_int_eq(bind(manager, (void *)&address, len), 0);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test-supervisor.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	saved_stderr = dup(STDERR_FILENO);
}

static void teardown(void)
{
	prog_supervisor_end();
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(manager);
	unlink(path);
	rmdir(folder);
}

/* The next datagram; "": none has arrived. */
static const char *heard(void)
{
	ssize_t n = recv(manager, received, sizeof(received) - 1, 0);

	received[n > 0 ? n : 0] = '\0';
	return received;
}

static void begin_with(const char *name, const char *usec)
{
	setenv("NOTIFY_SOCKET", name, 1);
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	prog_supervisor_begin();
}

START_TEST(state_reaches_the_manager_at_a_path)
{
	listen_at(path);
	begin_with(path, NULL);
	prog_notify("READY=1\nSTATUS=The guest runs");
	ck_assert_str_eq(heard(), "READY=1\nSTATUS=The guest runs");
}
END_TEST

START_TEST(state_reaches_the_manager_at_an_abstract_name)
{
	char name[96];

	snprintf(name, sizeof(name), "@%s", path);
	listen_at(name);
	begin_with(name, NULL);
	prog_notify("STOPPING=1");
	ck_assert_str_eq(heard(), "STOPPING=1");
}
END_TEST

START_TEST(child_processes_do_not_inherit_the_variables)
{
	listen_at(path);
	setenv("WATCHDOG_PID", "1", 1);
	begin_with(path, "1000000");
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
	ck_assert_ptr_null(getenv("WATCHDOG_PID"));
}
END_TEST

static const char *const unusable[] = { "", "/", "@", "relative", "/no/such/socket",
	"/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" };

START_TEST(unusable_addresses_are_ignored)
{
	begin_with(unusable[_i], "1000000");
	prog_notify("READY=1");
	ck_assert_int_eq(prog_watchdog_ms(), -1);
}
END_TEST

START_TEST(a_manager_that_does_not_read_blocks_nothing)
{
	int i;

	listen_at(path);
	begin_with(path, NULL);
	for (i = 0; i < 10000; i++)
		prog_notify("STATUS=repeated");
	ck_assert_str_eq(heard(), "STATUS=repeated");
}
END_TEST

START_TEST(keep_alives_are_sent_twice_per_time_out)
{
	listen_at(path);
	begin_with(path, "3000000");
	ck_assert_int_eq(prog_watchdog_ms(), 1500);
	ck_assert_str_eq(heard(), "WATCHDOG=1");
	now_ns += 1000 * MS;
	ck_assert_int_eq(prog_watchdog_ms(), 500);
	ck_assert_str_eq(heard(), "");
	now_ns += 500 * MS;
	ck_assert_int_eq(prog_watchdog_ms(), 1500);
	ck_assert_str_eq(heard(), "WATCHDOG=1");
}
END_TEST

static const char *const no_watchdog[][2] = {
	{ "0", NULL }, { "-1", NULL }, { "soon", NULL }, { "3000000", "1" },
	{ "18446744073709551615", NULL },
};

START_TEST(no_keep_alive_without_a_valid_time_out_for_this_process)
{
	listen_at(path);
	if (no_watchdog[_i][1])
		setenv("WATCHDOG_PID", no_watchdog[_i][1], 1);
	begin_with(path, no_watchdog[_i][0]);
	ck_assert_int_eq(prog_watchdog_ms(), -1);
	ck_assert_str_eq(heard(), "");
}
END_TEST

/* Standard error is the journal's stream. */
static void begin_journal(void)
{
	char stream[64];
	struct stat st;

	listen_at(path);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	prog_log_init("prog");
	prog_log_to_journal(path);
}

START_TEST(lines_reach_the_journal_with_fields)
{
	begin_journal();
	prog_log(VSU_LOG_WARNING, "refused", "ring %d is odd", 3);
	ck_assert_str_eq(heard(), "PRIORITY=4\nSYSLOG_IDENTIFIER=prog\n"
				  "CVMM_EVENT=refused\nMESSAGE=ring 3 is odd\n");
	prog_log(VSU_LOG_ERROR, NULL, "no cause");
	ck_assert_str_eq(heard(), "PRIORITY=3\nSYSLOG_IDENTIFIER=prog\n"
				  "MESSAGE=no cause\n");
}
END_TEST

START_TEST(text_of_a_peer_adds_no_field)
{
	struct vsu_error err = VSU_ERROR_INIT;

	begin_journal();
	vsu_error_set(&err, -EINVAL, "file 'a\nPRIORITY=0' is empty");
	prog_complain(&err);
	ck_assert_str_eq(heard(), "PRIORITY=3\nSYSLOG_IDENTIFIER=prog\n"
				  "MESSAGE=file 'a?PRIORITY=0' is empty\n");
}
END_TEST

START_TEST(lines_stay_on_a_standard_error_that_is_not_the_journal)
{
	listen_at(path);
	setenv("JOURNAL_STREAM", "1:1", 1);
	prog_log_init("prog");
	prog_log_to_journal(path);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	prog_log(VSU_LOG_WARNING, "refused", "elsewhere");
	ck_assert_str_eq(heard(), "");
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("supervisor");
	TCase *tc = tcase_create("supervisor");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, state_reaches_the_manager_at_a_path);
	tcase_add_test(tc, state_reaches_the_manager_at_an_abstract_name);
	tcase_add_test(tc, child_processes_do_not_inherit_the_variables);
	tcase_add_loop_test(tc, unusable_addresses_are_ignored, 0, COUNT(unusable));
	tcase_add_test(tc, a_manager_that_does_not_read_blocks_nothing);
	tcase_add_test(tc, keep_alives_are_sent_twice_per_time_out);
	tcase_add_loop_test(tc, no_keep_alive_without_a_valid_time_out_for_this_process, 0,
			    COUNT(no_watchdog));
	tcase_add_test(tc, lines_reach_the_journal_with_fields);
	tcase_add_test(tc, text_of_a_peer_adds_no_field);
	tcase_add_test(tc, lines_stay_on_a_standard_error_that_is_not_the_journal);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
