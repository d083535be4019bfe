/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The parent process of a sandboxed server. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "keeper.h"
#include "log.h"
#include "process.h"

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP };

static void watched_signals(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
		sigaddset(set, passed_on[i]);
	sigaddset(set, SIGCHLD);
}

/* The child sends only these: the paths of its sockets. */
static void remove_sockets(int from_child)
{
	struct vsu_sock_path path;

	while (read(from_child, &path, sizeof(path)) == (ssize_t)sizeof(path))
		vsu_sock_unlink(&path);
}

/* Time for a signalled child to end; the child logs earlier why it does not. */
#define END_S 15

/*
 * A process that is blocked in the kernel by a file server survives even
 * SIGKILL.
 */
static int abandon_child(pid_t child)
{
	kill(child, SIGKILL);
	dprintf(STDERR_FILENO, "%s: process %d does not end and is abandoned: files of the host do not respond\n",
		program_invocation_short_name, (int)child);
	return VSU_EXIT_HOST << 8;
}

/* A child that is PID 1 of its namespace ignores them too. */
static void ignore_rest(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
}

/*
 * Removes the socket before the signal, so that no client connects to an ending
 * server.
 */
static int child_watch(pid_t child, int from_child, const sigset_t *set)
{
	const struct timespec ever = { 1 << 30, 0 }, end = { END_S, 0 };
	const struct timespec *time = &ever;
	int number, status = 0;

	while (waitpid(child, &status, WNOHANG) != child) {
		number = sigtimedwait(set, NULL, time);
		if (number < 0 && errno == EAGAIN && time == &end)
			return abandon_child(child);
		if (number < 0 || number == SIGCHLD)
			continue;
		remove_sockets(from_child);
		kill(child, number);
		time = &end;
	}
	remove_sockets(from_child);
	return status;
}

/* Ends as the child ended: same status or same signal. */
static int exit_like(int status)
{
	sigset_t one;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, WTERMSIG(status));
	raise(WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	return 128 + WTERMSIG(status);
}

/*
 * If the parent was killed between fork() and prctl(), its end of the pipe is
 * closed.
 */
static int tie_to_parent(int to_parent, const sigset_t *before,
			 struct vsu_error *err)
{
	struct pollfd end = { .fd = to_parent };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (!sigismember(before, SIGCHLD))
		sigprocmask(SIG_UNBLOCK, &child, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return vsu_error_sys(err, -errno, "cannot request a signal at the parent's death");
	if (poll(&end, 1, 0) != 0)
		return vsu_error_set(err, -ECHILD, "the parent has ended");
	return 0;
}

int keeper_fork(int *leash, int *status, struct vsu_error *err)
{
	sigset_t set, before;
	int ends[2];
	pid_t child;
	int rc;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	/* while SIGCHLD is ignored, waitpid() gets no status */
	signal(SIGCHLD, SIG_DFL);
	watched_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	child = fork();
	if (child < 0) {
		rc = vsu_error_sys(err, -errno, "cannot start a process");
		sigprocmask(SIG_SETMASK, &before, NULL);
		vsu_fd_close(&ends[0]);
		vsu_fd_close(&ends[1]);
		return rc;
	}
	vsu_fd_close(&ends[child ? 1 : 0]);
	if (!child) {
		*leash = ends[1];
		return tie_to_parent(ends[1], &before, err);
	}
	ignore_rest();
	*status = exit_like(child_watch(child, ends[0], &set));
	vsu_fd_close(&ends[0]);
	return 1;
}

int keeper_leave_socket(int leash, const struct vsu_sock_path *where)
{
	ssize_t n = write(leash, where, sizeof(*where));

	return n == (ssize_t)sizeof(*where) ? 0 : n < 0 ? -errno : -EIO;
}

void keeper_close(int *leash)
{
	vsu_fd_close(leash);
}

/* Time limit for requests in progress at the end. */
#define END_MS 10000

/*
 * A request to an unresponsive host file system keeps its thread and the
 * guest's memory. Only the end of the process releases them.
 */
static void *guard_main(void *arg)
{
	const struct keeper_guard *g = arg;
	struct pollfd end = { .fd = g->end, .events = POLLIN };
	struct pollfd over = { .fd = g->over, .events = POLLIN };

	while (poll(&end, 1, -1) < 0)
		;
	if (poll(&over, 1, __atomic_load_n(&g->reported, __ATOMIC_RELAXED) ?
		 0 : END_MS) == 0) {
		dprintf(STDERR_FILENO, "%s: unfinished requests are abandoned: files of the host have not responded for %d seconds\n",
			program_invocation_short_name, END_MS / 1000);
		_exit(VSU_EXIT_HOST);
	}
	return NULL;
}

int keeper_guard_start(struct keeper_guard *g, struct vsu_error *err)
{
	int rc = g->end = vsu_event_new();

	if (rc >= 0)
		rc = g->over = vsu_event_new();
	if (rc >= 0)
		rc = prog_thread_start(prog_threads(), &g->id, guard_main, g);
	g->runs = rc >= 0;
	return rc < 0 ? vsu_error_sys(err, rc, "cannot start a thread") : 0;
}

int keeper_guard_check(struct keeper_guard *g, bool is_held)
{
	const uint64_t now = is_held ? vsu_now_ns() : 0;
	int left;

	if (!is_held || !g->held_since) {
		g->held_since = now;
		__atomic_store_n(&g->reported, false, __ATOMIC_RELAXED);
	}
	if (!is_held)
		return -1;
	if (g->reported)
		return END_MS;
	left = END_MS - (int)((now - g->held_since) / 1000000);
	if (left > 0)
		return left;
	__atomic_store_n(&g->reported, true, __ATOMIC_RELAXED);
	prog_log(PROG_LOG_WARNING, "held up", "a front-end waits for requests: files of the host have not responded for %d seconds",
		 END_MS / 1000);
	return END_MS;
}

void keeper_guard_detach(struct keeper_guard *g, struct prog_workers *workers)
{
	const uint32_t left = prog_workers_detach(workers);

	if (left > g->left)
		prog_log(PROG_LOG_WARNING, "left behind", "%u requests of a disconnected front-end are detached, each with a thread, until files of the host respond",
			 left);
	g->left = left;
}

void keeper_guard_begin(const struct keeper_guard *g)
{
	if (g->runs)
		vsu_event_signal_own(g->end);
}

void keeper_guard_end(struct keeper_guard *g)
{
	if (g->runs) {
		vsu_event_signal_own(g->end);
		vsu_event_signal_own(g->over);
		pthread_join(g->id, NULL);
	}
	vsu_fd_close(&g->end);
	vsu_fd_close(&g->over);
}
