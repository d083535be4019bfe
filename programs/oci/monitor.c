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
#include <sys/mount.h>
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
#include "oci/members.h"
#include "oci/monitor.h"
#include "oci/monitor_confinement.h"
#include "oci/network.h"
#include "oci/pod.h"
#include "oci/stand_in.h"
#include "oci/wire.h"
#include "oci/workload.h"
#include "places.h"

#define MAX_CLIENTS 256
#define STATUS_FAILED 125
#define STATUS_KILLED (128 + SIGKILL)
#define SHARE_NAME "share"

enum phase {
	PHASE_CREATES,
	PHASE_SERVES,		/* the container was created */
	PHASE_ENDED,
};

struct monitor {
	const struct oci_monitor_config *config;
	const struct oci_spec *spec;
	enum phase phase;
	struct oci_network network;
	struct oci_machine *machine;
	struct oci_workload own; /* the container whose machine it is */
	struct oci_members members;
	struct oci_client clients[MAX_CLIENTS];
	uint64_t arrivals;	/* of clients */
	struct oci_client *lister; /* NULL, or the client that waits for a list */
	struct oci_client *measurer; /* NULL, or the client that waits for the usage of one */
	struct oci_client gone;	/* stands for a closed client until the guest has replied */
	struct oci_status_page *page;
	int listener, signals;
	int group;		/* the control group is this process's while it is open */
	bool paused;
	const char *remark;	/* NULL, or a sentence for the user of "create" */
	int status;		/* the exit status of this process */
	struct vsu_error why;	/* the failure that ends the monitor */
};

/* --------------------------------------------------------------------- messages */

/* The process of "create" waits for this message. */
static void report_ready(struct monitor *mon, int rc)
{
	const char *text = rc < 0 ? mon->why.msg : mon->remark;
	struct oci_message m = { .rc = rc };

	snprintf(m.text, sizeof(m.text), "%s", text ? text : "");
	(void)!oci_wire_send(mon->config->ready, &m, NULL, 0);	/* its end is noticed next */
}

/* A failure before the container was created is that of "create". */
static void end_monitor(struct monitor *mon, int status)
{
	mon->status = status;
	mon->phase = PHASE_ENDED;
}

static void fail_monitor(struct monitor *mon)
{
	if (mon->phase == PHASE_CREATES)
		report_ready(mon, mon->why.code ? mon->why.code : -EIO);
	else
		oci_status_fail(mon->page, mon->why.msg);
	end_monitor(mon, STATUS_FAILED);
}

static void write_status(struct monitor *mon, enum oci_status status)
{
	mon->config->state->status = status;
	oci_status_write(mon->page, status);
}

/* ---------------------------------------------------------------- first process */

static void prepare_first(struct monitor *mon)
{
	if (oci_workload_prepare(&mon->own, oci_machine_agent(mon->machine), mon->config->streams, &mon->why) < 0)
		fail_monitor(mon);
}

static void finish_create(struct monitor *mon)
{
	oci_stand_in_release_streams();
	write_status(mon, OCI_CREATED);
	mon->phase = PHASE_SERVES;
	report_ready(mon, 0);
}

static void finish_start(struct monitor *mon)
{
	write_status(mon, OCI_RUNNING);
	oci_workload_answer(&mon->own);
}

static void finish_first(struct monitor *mon)
{
	const int status = oci_workload_status(&mon->own, &mon->why);

	if (mon->phase == PHASE_CREATES) {
		fail_monitor(mon);
		return;
	}
	oci_workload_answer(&mon->own);
	end_monitor(mon, status);
}

static void serve_first(struct monitor *mon)
{
	if (!oci_workload_serve(&mon->own))
		return;
	if (mon->own.phase == OCI_PREPARED)
		finish_create(mon);
	else if (mon->own.phase == OCI_RUNS)
		finish_start(mon);
	else if (mon->own.phase == OCI_ENDED)
		finish_first(mon);
}

/* ----------------------------------------------------------------------- clients */

static void close_client(struct monitor *mon, struct oci_client *client)
{
	if (mon->own.starter == client)
		mon->own.starter = NULL;
	if (mon->lister == client)
		mon->lister = &mon->gone;
	if (mon->measurer == client)
		mon->measurer = &mon->gone;
	oci_members_disconnect(&mon->members, client);
	vagent_process_free(client->process);
	client->process = NULL;
	vsu_fd_close(&client->fd);
}

