/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command and its machine, for a program that embeds them. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <vm-arch/arch.h>
#include <vm-arch/kernel.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "exec_check.h"
#include "cvmm/exec.h"
#include <cvmm/requests.h>
#include "plan_command.h"

#define SAME_END(kind) _Static_assert((int)CVMM_EXEC_END_ ## kind == (int)VAGENT_END_ ## kind, #kind)
SAME_END(STATUS);
SAME_END(SIGNAL);
SAME_END(MEMORY);
SAME_END(TIME);
SAME_END(NOT_FOUND);
SAME_END(NOT_EXECUTED);
SAME_END(KILLED);
SAME_END(STREAM);
SAME_END(MACHINE);
_Static_assert(CVMM_EXEC_TIMEOUT == VAGENT_STATUS_TIMEOUT && CVMM_EXEC_FAILED == VAGENT_STATUS_FAILED &&
	       CVMM_EXEC_NOT_EXECUTED == VAGENT_STATUS_NOT_EXECUTED && CVMM_EXEC_NOT_FOUND == VAGENT_STATUS_NOT_FOUND &&
	       CVMM_EXEC_SIGNALLED == VAGENT_STATUS_SIGNALLED, "statuses of the session");

struct cvmm_exec {
	struct cvmm_exec_plan *plan;
	struct vagent_session *session;	/* of the plan */
	struct cvmm_machine *m;
	bool has_terminal;	/* the command */
	int epfd;		/* readable when the session or the machine has work */
	int control;		/* the guest's end of the agent's port, which no other object closes when the machine ends */
	/*
	 * EXEC_COMPLETE: the session has ended, and the machine is to end. EXEC_EMPTIES: the machine has ended before
	 * the session, and readers take the last output
	 */
	enum { EXEC_MADE, EXEC_RUNS, EXEC_COMPLETE, EXEC_EMPTIES, EXEC_ENDED } state;
	struct vagent_end end;	/* of one that has ended */
	struct vsu_error why;
};

/* ---------------------------------------------------------------------- life */

