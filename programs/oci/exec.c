/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "exec": a further process in a container, for which a process of the host stands. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_place.h>

#include "oci/commands.h"
#include "oci/console.h"
#include "oci/container.h"
#include "oci/pid_file.h"
#include "oci/pod.h"
#include "oci/stand_in.h"
#include "oci/wire.h"

/* The process of the guest was lost. */
#define STATUS_LOST (128 + SIGKILL)

enum { PROCESS, DETACH, TTY, CONSOLE, PID_FILE, PRESERVE, EXEC_ID };
const struct vsu_option oci_exec_rows[] = {
	[PROCESS] = { .name = "process", .kind = VSU_OPTION_STRING, .arg = "FILE", .help = "the process, as in config.json" },
	[DETACH] = { .name = "detach", .kind = VSU_OPTION_FLAG, .letter = 'd', .help = "end when the process runs" },
	[TTY] = { .name = "tty", .kind = VSU_OPTION_FLAG, .letter = 't', .help = "the process has a terminal" },
	[CONSOLE] = { .name = "console-socket", .kind = VSU_OPTION_STRING, .arg = "SOCKET", .help = "receives the terminal" },
	[PID_FILE] = { .name = "pid-file", .kind = VSU_OPTION_STRING, .arg = "FILE",
		       .help = "receives the number of the process that stands for it" },
	[PRESERVE] = { .name = "preserve-fds", .kind = VSU_OPTION_U64, .arg = "N", .help = "0: others are not supported" },
	[EXEC_ID] = { .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

struct exec_options {
	const char *process, *console, *pid_file, *id;
	uint64_t preserved;
	bool detach, tty;
};

static const struct vsu_place places[] = {
	[PROCESS] = VSU_PLACE(struct exec_options, process),
	[DETACH] = VSU_PLACE(struct exec_options, detach),
	[TTY] = VSU_PLACE(struct exec_options, tty),
	[CONSOLE] = VSU_PLACE(struct exec_options, console),
	[PID_FILE] = VSU_PLACE(struct exec_options, pid_file),
	[PRESERVE] = VSU_PLACE(struct exec_options, preserved),
	[EXEC_ID] = VSU_PLACE(struct exec_options, id),
};

static int store_option(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	(void)err;
	vsu_place_store(&places[index], opaque, value);
	return 0;
}

static int parse_options(struct exec_options *o, int argc, char **argv, struct vsu_error *err)
{
	int rc = vsu_option_parse_argv(oci_exec_rows, argc, argv, store_option, o, NULL, err);

	if (!rc && (!o->id || !o->process))
		rc = vsu_error_set(err, -EINVAL, "exec: %s", o->id ? "the option --process is missing" : "the id of a container is missing");
	return rc < 0 ? rc : oci_container_check_descriptors(o->preserved, err);
}

/* ----------------------------------------------------------------- process of the host */

struct stand_in {
	const struct exec_options *options;
	const char *root;	/* folder of all containers */
	int folder;		/* of the container */
	struct oci_state state;	/* of the container */
	int document;
	uint32_t rows, columns;
	bool terminal;
	int sock;		/* to the monitor */
	int console;		/* -1: no terminal */
	int signals;
};

static int open_console(struct stand_in *s, struct vsu_error *err)
{
	if (!s->terminal)
		return 0;
	setsid();
	s->console = oci_console_open(s->options->console, s->rows, s->columns, err);
	return s->console < 0 ? s->console : 0;
}

/* The monitor starts the process, which has the streams of this one. */
static int begin_process(struct stand_in *s, struct vsu_error *err)
{
	struct oci_message m = { .op = OCI_OP_EXEC };
	int fds[1 + OCI_WIRE_STREAMS] = { s->document, 0, 1, 2 };
	int rc = open_console(s, err);

	if (!rc && s->terminal)
		fds[1] = fds[2] = fds[3] = s->console;
	if (!rc)
		rc = s->signals = oci_stand_in_watch_signals(err);
	if (rc >= 0)
		rc = s->sock = oci_pod_connect(s->root, s->folder, &s->state, &m, err);
	return rc < 0 ? rc : oci_wire_call(s->sock, &m, fds, 1 + OCI_WIRE_STREAMS, -1, err);
}

/* Never returns. ready: receives a message when the process runs, or has failed. */
static void stand_in(struct stand_in *s, int ready)
{
	struct oci_message m = { .rc = 0 };
	struct vsu_error err = VSU_ERROR_INIT;

	m.rc = begin_process(s, &err);
	snprintf(m.text, sizeof(m.text), "%s", err.msg);
	if (oci_wire_send(ready, &m, NULL, 0) < 0 || m.rc < 0)
		_exit(EXIT_FAILURE);
	vsu_fd_close(&ready);
	if (s->options->detach)
		oci_stand_in_release_streams();
	_exit(oci_stand_in_await(s->sock, s->signals, s->console, NULL));
}

/* ----------------------------------------------------------------------- command */

static int open_process(struct stand_in *s, struct vsu_error *err)
{
	struct oci_spec *spec = NULL;
	int rc = oci_spec_load(s->options->process, oci_spec_read_process, &spec, err);

	if (!rc) {
		s->terminal = spec->process.terminal;
		s->rows = spec->process.rows;
		s->columns = spec->process.columns;
	}
	oci_spec_free(spec);
	if (!rc && s->terminal && !s->options->console)
		rc = vsu_error_set(err, -EINVAL, "member 'terminal' requires the option --console-socket");
	if (rc < 0)
		return rc;
	s->document = open(s->options->process, O_RDONLY | O_CLOEXEC);
	return s->document < 0 ? vsu_error_sys(err, -errno, "cannot open '%s'", s->options->process) : 0;
}

static int await_ready(const struct stand_in *s, pid_t pid, int ready, struct vsu_error *err)
{
	struct oci_message m;
	int rc = oci_wire_await(ready, &m, -1);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the process that stands for that of the guest has ended");
	if (m.rc < 0)
		return vsu_error_set(err, m.rc, "%s", m.text);
	return oci_pid_file_write(s->options->pid_file, pid, err);
}

/* Returns the exit status. */
static int run_stand_in(struct stand_in *s, struct vsu_error *err)
{
	int pair[2], status = 0, rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	pid = fork();
	if (!pid) {
		vsu_fd_close(&pair[0]);
		stand_in(s, pair[1]);
	}
	vsu_fd_close(&pair[1]);
	rc = pid < 0 ? vsu_error_sys(err, -errno, "cannot make a process") : await_ready(s, pid, pair[0], err);
	vsu_fd_close(&pair[0]);
	if (rc < 0 && pid > 0)
		kill(pid, SIGKILL);	/* and with it the process of the guest */
	if (pid < 0 || (!rc && s->options->detach))
		return rc;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_LOST;
	if (rc < 0)
		return rc;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int oci_exec(struct oci_context *c, int argc, char **argv)
{
	struct exec_options o = { .id = NULL };
	struct stand_in s = { .options = &o, .root = c->root, .folder = -1, .document = -1, .sock = -1, .console = -1, .signals = -1 };
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = parse_options(&o, argc, argv, &err);

	if (!rc)
		rc = s.folder = oci_state_open(c->root, o.id, &err);
	rc = rc < 0 ? rc : oci_state_read(c->root, s.folder, o.id, &s.state, &err);
	rc = rc < 0 ? rc : open_process(&s, &err);
	rc = rc < 0 ? rc : run_stand_in(&s, &err);
	oci_state_fini(&s.state);
	vsu_fd_close(&s.folder);
	vsu_fd_close(&s.document);
	return rc < 0 ? oci_report_failure(&c->report, &err) : rc;
}