/* The container of a request, or NULL if it has ended or belongs to another machine. */
static struct oci_workload *find_workload(struct monitor *mon, const struct oci_message *m, struct vsu_error *err)
{
	struct oci_workload *w = *m->text ? oci_members_find(&mon->members, m->text) : &mon->own;

	if (!w)
		vsu_error_set(err, -ESRCH, "container not running: '%.255s'", m->text);
	return w;
}

static void start_container(struct monitor *mon, struct oci_client *client, const struct oci_message *m)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_workload *w = find_workload(mon, m, &err);

	if (w)
		oci_workload_start(w, client);
	else
		oci_client_answer(client, m->op, -ESRCH, &err);
}

static void signal_container(struct monitor *mon, struct oci_client *client, const struct oci_message *m)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_workload *w = client->process ? NULL : find_workload(mon, m, &err);
	int rc = -ESRCH;

	if (client->process)
		rc = vagent_process_signal(client->process, (int)m->first, false, &err);
	else if (w)
		rc = oci_workload_signal(w, (int)m->first, m->second == 1, &err);
	oci_client_answer(client, OCI_OP_SIGNAL, rc, &err);
}

static void begin_exec(struct monitor *mon, struct oci_client *client, const struct oci_message *m,
		       const int *fds, unsigned int n)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_workload *w = find_workload(mon, m, &err);
	int rc = w ? 0 : -ESRCH;

	if (!rc && (n != 1 + OCI_WIRE_STREAMS || client->process))
		rc = vsu_error_set(&err, -EBADMSG, "exec: a document and three streams are required");
	rc = rc < 0 ? rc : oci_workload_exec(w, client, fds, &err);
	if (rc < 0)
		oci_client_answer(client, OCI_OP_EXEC, rc, &err);
}

/* The reply follows when its process was prepared. */
static void join_member(struct monitor *mon, struct oci_client *client, const struct oci_message *m,
			const int *fds, unsigned int n)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = 0;

	if (mon->phase != PHASE_SERVES)
		rc = vsu_error_set(&err, -EAGAIN, "the sandbox of the pod is not created yet");
	else if (n != OCI_JOIN_FDS || !*m->text || client->process)
		rc = vsu_error_set(&err, -EBADMSG, "join: an id, a configuration and three streams are required");
	rc = rc < 0 ? rc : oci_members_join(&mon->members, oci_machine_agent(mon->machine), client, m, fds, &err);
	if (rc < 0)
		oci_client_answer(client, OCI_OP_JOIN, rc, &err);
}

/* The process can have started and ended since the client was last served. */
static void finish_exec(struct monitor *mon, struct oci_client *client)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct oci_message m = { .op = OCI_OP_ENDED };
	const int status = oci_container_status(client->process, client->program, &why);
	const bool could_start = oci_container_could_start(client->process);

	if (!client->answered)
		oci_client_answer(client, OCI_OP_EXEC, could_start ? 0 : why.code < 0 ? why.code : -EIO, &why);
	if (client->answered || could_start) {
		m.first = (uint32_t)status;
		(void)!oci_wire_send(client->fd, &m, NULL, 0);
	}
	close_client(mon, client);
}

static void serve_exec(struct monitor *mon, struct oci_client *client)
{
	const enum vagent_process_state state = vagent_process_state(client->process);
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (state == VAGENT_WAITING) {
		rc = vagent_process_start(client->process, &err);
		if (rc < 0) {
			oci_client_answer(client, OCI_OP_EXEC, rc, &err);
			close_client(mon, client);
		}
	} else if (state == VAGENT_EXECUTED && !client->answered) {
		client->answered = true;
		oci_client_answer(client, OCI_OP_EXEC, 0, NULL);
	} else if (state == VAGENT_FINISHED) {
		finish_exec(mon, client);
	}
}

/* Their ends precede that of the container, but can arrive together with it. */
static void finish_execs(struct monitor *mon)
{
	int i;

	for (i = 0; i < MAX_CLIENTS; i++)
		if (mon->clients[i].process && vagent_process_state(mon->clients[i].process) == VAGENT_FINISHED)
			finish_exec(mon, &mon->clients[i]);
}

static void on_list(void *opaque, const uint32_t *pids, unsigned int n)
{
	struct oci_message m = { .op = OCI_OP_LIST, .npids = n > OCI_WIRE_PIDS ? OCI_WIRE_PIDS : n };
	struct monitor *mon = opaque;

	memcpy(m.pids, pids, m.npids * sizeof(*pids));
	if (mon->lister->fd >= 0 && oci_wire_send(mon->lister->fd, &m, NULL, 0) < 0)
		close_client(mon, mon->lister);
	mon->lister = NULL;
}

