/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Processes of containers, as the agent sees them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init/guest.h"

/* -------------------------------------------------------------------- messages */

static void send_end(struct guest_process *p, uint32_t how, uint32_t status, const char *text)
{
	struct {
		struct vagent_process_ended m;
		char text[sizeof(((struct guest_report *)NULL)->text)];
	} m = { .m = { p->number, how, status, p->cause } };
	const size_t len = strnlen(text, sizeof(m.text));

	memcpy(m.text, text, len);
	if (!p->forgotten && !p->reported)
		vagent_priv_send(VAGENT_PROCESS_ENDED, &m, sizeof(m.m) + len);
	p->reported = true;
}

/* No frames of a process that was not executed follow. */
static void fail_process(struct guest_process *p, uint32_t how, const char *text)
{
	vagent_priv_streams_close(p);
	send_end(p, how, 0, text);
}

static void report_status(struct guest_process *p)
{
	char text[64];

	if (WIFSIGNALED(p->status) && p->state != PROCESS_PREPARING) {
		send_end(p, VAGENT_SIGNALLED, (uint32_t)WTERMSIG(p->status), "");
	} else if (p->state == PROCESS_EXECUTED) {
		send_end(p, VAGENT_EXITED, (uint32_t)WEXITSTATUS(p->status), "");
	} else {
		snprintf(text, sizeof(text), "the process ended before its start (status 0x%x)", (unsigned int)p->status);
		fail_process(p, VAGENT_FAILED, text);
	}
}

/* --------------------------------------------------------------------- prepare */

static const char *check_container(const struct guest_container *c, unsigned int n)
{
	if (!c || c->removed)
		return "the container does not exist";
	if (c->state == CONTAINER_PREPARING)
		return "the first process of the container is not prepared yet";
	if (c->state == CONTAINER_ENDED)
		return "the first process of the container has ended";
	return n >= VAGENT_MAX_PROCESSES ? "the guest has too many processes" : NULL;
}

static struct guest_process *add_process(uint32_t number)
{
	struct guest_process *p = calloc(1, sizeof(*p));

	if (!p)
		vagent_init_fail("the guest has no memory for a process");
	p->number = number;
	p->report = p->in.fd = p->out.fd = p->err.fd = -1;
	p->out.credit = p->err.credit = VAGENT_WINDOW;
	p->next = vagent_priv_guest_processes;
	vagent_priv_guest_processes = p;
	return p;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool make_pipe(int *from, int *to)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	*from = fds[0];
	*to = fds[1];
	return true;
}

static void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* The ends of the agent do not block; those of the process do. */
static bool make_streams(struct guest_process *p, struct guest_order *o)
{
	if (!p->terminal && (!make_pipe(&o->in, &p->in.fd) || !make_pipe(&p->out.fd, &o->out) || !make_pipe(&p->err.fd, &o->err)))
		return false;
	set_nonblocking(p->in.fd);
	set_nonblocking(p->out.fd);
	set_nonblocking(p->err.fd);
	return true;
}

/* Runs in a new process, which would keep pipes of others open while it waits. */
static void close_others(void)
{
	struct guest_process *p;
	int i;

	for (p = vagent_priv_guest_processes; p; p = p->next) {
		close_end(&p->in.fd);
		close_end(&p->out.fd);
		close_end(&p->err.fd);
		close_end(&p->report);
	}
	for (i = 0; i < VAGENT_PORTS; i++)
		close_end(&vagent_priv_ports[i]);
}

