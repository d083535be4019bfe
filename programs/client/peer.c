/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starting and ending the process at the other end of a socket. */
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

#include "peer.h"

#define PATIENCE_NS UINT64_C(10000000000)
#define STOP_NS UINT64_C(2000000000)
#define END_NS UINT64_C(500000000)
#define PAUSE_MS 5

/* For the handler of signals: the process group that was started last; 0: none. */
static volatile sig_atomic_t last_group;
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
static _Noreturn void run_process(const struct peer *p)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (p->argv)
		execvp(p->argv[0], p->argv);
	else
		execl("/bin/sh", "sh", "-c", p->command, (char *)NULL);
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

int peer_start(struct peer *p, struct vsu_error *err)
{
	pid_t pid;

	if (!p->connects)
		remove_stale_socket(p->path);
	pid = fork();
	if (pid < 0)
		return vsu_error_sys(err, -errno, "cannot start '%s'",
				     p->argv ? p->argv[0] : p->command);
	if (pid == 0)
		run_process(p);
	setpgid(pid, pid);
	last_group = pid;
	listening = p->connects ? p->path : NULL;
	p->pid = p->group = pid;
	p->start_ns = vsu_now_ns();
	p->used = p->left = false;
	return 0;
}

static bool has_members(const struct peer *p)
{
	return p->group && kill(-p->group, 0) == 0;
}

static void forget_group(struct peer *p)
{
	if (last_group == p->group)
		last_group = 0;
	p->group = 0;
}

static const char *name_of(const struct peer *p)
{
	return p->connects ? "front-end" : "back-end";
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

static const char *status_meaning(int status)
{
	return status == 127 ? " (no such command)" :
	       status == 126 ? " (it cannot be executed)" : "";
}

/* A failed start has another cause than a message. It is tried again. */
static void note_death(struct peer *p, int status)
{
	p->pid = 0;
	if (!has_members(p))
		forget_group(p);
	if (p->connects ? is_ordinary_end(status) : !p->used)
		return;
	if (WIFSIGNALED(status))
		snprintf(p->death, sizeof(p->death), "the %s was ended by signal %d (%s)",
			 name_of(p), WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) || p->left)
		snprintf(p->death, sizeof(p->death), "the %s ended with status %d%s",
			 name_of(p), WEXITSTATUS(status), status_meaning(WEXITSTATUS(status)));
	else
		p->ends = true;
}

void peer_reap(struct peer *p)
{
	int status;

	if (p->pid > 0 && waitpid(p->pid, &status, WNOHANG) == p->pid)
		note_death(p, status);
}

void peer_await_end(struct peer *p)
{
	uint64_t end = vsu_now_ns() + (p->ends ? PATIENCE_NS : END_NS);

	for (peer_reap(p); p->pid && !is_past(end); peer_reap(p))
		pause_shortly();
}

int peer_probe(struct peer *p, struct vsu_error *err)
{
	int sock = peer_connect(p, err);

	if (sock < 0)
		return sock;
	vsu_fd_close(&sock);
	peer_await_end(p);
	return 0;
}

bool peer_starts(struct peer *p, int rc)
{
	peer_reap(p);
	if (!p->pid || (rc != -ENOENT && rc != -ECONNREFUSED) || is_past(p->start_ns + PATIENCE_NS))
		return false;
	pause_shortly();
	return true;
}

static bool is_ours(const struct peer *p)
{
	return p->command || p->argv;
}

/* A process that ends with its connection would accept another one before. */
int peer_connect(struct peer *p, struct vsu_error *err)
{
	uint64_t end = vsu_now_ns() + PATIENCE_NS;
	int sock, rc;

	if (p->ends)
		peer_await_end(p);

	for (;;) {
		peer_reap(p);
		rc = is_ours(p) && !p->pid ? peer_start(p, err) : 0;
		if (rc < 0)
			return rc;
		sock = vsu_sock_connect(p->path, err);
		p->used |= sock >= 0;
		if (sock >= 0 || !is_ours(p) || is_past(end))
			return sock;
		pause_shortly();
	}
}

/* The processes of a group can outlive the shell that started them; one that has left it ends by its own ID. */
void peer_stop(struct peer *p)
{
	uint64_t end = vsu_now_ns() + STOP_NS;

	if (p->pid <= 0 && !has_members(p))
		return;
	kill(-p->group, SIGTERM);
	while ((p->pid > 0 || has_members(p)) && !is_past(end)) {
		if (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) == p->pid)
			p->pid = 0;
		pause_shortly();
	}
	if (has_members(p))
		kill(-p->group, SIGKILL);
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	p->pid = 0;
	forget_group(p);
}

static void end_with_group(int number)
{
	if (last_group)
		kill(-last_group, SIGKILL);
	if (listening)
		unlink(listening);
	raise(number);
}

void peer_catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = end_with_group, .sa_flags = SA_RESETHAND };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}
