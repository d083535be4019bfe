/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands for the monitor of a container: start, kill, delete, ps, pause and resume. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/option_place.h>
#include <vmm-sys-util/parse.h>

#include "oci/commands.h"
#include "oci/hooks.h"
#include "oci/member.h"
#include "oci/pod.h"
#include "oci/wire.h"
#include "oci/workload.h"

#define ANSWER_MS 10000
#define START_MS 120000
/* A monitor that was killed ends when the kernel has freed its memory. */
#define END_MS 30000
/* A monitor that has accepted SIGKILL gives up its guest before. */
#define ACCEPTED_MS (OCI_KILL_MS + 1000)

/* ----------------------------------------------------------------------- options */

enum { KILL_ALL, KILL_ID, KILL_SIGNAL };
const struct vsu_option oci_kill_rows[] = {
	[KILL_ALL] = { .name = "all", .kind = VSU_OPTION_FLAG, .letter = 'a', .help = "to all processes of the container" },
	[KILL_ID] = { .name = "ID", .kind = VSU_OPTION_OPERAND },
	[KILL_SIGNAL] = { .name = "SIGNAL", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

enum { DELETE_FORCE, DELETE_ID };
const struct vsu_option oci_delete_rows[] = {
	[DELETE_FORCE] = { .name = "force", .kind = VSU_OPTION_FLAG, .letter = 'f', .help = "kill a container that runs" },
	[DELETE_ID] = { .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

enum { UPDATE_RESOURCES, UPDATE_ID };
const struct vsu_option oci_update_rows[] = {
	[UPDATE_RESOURCES] = { .name = "resources", .kind = VSU_OPTION_STRING, .letter = 'r', .arg = "FILE",
			       .help = "the limits, as linux.resources in config.json; -: from standard input" },
	[UPDATE_ID] = { .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

enum { PS_FORMAT, PS_ID };
static const char *const formats[] = { "table", "json", NULL };
const struct vsu_option oci_ps_rows[] = {
	[PS_FORMAT] = { .name = "format", .kind = VSU_OPTION_CHOICE, .choices = formats, .preset = "table", .help = "form of the list" },
	[PS_ID] = { .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

static const struct vsu_option id_rows[] = {
	{ .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

struct control_options {
	const char *id, *signal, *resources;
	int format;
	bool all, force;
};

static const struct vsu_place kill_places[] = {
	[KILL_ALL] = VSU_PLACE(struct control_options, all),
	[KILL_ID] = VSU_PLACE(struct control_options, id),
	[KILL_SIGNAL] = VSU_PLACE(struct control_options, signal),
};
static const struct vsu_place delete_places[] = {
	[DELETE_FORCE] = VSU_PLACE(struct control_options, force),
	[DELETE_ID] = VSU_PLACE(struct control_options, id),
};
static const struct vsu_place update_places[] = {
	[UPDATE_RESOURCES] = VSU_PLACE(struct control_options, resources),
	[UPDATE_ID] = VSU_PLACE(struct control_options, id),
};
static const struct vsu_place ps_places[] = {
	[PS_FORMAT] = VSU_PLACE(struct control_options, format),
	[PS_ID] = VSU_PLACE(struct control_options, id),
};
static const struct vsu_place id_places[] = { VSU_PLACE(struct control_options, id) };

struct parsing {
	const struct vsu_place *places;
	struct control_options options;
};

static int store_option(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	struct parsing *p = opaque;

	(void)err;
	vsu_place_store(&p->places[index], &p->options, value);
	return 0;
}

static int parse_options(struct control_options *o, const struct vsu_option *rows, const struct vsu_place *places,
			 int argc, char **argv, struct vsu_error *err)
{
	struct parsing p = { .places = places };
	const int rc = vsu_option_parse_argv(rows, argc, argv, store_option, &p, NULL, err);

	*o = p.options;
	return rc < 0 || o->id ? rc : vsu_error_set(err, -EINVAL, "%s: the id of a container is missing", argv[0]);
}

/* ----------------------------------------------------------------------- monitor */

struct target {
	const char *root;	/* folder of all containers */
	int folder;
	struct oci_state state;
};

static int open_target(struct target *t, const char *root, const char *id, struct vsu_error *err)
{
	t->root = root;
	t->folder = oci_state_open(root, id, err);
	return t->folder < 0 ? t->folder : oci_state_read(root, t->folder, id, &t->state, err);
}

static void close_target(struct target *t)
{
	oci_state_fini(&t->state);
	vsu_fd_close(&t->folder);
}

static int call_monitor(const struct target *t, struct oci_message *m, int ms, struct vsu_error *err)
{
	int rc, sock = t->state.status == OCI_STOPPED ?
		vsu_error_set(err, -ESRCH, "container not running: '%s'", t->state.id) :
		oci_pod_connect(t->root, t->folder, &t->state, m, err);

	if (sock < 0)
		return sock;
	rc = oci_wire_call(sock, m, NULL, 0, ms, err);
	vsu_fd_close(&sock);
	return rc;
}

/* "pause" and "resume": of the machine. */
static int pause_machine(struct oci_context *c, int argc, char **argv, enum oci_op op)
{
	struct oci_message m = { .op = op };
	struct vsu_error err = VSU_ERROR_INIT;
	struct target t = { .folder = -1 };
	struct control_options o;
	int rc = parse_options(&o, id_rows, id_places, argc, argv, &err);

	rc = rc < 0 ? rc : open_target(&t, c->root, o.id, &err);
	if (!rc && oci_pod_sandbox(t.state.spec))
		rc = vsu_error_set(&err, -EOPNOTSUPP, "container '%s' is a member of a pod, whose machine stops only by its sandbox '%s'", o.id, oci_pod_sandbox(t.state.spec));
	rc = rc < 0 ? rc : call_monitor(&t, &m, ANSWER_MS, &err);
	close_target(&t);
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}

/* With the state after the command, and the configuration of "create". */
static void run_hooks(struct oci_context *c, const struct target *t, enum oci_moment moment, enum oci_status status)
{
	struct oci_state state = t->state;
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_spec *spec = NULL;

	state.status = status;
	if (!oci_state_load_config(c->root, t->state.id, &spec, &err))
		oci_hooks_run_all(spec, moment, &state, &c->report);
	oci_spec_free(spec);
}

/* The monitor of a pod cannot change files of its members. */
static void mark_member(struct oci_context *c, const struct target *t)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (oci_pod_sandbox(t->state.spec) && oci_status_mark(t->folder, OCI_RUNNING, &err) < 0)
		oci_report_line(&c->report, OCI_REPORT_WARNING, "%s", err.msg);
}

int oci_start(struct oci_context *c, int argc, char **argv)
{
	struct oci_message m = { .op = OCI_OP_START };
	struct vsu_error err = VSU_ERROR_INIT;
	struct target t = { .folder = -1 };
	struct control_options o;
	int rc = parse_options(&o, id_rows, id_places, argc, argv, &err);

	rc = rc < 0 ? rc : open_target(&t, c->root, o.id, &err);
	rc = rc < 0 ? rc : call_monitor(&t, &m, START_MS, &err);
	if (!rc) {
		mark_member(c, &t);
		run_hooks(c, &t, OCI_POSTSTART, OCI_RUNNING);
	}
	close_target(&t);
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}

int oci_pause(struct oci_context *c, int argc, char **argv)
{
	return pause_machine(c, argc, argv, OCI_OP_PAUSE);
}

int oci_resume(struct oci_context *c, int argc, char **argv)
{
	return pause_machine(c, argc, argv, OCI_OP_RESUME);
}

/* -------------------------------------------------------------------------- kill */

/* The numbers of x86 and of arm64 are equal. */
static const char *const signal_names[] = {
	[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT", [SIGILL] = "ILL", [SIGTRAP] = "TRAP",
	[SIGABRT] = "ABRT", [SIGBUS] = "BUS", [SIGFPE] = "FPE", [SIGKILL] = "KILL", [SIGUSR1] = "USR1",
	[SIGSEGV] = "SEGV", [SIGUSR2] = "USR2", [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
	[SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD", [SIGCONT] = "CONT", [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
	[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU", [SIGURG] = "URG", [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
	[SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH", [SIGIO] = "IO", [SIGPWR] = "PWR",
	[SIGSYS] = "SYS",
};
#define MAX_SIGNAL 64

static int find_signal(const char *text, struct vsu_error *err)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	uint64_t number;
	unsigned int i;

	if (!vsu_parse_u64(text, &number) && number && number <= MAX_SIGNAL)
		return (int)number;
	for (i = 1; i < sizeof(signal_names) / sizeof(signal_names[0]); i++)
		if (signal_names[i] && !strcasecmp(name, signal_names[i]))
			return (int)i;
	return vsu_error_set(err, -EINVAL, "kill: '%s' is not a signal", text);
}

/* Kills the monitor, and with it the machine, unless it ends within ms by itself. */
static int kill_monitor(const struct oci_state *s, int ms, struct vsu_error *err)
{
	int fd = oci_state_open_monitor(s), rc = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return fd == -ESRCH ? 0 : vsu_error_sys(err, fd, "cannot open the process of container '%s'", s->id);
	if (poll(&p, 1, ms) != 1 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		rc = vsu_error_sys(err, -errno, "cannot kill the process of container '%s'", s->id);
	if (!rc && poll(&p, 1, END_MS) != 1)
		rc = vsu_error_set(err, -ETIMEDOUT, "the process of container '%s' does not end", s->id);
	vsu_fd_close(&fd);
	return rc;
}

/* SIGKILL must work even if the monitor does not answer, or does not do as it answers. */
static int kill_container(const struct target *t, int number, bool all, struct vsu_error *err)
{
	struct oci_message m = { .op = OCI_OP_SIGNAL, .first = (uint32_t)number, .second = all };
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = call_monitor(t, &m, ANSWER_MS, &why);

	if (number == SIGKILL && t->state.status != OCI_STOPPED)
		return kill_monitor(&t->state, rc < 0 ? 0 : ACCEPTED_MS, err);
	return rc < 0 ? vsu_error_set(err, rc, "%s", why.msg) : 0;
}

int oci_kill(struct oci_context *c, int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct target t = { .folder = -1 };
	struct control_options o;
	int number = SIGTERM, rc = parse_options(&o, oci_kill_rows, kill_places, argc, argv, &err);

	if (!rc && o.signal)
		rc = number = find_signal(o.signal, &err);
	rc = rc < 0 ? rc : open_target(&t, c->root, o.id, &err);
	rc = rc < 0 ? rc : kill_container(&t, number, o.all, &err);
	close_target(&t);
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}

/* ------------------------------------------------------------------------ delete */

/* A group that others use as well remains. */
static int remove_group(struct oci_context *c, const struct oci_state *s, struct vsu_error *err)
{
	const int rc = oci_cgroup_remove(c->root, s, err);

	if (rc == -EBUSY)
		oci_report_line(&c->report, OCI_REPORT_WARNING, "%s", err->msg);
	return rc == -EBUSY ? 0 : rc;
}

static int delete_container(struct oci_context *c, const struct control_options *o, struct target *t, struct vsu_error *err)
{
	int rc = open_target(t, c->root, o->id, err);

	rc = rc < 0 ? rc : oci_state_lock(t->folder, o->id, err);
	if (!rc) {
		oci_state_fini(&t->state);	/* create may have changed it until the lock */
		rc = oci_state_read(c->root, t->folder, o->id, &t->state, err);
	}
	if (!rc && t->state.status != OCI_STOPPED && !o->force)
		rc = vsu_error_set(err, -EBUSY, "container '%s' is %s; end it, or use the option --force", o->id, oci_status_name(t->state.status));
	if (!rc && t->state.status != OCI_STOPPED)
		rc = kill_monitor(&t->state, 0, err);
	rc = rc < 0 ? rc : remove_group(c, &t->state, err);
	if (rc < 0)
		return rc;
	if (*t->state.failure)
		oci_report_line(&c->report, OCI_REPORT_WARNING, "the machine of container '%s' has failed: %s", o->id, t->state.failure);
	oci_member_detach(c->root, &t->state);
	t->state.pid = 0;
	run_hooks(c, t, OCI_POSTSTOP, OCI_STOPPED);
	return oci_state_remove(c->root, o->id, t->folder, err);
}

/* Engines force the removal of containers that may not exist any more. */
int oci_delete(struct oci_context *c, int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct target t = { .folder = -1 };
	struct control_options o;
	int rc = parse_options(&o, oci_delete_rows, delete_places, argc, argv, &err);

	rc = rc < 0 ? rc : delete_container(c, &o, &t, &err);
	close_target(&t);
	if (rc == -ENOENT && o.force)
		return EXIT_SUCCESS;
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}

/* ---------------------------------------------------------------------------- ps */

static void print_pids(const struct oci_message *m, bool json)
{
	struct vsu_json j = { .to = stdout };
	unsigned int i;

	if (!json) {
		puts("PID");
		for (i = 0; i < m->npids; i++)
			printf("%u\n", m->pids[i]);
		return;
	}
	vsu_json_open(&j, NULL, '[');
	for (i = 0; i < m->npids; i++)
		vsu_json_u64(&j, NULL, m->pids[i]);
	vsu_json_close(&j, ']');
	putchar('\n');
}

int oci_ps(struct oci_context *c, int argc, char **argv)
{
	struct oci_message m = { .op = OCI_OP_LIST };
	struct vsu_error err = VSU_ERROR_INIT;
	struct target t = { .folder = -1 };
	struct control_options o;
	int rc = parse_options(&o, oci_ps_rows, ps_places, argc, argv, &err);

	rc = rc < 0 ? rc : open_target(&t, c->root, o.id, &err);
	rc = rc < 0 ? rc : call_monitor(&t, &m, ANSWER_MS, &err);
	close_target(&t);
	if (rc < 0)
		return oci_report_failure(&c->report, &err);
	print_pids(&m, o.format == 1);
	return EXIT_SUCCESS;
}

/* ------------------------------------------------------------------------ update */

/* 0: the update does not mention the limit. All negative numbers are none. */
static bool is_changed(int64_t to, int64_t from)
{
	return to && to != from && (to > 0 || from > 0);
}

/* The size of a machine does not change: its control group limits it. Engines repeat limits that do not change. */
static int update_container(const struct target *t, const struct oci_resources *former, const struct oci_resources *r,
			    struct vsu_error *err)
{
	const bool changes_memory = is_changed(r->memory_limit, former->memory_limit);

	if (t->state.status == OCI_STOPPED)
		return vsu_error_set(err, -ESRCH, "container not running: '%s'", t->state.id);
	if (changes_memory || is_changed(r->pids_limit, former->pids_limit))
		return vsu_error_set(err, -EOPNOTSUPP, "member '%s' cannot be changed: the machine runs", changes_memory ? "memory.limit" : "pids.limit");
	if (!oci_cgroup_has_limits(r))
		return 0;
	if (oci_pod_sandbox(t->state.spec))
		return vsu_error_set(err, -EOPNOTSUPP, "container '%s' is a member of a pod, whose limits cannot be changed", t->state.id);
	if (!*t->state.cgroup)
		return vsu_error_set(err, -EOPNOTSUPP, "container '%s' has no control group, whose limits could be changed", t->state.id);
	return oci_cgroup_update(&t->state, r, err);
}

/* The shim of containerd passes the limits by a pipe. */
static int load_limits(const char *file, struct oci_spec **spec, struct vsu_error *err)
{
	return strcmp(file, "-") ? oci_spec_load(file, oci_spec_read_resources, spec, err) :
	       oci_spec_load_stream(STDIN_FILENO, "standard input", oci_spec_read_resources, spec, err);
}

int oci_update(struct oci_context *c, int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct target t = { .folder = -1 };
	struct oci_spec *spec = NULL, *former = NULL;
	struct control_options o;
	int rc = parse_options(&o, oci_update_rows, update_places, argc, argv, &err);

	if (!rc && !o.resources)
		rc = vsu_error_set(&err, -EINVAL, "update: the option --resources is missing");
	rc = rc < 0 ? rc : open_target(&t, c->root, o.id, &err);
	rc = rc < 0 ? rc : load_limits(o.resources, &spec, &err);
	rc = rc < 0 ? rc : oci_state_load_config(c->root, o.id, &former, &err);
	rc = rc < 0 ? rc : update_container(&t, &former->resources, &spec->resources, &err);
	oci_spec_free(former);
	oci_spec_free(spec);
	close_target(&t);
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}