static void list_processes(struct monitor *mon, struct oci_client *client, const struct oci_message *m)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_workload *w = find_workload(mon, m, &err);
	int rc = w ? 0 : -ESRCH;

	if (mon->lister)
		rc = vsu_error_set(&err, -EBUSY, "another command lists the processes");
	rc = rc < 0 ? rc : vagent_guest_list(oci_machine_agent(mon->machine), w->number, on_list, mon, &err);
	if (rc < 0)
		oci_client_answer(client, OCI_OP_LIST, rc, &err);
	else
		mon->lister = client;
}

static void on_usage(void *opaque, const struct vagent_usage *usage)
{
	const struct oci_message m = { .op = OCI_OP_MEASURE, .usage = *usage };
	struct monitor *mon = opaque;

	if (mon->measurer->fd >= 0 && oci_wire_send(mon->measurer->fd, &m, NULL, 0) < 0)
		close_client(mon, mon->measurer);
	mon->measurer = NULL;
}

static void measure_container(struct monitor *mon, struct oci_client *client, const struct oci_message *m)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_workload *w = find_workload(mon, m, &err);
	int rc = w ? 0 : -ESRCH;

	if (mon->measurer)
		rc = vsu_error_set(&err, -EBUSY, "another command measures a container of this machine");
	rc = rc < 0 ? rc : vagent_guest_measure(oci_machine_agent(mon->machine), w->number, on_usage, mon, &err);
	if (rc < 0)
		oci_client_answer(client, OCI_OP_MEASURE, rc, &err);
	else
		mon->measurer = client;
}

static void pause_container(struct monitor *mon, struct oci_client *client, bool paused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = 0;

	if (mon->own.phase != OCI_RUNS || mon->paused == paused)
		rc = vsu_error_set(&err, -EINVAL, "the container is not %s", paused ? "running" : "paused");
	rc = rc < 0 ? rc : oci_machine_pause(mon->machine, paused, &err);
	if (!rc) {
		mon->paused = paused;
		write_status(mon, paused ? OCI_PAUSED : OCI_RUNNING);
	}
	/* the clock of a guest stands still while its machine is paused; an agent that does not read keeps it so */
	if (!rc && !paused)
		(void)!vagent_guest_set_clock(oci_machine_agent(mon->machine), NULL);
	oci_client_answer(client, paused ? OCI_OP_PAUSE : OCI_OP_RESUME, rc, &err);
}

static void serve_request(struct monitor *mon, struct oci_client *client, const struct oci_message *m,
			  const int *fds, unsigned int n)
{
	struct vsu_error err = VSU_ERROR_INIT;

	switch (m->op) {
	case OCI_OP_START:
		start_container(mon, client, m);
		break;
	case OCI_OP_SIGNAL:
		signal_container(mon, client, m);
		break;
	case OCI_OP_EXEC:
		begin_exec(mon, client, m, fds, n);
		break;
	case OCI_OP_JOIN:
		join_member(mon, client, m, fds, n);
		break;
	case OCI_OP_SIZE:
		if (client->process)
			(void)!vagent_process_resize(client->process, m->first, m->second, NULL);
		break;
	case OCI_OP_LIST:
		list_processes(mon, client, m);
		break;
	case OCI_OP_MEASURE:
		measure_container(mon, client, m);
		break;
	case OCI_OP_PAUSE:
	case OCI_OP_RESUME:
		pause_container(mon, client, m->op == OCI_OP_PAUSE);
		break;
	default:
		vsu_error_set(&err, -EOPNOTSUPP, "the monitor of the container is of another version");
		oci_client_answer(client, m->op, -EOPNOTSUPP, &err);
	}
}

static void serve_client(struct monitor *mon, struct oci_client *client)
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
static enum prog_place_use use_of(const struct monitor *mon, const struct oci_client *c)
{
	if (c->process || c == mon->own.starter || c == mon->lister || c == mon->measurer || oci_members_use(&mon->members, c))
		return PROG_PLACE_BUSY;
	return c->fd < 0 ? PROG_PLACE_FREE : PROG_PLACE_IDLE;
}

/* NULL: each client waits for the guest. */
static struct oci_client *find_place(struct monitor *mon)
{
	struct prog_place places[MAX_CLIENTS];
	int i;

