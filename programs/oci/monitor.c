/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves the machine of a container, its processes, and commands. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "oci/cgroup.h"
#include "oci/container.h"
#include "oci/hooks.h"
#include "oci/layout.h"
#include "oci/machine.h"
#include "oci/monitor.h"
#include "oci/monitor_confinement.h"
#include "oci/network.h"
#include "oci/wire.h"

#define MAX_CLIENTS 64
#define STATUS_FAILED 125
#define STATUS_KILLED (128 + SIGKILL)
/* A guest that does not end its process by SIGKILL in this time is ended itself. */
#define KILL_NS UINT64_C(3000000000)
#define SHARE_NAME "share"

enum phase {
	PHASE_BOOTS,		/* the agent does not serve yet */
	PHASE_PREPARES,		/* mounts, and looks up the program */
	PHASE_CREATED,
	PHASE_STARTS,		/* a client waits for the execution */
	PHASE_RUNS,
	PHASE_ENDED,
};

/* A command that is connected, and the process of its "exec". */
struct client {
	int fd;			/* -1: unused */
	struct vagent_process *process;
	char program[256];	/* of the process, for messages */
	bool answered;		/* the process was executed */
};

struct monitor {
	const struct oci_monitor_config *config;
	const struct oci_spec *spec;
	enum phase phase;
	struct oci_layout layout;
	struct oci_network network;
	struct oci_filter filter;
	struct oci_machine *machine;
	unsigned int container;	/* its number in the guest */
	struct vagent_process *first;
	struct client clients[MAX_CLIENTS];
	struct client *starter;	/* waits for the execution; or NULL */
	struct client *lister;	/* waits for a list; or NULL */
	int listener, signals, status_file;
	uint64_t kill_ns;	/* when an unresponsive guest is ended; 0: never */
	bool paused;
	const char *remark;	/* for the user of "create"; or NULL */
	int status;		/* exit status of this process */
	struct vsu_error why;	/* of the end, if it is a failure */
};

/* --------------------------------------------------------------------- messages */

static void answer_client(struct client *client, uint32_t op, int rc, const struct vsu_error *err)
{
	struct oci_message m = { .op = op, .rc = rc };

	if (rc < 0)
		snprintf(m.text, sizeof(m.text), "%s", err->msg);
	if (client->fd >= 0 && oci_wire_send(client->fd, &m, NULL, 0) < 0)
		vsu_fd_close(&client->fd);
}

/* create waits for this. */
static void report_ready(struct monitor *mon, int rc)
{
	const char *text = rc < 0 ? mon->why.msg : mon->remark;
	struct oci_message m = { .rc = rc };

	snprintf(m.text, sizeof(m.text), "%s", text ? text : "");
	if (oci_wire_send(mon->config->ready, &m, NULL, 0) < 0)
		oci_report_line(mon->config->report, OCI_REPORT_DEBUG, "the command 'create' has ended");
}

/* A failure before the container was created is that of "create". */
static void end_monitor(struct monitor *mon, int status)
{
	mon->status = status;
	mon->phase = PHASE_ENDED;
}

static void fail_monitor(struct monitor *mon)
{
	if (mon->phase < PHASE_CREATED)
		report_ready(mon, mon->why.code ? mon->why.code : -EIO);
	else
		oci_report_line(mon->config->report, OCI_REPORT_ERROR, "%s", mon->why.msg);
	end_monitor(mon, STATUS_FAILED);
}

static void write_status(struct monitor *mon, enum oci_status status)
{
	struct vsu_error err = VSU_ERROR_INIT;

	mon->config->state->status = status;
	if (oci_status_write(mon->status_file, status, &err) < 0)
		oci_report_line(mon->config->report, OCI_REPORT_WARNING, "%s", err.msg);
}

/* ---------------------------------------------------------------- first process */

static void prepare_first(struct monitor *mon)
{
	struct vagent_guest *g = oci_machine_agent(mon->machine);
	int rc = oci_container_add(g, mon->spec, &mon->layout, &mon->container, &mon->why);

	if (!rc)
		rc = oci_container_prepare(g, mon->container, &mon->spec->process, &mon->filter, mon->config->streams,
					   &mon->first, &mon->why);
	mon->phase = rc < 0 ? mon->phase : PHASE_PREPARES;
	if (rc < 0)
		fail_monitor(mon);
}

/* The process has its own descriptors of the streams: an engine waits for the end of all others. */
static void release_streams(struct monitor *mon)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i;

	(void)mon;
	for (i = 0; null >= 0 && i < 3; i++)
		if (dup2(null, i) < 0)
			break;
	if (null > 2)
		close(null);
}

