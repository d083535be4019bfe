/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The starter's loop: requests, children, deadlines. */
#define _GNU_SOURCE
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

#include "child/child.h"
#include "common/spawn/starter.h"
#include "confine/denied_calls.h"
#include "log.h"

/* Running daemons, and replaced ones that have not ended yet. */
#define MAX_DAEMONS (2 * VMM_STARTER_DEVICES)
#define NS_PER_MS UINT64_C(1000000)
/* Time for a daemon to complete its requests; after SIGKILL, until it is abandoned. */
#define END_NS (UINT64_C(5000) * NS_PER_MS)
#define KILL_NS (UINT64_C(2000) * NS_PER_MS)
/* The time for a daemon that closed its connection to end: it is most often about to, and why is logged. */
#define LOST_NS (UINT64_C(100) * NS_PER_MS)

struct daemon {
	struct prog_child child; /* without one, a free entry */
	uint32_t id;
	int log;		/* its pipe, to log why it ended; or -1 */
	struct vmm_daemon_spec spec;
};

struct starter {
	struct vmm_starter_setup *setup;
	int sock;		/* -1: cvmm has ended */
	sigset_t waiting;	/* the signal mask while it waits */
	struct daemon daemons[MAX_DAEMONS];
};

/* ------------------------------------------------------------------------- logs */

/*
 * Opens the pipe again: a write to it does not block, whatever cvmm does with its own
 * descriptors. Another file could belong to an unresponsive server, or to another process
 * that does not read. -1: the descriptor is no pipe.
 */
static int log_open(int fd)
{
	char name[32], target[32];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, target, sizeof(target) - 1);
	if (n < 0 || strncmp(target, "pipe:[", 6) != 0)
		return -1;
	return open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

/* ------------------------------------------------------------- ends of daemons */

static void daemon_clear(struct daemon *d)
{
	vsu_fd_close(&d->log);
	memset(d, 0, sizeof(*d));
}

static void report_end(const struct daemon *d, int status)
{
	if (WIFSIGNALED(status) && !prog_child_was_sent(&d->child, WTERMSIG(status)))
		dprintf(d->log, "cvmm-vhost-user-%s: process %d was killed by signal %d\n",
			devkind_get(d->spec.kind)->name, (int)d->child.pid, WTERMSIG(status));
}

static void reap_all(struct starter *s)
{
	struct daemon *d;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++)
			if (d->child.pid == pid) {
				report_end(d, status);
				daemon_clear(d);
			}
}

/* A daemon that is ending already has its deadline. */
static void daemon_end(struct daemon *d)
{
	if (d->child.pid && !d->child.deadline_ns)
		prog_child_end(&d->child, SIGTERM, END_NS);
}

static void end_id(struct starter *s, uint32_t id)
{
	struct daemon *d;

	for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++)
		if (d->id == id)
			daemon_end(d);
}

/* A process that the kernel blocks survives SIGKILL and is abandoned. */
static void enforce_deadlines(struct starter *s)
{
	struct daemon *d;

	for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++) {
		if (!prog_child_is_late(&d->child))
			continue;
		if (prog_child_was_sent(&d->child, SIGKILL))
			daemon_clear(d);
		else
			prog_child_end(&d->child, SIGKILL, KILL_NS);
	}
}

/* Waits for a request (unless fd is -1), the end of a child, or a deadline. */
static void wait_for_event(const struct starter *s, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const struct daemon *d;
	struct timespec limit;
	int ms = -1;

	for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++)
		ms = prog_child_wait_ms(&d->child, ms);
	limit = (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
	ppoll(&p, 1, ms < 0 ? NULL : &limit, &s->waiting);
}

static bool has_children(const struct starter *s)
{
	const struct daemon *d;

	for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++)
		if (d->child.pid)
			return true;
	return false;
}

/* -------------------------------------------------------------------- requests */

static struct daemon *find_free(struct starter *s, struct vsu_error *err)
{
	struct daemon *d;

	for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++)
		if (!d->child.pid)
			return d;
	vsu_error_set(err, -ENOSPC, "%d daemons run or are ending", MAX_DAEMONS);
	return NULL;
}

static int fork_daemon(struct starter *s, const struct vmm_starter_request *request, const int *fds,
		       unsigned int nfds, struct vsu_error *err)
{
	struct daemon *d = find_free(s, err);
	int rc = d ? prog_child_fork(&d->child, err) : err->code;

	if (rc > 0)
		vmm_starter_exec(s->setup, request, fds, nfds);
	if (rc < 0)
		return rc;
	d->id = request->id;
	d->spec = request->spec;
	d->log = log_open(fds[VMM_STARTER_LOG]);
	return 0;
}

/* Whether a daemon of this device, or of one with the same properties, is ending. */
static bool has_predecessor(const struct starter *s, const struct vmm_starter_request *request)
{
	const struct daemon *d;

	for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++)
		if (d->child.deadline_ns &&
		    (d->id == request->id || !memcmp(&d->spec, &request->spec, sizeof(d->spec))))
			return true;
	return false;
}

