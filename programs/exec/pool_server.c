/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts the processes of a pool's machines, and gives clients to them. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-agent/session.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "exec/pool_server.h"
#include "exec/template_command.h"
#include "confine/denied_calls.h"
#include "log.h"
#include "process.h"
#include "supervisor.h"

#define BACKLOG 64

/* The pool ends after so many machines in a row that ended while they waited. */
#define MAX_FAILURES 3

#define OTHERS "its version, options, HOME, or the hidden files on the way to its working folder differ from the command's; " \
	"repeat the pool's options, and work in a folder of --dir, or in the pool's --chdir"

#define NS_PER_MS UINT64_C(1000000)
/* The time for the process of a machine that has closed its socket to end. */
#define END_NS (10000 * NS_PER_MS)

/* --------------------------------------------------------------------- open */

static const char *template_path(const struct vmm_pool_server *s)
{
	return cvmm_template_get_info(s->template)->path;
}

static int listen_in(struct vmm_pool_server *s, struct vsu_error *err)
{
	char path[PATH_MAX];
	int rc;

	if (snprintf(path, sizeof(path), "%s/" CVMM_TEMPLATE_SOCKET, template_path(s)) >= (int)sizeof(path))
		return vsu_error_set(err, -ENAMETOOLONG, "the path of template '%s' is too long", template_path(s));
	s->listener = vsu_sock_listen_type(path, SOCK_SEQPACKET, BACKLOG, err);
	if (s->listener == -EADDRINUSE)
		return vsu_error_set(err, -EADDRINUSE, "a pool of the template '%s' runs; end it first", template_path(s));
	if (s->listener < 0)
		return s->listener;
	rc = vsu_sock_path_of(s->listener, &s->path);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot find the socket '%s'", path) : 0;
}

static const int taken[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT };

static int open_signals(struct vmm_pool_server *s, struct vsu_error *err)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? vsu_error_sys(err, -errno, "cannot wait for signals") : 0;
}

int vmm_pool_server_open(struct vmm_pool_server *s, const struct vmm_pool_command_line *c,
			 struct vsu_error *err)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->listener = s->signal_fd = -1;
	s->size = (unsigned int)c->size;
	prog_raise_fd_limit();	/* machines raise their own */
	confine_restrict_parent();	/* machines inherit it, and confine themselves further */
	rc = cvmm_template_open(NULL, c->machine.from, &s->template, err);
	if (rc < 0)
		vmm_template_explain(c->machine.from, err);
	if (!rc)
		rc = listen_in(s, err);
	return rc < 0 ? rc : open_signals(s, err);
}

static void close_listener(struct vmm_pool_server *s)
{
	if (s->path.path[0])
		vsu_sock_unlink(&s->path);
	s->path.path[0] = '\0';
	vsu_fd_close(&s->listener);
	while (s->nclients)
		vsu_fd_close(&s->clients[--s->nclients]);
}

static void free_machine(struct vmm_pool_machine *m)
{
	vsu_fd_close(&m->fd);
	free(m->text);
}

void vmm_pool_server_close(struct vmm_pool_server *s)
{
	close_listener(s);
	while (s->nmachines)
		free_machine(&s->machines[--s->nmachines]);
	vsu_fd_close(&s->signal_fd);
	cvmm_template_close(s->template);
	s->template = NULL;
}

/* ----------------------------------------------------------------- machines */

static unsigned int count_machines(const struct vmm_pool_server *s, int state)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->nmachines; i++)
		n += (int)s->machines[i].state == state;
	return n;
}

/* A session of its own: a terminal's signals are the pool's, and clients have other terminals. */
static void begin_child(struct vmm_pool_server *s)
{
	sigset_t none;

	setsid();
	signal(SIGINT, SIG_DFL);
	s->path.path[0] = '\0';	/* the file is the parent's */
	vmm_pool_server_close(s);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prog_supervisor_end();
}

/* 1: in the process of the machine, whose end of the socket is in *machine_fd. */
static int start_machine(struct vmm_pool_server *s, int *machine_fd, struct vsu_error *err)
{
	struct prog_child child;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	rc = prog_child_fork(&child, err);
	if (rc > 0) {
		vsu_fd_close(&pair[0]);
		begin_child(s);
		*machine_fd = pair[1];
		return 1;
	}
	vsu_fd_close(&pair[1]);
	if (rc < 0)
		vsu_fd_close(&pair[0]);
	else
		s->machines[s->nmachines++] = (struct vmm_pool_machine){ .child = child, .fd = pair[0], .state = VMM_POOL_MAKES };
	return rc;
}

/* One at a time, so that commands have the processors. */
static int fill_pool(struct vmm_pool_server *s, int *machine_fd, struct vsu_error *err)
{
	if (s->state == VMM_POOL_STOPS || s->nmachines == VMM_POOL_MAX_MACHINES ||
	    count_machines(s, VMM_POOL_MAKES) || count_machines(s, VMM_POOL_WAITS) >= s->size)
		return 0;
	return start_machine(s, machine_fd, err);
}

static void dismiss_machine(struct vmm_pool_machine *m)
{
	vsu_fd_close(&m->fd);
	m->state = VMM_POOL_ENDS;
}

