/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "create": checks a configuration, forks the monitor of the container, and waits until it was created. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_place.h>

#include "oci/commands.h"
#include "oci/console.h"
#include "oci/container.h"
#include "oci/hooks.h"
#include "oci/member.h"
#include "oci/monitor.h"
#include "oci/pid_file.h"
#include "oci/pod.h"
#include "oci/profile.h"
#include "oci/wire.h"

enum { BUNDLE, CONSOLE, PID_FILE, PRESERVE, NO_PIVOT, NO_KEYRING, CREATE_ID };
const struct vsu_option oci_create_rows[] = {
	[BUNDLE] = { .name = "bundle", .kind = VSU_OPTION_STRING, .arg = "FOLDER", .preset = ".",
		     .help = "folder with config.json" },
	[CONSOLE] = { .name = "console-socket", .kind = VSU_OPTION_STRING, .arg = "SOCKET",
		      .help = "receives the terminal of the process" },
	[PID_FILE] = { .name = "pid-file", .kind = VSU_OPTION_STRING, .arg = "FILE",
		       .help = "receives the number of the container's process" },
	[PRESERVE] = { .name = "preserve-fds", .kind = VSU_OPTION_U64, .arg = "N", .help = "0: others are not supported" },
	[NO_PIVOT] = { .name = "no-pivot", .kind = VSU_OPTION_FLAG, .help = "no effect: a machine has its own root" },
	[NO_KEYRING] = { .name = "no-new-keyring", .kind = VSU_OPTION_FLAG, .help = "no effect: a machine has its own keys" },
	[CREATE_ID] = { .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

struct create_options {
	const char *bundle, *console, *pid_file, *id;
	uint64_t preserved;
	bool no_pivot, no_keyring;
};

static const struct vsu_place places[] = {
	[BUNDLE] = VSU_PLACE(struct create_options, bundle),
	[CONSOLE] = VSU_PLACE(struct create_options, console),
	[PID_FILE] = VSU_PLACE(struct create_options, pid_file),
	[PRESERVE] = VSU_PLACE(struct create_options, preserved),
	[NO_PIVOT] = VSU_PLACE(struct create_options, no_pivot),
	[NO_KEYRING] = VSU_PLACE(struct create_options, no_keyring),
	[CREATE_ID] = VSU_PLACE(struct create_options, id),
};

static int store_option(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	(void)err;
	vsu_place_store(&places[index], opaque, value);
	return 0;
}

static int parse_options(struct create_options *o, int argc, char **argv, struct vsu_error *err)
{
	int rc = vsu_option_parse_argv(oci_create_rows, argc, argv, store_option, o, NULL, err);

	if (!rc && !o->id)
		rc = vsu_error_set(err, -EINVAL, "create: the id of a container is missing");
	return rc < 0 ? rc : oci_container_check_descriptors(o->preserved, err);
}

/* ----------------------------------------------------------------- configuration */

static int read_bundle(struct oci_state *s, const struct create_options *o, struct vsu_error *err)
{
	char path[OCI_STATE_PATH + 16];
	int rc;

	if (!realpath(o->bundle ? o->bundle : ".", s->bundle))
		return vsu_error_sys(err, -errno, "option --bundle: '%s'", o->bundle ? o->bundle : ".");
	snprintf(path, sizeof(path), "%s/config.json", s->bundle);
	rc = oci_spec_load(path, oci_spec_read, &s->spec, err);
	if (!rc)
		rc = oci_container_check(s->spec, err);
	if (rc < 0)
		return rc;
	if (s->spec->process.terminal != (o->console != NULL))
		return vsu_error_set(err, -EINVAL, s->spec->process.terminal ? "member 'process.terminal' requires the option --console-socket" :
				     "option --console-socket requires the member 'process.terminal'");
	return 0;
}

static int fill_state(struct oci_state *s, const struct create_options *o, enum oci_cgroup_manager cgroups,
		      char cgroup[OCI_STATE_PATH], struct oci_scope *scope, struct vsu_error *err)
{
	int n, rc = read_bundle(s, o, err);

	rc = rc < 0 ? rc : oci_cgroup_choose(s->spec, cgroups, o->id, cgroup, scope, err);
	if (rc < 0)
		return rc;
	n = snprintf(s->root, sizeof(s->root), "%s%s%s", *s->spec->root == '/' ? "" : s->bundle, *s->spec->root == '/' ? "" : "/", s->spec->root);
	if (n >= (int)sizeof(s->root))
		return vsu_error_set(err, -ENAMETOOLONG, "member 'root.path' is too long");
	snprintf(s->id, sizeof(s->id), "%s", o->id);
	s->status = OCI_CREATING;
	s->created = (int64_t)time(NULL);
	s->owner = geteuid();
	return 0;
}

/* QEMU and its servers have confinements of their own, which need mounts that profiles for containers forbid. */
static int check_profile(const struct oci_spec *spec, const struct oci_settings *settings, struct vsu_error *err)
{
	int rc = settings->emulate ? oci_profile_refuse(&spec->process, "for an emulated machine", err) : 0;

	rc = rc < 0 ? rc : oci_profile_check(&spec->process, err);
	return rc < 0 ? rc : oci_profile_check_mounts(spec->mount_label, err);
}

/* ----------------------------------------------------------------------- monitor */

struct create {
	struct oci_context *context;
	const struct create_options *options;
	struct oci_settings settings;
	struct oci_state state;
	int folder;
	char cgroup[OCI_STATE_PATH];	/* chosen; that of the state was claimed */
	struct oci_scope scope;	/* in place of it */
	bool has_run_hooks;	/* of create; or the monitor may have run them */
	char remark[sizeof(((struct oci_message *)0)->text)]; /* of the monitor; empty: none */
};

/* Never returns. */
static void become_monitor(struct create *c, int ready)
{
	struct oci_message failure = { .rc = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_message begin;
	struct oci_monitor_config config = {
		.settings = &c->settings, .report = &c->context->report, .root = c->context->root,
		.folder = c->folder, .state = &c->state, .streams = { 0, 1, 2 }, .ready = ready,
	};
	int console;

	/* before, no command could find what it makes */
	if (oci_wire_await(ready, &begin, -1) < 0)
		_exit(EXIT_FAILURE);
	setsid();
	/* the lock of the folder is that of "create", and ends with it */
	config.folder = openat(c->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (config.folder < 0)
		_exit(EXIT_FAILURE);
	vsu_fd_close(&c->folder);
	if (c->options->console) {
		console = oci_console_open(c->options->console, c->state.spec->process.rows, c->state.spec->process.columns, &err);
		if (console < 0) {
			failure.rc = console;
			snprintf(failure.text, sizeof(failure.text), "%s", err.msg);
			_exit(oci_wire_send(ready, &failure, NULL, 0) < 0);
		}
		config.streams[0] = config.streams[1] = console;
		config.streams[2] = -1;
	}
	if (oci_pod_sandbox(c->state.spec))
		oci_member_run(&config);
	oci_monitor_run(&config);
}

/* The monitor waits meanwhile. */
static int run_hooks(struct create *c, int ready, struct oci_message *m)
{
	struct vsu_error err = VSU_ERROR_INIT;

	c->has_run_hooks = true;
	m->rc = oci_hooks_run(c->state.spec, OCI_PRESTART, &c->state, &err);
	m->rc = m->rc < 0 ? m->rc : oci_hooks_run(c->state.spec, OCI_CREATE_RUNTIME, &c->state, &err);
	snprintf(m->text, sizeof(m->text), "%s", err.msg);
	return oci_wire_send(ready, m, NULL, 0);
}

/* Limits of a member hold in the guest. */
static int start_scope(struct create *c, struct vsu_error *err)
{
	const struct oci_resources none = { .memory_limit = 0 };
	const struct oci_spec *spec = c->state.spec;

	return *c->scope.name ? oci_cgroup_start_scope(&c->scope, &c->state, oci_pod_sandbox(spec) ? &none : &spec->resources, err) : 0;
}

/* A monitor that has ended is noticed afterwards. */
static int begin_monitor(struct create *c, pid_t pid, int ready, struct vsu_error *err)
{
	const struct oci_message begin = { .op = OCI_OP_BEGIN };
	int rc;

	c->has_run_hooks = c->state.spec->hooks[OCI_CREATE_CONTAINER].n > 0;
	c->state.pid = pid;
	c->state.begun = oci_state_begun(pid);
	rc = start_scope(c, err);
	rc = rc < 0 ? rc : oci_state_write(c->context->root, c->folder, &c->state, err);
	if (!rc && oci_wire_send(ready, &begin, NULL, 0) < 0)
		rc = vsu_error_set(err, -ECONNRESET, "the monitor of the container has ended");
	return rc;
}

static int receive_answer(int ready, struct oci_message *m, struct vsu_error *err)
{
	const int rc = oci_wire_await(ready, m, -1);

	return rc < 0 ? vsu_error_sys(err, rc, "the monitor of the container has ended") : 0;
}

/* A guest may control the monitor after the hooks, which therefore run once. */
static int await_created(struct create *c, int ready, struct oci_message *m, struct vsu_error *err)
{
	int rc = receive_answer(ready, m, err);

	if (rc < 0 || m->op != OCI_OP_HOOKS)
		return rc;
	rc = run_hooks(c, ready, m);
	if (rc < 0)
		return vsu_error_sys(err, rc, "the monitor of the container has ended");
	rc = receive_answer(ready, m, err);
	return !rc && m->op == OCI_OP_HOOKS ? vsu_error_set(err, -EPROTO, "the monitor of the container requests its hooks again") : rc;
}

static int await_monitor(struct create *c, pid_t pid, int ready, struct vsu_error *err)
{
	struct oci_message m;
	int rc = await_created(c, ready, &m, err);

	if (rc < 0)
		return rc;
	if (m.rc < 0)
		return vsu_error_set(err, m.rc, "%s", m.text);
	snprintf(c->remark, sizeof(c->remark), "%s", m.text);
	c->state.made = oci_state_now();
	rc = oci_state_write(c->context->root, c->folder, &c->state, err);
	return rc < 0 ? rc : oci_pid_file_write(c->options->pid_file, pid, err);
}

/* A failed monitor ends by itself. This process kills a created one, and its machine with it. */
static int run_monitor(struct create *c, struct vsu_error *err)
{
	int pair[2], rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	pid = fork();
	if (!pid) {
		vsu_fd_close(&pair[0]);
		become_monitor(c, pair[1]);
	}
	rc = pid < 0 ? vsu_error_sys(err, -errno, "cannot make a process") : 0;
	vsu_fd_close(&pair[1]);
	rc = rc < 0 ? rc : begin_monitor(c, pid, pair[0], err);
	rc = rc < 0 ? rc : await_monitor(c, pid, pair[0], err);
	if (rc < 0 && pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	vsu_fd_close(&pair[0]);
	return rc;
}

/* After a success only: engines expect nothing beside the line of a failure. */
static void report_remarks(const struct create *c)
{
	const char *const remarks[] = { c->state.spec->remark, c->remark };
	unsigned int i;

	for (i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++)
		if (remarks[i][0])
			oci_report_line(&c->context->report, OCI_REPORT_WARNING, "%s", remarks[i]);
}

/* The state names a group only then, and before it is made, so that "delete" finds it. */
static int claim_cgroup(struct create *c, struct vsu_error *err)
{
	const int rc = oci_cgroup_claim(c->cgroup, err);

	if (!rc)
		strcpy(c->state.cgroup, c->cgroup);
	return rc;
}

/* After a failure at or behind the hooks of create, those of poststop undo their effects. */
static void run_poststop(struct create *c)
{
	if (!c->has_run_hooks)
		return;
	c->state.pid = 0;
	c->state.status = OCI_STOPPED;
	oci_hooks_run_all(c->state.spec, OCI_POSTSTOP, &c->state, &c->context->report);
}

/* A group that others use as well may remain. */
static void undo_create(struct create *c)
{
	struct vsu_error ignored = VSU_ERROR_INIT;

	oci_member_detach(c->context->root, &c->state);
	(void)oci_cgroup_remove(c->context->root, &c->state, &ignored);
	run_poststop(c);
	(void)oci_state_remove(c->context->root, c->options->id, c->folder, &ignored);
}

static int create_container(struct create *c, struct vsu_error *err)
{
	char path[OCI_STATE_PATH + 16];
	int rc = fill_state(&c->state, c->options, c->context->cgroups, c->cgroup, &c->scope, err);

	rc = rc < 0 ? rc : check_profile(c->state.spec, &c->settings, err);
	c->folder = rc < 0 ? rc : oci_state_create(c->context->root, c->options->id, err);
	if (c->folder < 0)
		return c->folder;
	snprintf(path, sizeof(path), "%s/config.json", c->state.bundle);
	rc = oci_state_keep_config(c->context->root, c->options->id, path, err);
	rc = rc < 0 ? rc : claim_cgroup(c, err);
	rc = rc < 0 ? rc : run_monitor(c, err);
	if (rc < 0)
		undo_create(c);
	else
		report_remarks(c);
	vsu_fd_close(&c->folder);
	return rc;
}

int oci_create(struct oci_context *context, int argc, char **argv)
{
	static struct create c;
	struct create_options o = { .bundle = NULL };
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = parse_options(&o, argc, argv, &err);

	c = (struct create){ .context = context, .options = &o, .folder = -1 };
	rc = rc < 0 ? rc : oci_settings_read(&c.settings, context->settings, &err);
	rc = rc < 0 ? rc : create_container(&c, &err);
	oci_state_fini(&c.state);
	return rc < 0 ? oci_report_failure(&context->report, &err) : EXIT_SUCCESS;
}
