/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about raw mode of a terminal, its escape keys, and streams that are opened again. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>

#include "util.h"

#define INPUT_FLAGS ((tcflag_t)(ICANON | ECHO | ISIG | IEXTEN))

static int keyboard, screen;	/* both sides of a terminal */
static unsigned int quits, infos;

static void on_quit(void *opaque)
{
	(void)opaque;
	quits++;
}

static void on_info(void *opaque)
{
	(void)opaque;
	infos++;
}

static struct vsu_terminal make(void)
{
	struct vsu_terminal t = { .quit = on_quit, .info = on_info };

	quits = infos = 0;
	ck_assert_int_eq(openpty(&keyboard, &screen, NULL, NULL, NULL), 0);
	t.in_fd = screen;
	vsu_terminal_init(&t);
	return t;
}

static void end(struct vsu_terminal *t)
{
	vsu_terminal_restore(t);
	vsu_fd_close(&keyboard);
	vsu_fd_close(&screen);
}

static bool is_raw(int fd)
{
	struct termios modes;

	ck_assert_int_eq(tcgetattr(fd, &modes), 0);
	return !(modes.c_lflag & INPUT_FLAGS);
}

START_TEST(modes_follow_stops_and_the_end)
{
	struct vsu_terminal t = make();

	ck_assert(t.is_used && t.raw && is_raw(screen));
	vsu_terminal_suspend(&t);
	ck_assert(t.is_used && !t.raw && !is_raw(screen));
	vsu_terminal_resume(&t);
	ck_assert(t.raw && is_raw(screen));
	vsu_terminal_restore(&t);
	ck_assert(!t.is_used && !is_raw(screen));
	vsu_terminal_resume(&t);
	ck_assert(!t.raw && !is_raw(screen));
	end(&t);
}
END_TEST

START_TEST(modes_that_a_shell_set_meanwhile_are_kept)
{
	struct vsu_terminal t = make();
	struct termios modes;

	vsu_terminal_suspend(&t);
	ck_assert_int_eq(tcgetattr(screen, &modes), 0);
	modes.c_lflag &= ~(tcflag_t)ECHO;
	ck_assert_int_eq(tcsetattr(screen, TCSANOW, &modes), 0);
	vsu_terminal_resume(&t);
	vsu_terminal_restore(&t);
	ck_assert_int_eq(tcgetattr(screen, &modes), 0);
	ck_assert_uint_eq(modes.c_lflag & (ICANON | ECHO), ICANON);
	end(&t);
}
END_TEST

/* The shell must not execute what the guest caused or the user typed for it. */
START_TEST(unread_input_is_discarded)
{
	struct vsu_terminal t = make();
	struct pollfd p = { .fd = screen, .events = POLLIN };
	int n = 1;

	ck_assert_int_eq(write(keyboard, "rm\n", 3), 3);
	ck_assert_int_eq(poll(&p, 1, -1), 1);	/* the kernel passes it on by another thread */
	vsu_terminal_suspend(&t);
	ck_assert_int_eq(ioctl(screen, FIONREAD, &n), 0);
	ck_assert_int_eq(n, 0);
	end(&t);
}
END_TEST

START_TEST(pipe_is_no_terminal)
{
	struct vsu_terminal t = { .quit = on_quit };
	unsigned char bytes[] = { 1, 'x' };
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	t.in_fd = fds[0];
	vsu_terminal_init(&t);
	ck_assert(!t.is_used && !t.raw);
	vsu_terminal_resume(&t);
	ck_assert(!t.raw);
	quits = 0;
	ck_assert_uint_eq(vsu_terminal_filter(&t, bytes, 2), 2);
	ck_assert_uint_eq(quits, 0);
	t.in_fd = -1;
	vsu_terminal_init(&t);
	ck_assert(!t.is_used);
	vsu_terminal_restore(&t);
	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
}
END_TEST

static const struct keys {
	const char *typed, *kept;
	unsigned int quits, infos;
} keys[] = {
	{ "abc", "abc", 0, 0 },
	{ "a\001xb", "ab", 1, 0 },
	{ "\001c\001c", "", 0, 2 },
	{ "\001\001", "\001", 0, 0 },
	{ "\001zx", "zx", 0, 0 },
	{ "xc\001", "xc", 0, 0 },
};

START_TEST(escape_keys_are_removed)
{
	struct vsu_terminal t = make();
	const struct keys *k = &keys[_i];
	unsigned char bytes[8];
	size_t n = strlen(k->typed);

	memcpy(bytes, k->typed, n);
	n = vsu_terminal_filter(&t, bytes, n);
	ck_assert_uint_eq(n, strlen(k->kept));
	ck_assert_mem_eq(bytes, k->kept, n);
	ck_assert_uint_eq(quits, k->quits);
	ck_assert_uint_eq(infos, k->infos);
	end(&t);
}
END_TEST

START_TEST(escape_key_may_end_a_read)
{
	struct vsu_terminal t = make();
	unsigned char key = 1;

	ck_assert_uint_eq(vsu_terminal_filter(&t, &key, 1), 0);
	key = 'x';
	ck_assert_uint_eq(vsu_terminal_filter(&t, &key, 1), 0);
	ck_assert_uint_eq(quits, 1);
	end(&t);
}
END_TEST

/* ---------------------------------------------------------------- job control */

/* Runs fn in the background of the terminal: another group of its session has it. */
static int run_in_background(int (*fn)(struct vsu_terminal *t))
{
	struct vsu_terminal t = { .in_fd = screen };
	int status;
	pid_t pid;

	if (setsid() < 0 || ioctl(screen, TIOCSCTTY, 0))
		return 1;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		_exit(fn(&t));
	}
	return pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || status;
}

