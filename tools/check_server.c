/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starting and ending the back-end under test. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "check_server.h"

#define PATIENCE_NS UINT64_C(10000000000)
#define STOP_NS UINT64_C(2000000000)
#define END_NS UINT64_C(500000000)
#define PAUSE_MS 5

/* The process group of the command, also for the handler of signals; 0: none. */
static volatile sig_atomic_t group;
/* The socket for a front-end; NULL: none. */
static const char *volatile listening;

static void pause_shortly(void)
{
	(void)!poll(NULL, 0, PAUSE_MS);
}

static bool is_past(uint64_t end)
{
	return vsu_now_ns() >= end;
}

/* Sets up the child: a process group of its own, and standard output for messages only. */
static _Noreturn void run(const struct check_server *s)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (s->argv)
		execvp(s->argv[0], s->argv);
	else
		execl("/bin/sh", "sh", "-c", s->command, (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Many back-ends refuse to listen where one that died has left its socket. */
static void remove_stale_socket(const char *path)
{
	int sock = vsu_sock_connect(path, NULL);

	if (sock == -ECONNREFUSED)
		unlink(path);
	vsu_fd_close(&sock);
}

int check_server_start(struct check_server *s, struct vsu_error *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return vsu_error_sys(err, -errno, "cannot start '%s'",
				     s->argv ? s->argv[0] : s->command);
	if (pid == 0)
		run(s);
	setpgid(pid, pid);
	group = pid;
	listening = s->argv ? s->path : NULL;
	s->pid = pid;
	s->used = s->left = false;
	return 0;
}

static bool has_members(void)
{
	return group && kill(-group, 0) == 0;
}

static const char *name_of(const struct check_server *s)
{
	return s->argv ? "front-end" : "back-end";
}

/*
 * A front-end that was started ends by SIGTERM, or as it likes. A shell adds 128 to the number
 * of a signal.
 */
static bool is_ordinary_end(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM :
	       WEXITSTATUS(status) < 126 || WEXITSTATUS(status) == 128 + SIGTERM;
}

static const char *meaning(int status)
{
	return status == 127 ? " (no such command)" :
	       status == 126 ? " (it cannot be executed)" : "";
}

/* A failed start has another cause than a message. It is tried again. */
static void note_death(struct check_server *s, int status)
{
	s->pid = 0;
	if (!has_members())
		group = 0;
	if (s->argv ? is_ordinary_end(status) : !s->used)
		return;
	if (WIFSIGNALED(status))
		snprintf(s->death, sizeof(s->death), "the %s was ended by signal %d (%s)",
			 name_of(s), WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) || s->left)
		snprintf(s->death, sizeof(s->death), "the %s ended with status %d%s",
			 name_of(s), WEXITSTATUS(status), meaning(WEXITSTATUS(status)));
	else
		s->ends = true;
}

void check_server_reap(struct check_server *s)
{
	int status;

	if (s->pid > 0 && waitpid(s->pid, &status, WNOHANG) == s->pid)
		note_death(s, status);
}

void check_server_await_end(struct check_server *s)
{
	uint64_t end = vsu_now_ns() + (s->ends ? PATIENCE_NS : END_NS);

	for (check_server_reap(s); s->pid && !is_past(end); check_server_reap(s))
		pause_shortly();
}

int check_server_probe(struct check_server *s, struct vsu_error *err)
{
	int sock = check_server_connect(s, err);

	if (sock < 0)
		return sock;
	vsu_fd_close(&sock);
	check_server_await_end(s);
	return 0;
}

/* A process that ends with its connection would accept another one before. */
int check_server_connect(struct check_server *s, struct vsu_error *err)
{
	uint64_t end = vsu_now_ns() + PATIENCE_NS;
	int sock, rc;

	if (s->ends)
		check_server_await_end(s);

	for (;;) {
		check_server_reap(s);
		if (s->command && !s->pid) {
			remove_stale_socket(s->path);
			rc = check_server_start(s, err);
			if (rc < 0)
				return rc;
		}
		sock = vsu_sock_connect(s->path, err);
		s->used |= sock >= 0;
		if (sock >= 0 || !s->command || is_past(end))
			return sock;
		pause_shortly();
	}
}

/* The processes of a group can outlive the shell that started them. */
void check_server_stop(struct check_server *s)
{
	uint64_t end = vsu_now_ns() + STOP_NS;

	if (s->pid <= 0 && !has_members())
		return;
	kill(-group, SIGTERM);
	while (has_members() && !is_past(end)) {
		if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == s->pid)
			s->pid = 0;
		pause_shortly();
	}
	if (has_members())
		kill(-group, SIGKILL);
	if (s->pid > 0)
		waitpid(s->pid, NULL, 0);
	s->pid = 0;
	group = 0;
}

static void end_with_group(int number)
{
	if (group)
		kill(-group, SIGKILL);
	if (listening)
		unlink(listening);
	raise(number);
}

void check_server_catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = end_with_group, .sa_flags = SA_RESETHAND };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}