/* Machines that run a command are not affected. */
static void stop_pool(struct vmm_pool_server *s)
{
	unsigned int i;

	s->state = VMM_POOL_STOPS;
	close_listener(s);
	for (i = 0; i < s->nmachines; i++)
		if (s->machines[i].state != VMM_POOL_RUNS)
			dismiss_machine(&s->machines[i]);
}

static void fail_pool(struct vmm_pool_server *s, const char *why, struct vsu_error *err)
{
	vsu_error_set(err, -ECANCELED, "%s", why);
	s->status = VAGENT_STATUS_FAILED;
	stop_pool(s);
}

static void report_full(struct vmm_pool_server *s)
{
	if (s->state != VMM_POOL_FILLS || count_machines(s, VMM_POOL_WAITS) < s->size)
		return;
	s->state = VMM_POOL_FULL;
	prog_notify("READY=1\nSTATUS=Machines wait for commands");
	printf("%u machines of '%s' wait\n", s->size, template_path(s));
	fflush(stdout);
}

/* A machine has ended that no client has. */
static void count_failure(struct vmm_pool_server *s, int state, struct vsu_error *err)
{
	if (s->state == VMM_POOL_STOPS)
		return;
	if (state == VMM_POOL_MAKES)
		fail_pool(s, "a machine of the pool could not be made", err);
	else if (state == VMM_POOL_WAITS && ++s->failures == MAX_FAILURES)
		fail_pool(s, "machines of the pool ended while they waited", err);
}

/* Its process prints why it ends; a hostile one would stay, in the place of another. */
static void leave_machine(struct vmm_pool_server *s, struct vmm_pool_machine *m, struct vsu_error *err)
{
	const int state = (int)m->state;

	vsu_fd_close(&m->fd);
	if (state == VMM_POOL_RUNS)
		return;
	m->state = VMM_POOL_ENDS;
	m->child.deadline_ns = vsu_now_ns() + END_NS;
	count_failure(s, state, err);
}

/* A machine sends READY once. */
static void serve_machine(struct vmm_pool_server *s, struct vmm_pool_machine *m, struct vsu_error *err)
{
	const int rc = vmm_pool_receive(m->fd, &s->packet);

	if (rc == -EAGAIN)
		return;
	if (!rc && m->state == VMM_POOL_MAKES && s->packet.type == VMM_POOL_READY) {
		m->text = malloc(s->packet.len);
		m->len = s->packet.len;
	}
	if (!rc)
		vmm_pool_packet_close(&s->packet);
	if (!rc && m->text && m->state == VMM_POOL_MAKES) {
		memcpy(m->text, s->packet.payload, m->len);
		m->state = VMM_POOL_WAITS;
		report_full(s);
	} else if (rc == -ECONNRESET) {
		leave_machine(s, m, err);
	} else {
		kill(m->child.pid, SIGKILL);
		vsu_fd_close(&m->fd);
	}
}

static void drop_machine(struct vmm_pool_server *s, unsigned int i, struct vsu_error *err)
{
	const int state = (int)s->machines[i].state;

	free_machine(&s->machines[i]);
	s->machines[i] = s->machines[--s->nmachines];
	count_failure(s, state, err);
}

static void reap_machines(struct vmm_pool_server *s, struct vsu_error *err)
{
	unsigned int i;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (i = 0; i < s->nmachines; i++)
			if (s->machines[i].child.pid == pid) {
				drop_machine(s, i, err);
				break;
			}
}

static void kill_late(struct vmm_pool_server *s)
{
	struct vmm_pool_machine *m;

	for (m = s->machines; m < s->machines + s->nmachines; m++)
		if (prog_child_is_late(&m->child)) {
			m->child.deadline_ns = 0;
			kill(m->child.pid, SIGKILL);
		}
}

/* ------------------------------------------------------------------ clients */

static bool is_permitted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && (!peer.uid || peer.uid == geteuid());
}

static void drop_client(struct vmm_pool_server *s, unsigned int i)
{
	vsu_fd_close(&s->clients[i]);
	memmove(&s->clients[i], &s->clients[i + 1], (--s->nclients - i) * sizeof(s->clients[0]));
}

/* A client that sends nothing is dropped for the next one. */
static void accept_client(struct vmm_pool_server *s)
{
	int fd = vsu_sock_accept(s->listener);

	if (fd < 0)
		return;
	if (!is_permitted(fd)) {
		vsu_fd_close(&fd);
		return;
	}
	if (s->nclients == VMM_POOL_MAX_CLIENTS)
		drop_client(s, 0);
	s->clients[s->nclients++] = fd;
}

static bool is_alike(const struct vmm_pool_machine *m, const char *text, size_t len)
{
	return m->len == len && !memcmp(m->text, text, len);
}

int vmm_pool_server_find(const struct vmm_pool_server *s, const char *text, size_t len, bool *others)
{
	unsigned int i;

	*others = false;
	for (i = 0; i < s->nmachines; i++) {
		if (s->machines[i].state != VMM_POOL_WAITS || s->machines[i].fd < 0)
			continue;
		if (is_alike(&s->machines[i], text, len))
			return (int)i;
		*others = true;
	}
	return -1;
}