static void check_in_background(int (*fn)(struct vsu_terminal *t))
{
	int status;
	pid_t pid;

	ck_assert_int_eq(openpty(&keyboard, &screen, NULL, NULL, NULL), 0);
	pid = fork();
	if (!pid)
		_exit(run_in_background(fn));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	vsu_fd_close(&keyboard);
	vsu_fd_close(&screen);
}

static bool move_to(pid_t group)
{
	signal(SIGTTOU, SIG_IGN);
	return !tcsetpgrp(screen, group) && signal(SIGTTOU, SIG_DFL) != SIG_ERR;
}

static int changes_modes_later(struct vsu_terminal *t)
{
	bool is_kept;

	vsu_terminal_init(t);
	is_kept = t->is_used && !t->raw && !is_raw(screen);
	if (!move_to(getpgrp()))
		return 1;
	vsu_terminal_resume(t);
	return is_kept && t->raw && is_raw(screen) ? 0 : 1;
}

START_TEST(background_process_changes_nothing)
{
	check_in_background(changes_modes_later);
}
END_TEST

/* As after SIGSTOP and the "bg" of a shell that sets no modes; the first ones are restored in each case. */
static int comes_and_goes(struct vsu_terminal *t)
{
	const pid_t other = getppid();
	bool is_known;

	if (!move_to(getpgrp()))
		return 1;
	vsu_terminal_init(t);
	if (!t->raw || !move_to(other))
		return 1;
	vsu_terminal_resume(t);
	is_known = !t->raw;
	vsu_terminal_suspend(t);
	if (!is_raw(screen) || !move_to(getpgrp()))
		return 1;
	vsu_terminal_resume(t);
	vsu_terminal_restore(t);
	return is_known && !is_raw(screen) ? 0 : 1;
}

START_TEST(process_that_goes_to_the_background_keeps_the_modes)
{
	check_in_background(comes_and_goes);
}
END_TEST

static int reads_later(struct vsu_terminal *t)
{
	char typed[8];

	if (write(keyboard, "ab\n", 3) != 3 || vsu_terminal_read(t->in_fd, typed, sizeof(typed)) != -EAGAIN)
		return 1;
	return move_to(getpgrp()) && vsu_terminal_read(t->in_fd, typed, sizeof(typed)) == 3 ? 0 : 1;
}

START_TEST(background_process_reads_later)
{
	check_in_background(reads_later);
}
END_TEST

/* In a namespace of processes, groups from outside have no numbers. 0, too: namespaces are refused. */
static int run_among_other_numbers(struct vsu_terminal *t, bool (*fn)(struct vsu_terminal *t))
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
		return 0;
	pid = fork();
	if (!pid) {
		vsu_terminal_init(t);
		_exit(fn(t) ? 0 : 1);
	}
	return waitpid(pid, &status, WUNTRACED) != pid || status;
}

static bool is_in_background(struct vsu_terminal *t)
{
	char byte;

	return t->is_used && !t->raw && vsu_terminal_read(t->in_fd, &byte, 1) == -EAGAIN;
}

static int waits_among_other_numbers(struct vsu_terminal *t)
{
	return run_among_other_numbers(t, is_in_background);
}

START_TEST(background_is_known_among_other_process_numbers)
{
	check_in_background(waits_among_other_numbers);
}
END_TEST

static bool is_in_foreground(struct vsu_terminal *t)
{
	return t->raw && is_raw(screen);
}

static int reads_among_other_numbers(struct vsu_terminal *t)
{
	return move_to(getpgrp()) ? run_among_other_numbers(t, is_in_foreground) : 1;
}

START_TEST(foreground_is_known_among_other_process_numbers)
{
	check_in_background(reads_among_other_numbers);
}
END_TEST

START_TEST(closed_terminal_is_read_to_its_end)
{
	char byte;

	ck_assert_int_eq(openpty(&keyboard, &screen, NULL, NULL, NULL), 0);
	vsu_fd_close(&keyboard);
	ck_assert_int_ne(vsu_terminal_read(screen, &byte, 1), -EAGAIN);
	vsu_fd_close(&screen);
}
END_TEST

START_TEST(reopened_pipe_leaves_the_other_blocking)
{
	int fds[2], fd;

	ck_assert_int_eq(pipe(fds), 0);
	fd = vsu_terminal_reopen(fds[1]);
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert(!(fcntl(fds[1], F_GETFL) & O_NONBLOCK));
	vsu_fd_close(&fd);
	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
}
END_TEST

START_TEST(file_is_not_reopened)
{
	int fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(vsu_terminal_reopen(fd), -ENOTTY);
	ck_assert_int_eq(vsu_terminal_reopen(-1), -ENOTTY);
	vsu_fd_close(&fd);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("terminal", &tc);

	tcase_add_test(tc, modes_follow_stops_and_the_end);
	tcase_add_test(tc, modes_that_a_shell_set_meanwhile_are_kept);
	tcase_add_test(tc, unread_input_is_discarded);
	tcase_add_test(tc, pipe_is_no_terminal);
	util_add_rows(tc, escape_keys_are_removed, keys);
	tcase_add_test(tc, escape_key_may_end_a_read);
	tcase_add_test(tc, background_process_changes_nothing);
	tcase_add_test(tc, process_that_goes_to_the_background_keeps_the_modes);
	tcase_add_test(tc, background_process_reads_later);
	tcase_add_test(tc, background_is_known_among_other_process_numbers);
	tcase_add_test(tc, foreground_is_known_among_other_process_numbers);
	tcase_add_test(tc, closed_terminal_is_read_to_its_end);
	tcase_add_test(tc, reopened_pipe_leaves_the_other_blocking);
	tcase_add_test(tc, file_is_not_reopened);
	return run_suite(s);
}
