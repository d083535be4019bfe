/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Turns, signals and the terminal of a command, while its machine runs; and its status. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vm-arch/advice.h>
#include <vmm-sys-util/fd.h>

#include "exec/exec_beside.h"
#include "exec/named.h"

static bool is_started(const struct vmm_exec_machine *m)
{
	return m->named ? vmm_named_is_started(m->named) : vagent_session_is_started(m->session);
}

static bool has_ended(const struct vmm_exec_machine *m)
{
	return m->named ? vmm_named_has_ended(m->named) : vagent_session_status(m->session, NULL) >= 0;
}

static void send_signal(const struct vmm_exec_machine *m, int signo)
{
	if (m->named)
		vmm_named_signal(m->named, signo);
	else
		vagent_session_signal(m->session, signo);
}

static void on_resize(void *opaque)
{
	const struct vmm_exec_machine *m = opaque;
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	if (m->named)
		vmm_named_resize(m->named, w.ws_row, w.ws_col);
	else
		vagent_session_resize(m->session, w.ws_row, w.ws_col);
}

/* The command has the size of when its machine was made, and sizes since then were not sent. */
static void begin_terminal(struct vmm_exec_machine *m)
{
	m->terminal.in_fd = STDIN_FILENO;
	vsu_terminal_init(&m->terminal);
	on_resize(m);
}

static void on_begin(void *opaque, struct cvmm_machine *machine)
{
	struct vmm_exec_machine *m = opaque;

	(void)machine;
	if (m->session)
		m->control_fd = vsu_fd_dup(vagent_session_port(m->session, VAGENT_CONTROL));
	cvmm_exec_plan_close_given(m->plan);
}

static bool session_turn(const struct vmm_exec_machine *m)
{
	return vagent_session_dispatch(m->session) && !(m->is_outlived && vagent_session_is_lost(m->session));
}

static bool on_turn(void *opaque)
{
	struct vmm_exec_machine *m = opaque;
	const bool lives = m->named ? vmm_named_turn(m->named) : session_turn(m);

	if (m->on_terminal && m->terminal.in_fd < 0 && is_started(m))
		begin_terminal(m);
	if (!lives)
		vsu_terminal_restore(&m->terminal);	/* the machine may take long to end */
	return lives;
}

static bool on_signal(void *opaque, int signo)
{
	struct vmm_exec_machine *m = opaque;

	if (!is_started(m) || ++m->signals > VMM_EXEC_MAX_SIGNALS) {
		m->ended_by = signo;
		return false;
	}
	send_signal(m, signo);
	return true;
}

/* The machine still has the guest's end of the port, whose end the session would await. */
static bool on_outlive(void *opaque)
{
	struct vmm_exec_machine *m = opaque;

	if (m->control_fd < 0 || has_ended(m))
		return false;
	m->is_outlived = true;
	shutdown(m->control_fd, SHUT_RDWR);
	return true;
}

static int on_abandon(void *opaque, int status, struct vsu_error *err)
{
	struct vmm_exec_machine *m = opaque;

	vsu_terminal_restore(&m->terminal);
	return vmm_exec_machine_status(m, status, err);
}

struct vmm_beside vmm_exec_machine_beside(struct vmm_exec_machine *m)
{
	return (struct vmm_beside){
		.opaque = m, .fd = m->named ? vmm_named_fd(m->named) : vagent_session_fd(m->session), .begin = on_begin, .turn = on_turn,
		.signal = on_signal, .outlive = on_outlive, .resize = on_resize, .terminal = &m->terminal, .abandon = on_abandon,
	};
}

/* A clone has the memory of its template. */
static void advise_memory(const struct vmm_exec_machine *m, const struct vagent_end *end, struct vsu_error *err)
{
	if (end->kind == VAGENT_END_MEMORY && !m->parts->template_of)
		(void)vsu_error_operands(err, VARCH_ADVICE_MEMORY, 0, 0);
}

/* As of a command that the signal ended, for callers that tell this from a failure. */
int vmm_exec_machine_status(const struct vmm_exec_machine *m, int status, struct vsu_error *err)
{
	struct vagent_end end;

	if (m->ended_by && !has_ended(m)) {
		vsu_error_set(err, -EINTR, "ended by signal %d", m->ended_by);
		return VAGENT_STATUS_SIGNALLED + m->ended_by;
	}
	if (!m->named || vmm_named_get_end(m->named, &end, err) < 0)
		cvmm_exec_plan_get_end(m->plan, status, "--log=FILE", &end, err);
	advise_memory(m, &end, err);
	return vagent_end_status(&end);
}

bool vmm_exec_end_is_expected(int status, const struct vsu_error *err)
{
	return err->code == -ECANCELED &&
	       (status == VAGENT_STATUS_SIGNALLED + SIGPIPE || status == VAGENT_STATUS_SIGNALLED + SIGINT);
}