static void finish_create(struct monitor *mon)
{
	release_streams(mon);
	write_status(mon, OCI_CREATED);
	mon->phase = PHASE_CREATED;
	report_ready(mon, 0);
}

static void finish_start(struct monitor *mon)
{
	write_status(mon, OCI_RUNNING);
	mon->phase = PHASE_RUNS;
	if (mon->starter)
		answer_client(mon->starter, OCI_OP_START, 0, NULL);
	mon->starter = NULL;
}

static void finish_first(struct monitor *mon)
{
	const int status = oci_container_status(mon->first, mon->spec->process.args.words[0], &mon->why);

	if (mon->phase == PHASE_PREPARES) {
		fail_monitor(mon);
		return;
	}
	if (mon->starter)
		answer_client(mon->starter, OCI_OP_START, mon->why.code < 0 ? mon->why.code : 0, &mon->why);
	end_monitor(mon, status);
}

static void serve_first(struct monitor *mon)
{
	const enum vagent_process_state state = vagent_process_state(mon->first);

	if (mon->phase == PHASE_PREPARES && state == VAGENT_WAITING)
		finish_create(mon);
	else if (mon->phase == PHASE_STARTS && state == VAGENT_EXECUTED)
		finish_start(mon);
	else if (state == VAGENT_FINISHED)
		finish_first(mon);
}

/* ----------------------------------------------------------------------- clients */

static void close_client(struct monitor *mon, struct client *client)
{
	if (mon->starter == client)
		mon->starter = NULL;
	if (mon->lister == client)
		mon->lister = NULL;
	vagent_process_free(client->process);
	client->process = NULL;
	vsu_fd_close(&client->fd);
}

static void start_container(struct monitor *mon, struct client *client)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (mon->phase != PHASE_CREATED)
		rc = vsu_error_set(&err, -EINVAL, "the container is not in the state 'created'");
	else
		rc = vagent_process_start(mon->first, &err);
	if (rc < 0) {
		answer_client(client, OCI_OP_START, rc, &err);
		return;
	}
	mon->starter = client;
	mon->phase = PHASE_STARTS;
}

/* An unresponsive guest must not survive SIGKILL. */
static int signal_first(struct monitor *mon, int number, bool all, struct vsu_error *err)
{
	const int rc = mon->first ? vagent_process_signal(mon->first, number, all, err) :
				    vsu_error_set(err, -EAGAIN, "the container has no process yet");

	if (number != SIGKILL)
		return rc;
	if (!mon->kill_ns)
		mon->kill_ns = vsu_now_ns() + KILL_NS;
	return 0;
}

static void signal_container(struct monitor *mon, struct client *client, const struct oci_message *m)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = client->process ? vagent_process_signal(client->process, (int)m->first, false, &err) :
				   signal_first(mon, (int)m->first, m->second == 1, &err);

	answer_client(client, OCI_OP_SIGNAL, rc, &err);
}

static int prepare_exec(struct monitor *mon, struct client *client, const int *fds, struct vsu_error *err)
{
	struct oci_spec *spec = NULL;
	int rc = mon->phase == PHASE_RUNS ? 0 : vsu_error_set(err, -EINVAL, "the container is not running");

	rc = rc < 0 ? rc : oci_spec_load_fd(fds[0], "process", oci_spec_read_process, &spec, err);
	rc = rc < 0 ? rc : oci_container_check_process(&spec->process, err);
	if (!rc) {
		snprintf(client->program, sizeof(client->program), "%s", spec->process.args.words[0]);
		rc = oci_container_prepare(oci_machine_agent(mon->machine), mon->container, &spec->process,
					   &mon->filter, fds + 1, &client->process, err);
	}
	oci_spec_free(spec);
	return rc;
}

static void begin_exec(struct monitor *mon, struct client *client, const int *fds, unsigned int n)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (n != 1 + OCI_WIRE_STREAMS || client->process)
		rc = vsu_error_set(&err, -EBADMSG, "exec: a document and three streams are required");
	else
		rc = prepare_exec(mon, client, fds, &err);
	if (rc < 0)
		answer_client(client, OCI_OP_EXEC, rc, &err);
}

static void finish_exec(struct monitor *mon, struct client *client)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct oci_message m = { .op = OCI_OP_ENDED };
	const int status = oci_container_status(client->process, client->program, &why);

	if (!client->answered) {
		answer_client(client, OCI_OP_EXEC, why.code < 0 ? why.code : -EIO, &why);
	} else {
		m.first = (uint32_t)status;
		if (oci_wire_send(client->fd, &m, NULL, 0) < 0)
			oci_report_line(mon->config->report, OCI_REPORT_DEBUG, "the status of a process could not be sent");
	}
	close_client(mon, client);
}