	for (i = 0; i < MAX_CLIENTS; i++)
		places[i] = (struct prog_place){ use_of(mon, &mon->clients[i]), mon->clients[i].arrival };
	i = prog_place_find(places, MAX_CLIENTS);
	return i < 0 ? NULL : &mon->clients[i];
}

static void accept_client(struct monitor *mon)
{
	int fd = vsu_sock_accept(mon->listener);
	struct oci_client *c = fd < 0 ? NULL : find_place(mon);

	if (!c) {
		vsu_fd_close(&fd);
		return;
	}
	close_client(mon, c);
	*c = (struct oci_client){ .fd = fd, .arrival = mon->arrivals++ };
}

/* ----------------------------------------------------------------------- signals */

/* The engine has changed the size of the other side. */
static void resize_terminal(struct monitor *mon)
{
	struct winsize size;

	if (mon->spec->process.terminal && mon->own.first && !ioctl(mon->config->streams[0], TIOCGWINSZ, &size) && size.ws_row)
		(void)!vagent_process_resize(mon->own.first, size.ws_row, size.ws_col, NULL);
}

/* A signal to this process is for the container's. Before it is created, it ends the monitor. */
static void take_signal(struct monitor *mon)
{
	struct signalfd_siginfo info;

	if (read(mon->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		resize_terminal(mon);
	} else if (mon->phase == PHASE_CREATES) {
		vsu_error_set(&mon->why, -EINTR, "signal %u ended the monitor", info.ssi_signo);
		fail_monitor(mon);
	} else {
		(void)!oci_workload_signal(&mon->own, (int)info.ssi_signo, false, NULL);
	}
}

/* -------------------------------------------------------------------------- loop */

enum { POLL_MACHINE, POLL_SIGNALS, POLL_LISTENER, POLL_READY, POLL_CLIENTS };
#define POLL_MAX (POLL_CLIENTS + MAX_CLIENTS)

static int wait_ms(const struct monitor *mon)
{
	const uint64_t now = vsu_now_ns(), members = oci_members_deadline(&mon->members);
	uint64_t next = mon->own.kill_ns;

	if (members && (!next || members < next))
		next = members;
	if (!next)
		return -1;
	return next <= now ? 0 : (int)((next - now) / 1000000 + 1);
}

static void fill_poll(const struct monitor *mon, struct pollfd *p)
{
	int i;

	p[POLL_MACHINE] = (struct pollfd){ .fd = oci_machine_fd(mon->machine), .events = POLLIN };
	p[POLL_SIGNALS] = (struct pollfd){ .fd = mon->signals, .events = POLLIN };
	p[POLL_LISTENER] = (struct pollfd){ .fd = mon->listener, .events = POLLIN };
	/* nothing is sent there: an event is the end of create */
	p[POLL_READY] = (struct pollfd){ .fd = mon->phase == PHASE_CREATES ? mon->config->ready : -1, .events = POLLIN };
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
		if (mon->own.kill_ns)
			end_monitor(mon, STATUS_KILLED);
		else
			fail_monitor(mon);
		return;
	}
	if (mon->own.phase == OCI_BOOTS && vagent_guest_is_ready(oci_machine_agent(mon->machine)))
		prepare_first(mon);
	if (mon->own.first && mon->phase != PHASE_ENDED)
		serve_first(mon);
	if (mon->own.phase == OCI_ENDED)
		finish_execs(mon);
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
	oci_members_serve(&mon->members);
	if (mon->phase != PHASE_ENDED && mon->own.kill_ns && vsu_now_ns() >= mon->own.kill_ns)
		end_monitor(mon, STATUS_KILLED);
}

/* --------------------------------------------------------------------------- all */

static int lay_out_files(struct monitor *mon, char *share, struct vsu_error *err)
{
	const struct oci_monitor_config *c = mon->config;
	int rc = oci_layout_enter(err);

	snprintf(share, OCI_STATE_PATH * 2, "%s/%s/" SHARE_NAME, c->root, c->state->id);
	rc = rc < 0 ? rc : oci_layout_make(mon->spec, c->state->bundle, share, err);
	rc = rc < 0 ? rc : oci_layout_describe(&mon->own.layout, mon->spec, NULL, err);
	/* programs of this machine have copies of the folder, which receive those of members */
	if (!rc && mount(NULL, share, NULL, MS_SHARED, NULL) < 0)
		rc = vsu_error_sys(err, -errno, "cannot share the folder '%s'", share);
	return rc;
}

