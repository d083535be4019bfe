/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts the command on pipes, or on a terminal. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "init/agent.h"

/* Descriptors of the command, and how it reports that it was not executed. */
struct ends {
	int in, out, err, report;
};

/*
 * The kernel's preset for descriptors is 1024, of which a shell can set at most 4096; that of memlock was 64 KiB
 * before 5.16, which is too little for io_uring. Systems have these: the soft limit of descriptors remains what
 * select() can watch.
 */
static const struct {
	int resource;
	struct rlimit least;
} limits[] = {
	{ RLIMIT_NOFILE, { 1024, 524288 } },
	{ RLIMIT_MEMLOCK, { 8u << 20, 8u << 20 } },
};

static rlim_t larger_limit(rlim_t a, rlim_t b)
{
	return a > b ? a : b;
}

/* Raises limits to these values. Larger presets of a kernel remain, and a failure changes nothing. */
void vagent_priv_raise_limits(void)
{
	struct rlimit r;
	unsigned int i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &r) < 0)
			continue;
		r.rlim_cur = larger_limit(r.rlim_cur, limits[i].least.rlim_cur);
		r.rlim_max = larger_limit(r.rlim_max, limits[i].least.rlim_max);
		(void)!setrlimit((__rlimit_resource_t)limits[i].resource, &r);
	}
}

/* Runs in the new process. The report is closed by execve(). */
static void execute_command(const struct agent_request *r, const struct ends *e, bool terminal)
{
	sigset_t none;
	int code;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	vagent_priv_raise_limits();
	setsid();
	if (terminal)
		ioctl(e->in, TIOCSCTTY, 0);
	dup2(e->in, STDIN_FILENO);
	dup2(e->out, STDOUT_FILENO);
	dup2(e->err, STDERR_FILENO);
	environ = r->envp;
	code = r->cwd && chdir(r->cwd) < 0 ? -errno : 0;
	if (!code) {
		execvp(r->argv[0], r->argv);
		code = errno;
	}
	(void)!write(e->report, &code, sizeof(code));
	_exit(127);
}

static void make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		vagent_init_fail("cannot make a pipe: %s", strerror(errno));
}

static void make_pipes(struct agent_command *c, struct ends *e)
{
	int in[2], out[2], err[2];

	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	e->in = in[0];
	e->out = out[1];
	e->err = err[1];
}

static void make_terminal(struct agent_command *c, struct ends *e, const struct agent_request *r)
{
	const struct winsize size = {
		.ws_row = (unsigned short)r->rows, .ws_col = (unsigned short)r->columns,
	};
	const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)))
		vagent_init_fail("cannot make a terminal: %s", strerror(errno));
	ioctl(master, TIOCSWINSZ, &size);
	e->in = e->out = e->err = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (e->in < 0)
		vagent_init_fail("cannot open the terminal %s: %s", name, strerror(errno));
	c->in = master;
	c->out = fcntl(master, F_DUPFD_CLOEXEC, 3);
	c->err = -1;
}

/* A negative code: the working folder. */
static void report_code(const struct agent_request *r, int code)
{
	if (code < 0)
		vagent_init_fail("cannot enter the folder %.300s: %s", r->cwd, strerror(-code));
	vagent_priv_end(code == ENOENT ? VAGENT_NOT_FOUND : VAGENT_NOT_EXECUTED, "%.300s: %s",
		  r->argv[0], strerror(code));
}

static void close_ends(const struct ends *e)
{
	close(e->in);
	if (e->out == e->in)
		return;
	close(e->out);
	close(e->err);
}

static void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void vagent_priv_start(struct agent_command *c, const struct agent_request *r)
{
	int report[2], code;
	struct ends e;

	c->terminal = r->terminal;
	if (r->terminal)
		make_terminal(c, &e, r);
	else
		make_pipes(c, &e);
	make_pipe(report);
	e.report = report[1];
	vagent_priv_watch_kills();
	c->pid = fork();
	if (c->pid < 0)
		vagent_init_fail("cannot start a process: %s", strerror(errno));
	if (!c->pid)
		execute_command(r, &e, r->terminal);
	close_ends(&e);
	close(report[1]);
	if (read(report[0], &code, sizeof(code)) == (ssize_t)sizeof(code))
		report_code(r, code);
	close(report[0]);
	set_nonblocking(c->in);
	set_nonblocking(c->out);
	set_nonblocking(c->err);
}
