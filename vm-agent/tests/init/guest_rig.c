/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/attributes.h>

#include "guest_rig.h"
#include "init/guest.h"

struct vagent_guest *g;
struct vsu_error err;
unsigned int container;
bool agent_has_groups;
static pid_t agent;

/* ----------------------------------------------------------------------- agent */

int mount_groups(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return -1;
	return mount("cgroup2", CONTAINER_GROUPS, "cgroup2", 0, NULL);
}

/* Closes descriptors of the test program, which the first process of a guest does not have. */
static void run_agent(void)
{
	int i, fd;
	sigset_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (agent_has_groups)
		ck_assert_int_eq(mount_groups(), 0);
	for (i = 0; i < VAGENT_PORTS; i++) {
		vagent_priv_ports[i] = fcntl(vagent_guest_port(g, (enum vagent_port)i), F_DUPFD_CLOEXEC, 200);
		fcntl(vagent_priv_ports[i], F_SETFL, O_RDWR | O_NONBLOCK);
	}
	for (fd = 3; fd < 200; fd++)
		close(fd);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
	vagent_priv_send(VAGENT_READY, &(uint32_t){ VAGENT_VERSION }, sizeof(uint32_t));
	for (i = 0; i < 2; i++) {
		struct vagent_header h;

		free(vagent_priv_receive(&h));
	}
	vagent_priv_serve_guest(true);
}

void turn_until(bool (*is_done)(const void *opaque), const void *opaque)
{
	struct pollfd ready = { vagent_guest_fd(g), POLLIN, 0 };

	while (!is_done(opaque)) {
		if (!vagent_guest_dispatch(g)) {
			ck_assert_int_lt(vagent_guest_failure(g, &err), 0);
			ck_abort_msg("%s", err.msg);
		}
		if (!is_done(opaque))
			poll(&ready, 1, -1);
	}
}

static bool is_ready(const void *opaque)
{
	(void)opaque;
	return vagent_guest_is_ready(g);
}

void begin_guest(const struct vagent_request *system)
{
	const struct vagent_guest_config c = { .size = sizeof(c), .system = system };

	ck_assert_int_eq(vagent_guest_new(&g, &c, &err), 0);
	agent = fork();
	if (!agent)
		run_agent();
	vagent_guest_close_ports(g);
	turn_until(is_ready, NULL);
}

/* The agent of this test does not read the records, and has the root of the test. */
void begin_itself(void)
{
	struct vagent_request system = { NULL, 0, 0 };

	signal(SIGPIPE, SIG_IGN);
	vagent_request_add(&system, 'R', "ro");
	begin_guest(&system);
	vagent_request_free(&system);
	container = VAGENT_ITSELF;
}

void end_guest(void)
{
	vagent_guest_free(g);
	kill(agent, SIGKILL);
	waitpid(agent, NULL, 0);
}

/* ------------------------------------------------------------------- processes */

static const char *const environment[] = { "PATH=/usr/bin:/bin", NULL };


static bool is_prepared(const void *opaque)
{
	const struct run *r = opaque;

	return vagent_process_state(r->p) != VAGENT_PREPARING;
}

static bool is_executed(const void *opaque)
{
	const struct run *r = opaque;

	return vagent_process_state(r->p) >= VAGENT_EXECUTED;
}

bool is_finished(const void *opaque)
{
	const struct run *r = opaque;

	return vagent_process_state(r->p) == VAGENT_FINISHED;
}

bool is_echoed(const void *opaque)
{
	struct pollfd ready = { ((const struct run *)opaque)->out, POLLIN, 0 };

	return poll(&ready, 1, 0) > 0;
}

/* Output and errors are one pipe. */
static void prepare_config(struct run *r, struct vagent_process_config c)
{
	int in[2], out[2], streams[3];

	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	streams[0] = in[0];
	streams[1] = streams[2] = out[1];
	c.size = sizeof(c);
	c.streams = streams;
	ck_assert_int_eq(vagent_process_prepare(g, container, &c, &r->p, &err), 0);
	close(in[0]);
	close(out[1]);
	r->in = in[1];
	r->out = out[0];
	turn_until(is_prepared, r);
}

void prepare_words(struct run *r, const char *const *words, struct vagent_process_config c)
{
	c.command = words;
	if (!c.environment)
		c.environment = environment;
	prepare_config(r, c);
}

void prepare_request(struct run *r, const struct vagent_request *request)
{
	prepare_config(r, (struct vagent_process_config){ .request = request });
}

void prepare(struct run *r, const char *script, struct vagent_process_config c)
{
	const char *const words[] = { "sh", "-c", script, NULL };

	prepare_words(r, words, c);
	err.msg[0] = '\0';
	(void)!vagent_process_end(r->p, &r->end, &err);
	ck_assert_msg(vagent_process_state(r->p) == VAGENT_WAITING, "%s", err.msg);
}

void start(struct run *r)
{
	ck_assert_int_eq(vagent_process_start(r->p, &err), 0);
	turn_until(is_executed, r);
}

/* Reads the output until the process has finished. */
void finish(struct run *r)
{
	size_t len = 0;
	ssize_t n;

	turn_until(is_finished, r);
	while ((n = read(r->out, r->text + len, sizeof(r->text) - 1 - len)) > 0)
		len += (size_t)n;
	r->text[len] = '\0';
	ck_assert_int_eq(vagent_process_end(r->p, &r->end, &err), 0);
}

void release(struct run *r)
{
	vagent_process_free(r->p);
	close(r->in);
	close(r->out);
}

/* Runs a script whose output and end are the claim. */
void runs(const char *script, struct vagent_process_config c, const char *text)
{
	struct run r;

	prepare(&r, script, c);
	start(&r);
	finish(&r);
	ck_assert_str_eq(r.text, text);
	ck_assert_int_eq(r.end.kind, VAGENT_END_STATUS);
	ck_assert_int_eq(r.end.value, 0);
	release(&r);
}

/* A first process that waits for its input. */
void begin_first(struct run *r)
{
	prepare(r, "exec cat", PLAIN);
	start(r);
}

void ends_by(struct run *r, enum vagent_end_kind kind, int value)
{
	finish(r);
	ck_assert_int_eq(r->end.kind, kind);
	ck_assert_int_eq(r->end.value, value);
	release(r);
}

const char *cannot_contain(void)
{
	int status = -1;
	const pid_t pid = fork();

	if (!pid)
		_exit(geteuid() || unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0 ||
		      mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0);
	waitpid(pid, &status, 0);
	return status ? "containers need root" : NULL;
}