static void refuse_client(int fd, bool others)
{
	const char *why = others ? OTHERS : "all its machines are in use; run it with a larger --size";

	if (others)
		prog_log(VSU_LOG_WARNING, "other machine", "a command makes a machine of its own: its options, working or home folder, or version are not those of this pool");
	(void)!vmm_pool_send(fd, VMM_POOL_REFUSED, why, strlen(why), NULL, 0);
}

static void greet_client(struct vmm_pool_server *s, int fd)
{
	const struct vmm_pool_packet *p = &s->packet;
	bool others = true;
	uint32_t version;
	int i = -1;

	memcpy(&version, p->payload, sizeof(version));
	if (version == VMM_POOL_VERSION)
		i = vmm_pool_server_find(s, p->payload + sizeof(version), p->len - sizeof(version), &others);
	if (i >= 0 && !vmm_pool_send(s->machines[i].fd, VMM_POOL_TAKE, NULL, 0, &fd, 1)) {
		s->machines[i].state = VMM_POOL_RUNS;
		s->failures = 0;
	} else {
		refuse_client(fd, others);
	}
}

static void serve_client(struct vmm_pool_server *s, unsigned int i)
{
	const int rc = vmm_pool_receive(s->clients[i], &s->packet);

	if (rc == -EAGAIN)
		return;
	if (!rc)
		vmm_pool_packet_close(&s->packet);
	if (!rc && s->packet.type == VMM_POOL_HELLO)
		greet_client(s, s->clients[i]);
	drop_client(s, i);
}

/* -------------------------------------------------------------------- signals */

/* As of "cvmm run", the first SIGTERM asks the guests, and others end them. */
static void end_commands(struct vmm_pool_server *s, int signo)
{
	const int sent = s->signals > 1 ? SIGKILL : signo == SIGTERM && !s->signals ? SIGTERM : SIGINT;
	unsigned int i;

	s->signals++;
	prog_notify("STOPPING=1");
	stop_pool(s);
	for (i = 0; i < s->nmachines; i++)
		if (s->machines[i].state == VMM_POOL_RUNS || sent == SIGKILL)
			kill(s->machines[i].child.pid, sent);
}

static void serve_signal(struct vmm_pool_server *s, struct vsu_error *err)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap_machines(s, err);
	else
		end_commands(s, (int)info.ssi_signo);
}

/* ----------------------------------------------------------------------- turns */

enum { SIGNALS, LISTENER, FIXED };

#define MAX_WATCHED (FIXED + VMM_POOL_MAX_CLIENTS + VMM_POOL_MAX_MACHINES)

static nfds_t watch_all(const struct vmm_pool_server *s, struct pollfd *p)
{
	nfds_t n = FIXED;
	unsigned int i;

	p[SIGNALS] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	p[LISTENER] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
	for (i = 0; i < s->nclients; i++)
		p[n++] = (struct pollfd){ .fd = s->clients[i], .events = POLLIN };
	for (i = 0; i < s->nmachines; i++)
		p[n++] = (struct pollfd){ .fd = s->machines[i].fd, .events = POLLIN };
	return n;
}

/* The milliseconds until the next keep-alive or deadline, or -1. */
static int wait_ms(const struct vmm_pool_server *s)
{
	const struct vmm_pool_machine *m;
	int ms = prog_watchdog_ms();

	for (m = s->machines; m < s->machines + s->nmachines; m++)
		ms = prog_child_wait_ms(&m->child, ms);
	return ms;
}

/*
 * Rows that are removed move others only behind those that are still to be served. A pool that
 * stops has closed all clients.
 */
static void serve_all(struct vmm_pool_server *s, const struct pollfd *p, struct vsu_error *err)
{
	const unsigned int nclients = s->nclients;
	unsigned int i;

	for (i = s->nmachines; i-- > 0;)
		if (p[FIXED + nclients + i].revents && s->machines[i].fd >= 0)
			serve_machine(s, &s->machines[i], err);
	for (i = nclients; i-- > 0;)
		if (i < s->nclients && p[FIXED + i].revents)
			serve_client(s, i);
	if (p[LISTENER].revents)
		accept_client(s);
	if (p[SIGNALS].revents)
		serve_signal(s, err);
}

int vmm_pool_server_run(struct vmm_pool_server *s, int *machine_fd, struct vsu_error *err)
{
	static struct pollfd watched[MAX_WATCHED];
	int rc;

	*machine_fd = -1;
	while (s->state != VMM_POOL_STOPS || s->nmachines) {
		rc = fill_pool(s, machine_fd, err);
		if (rc > 0)
			return 0;
		if (rc < 0) {
			s->status = VAGENT_STATUS_FAILED;
			stop_pool(s);
			continue;
		}
		if (poll(watched, watch_all(s, watched), wait_ms(s)) < 0 && errno != EINTR)
			return vsu_error_sys(err, -errno, "cannot wait for clients");
		serve_all(s, watched, err);
		kill_late(s);
	}
	return s->status;
}