static void expect_end(struct starter *s, uint32_t id)
{
	struct daemon *d;

	for (d = s->daemons; d < s->daemons + MAX_DAEMONS; d++)
		if (d->child.pid && d->id == id && !prog_child_was_sent(&d->child, SIGKILL))
			d->child.deadline_ns = vsu_now_ns() + LOST_NS;
}

/*
 * Two processes must not serve one device: waits until the previous daemon has ended, is
 * killed for not ending, or is abandoned.
 */
static void wait_for_predecessor(struct starter *s, const struct vmm_starter_request *request)
{
	expect_end(s, request->id);
	while (has_predecessor(s, request)) {
		wait_for_event(s, -1);
		reap_all(s);
		enforce_deadlines(s);
	}
}

static int start_daemon(struct starter *s, const struct vmm_starter_request *request,
		 const int *fds, unsigned int nfds, struct vsu_error *err)
{
	int rc = vmm_starter_check(s->setup, &request->spec, nfds - VMM_STARTER_FDS, err);

	if (rc < 0)
		return rc;
	wait_for_predecessor(s, request);
	return fork_daemon(s, request, fds, nfds, err);
}

/* As a failure of the daemon, in its log. */
static void report_refusal(int fd, const struct vsu_error *err)
{
	int log = log_open(fd);

	if (log >= 0)
		dprintf(log, "0\ncvmm-starter: %s\n", err->msg);
	vsu_fd_close(&log);
}

/* Until the list of devices is complete nothing else is served. */
static void list_device(struct starter *s, const struct vmm_starter_request *r)
{
	struct vmm_starter_setup *setup = s->setup;

	if (r->what == VMM_STARTER_DEVICE && setup->n < VMM_STARTER_DEVICES) {
		setup->devices[setup->n++] = r->spec;
	} else if (r->what == VMM_STARTER_COMPLETE) {
		setup->open = false;
		vmm_starter_close_others(setup, s->sock);
	}
}

static void serve_request(struct starter *s, const struct vmm_starter_request *request, size_t len,
			  const int *fds, unsigned int nfds)
{
	const size_t head = offsetof(struct vmm_starter_request, spec);
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = 0;

	if (len < head || request->level > VSU_LOG_DEBUG || !vmm_daemon_spec_is_valid(&request->spec, len - head))
		rc = vsu_error_set(&err, -EINVAL, "the request is malformed");
	else if (s->setup->open)
		list_device(s, request);
	else if (request->what == VMM_STARTER_END)
		end_id(s, request->id);
	else if (request->what == VMM_STARTER_START && nfds >= VMM_STARTER_FDS)
		rc = start_daemon(s, request, fds, nfds, &err);
	if (rc < 0 && nfds >= VMM_STARTER_FDS)
		report_refusal(fds[VMM_STARTER_LOG], &err);
}

static void receive_request(struct starter *s)
{
	struct vmm_starter_request request;
	const struct iovec iov = { &request, sizeof(request) };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int i, nfds = 0;
	ssize_t len;

	memset(&request, 0, sizeof(request));
	len = vsu_sock_recv(s->sock, &iov, 1, fds, &nfds);
	if (len > 0)
		serve_request(s, &request, (size_t)len, fds, nfds);
	else if (len != -EAGAIN)
		vsu_fd_close(&s->sock);
	/* not vsu_foreign_close(), which would drop messages that the daemon has to receive */
	for (i = 0; i < nfds; i++)
		vsu_fd_close(&fds[i]);
}

/* ------------------------------------------------------------------------ life */

static void on_child(int number)
{
	(void)number;
}

/* Leaves terminal, signals and service manager to cvmm. */
static void leave_terminal(sigset_t *waiting)
{
	const struct sigaction wake = { .sa_handler = on_child };
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t blocked;
	int fd;

	for (fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, waiting);
	sigdelset(waiting, SIGCHLD);
	sigaction(SIGCHLD, &wake, NULL);
}

_Noreturn void vmm_starter_run(struct vmm_starter_setup *setup, int sock)
{
	struct starter s = { .setup = setup, .sock = sock };
	unsigned int i;

	prctl(PR_SET_NAME, "cvmm-starter");
	leave_terminal(&s.waiting);
	if (!setup->open)
		vmm_starter_close_others(setup, sock);
	/* it has rights that cvmm drops, for daemons, and reads requests of a cvmm that a guest may control */
	confine_restrict_parent();
	while (s.sock >= 0 || has_children(&s)) {
		if (s.sock >= 0)
			receive_request(&s);
		for (i = 0; s.sock < 0 && i < MAX_DAEMONS; i++)
			daemon_end(&s.daemons[i]);
		reap_all(&s);
		enforce_deadlines(&s);
		if (s.sock >= 0 || has_children(&s))
			wait_for_event(&s, s.sock);
	}
	_exit(0);
}