/* A negative errno. */
static int begin_process(struct guest_process *p, struct guest_order *o)
{
	int pair[2];

	if (!make_streams(p, o) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	p->report = pair[0];
	p->pid = vagent_priv_container_fork(p->container);
	if (!p->pid) {
		close_others();
		vagent_priv_child_run(o, pair[1]);
	}
	close(pair[1]);
	set_nonblocking(p->report);
	if (p->pid > 0)
		return 0;
	p->pid = 0;
	return -errno;
}

static void prepare_process(struct guest_process *p, char *records, size_t len)
{
	struct guest_order o = { .container = p->container, .in = -1, .out = -1, .err = -1, .is_first = p->is_first };
	int rc;

	vagent_priv_read_request(&o.request, records, len);
	vagent_priv_rights_read(&o.rights, records, len);
	p->terminal = o.request.terminal;
	rc = begin_process(p, &o);
	close_end(&o.in);
	close_end(&o.out);
	close_end(&o.err);
	free(o.request.argv);
	free(o.request.envp);
	free(o.request.presets);
	free(o.rights.groups);
	free(o.rights.limits);
	if (rc < 0)
		fail_process(p, VAGENT_FAILED, strerror(-rc));
	else if (p->is_first)
		p->container->state = CONTAINER_PREPARING;
	if (p->is_first)
		p->container->first = p->pid;
}

void vagent_priv_process_prepare(struct guest_container *c, uint32_t number, char *records, size_t len)
{
	struct guest_process *p;
	unsigned int n = 0;
	const char *why;

	for (p = vagent_priv_guest_processes; p; p = p->next)
		n++;
	why = check_container(c, n);
	p = add_process(number);
	if (why) {
		fail_process(p, VAGENT_FAILED, why);
		return;
	}
	p->container = c;
	c->nprocesses++;
	p->is_first = c->state == CONTAINER_NEW;
	prepare_process(p, records, len);
}

/* --------------------------------------------------------------------- reports */

static void serve_prepared(struct guest_process *p)
{
	const struct vagent_prepared m = { p->number, (uint32_t)p->pid };
	int rc = 0;

	if (p->is_first) {
		rc = vagent_priv_container_open_namespaces(p->container);
		p->container->state = CONTAINER_READY;
	}
	if (rc < 0) {
		fail_process(p, VAGENT_FAILED, "the namespaces of a container are not there");
		kill(p->pid, SIGKILL);
		return;
	}
	p->state = PROCESS_WAITING;
	if (!p->forgotten)
		vagent_priv_send(VAGENT_PREPARED, &m, sizeof(m));
}

/* A container whose first process was not prepared has no namespaces, and another one can be its first. */
static void release_container(struct guest_process *p)
{
	if (!p->is_first || p->state != PROCESS_PREPARING)
		return;
	p->is_first = false;
	p->container->first = 0;
	p->container->state = CONTAINER_NEW;
}

static void serve_report(struct guest_process *p, struct guest_report *r, int fd)
{
	if (r->kind == REPORT_TERMINAL && fd >= 0 && p->out.fd < 0) {
		set_nonblocking(fd);
		p->out.fd = fd;
		p->in.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (r->kind == REPORT_PREPARED && p->state == PROCESS_PREPARING) {
		serve_prepared(p);
	} else if (r->kind == REPORT_FAILED && r->how < VAGENT_HOWS) {
		r->text[sizeof(r->text) - 1] = '\0';
		release_container(p);
		fail_process(p, r->how, r->text);
	}
}

static ssize_t receive_report(int from, struct guest_report *r, int *fd)
{
	struct iovec part = { .iov_base = r, .iov_len = sizeof(*r) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	const ssize_t n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n;
}

/* The program closes the socket when it is executed. */
static void serve_closed(struct guest_process *p)
{
	close_end(&p->report);
	if (p->state != PROCESS_STARTING || p->reported)
		return;
	p->state = PROCESS_EXECUTED;
	if (!p->forgotten)
		vagent_priv_send(VAGENT_RUNNING, &p->number, sizeof(p->number));
}

void vagent_priv_process_read_report(struct guest_process *p)
{
	struct guest_report r;
	ssize_t n = 1;
	int fd;

	while (p->report >= 0 && n > 0) {
		n = receive_report(p->report, &r, &fd);
		if (n == (ssize_t)sizeof(r))
			serve_report(p, &r, fd);
		else if (!n)
			serve_closed(p);
	}
}

/* -------------------------------------------------------------------- requests */

void vagent_priv_process_start(struct guest_process *p)
{
	if (p->state != PROCESS_WAITING || p->reported || p->report < 0)
		return;
	p->state = PROCESS_STARTING;
	(void)!send(p->report, "", 1, MSG_NOSIGNAL);
}

static bool signal_one(void *opaque, pid_t pid)
{
	kill(pid, *(const int *)opaque);
	return true;
}

static bool is_of_guest(const struct guest_process *p)
{
	return p->container && p->container->number == VAGENT_ITSELF;
}

/* Signals for a process of the guest itself are for its group, which it makes while it is prepared. */
static void kill_process(const struct guest_process *p, int signo)
{
	if (!is_of_guest(p) || kill(-p->pid, signo) < 0)
		kill(p->pid, signo);
}

/* SIGKILL for PID 1 of a container ends the others. */
void vagent_priv_process_kill(struct guest_process *p, int signo, bool all)
{
	struct guest_process *other;

	for (other = vagent_priv_guest_processes; signo == SIGKILL && other; other = other->next)
		other->host_kills = other->host_kills || other == p || (all && other->container == p->container);
	if (!all && p->pid)
		kill_process(p, signo);
	else if (all && signo == SIGKILL && p->container && p->container->first)
		kill(p->container->first, SIGKILL);
	else if (all && p->container)
		vagent_priv_container_walk(p->container, signal_one, &signo);
}

void vagent_priv_process_resize(struct guest_process *p, unsigned int rows, unsigned int columns)
{
	const struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	if (p->terminal && p->out.fd >= 0)
		ioctl(p->out.fd, TIOCSWINSZ, &size);
}

void vagent_priv_process_forget(struct guest_process *p)
{
	p->forgotten = true;
	vagent_priv_streams_close(p);
	if (p->pid)
		kill_process(p, SIGKILL);
}

/* ------------------------------------------------------------------------- end */

/* SIGKILL has no other sign of its sender. */
static void find_cause(struct guest_process *p)
{
	if (WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGKILL && !p->host_kills && vagent_priv_saw_kills()) {
		p->cause = VAGENT_CAUSE_MEMORY;
		vagent_priv_watch_kills();
	}
}

/* The kernel kills the other processes of a container when its first one ends, not for lack of memory. */
static void end_container(const struct guest_process *first)
{
	struct guest_process *p;

	first->container->first = 0;
	first->container->state = CONTAINER_ENDED;
	for (p = vagent_priv_guest_processes; p; p = p->next)
		p->host_kills = p->host_kills || p->container == first->container;
}

/* Another process writes the data of file systems, which may take long. */
static void begin_sync(struct guest_process *p)
{
	p->syncs = fork();
	if (!p->syncs) {
		close_others();
		sync();
		_exit(0);
	}
	if (p->syncs < 0) {
		p->syncs = 0;
		report_status(p);
	}
}

static void end_process(struct guest_process *p, int status)
{
	vagent_priv_process_read_report(p);
	close_end(&p->report);
	p->pid = 0;
	p->status = status;
	find_cause(p);
	release_container(p);
	if (p->is_first)
		end_container(p);
	if ((p->is_first || is_of_guest(p)) && p->state == PROCESS_EXECUTED && !p->forgotten)
		begin_sync(p);
	else if (!p->reported)
		report_status(p);
}

void vagent_priv_process_reaped(pid_t pid, int status)
{
	struct guest_process *p;

	for (p = vagent_priv_guest_processes; p; p = p->next) {
		if (p->pid == pid) {
			end_process(p, status);
			return;
		}
		if (p->syncs == pid) {
			p->syncs = 0;
			report_status(p);
			return;
		}
	}
}

static void free_process(struct guest_process *p)
{
	close_end(&p->report);
	free(p->in.bytes);
	if (p->container)
		p->container->nprocesses--;
	free(p);
}

void vagent_priv_process_free_forgotten(void)
{
	struct guest_process **at = &vagent_priv_guest_processes, *p;

	while ((p = *at)) {
		if (!p->forgotten || p->pid || p->syncs) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free_process(p);
	}
}
