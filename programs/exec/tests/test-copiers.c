/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the processes that copy between a terminal and sockets. */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/copiers.h"
#include "exec/waiting.h"
#include "util.h"

#define PATIENCE_MS 60000

static int keyboard, screen;	/* both sides of a terminal */
static struct vmm_copiers copiers;

static bool hears(const char *text, int patience_ms)
{
	struct pollfd p = { copiers.ends[VAGENT_STDIN], POLLIN, 0 };
	char had[16];
	ssize_t n;

	if (poll(&p, 1, patience_ms) <= 0)
		return false;
	n = read(p.fd, had, sizeof(had));
	return n == (ssize_t)strlen(text) && !memcmp(had, text, (size_t)n);
}

static bool move_to(pid_t group)
{
	signal(SIGTTOU, SIG_IGN);
	return !tcsetpgrp(screen, group) && signal(SIGTTOU, SIG_DFL) != SIG_ERR;
}

static bool type(const char *line)
{
	return write(keyboard, line, strlen(line)) == (ssize_t)strlen(line);
}

static bool start(void)
{
	const int fds[] = { screen, screen, screen }, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null >= 0 && !vmm_copiers_start(&copiers, fds, null, NULL);
}

/* In the background of the terminal, which another group of the session has. */
static int begin_in_background(void)
{
	return start() && type("a\n") && !hears("a\n", 100) && move_to(getpgrp()) && hears("a\n", PATIENCE_MS) ? 0 : 1;
}

/* The copier, which received no signal, waits for input when the terminal becomes another group's. */
static int go_to_background(void)
{
	const pid_t other = getppid();

	if (!move_to(getpgrp()) || !start() || !type("a\n") || !hears("a\n", PATIENCE_MS))
		return 1;
	return move_to(other) && type("b\n") && !hears("b\n", 100) && move_to(getpgrp()) &&
	       hears("b\n", PATIENCE_MS) ? 0 : 1;
}

static int run_in_background(int (*fn)(void))
{
	int status;
	pid_t pid;

	if (setsid() < 0 || ioctl(screen, TIOCSCTTY, 0))
		return 1;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		_exit(fn());
	}
	return pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || status;
}

static int (*const cases[])(void) = { begin_in_background, go_to_background };

/* The process is not stopped. */
START_TEST(background_process_does_not_read_what_is_typed_for_others)
{
	int status;
	pid_t pid;

	copiers = (struct vmm_copiers)VMM_COPIERS_INIT;
	ck_assert_int_eq(openpty(&keyboard, &screen, NULL, NULL, NULL), 0);
	pid = fork();
	if (!pid)
		_exit(run_in_background(cases[_i]));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(keyboard);
	close(screen);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("copiers");
	TCase *tc = tcase_create("terminal");

	tcase_set_timeout(tc, 4 * PATIENCE_MS / 1000);
	tcase_add_loop_test(tc, background_process_does_not_read_what_is_typed_for_others, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