static int watch_fd(struct cvmm_exec *e, int fd, struct vsu_error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(e->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ?
	       vsu_error_sys(err, -errno, "cannot watch a command") : 0;
}

int cvmm_exec_check_kvm(const char *kernel, struct vsu_error *err)
{
	struct varch_vm kvm;
	bool emulates;

	if ((kernel && varch_kernel_name_is_builtin(kernel) != 0) || varch_vm_open(&kvm, false, NULL) < 0)
		return 0;
	emulates = varch_emulates_level0(&kvm);
	varch_vm_close(&kvm);
	return emulates ? vsu_error_set(err, -EOPNOTSUPP, "this host's KVM does not run privilege level 0 on the processor, which Linux requires; use a host with VT-x or AMD-V") : 0;
}

static int make_plan(struct cvmm_exec *e, const struct cvmm_exec_config *c, bool waits, struct vsu_error *err)
{
	return waits ? cvmm_exec_plan_new_waiting(c, &e->plan, err) : cvmm_exec_plan_new(c, &e->plan, err);
}

static int make_parts(struct cvmm_exec *e, const struct cvmm_exec_config *c,
		      const struct cvmm_host *host, bool waits, struct vsu_error *err)
{
	int rc = c->from ? 0 : cvmm_exec_check_kvm(c->kernel, err);

	if (!rc)
		rc = make_plan(e, c, waits, err);
	if (!rc && c->from)
		rc = cvmm_exec_check_kvm(cvmm_priv_plan_template(e->plan)->kernel, err);
	if (!rc)
		rc = cvmm_machine_new(e->plan->options, host, &e->m, err);
	if (rc < 0)
		return rc;
	cvmm_machine_refuse_copies(e->m, "the guest executes the command of this process, which has its streams and cannot pass them on; a template is saved before");
	e->session = e->plan->parts.session;
	e->control = vsu_fd_dup(vagent_session_port(e->session, VAGENT_CONTROL));
	cvmm_exec_plan_close_given(e->plan);
	if (e->control < 0)
		return vsu_error_sys(err, e->control, "cannot watch a command");
	e->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (e->epfd < 0)
		return vsu_error_sys(err, -errno, "cannot watch a command");
	rc = watch_fd(e, vagent_session_fd(e->session), err);
	return rc < 0 ? rc : watch_fd(e, cvmm_machine_fd(e->m), err);
}

static int make_exec(const struct cvmm_exec_config *c, const struct cvmm_host *host, bool waits,
		     struct cvmm_exec **out, struct vsu_error *err)
{
	struct cvmm_exec *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return vsu_error_set(err, -ENOMEM, "no memory for a command");
	e->epfd = e->control = -1;
	e->has_terminal = c->terminal;
	rc = make_parts(e, c, host, waits, err);
	if (rc < 0)
		cvmm_exec_free(e);
	else
		*out = e;
	return rc;
}

int cvmm_exec_new(const struct cvmm_exec_config *config, const struct cvmm_host *host,
		  struct cvmm_exec **out, struct vsu_error *err)
{
	struct cvmm_exec_config c;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_exec_config", err);

	if (!rc)
		rc = cvmm_priv_exec_check_command(&c, err);
	if (!rc)
		rc = cvmm_priv_exec_check(&c, host, err);
	return rc < 0 ? rc : make_exec(&c, host, false, out, err);
}

int cvmm_exec_new_waiting(const struct cvmm_exec_config *config, const struct cvmm_host *host,
			  struct cvmm_exec **out, struct vsu_error *err)
{
	struct cvmm_exec_config c;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_exec_config", err);

	if (!rc)
		rc = cvmm_priv_exec_check_part(&c, CVMM_PRIV_EXEC_MACHINE, err);
	if (!rc)
		rc = cvmm_priv_exec_check(&c, host, err);
	return rc < 0 ? rc : make_exec(&c, host, true, out, err);
}

int cvmm_exec_start(struct cvmm_exec *e, struct vsu_error *err)
{
	int rc;

	if (e->state != EXEC_MADE)
		return vsu_error_set(err, -EINVAL, "the command was started before");
	e->state = EXEC_RUNS;
	rc = cvmm_machine_start(e->m, &e->why);
	if (!rc)
		return 0;
	e->state = EXEC_ENDED;
	e->end = (struct vagent_end){ VAGENT_END_MACHINE, cvmm_machine_status(e->m, NULL) };
	if (err)
		*err = e->why;
	return rc;
}

/* The devices of the machine use the plan's sockets. */
void cvmm_exec_free(struct cvmm_exec *e)
{
	if (!e)
		return;
	cvmm_machine_free(e->m);
	cvmm_exec_plan_free(e->plan);
	vsu_fd_close(&e->control);
	vsu_fd_close(&e->epfd);
	free(e);
}

/* --------------------------------------------------------------------- turns */

int cvmm_exec_fd(const struct cvmm_exec *e)
{
	return e->epfd;
}

static void end_machine(struct cvmm_exec *e)
{
	e->state = EXEC_COMPLETE;
	if (cvmm_machine_stop(e->m, NULL) < 0)
		cvmm_machine_kill(e->m);
}

/* The machine ended in time, and the limit was reached while a reader took the last output. */
static bool is_reader_late(const struct cvmm_exec *e)
{
	struct vagent_end end;

	return e->state == EXEC_EMPTIES && !vagent_session_end(e->session, &end) && end.kind == VAGENT_END_TIME;
}

/* The owner's end of a command that has ended before is not its end. */
static void end_exec(struct cvmm_exec *e)
{
	const bool is_killed = e->state == EXEC_RUNS && cvmm_machine_was_ended(e->m);
	const int status = cvmm_machine_status(e->m, &e->why);

	if (is_killed && !e->why.msg[0])
		vsu_error_set(&e->why, -ECANCELED, "the program ended the machine");
	if (is_reader_late(e))
		cvmm_priv_plan_get_machine_end(e->plan, status, "a log", &e->end, &e->why);
	else
		cvmm_exec_plan_get_end(e->plan, status, "a log", &e->end, &e->why);
	if (is_killed && e->end.kind == VAGENT_END_MACHINE)
		e->end = (struct vagent_end){ VAGENT_END_KILLED, 0 };
	e->state = EXEC_ENDED;
}

/* A program that killed its machine does not await the readers of its output. */
static void end_ended_machine(struct cvmm_exec *e)
{
	if (e->state == EXEC_COMPLETE || cvmm_machine_was_ended(e->m)) {
		end_exec(e);
		return;
	}
	(void)!epoll_ctl(e->epfd, EPOLL_CTL_DEL, cvmm_machine_fd(e->m), NULL);
	shutdown(e->control, SHUT_RDWR);
	e->state = EXEC_EMPTIES;
}

bool cvmm_exec_dispatch(struct cvmm_exec *e)
{
	if (e->state == EXEC_RUNS && !vagent_session_dispatch(e->session))
		end_machine(e);
	if ((e->state == EXEC_RUNS || e->state == EXEC_COMPLETE) && !cvmm_machine_dispatch(e->m))
		end_ended_machine(e);
	if (e->state == EXEC_EMPTIES && (!vagent_session_dispatch(e->session) || vagent_session_is_lost(e->session)))
		end_exec(e);
	return e->state != EXEC_ENDED;
}

struct cvmm_machine *cvmm_exec_machine(struct cvmm_exec *e)
{
	return e->m;
}

/* ------------------------------------------------------------------- command */

bool cvmm_exec_waits(const struct cvmm_exec *e)
{
	return e->state == EXEC_RUNS && vagent_session_waits(e->session);
}

int cvmm_exec_request(struct cvmm_exec *e, const struct cvmm_exec_config *command,
		      struct vsu_error *err)
{
	struct cvmm_exec_config c;
	int rc = vsu_copy_sized(&c, sizeof(c), command, "struct cvmm_exec_config", err);

	if (!rc)
		rc = cvmm_priv_exec_check_part(&c, CVMM_PRIV_EXEC_COMMAND, err);
	if (!rc)
		rc = cvmm_priv_exec_check_command(&c, err);
	if (!rc && !cvmm_exec_waits(e))
		rc = vsu_error_set(err, -EAGAIN, "the machine does not wait for a command");
	if (!rc)
		rc = cvmm_priv_plan_request(e->plan, &c, err);
	if (!rc)
		e->has_terminal = c.terminal;
	return rc;
}

bool cvmm_exec_is_running(const struct cvmm_exec *e)
{
	return e->state == EXEC_RUNS && vagent_session_is_started(e->session);
}

static int check_running(const struct cvmm_exec *e, struct vsu_error *err)
{
	return cvmm_exec_is_running(e) ? 0 : vsu_error_set(err, -EAGAIN, "the command does not run");
}

int cvmm_exec_signal(struct cvmm_exec *e, int signo, struct vsu_error *err)
{
	int rc = check_running(e, err);

	if (rc < 0)
		return rc;
	if (signo < 1 || signo > SIGRTMAX)
		return vsu_error_set(err, -EINVAL, "%d is no signal", signo);
	vagent_session_signal(e->session, signo);
	return 0;
}

int cvmm_exec_resize(struct cvmm_exec *e, unsigned int rows, unsigned int columns,
		     struct vsu_error *err)
{
	int rc = check_running(e, err);

	if (rc < 0)
		return rc;
	if (!e->has_terminal)
		return vsu_error_set(err, -ENOTTY, "the command has no terminal, whose size could change");
	if (rows > UINT16_MAX || columns > UINT16_MAX)
		return vsu_error_set(err, -EINVAL, "a terminal of %u rows and %u columns", rows, columns);
	vagent_session_resize(e->session, rows, columns);
	return 0;
}

int cvmm_exec_status(const struct cvmm_exec *e, struct vsu_error *why)
{
	if (e->state != EXEC_ENDED)
		return vsu_error_set(why, -EAGAIN, "the command has not ended");
	if (why)
		*why = e->why;
	return vagent_end_status(&e->end);
}

int cvmm_exec_get_end(const struct cvmm_exec *e, int *value)
{
	if (e->state != EXEC_ENDED)
		return -EAGAIN;
	if (value)
		*value = e->end.value;
	return (int)e->end.kind;
}