/* Members of a pod name the namespaces of this process. */
static int enter_namespaces(const struct monitor *mon, struct vsu_error *err)
{
	static const struct {
		enum oci_namespace_kind kind;
		int flag;
	} kinds[] = {
		{ OCI_NAMESPACE_NETWORK, CLONE_NEWNET }, { OCI_NAMESPACE_IPC, CLONE_NEWIPC }, { OCI_NAMESPACE_UTS, CLONE_NEWUTS },
	};
	const struct oci_namespace *n;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		n = oci_spec_namespace(mon->spec, kinds[i].kind);
		if (n && n->path)
			rc = oci_namespace_enter(n->path, kinds[i].flag, err);
		else if (unshare(kinds[i].flag) < 0)
			rc = vsu_error_sys(err, -errno, "cannot make a namespace");
	}
	return rc;
}

/* create runs hooks in the namespaces of the engine, and answers. */
static int await_hooks(const struct oci_monitor_config *c, struct vsu_error *err)
{
	struct oci_message m = { .op = OCI_OP_HOOKS };

	if (!c->state->spec->hooks[OCI_PRESTART].n && !c->state->spec->hooks[OCI_CREATE_RUNTIME].n)
		return 0;
	return oci_wire_call(c->ready, &m, NULL, 0, -1, err);
}

int oci_monitor_run_hooks(const struct oci_monitor_config *c, struct vsu_error *err)
{
	const int rc = await_hooks(c, err);

	return rc < 0 ? rc : oci_hooks_run(c->state->spec, OCI_CREATE_CONTAINER, c->state, err);
}

static int connect_network(struct monitor *mon, struct vsu_error *err)
{
	int rc = enter_namespaces(mon, err);

	rc = rc < 0 ? rc : oci_monitor_run_hooks(mon->config, err);
	rc = rc < 0 ? rc : oci_network_read(&mon->network, err);
	return rc < 0 ? rc : oci_network_redirect(&mon->network, err);
}

static int begin_machine(struct monitor *mon, const char *share, struct vsu_error *err)
{
	const struct oci_settings *s = mon->config->settings;
	const struct oci_resources r = oci_pod_resources(mon->spec);
	const struct oci_machine_config c = {
		.settings = s, .share = share, .network = &mon->network, .report = mon->config->report,
		.memory = oci_settings_memory(s, &r), .cpus = oci_settings_cpus(s, &r),
	};
	int rc = s->emulate ? 0 : oci_monitor_separate(err);

	rc = rc < 0 ? rc : oci_machine_new(&c, &mon->machine, err);
	oci_network_close(&mon->network);
	return rc;
}

static int begin_monitor(struct monitor *mon)
{
	char share[OCI_STATE_PATH * 2];
	const struct oci_monitor_files files = { mon->spec, share, !mon->config->settings->emulate };
	int rc = oci_seccomp_compile(&mon->spec->seccomp, &mon->own.filter, &mon->why);

	rc = rc < 0 ? rc : oci_cgroup_enter(mon->config->root, mon->config->state, &mon->spec->resources, &mon->group, &mon->why);
	rc = rc < 0 ? rc : lay_out_files(mon, share, &mon->why);
	rc = rc < 0 ? rc : connect_network(mon, &mon->why);
	if (!rc)
		rc = mon->signals = oci_stand_in_watch_signals(&mon->why);
	if (rc >= 0)
		rc = mon->listener = oci_wire_listen(mon->config->folder, &mon->why);
	rc = rc < 0 ? rc : oci_status_open(mon->config->folder, &mon->page, &mon->why);
	close(mon->config->folder);	/* the share is the only folder that stays open */
	rc = rc < 0 ? rc : begin_machine(mon, share, &mon->why);
	oci_report_close(mon->config->report);	/* a guest that controls this process could fill its file */
	rc = rc < 0 ? rc : oci_monitor_confine(&files, &mon->remark, &mon->why);
	return rc < 0 ? rc : oci_machine_start(mon->machine, &mon->why);
}

static void free_monitor(struct monitor *mon)
{
	int i;

	for (i = 0; i < MAX_CLIENTS; i++)
		close_client(mon, &mon->clients[i]);
	oci_workload_fini(&mon->own);
	oci_machine_free(mon->machine);
}

void oci_monitor_run(const struct oci_monitor_config *c)
{
	static struct monitor mon;
	int i;

	mon = (struct monitor){ .config = c, .spec = c->state->spec, .own.spec = c->state->spec, .gone.fd = -1, .listener = -1, .signals = -1, .group = -1 };
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