static void serve_exec(struct monitor *mon, struct client *client)
{
	const enum vagent_process_state state = vagent_process_state(client->process);
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (state == VAGENT_WAITING) {
		rc = vagent_process_start(client->process, &err);
		if (rc < 0) {
			answer_client(client, OCI_OP_EXEC, rc, &err);
			close_client(mon, client);
		}
	} else if (state == VAGENT_EXECUTED && !client->answered) {
		client->answered = true;
		answer_client(client, OCI_OP_EXEC, 0, NULL);
	} else if (state == VAGENT_FINISHED) {
		finish_exec(mon, client);
	}
}

static void on_list(void *opaque, const uint32_t *pids, unsigned int n)
{
	struct oci_message m = { .op = OCI_OP_LIST, .npids = n > OCI_WIRE_PIDS ? OCI_WIRE_PIDS : n };
	struct monitor *mon = opaque;

	memcpy(m.pids, pids, m.npids * sizeof(*pids));
	if (mon->lister && oci_wire_send(mon->lister->fd, &m, NULL, 0) < 0)
		close_client(mon, mon->lister);
	mon->lister = NULL;
}

static void list_processes(struct monitor *mon, struct client *client)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (mon->lister)
		rc = vsu_error_set(&err, -EBUSY, "another command lists the processes");
	else
		rc = vagent_guest_list(oci_machine_agent(mon->machine), mon->container, on_list, mon, &err);
	if (rc < 0)
		answer_client(client, OCI_OP_LIST, rc, &err);
	else
		mon->lister = client;
}

static void pause_container(struct monitor *mon, struct client *client, bool paused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = 0;

	if (mon->phase != PHASE_RUNS || mon->paused == paused)
		rc = vsu_error_set(&err, -EINVAL, "the container is not %s", paused ? "running" : "paused");
	rc = rc < 0 ? rc : oci_machine_pause(mon->machine, paused, &err);
	if (!rc) {
		mon->paused = paused;
		write_status(mon, paused ? OCI_PAUSED : OCI_RUNNING);
	}
	answer_client(client, paused ? OCI_OP_PAUSE : OCI_OP_RESUME, rc, &err);
}

static void serve_request(struct monitor *mon, struct client *client, const struct oci_message *m,
			  const int *fds, unsigned int n)
{
	struct vsu_error err = VSU_ERROR_INIT;

	switch (m->op) {
	case OCI_OP_START:
		start_container(mon, client);
		break;
	case OCI_OP_SIGNAL:
		signal_container(mon, client, m);
		break;
	case OCI_OP_EXEC:
		begin_exec(mon, client, fds, n);
		break;
	case OCI_OP_SIZE:
		if (client->process && vagent_process_resize(client->process, m->first, m->second, &err) < 0)
			oci_report_line(mon->config->report, OCI_REPORT_DEBUG, "%s", err.msg);
		break;
	case OCI_OP_LIST:
		list_processes(mon, client);
		break;
	case OCI_OP_PAUSE:
	case OCI_OP_RESUME:
		pause_container(mon, client, m->op == OCI_OP_PAUSE);
		break;
	default:
		vsu_error_set(&err, -EOPNOTSUPP, "the monitor of the container is of another version");
		answer_client(client, m->op, -EOPNOTSUPP, &err);
	}
}

static void serve_client(struct monitor *mon, struct client *client)
{
	int fds[VSU_SOCK_MAX_FDS], rc;
	struct oci_message m;
	unsigned int n = 0;

	rc = oci_wire_receive(client->fd, &m, fds, &n);
	if (!rc)
		serve_request(mon, client, &m, fds, n);
	while (n)
		vsu_fd_close(&fds[--n]);
	if (rc < 0 && rc != -EAGAIN)
		close_client(mon, client);
}

/* A process whose client is gone keeps its place until it is freed. */
static void accept_client(struct monitor *mon)
{
	int i, fd = vsu_sock_accept(mon->listener);

	for (i = 0; fd >= 0 && i < MAX_CLIENTS; i++)
		if (mon->clients[i].fd < 0 && !mon->clients[i].process) {
			mon->clients[i] = (struct client){ .fd = fd };
			return;
		}
	vsu_fd_close(&fd);
}

/* ----------------------------------------------------------------------- signals */

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };

static int watch_signals(struct vsu_error *err)
{
	sigset_t set;
	unsigned int i;
	int fd;

	sigemptyset(&set);
	for (i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? vsu_error_sys(err, -errno, "cannot wait for signals") : fd;
}

/* The engine has changed the size of the other side. */
static void resize_terminal(struct monitor *mon)
{
	struct winsize size;

	if (mon->spec->process.terminal && mon->first && !ioctl(mon->config->streams[0], TIOCGWINSZ, &size) && size.ws_row &&
	    vagent_process_resize(mon->first, size.ws_row, size.ws_col, NULL) < 0)
		oci_report_line(mon->config->report, OCI_REPORT_DEBUG, "the size of the terminal could not be passed on");
}

/* A signal to this process is for the container's. Before it is created, it ends the monitor. */
static void take_signal(struct monitor *mon)
{
	struct signalfd_siginfo info;

	if (read(mon->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		resize_terminal(mon);
	} else if (mon->phase < PHASE_CREATED) {
		vsu_error_set(&mon->why, -EINTR, "signal %u ended the monitor", info.ssi_signo);
		fail_monitor(mon);
	} else if (signal_first(mon, (int)info.ssi_signo, false, NULL) < 0) {
		oci_report_line(mon->config->report, OCI_REPORT_DEBUG, "a signal could not be passed on");
	}
}

/* -------------------------------------------------------------------------- loop */

enum { POLL_MACHINE, POLL_SIGNALS, POLL_LISTENER, POLL_READY, POLL_CLIENTS };
#define POLL_MAX (POLL_CLIENTS + MAX_CLIENTS)

static int wait_ms(const struct monitor *mon)
{
	const uint64_t now = vsu_now_ns();

	if (!mon->kill_ns)
		return -1;
	return mon->kill_ns <= now ? 0 : (int)((mon->kill_ns - now) / 1000000 + 1);
}

static void fill_poll(const struct monitor *mon, struct pollfd *p)
{
	int i;

	p[POLL_MACHINE] = (struct pollfd){ .fd = oci_machine_fd(mon->machine), .events = POLLIN };
	p[POLL_SIGNALS] = (struct pollfd){ .fd = mon->signals, .events = POLLIN };
	p[POLL_LISTENER] = (struct pollfd){ .fd = mon->listener, .events = POLLIN };
	/* nothing is sent there: an event is the end of create */
	p[POLL_READY] = (struct pollfd){ .fd = mon->phase < PHASE_CREATED ? mon->config->ready : -1, .events = POLLIN };
	for (i = 0; i < MAX_CLIENTS; i++)
		p[POLL_CLIENTS + i] = (struct pollfd){ .fd = mon->clients[i].fd, .events = POLLIN };
}

static void serve_clients(struct monitor *mon, const struct pollfd *p)
{
	int i;

	for (i = 0; i < MAX_CLIENTS && mon->phase != PHASE_ENDED; i++) {
		if (p[POLL_CLIENTS + i].revents && mon->clients[i].fd == p[POLL_CLIENTS + i].fd)
			serve_client(mon, &mon->clients[i]);
		if (mon->clients[i].process)
			serve_exec(mon, &mon->clients[i]);
	}
}

static void serve_machine(struct monitor *mon)
{
	if (!oci_machine_dispatch(mon->machine, &mon->why)) {
		if (mon->kill_ns)
			end_monitor(mon, STATUS_KILLED);
		else
			fail_monitor(mon);
		return;
	}
	if (mon->phase == PHASE_BOOTS && vagent_guest_is_ready(oci_machine_agent(mon->machine)))
		prepare_first(mon);
	if (mon->first && mon->phase != PHASE_ENDED)
		serve_first(mon);
}

static void turn_monitor(struct monitor *mon)
{
	struct pollfd p[POLL_MAX];

	fill_poll(mon, p);
	if (poll(p, POLL_MAX, wait_ms(mon)) < 0)
		return;
	if (p[POLL_READY].revents) {
		vsu_error_set(&mon->why, -ECONNRESET, "the command 'create' has ended");
		fail_monitor(mon);
		return;
	}
	if (p[POLL_MACHINE].revents)
		serve_machine(mon);
	if (mon->phase != PHASE_ENDED && p[POLL_SIGNALS].revents)
		take_signal(mon);
	if (mon->phase != PHASE_ENDED && p[POLL_LISTENER].revents)
		accept_client(mon);
	serve_clients(mon, p);
	if (mon->phase != PHASE_ENDED && mon->kill_ns && vsu_now_ns() >= mon->kill_ns)
		end_monitor(mon, STATUS_KILLED);
}

/* --------------------------------------------------------------------------- all */

static int lay_out_files(struct monitor *mon, char *share, struct vsu_error *err)
{
	const struct oci_monitor_config *c = mon->config;
	int rc = oci_layout_enter(err);

	snprintf(share, OCI_STATE_PATH * 2, "%s/%s/" SHARE_NAME, c->root, c->state->id);
	return rc < 0 ? rc : oci_layout_make(&mon->layout, mon->spec, c->state->bundle, share, err);
}

/* A new namespace has no interfaces, unless a hook makes some. */
static int enter_network(const struct monitor *mon, struct vsu_error *err)
{
	const struct oci_namespace *n = oci_spec_namespace(mon->spec, OCI_NAMESPACE_NETWORK);

	if (n && n->path)
		return oci_network_enter(n->path, err);
	return unshare(CLONE_NEWNET) < 0 ? vsu_error_sys(err, -errno, "cannot make a network namespace") : 0;
}

/* create runs hooks in the namespaces of the engine, and answers. */
static int await_hooks(const struct monitor *mon, struct vsu_error *err)
{
	struct oci_message m = { .op = OCI_OP_HOOKS };

	if (!mon->spec->hooks[OCI_PRESTART].n && !mon->spec->hooks[OCI_CREATE_RUNTIME].n)
		return 0;
	return oci_wire_call(mon->config->ready, &m, NULL, 0, -1, err);
}

static int connect_network(struct monitor *mon, struct vsu_error *err)
{
	int rc = enter_network(mon, err);

	rc = rc < 0 ? rc : await_hooks(mon, err);
	rc = rc < 0 ? rc : oci_hooks_run(mon->spec, OCI_CREATE_CONTAINER, mon->config->state, err);
	rc = rc < 0 ? rc : oci_network_read(&mon->network, err);
	return rc < 0 ? rc : oci_network_redirect(&mon->network, err);
}

static int begin_machine(struct monitor *mon, const char *share, struct vsu_error *err)
{
	const struct oci_settings *s = mon->config->settings;
	const struct oci_machine_config c = {
		.settings = s, .share = share, .network = &mon->network,
		.memory = oci_settings_memory(s, &mon->spec->resources), .cpus = oci_settings_cpus(s, &mon->spec->resources),
	};

	const int rc = oci_machine_new(&c, &mon->machine, err);

	oci_network_close(&mon->network);
	return rc;
}

static int begin_monitor(struct monitor *mon)
{
	char share[OCI_STATE_PATH * 2];
	int rc = oci_seccomp_compile(&mon->spec->seccomp, &mon->filter, &mon->why);

	rc = rc < 0 ? rc : oci_cgroup_enter(mon->config->state->cgroup, &mon->spec->resources, &mon->why);
	rc = rc < 0 ? rc : lay_out_files(mon, share, &mon->why);
	rc = rc < 0 ? rc : connect_network(mon, &mon->why);
	if (!rc)
		rc = mon->signals = watch_signals(&mon->why);
	if (rc >= 0)
		rc = mon->listener = oci_wire_listen(mon->config->folder, &mon->why);
	if (rc >= 0)
		rc = mon->status_file = oci_status_open(mon->config->folder, &mon->why);
	rc = rc < 0 ? rc : begin_machine(mon, share, &mon->why);
	rc = rc < 0 ? rc : oci_monitor_confine(mon->config->settings->emulate ? NULL : share, &mon->remark, &mon->why);
	return rc < 0 ? rc : oci_machine_start(mon->machine, &mon->why);
}

static void free_monitor(struct monitor *mon)
{
	int i;

	for (i = 0; i < MAX_CLIENTS; i++)
		close_client(mon, &mon->clients[i]);
	vagent_process_free(mon->first);
	oci_machine_free(mon->machine);
	oci_layout_free(&mon->layout);
	oci_filter_free(&mon->filter);
}

void oci_monitor_run(const struct oci_monitor_config *c)
{
	static struct monitor mon;
	int i;

	mon = (struct monitor){ .config = c, .spec = c->state->spec, .listener = -1, .signals = -1, .status_file = -1 };
	for (i = 0; i < MAX_CLIENTS; i++)
		mon.clients[i].fd = -1;
	c->state->pid = getpid();
	if (begin_monitor(&mon) < 0)
		fail_monitor(&mon);
	while (mon.phase != PHASE_ENDED)
		turn_monitor(&mon);
	free_monitor(&mon);
	_exit(mon.status);
}
