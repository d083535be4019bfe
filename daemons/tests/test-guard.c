/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tests of what a daemon waits for outside its event loop: the lock of a killed process,
 * and requests to files that do not respond.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "../../tests/support/suite.h"
#include "guard.h"
#include "plan.h"
#include "table_wait.h"

#define S UINT64_C(1000000000)

static char folder[64], table[80];
static int holder;		/* a descriptor of the table, which holds its lock */

static struct sigaction former;	/* of alarms */
static bool hurry;		/* alarms fire at once */

int __real_setitimer(int which, const struct itimerval *value, struct itimerval *old);
int __wrap_setitimer(int which, const struct itimerval *value, struct itimerval *old);
int __wrap_setitimer(int which, const struct itimerval *value, struct itimerval *old)
{
	const struct itimerval soon = { { 0, 1000 }, { 0, 1000 } };

	return __real_setitimer(which, hurry && value->it_value.tv_sec ? &soon : value, old);
}

static void setup(void)
{
	strcpy(folder, "/tmp/cvmm.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(table, sizeof(table), "%s/table", folder);
	holder = open(table, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(holder, 0);
	ck_assert_int_eq(sigaction(SIGALRM, NULL, &former), 0);
	hurry = false;
}

static void teardown(void)
{
	close(holder);
	unlink(table);
	rmdir(folder);
}

/* --------------------------------------------------------------------- the lock */

static bool is_locked(void)
{
	int fd = open(table, O_RDONLY | O_CLOEXEC);
	bool locked = flock(fd, LOCK_EX | LOCK_NB) < 0;

	ck_assert(!locked || errno == EWOULDBLOCK);
	close(fd);
	return locked;
}

/* Whether the kernel lists a process that waits for the lock. */
static bool is_waited_for(void)
{
	char line[256], inode[32];
	FILE *locks = fopen("/proc/locks", "re");
	bool found = false;
	struct stat st;

	ck_assert_ptr_nonnull(locks);
	ck_assert_int_eq(fstat(holder, &st), 0);
	snprintf(inode, sizeof(inode), ":%llu ", (unsigned long long)st.st_ino);
	while (!found && fgets(line, sizeof(line), locks))
		found = strstr(line, "-> FLOCK") && strstr(line, inode);
	fclose(locks);
	return found;
}

static void *release_when_waited_for(void *arg)
{
	(void)arg;
	while (!is_waited_for())
		usleep(1000);
	flock(holder, LOCK_UN);
	return NULL;
}

/* The alarms are for the thread that waits. */
static pthread_t start_releaser(void)
{
	sigset_t alarm, before;
	pthread_t thread;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &before);
	ck_assert_int_eq(pthread_create(&thread, NULL, release_when_waited_for, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return thread;
}

static void assert_no_alarm_is_left(void)
{
	struct sigaction action;
	struct itimerval timer;

	ck_assert_int_eq(sigaction(SIGALRM, NULL, &action), 0);
	ck_assert(action.sa_handler == former.sa_handler);
	ck_assert_int_eq(getitimer(ITIMER_REAL, &timer), 0);
	ck_assert(!timer.it_value.tv_sec && !timer.it_value.tv_usec);
}

START_TEST(wait_ends_when_the_lock_is_released)
{
	pthread_t thread;

	ck_assert_int_eq(flock(holder, LOCK_EX), 0);
	thread = start_releaser();
	table_wait(table);
	pthread_join(thread, NULL);
	ck_assert(!is_locked());
	assert_no_alarm_is_left();
}
END_TEST

START_TEST(wait_for_a_lock_that_is_not_released_ends)
{
	ck_assert_int_eq(flock(holder, LOCK_EX), 0);
	hurry = true;
	table_wait(table);
	ck_assert(is_locked());
	assert_no_alarm_is_left();
}
END_TEST

START_TEST(free_and_absent_tables_are_not_waited_for)
{
	table_wait(table);
	ck_assert(!is_locked());
	table_wait(NULL);
	table_wait("/does-not-exist/table");
}
END_TEST

/* ------------------------------------------------------- files in a shared folder */

START_TEST(file_in_the_shared_folder_is_found_by_its_real_path)
{
	static const struct {
		const char *folder, *file;
		bool has;
	} rows[] = {
		{ ".", "table", true }, { ".", "new", true }, { "..", "table", true },
		{ "/", "table", true }, { "a", "a/table", true },
		{ "a", "table", false }, { "a", "ab/table", false }, { "a", "a/../table", false },
		{ ".", "absent/table", false }, { "absent", "table", false },
	};
	unsigned int i;

	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("a", 0700), 0);
	ck_assert_int_eq(mkdir("ab", 0700), 0);
	for_rows(i, sizeof(rows) / sizeof(*rows))
		ck_assert_int_eq(daemon_folder_has(rows[i].folder, rows[i].file), rows[i].has);
	rmdir("a");
	rmdir("ab");
}
END_TEST

/* --------------------------------------------------------------------- the guard */

START_TEST(guard_ends_with_the_last_request)
{
	struct daemon_guard g = { .end = -1, .over = -1 };

	ck_assert_int_eq(daemon_guard_start(&g, NULL), 0);
	if (_i)
		daemon_guard_begin(&g);
	daemon_guard_end(&g);
	ck_assert_int_eq(g.end, -1);
	ck_assert_int_eq(g.over, -1);
}
END_TEST

/* In a child, which the guard ends. */
static _Noreturn void wait_for_the_guard(void)
{
	struct daemon_guard g = { .reported = true };

	signal(SIGALRM, SIG_DFL);	/* Check's handler would end the test, too */
	alarm(100);
	if (daemon_guard_start(&g, NULL) < 0)
		_exit(99);
	daemon_guard_begin(&g);
	for (;;)
		pause();
}

START_TEST(guard_that_has_reported_ends_the_process_without_delay)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid)
		wait_for_the_guard();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), VSU_EXIT_HOST);
}
END_TEST

START_TEST(session_that_is_held_up_is_reported_after_the_limit)
{
	struct daemon_guard g = { .end = -1, .over = -1 };
	int left;

	ck_assert_int_eq(daemon_guard_check(&g, false), -1);
	left = daemon_guard_check(&g, true);
	ck_assert_int_gt(left, 0);
	ck_assert_int_le(left, 10000);
	ck_assert(!g.reported);
	g.held_since = vsu_now_ns() - 11 * S;
	ck_assert_int_eq(daemon_guard_check(&g, true), 10000);
	ck_assert(g.reported);
	ck_assert_int_eq(daemon_guard_check(&g, true), 10000);
	ck_assert_int_eq(daemon_guard_check(&g, false), -1);
	ck_assert(!g.reported);
	ck_assert_uint_eq(g.held_since, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("guard");
	TCase *tc = tcase_create("guard");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, wait_ends_when_the_lock_is_released);
	tcase_add_test(tc, wait_for_a_lock_that_is_not_released_ends);
	tcase_add_test(tc, free_and_absent_tables_are_not_waited_for);
	tcase_add_test(tc, file_in_the_shared_folder_is_found_by_its_real_path);
	tcase_add_loop_test(tc, guard_ends_with_the_last_request, 0, 2);
	tcase_add_test(tc, guard_that_has_reported_ends_the_process_without_delay);
	tcase_add_test(tc, session_that_is_held_up_is_reported_after_the_limit);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
