/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine on libev: its turns, and the signals that end it or resize its terminal. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include <ev.h>

#include <cvmm/machine.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/loop.h>
#include <vmm-sys-util/terminal.h>

#include "common/machine_loop.h"
#include "common/signals.h"
#include "common/thread_calls.h"
#include "confine/confine.h"
#include "log.h"
#include "process.h"
#include "supervisor.h"

/* Shorter than any interval of a watchdog that is of use. */
#define ALIVE_S 0.5

struct machine_loop {
	struct cvmm_machine *machine;
	const struct vmm_machine_loop_config *config;
	struct ev_loop *loop;
	const struct vmm_beside *beside;
	ev_io turn, served_turn, beside_turn;
	ev_timer alive, foreground;
	ev_signal interrupt, term, hup, quit, winch, stop, resume;
	struct vmm_signals signals;
	bool asked;		/* the power button was pressed */
	/* LOOP_ENDS: this process ends the machine. LOOP_OUTLIVES: it ended by itself, and the task beside it continues. */
	enum { LOOP_RUNS, LOOP_ENDS, LOOP_OUTLIVES } state;
};

static void end_machine(struct machine_loop *r, int status, const char *why)
{
	r->state = LOOP_ENDS;
	cvmm_machine_end(r->machine, status, why);
}

/* The task beside a machine that this process ended does not await its readers. */
static void end_loop(struct machine_loop *r)
{
	const struct vmm_beside *b = r->beside;

	if (r->state == LOOP_RUNS && b && b->outlive && b->outlive(b->opaque)) {
		r->state = LOOP_OUTLIVES;
		ev_io_stop(r->loop, &r->turn);
		ev_io_stop(r->loop, &r->served_turn);
		ev_feed_event(r->loop, &r->beside_turn, EV_READ);
	} else {
		ev_break(r->loop, EVBREAK_ALL);
	}
}

static void on_turn(struct ev_loop *loop, ev_io *w, int revents)
{
	struct machine_loop *r = w->data;

	(void)loop;
	(void)revents;
	if (!cvmm_machine_dispatch(r->machine))
		end_loop(r);
}

/* A client's request takes effect in the machine's turn. */
static void on_served(struct ev_loop *loop, ev_io *w, int revents)
{
	struct machine_loop *r = w->data;

	(void)vsu_loop_dispatch(r->config->served);
	on_turn(loop, w, revents);
}

static void watch_served(struct machine_loop *r)
{
	if (!r->config->served)
		return;
	ev_io_init(&r->served_turn, on_served, vsu_loop_fd(r->config->served), EV_READ);
	r->served_turn.data = r;
	ev_io_start(r->loop, &r->served_turn);
}

bool vmm_beside_is_in_background(const struct vmm_beside *b)
{
	return b->terminal && b->terminal->is_used && !b->terminal->raw;
}

void vmm_beside_resume(const struct vmm_beside *b)
{
	if (!b->terminal)
		return;
	vsu_terminal_resume(b->terminal);
	if (!vmm_beside_is_in_background(b))
		b->resize(b->opaque);
}

static void on_foreground(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct machine_loop *r = w->data;

	(void)revents;
	vmm_beside_resume(r->beside);
	ev_feed_event(loop, &r->beside_turn, EV_READ);
}

static void on_beside(struct ev_loop *loop, ev_io *w, int revents)
{
	struct machine_loop *r = w->data;

	(void)revents;
	if (r->beside->turn(r->beside->opaque)) {
		if (vmm_beside_is_in_background(r->beside))
			ev_timer_start(loop, &r->foreground);
		else
			ev_timer_stop(loop, &r->foreground);
		return;
	}
	ev_timer_stop(loop, &r->foreground);
	ev_io_stop(loop, w);
	if (r->state == LOOP_OUTLIVES)
		ev_break(loop, EVBREAK_ALL);
	else
		end_machine(r, VSU_EXIT_OK, "the command has ended");
}

static void watch_beside(struct machine_loop *r)
{
	if (!r->beside)
		return;
	if (r->beside->begin)
		r->beside->begin(r->beside->opaque, r->machine);
	ev_io_init(&r->beside_turn, on_beside, r->beside->fd, EV_READ);
	r->beside_turn.data = r->foreground.data = r;
	ev_timer_init(&r->foreground, on_foreground, VMM_FOREGROUND_MS / 1e3, VMM_FOREGROUND_MS / 1e3);
	ev_io_start(r->loop, &r->beside_turn);
}

/* A watchdog of the service manager learns that the loop turns. */
static void on_alive(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
	prog_watchdog_ms();
}

static void watch_alive(struct machine_loop *r)
{
	ev_timer_init(&r->alive, on_alive, ALIVE_S, ALIVE_S);
	if (prog_watchdog_ms() >= 0)
		ev_timer_start(r->loop, &r->alive);
}

/* ------------------------------------------------------------------ signals */

/*
 * The first SIGTERM presses the guest's power button, further ones end cvmm. The guest of a task
 * beside the loop runs an agent, which knows no button.
 */
static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct machine_loop *r = w->data;
	char why[32];

	(void)revents;
	vmm_signals_served(&r->signals);
	if (r->state == LOOP_OUTLIVES) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	if (r->beside && r->beside->signal(r->beside->opaque, w->signum))
		return;
	if (!r->beside && w->signum == SIGTERM && !r->asked && !cvmm_machine_press_power(r->machine, NULL)) {
		r->asked = true;
		prog_notify("STOPPING=1\nSTATUS=The guest was asked to power off");
		prog_log(VSU_LOG_WARNING, "button", "the guest was asked to power off; a second signal ends it");
		return;
	}
	snprintf(why, sizeof(why), "ended by signal %d", w->signum);
	end_machine(r, VSU_EXIT_FAIL, why);
}

static void on_winch(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct machine_loop *r = w->data;

	(void)loop;
	(void)revents;
	if (r->beside)
		r->beside->resize(r->beside->opaque);
	else
		cvmm_machine_resize_terminal(r->machine);
}

static void suspend_terminal(const struct machine_loop *r)
{
	if (!r->beside)
		cvmm_machine_suspend_terminal(r->machine);
	else if (r->beside->terminal)
		vsu_terminal_suspend(r->beside->terminal);
}

/* Input that was not read in the background is read then. */
static void resume_terminal(struct machine_loop *r)
{
	if (!r->beside) {
		cvmm_machine_resume_terminal(r->machine);
	} else {
		vmm_beside_resume(r->beside);
		if (ev_is_active(&r->beside_turn))
			ev_feed_event(r->loop, &r->beside_turn, EV_READ);
	}
}

/* The default action of the signal stops this process, unless its group is orphaned. */
static void on_stop(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct machine_loop *r = w->data;

	(void)revents;
	suspend_terminal(r);
	ev_signal_stop(loop, w);
	raise(w->signum);
	ev_signal_start(loop, w);
	resume_terminal(r);
}

/* SIGSTOP and SIGTTIN stop it without a notice. */
static void on_resume(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)loop;
	(void)revents;
	resume_terminal(w->data);
}

/* This thread serves no peer: without rights of its own, those of the process remain. */
static void begin_signals(void *opaque)
{
	const struct machine_loop *r = opaque;

	if (r->config->plan)
		(void)!confine_thread(r->config->plan, vmm_thread_calls(VMM_THREAD_SIGNALS), NULL);
}

static void on_loop_stuck(void *opaque)
{
	static const struct vsu_error why = {
		.msg = "ended by a signal while devices wait for an unresponsive file or disk; their requests are abandoned (engine=io_uring would not wait)",
	};
	const struct machine_loop *r = opaque;

	cvmm_machine_suspend_terminal(r->machine);
	if (r->config->owner)
		r->config->owner->stuck(r->config->owner->opaque, VSU_EXIT_INTERNAL, &why);
}

static void watch_signal(struct machine_loop *r, ev_signal *w, int signo,
			 void (*fn)(struct ev_loop *, ev_signal *, int))
{
	ev_signal_init(w, fn, signo);
	w->data = r;
	ev_signal_start(r->loop, w);
}

/* Signals that would end the process without restoring its terminal. */
static int watch_signals(struct machine_loop *r, struct vsu_error *err)
{
	int rc;

	signal(SIGTTOU, SIG_IGN);	/* output in the background would stop it again before a signal ends it */
	watch_signal(r, &r->interrupt, SIGINT, on_signal);
	watch_signal(r, &r->term, SIGTERM, on_signal);
	watch_signal(r, &r->hup, SIGHUP, on_signal);
	watch_signal(r, &r->quit, SIGQUIT, on_signal);
	watch_signal(r, &r->winch, SIGWINCH, on_winch);
	watch_signal(r, &r->stop, SIGTSTP, on_stop);
	watch_signal(r, &r->resume, SIGCONT, on_resume);
	r->signals = (struct vmm_signals){
		.begin = begin_signals, .stuck = on_loop_stuck, .opaque = r,
	};
	rc = vmm_signals_start(&r->signals);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot start the thread of signals") : 0;
}

/* libev ties a signal to one loop, and the next machine has a new one. */
static void unwatch_signals(struct machine_loop *r)
{
	vmm_signals_stop(&r->signals);
	ev_signal_stop(r->loop, &r->interrupt);
	ev_signal_stop(r->loop, &r->term);
	ev_signal_stop(r->loop, &r->hup);
	ev_signal_stop(r->loop, &r->quit);
	ev_signal_stop(r->loop, &r->winch);
	ev_signal_stop(r->loop, &r->stop);
	ev_signal_stop(r->loop, &r->resume);
}

/* --------------------------------------------------------------------- life */

static int run_loop(struct machine_loop *r, struct vsu_error *err)
{
	int rc = watch_signals(r, err);

	if (!rc)
		rc = cvmm_machine_start(r->machine, err);
	if (rc < 0)
		return rc;
	prog_notify("READY=1\nSTATUS=The guest runs");
	ev_io_init(&r->turn, on_turn, cvmm_machine_fd(r->machine), EV_READ);
	r->turn.data = r;
	ev_io_start(r->loop, &r->turn);
	watch_served(r);
	watch_beside(r);
	watch_alive(r);
	ev_run(r->loop, 0);
	ev_timer_stop(r->loop, &r->alive);
	ev_timer_stop(r->loop, &r->foreground);
	ev_io_stop(r->loop, &r->turn);
	ev_io_stop(r->loop, &r->served_turn);
	ev_io_stop(r->loop, &r->beside_turn);
	return 0;
}

int vmm_machine_loop_run(struct cvmm_machine *m, const struct vmm_machine_loop_config *config, struct vsu_error *err)
{
	struct machine_loop r = { .machine = m, .config = config, .beside = config->beside };
	int status, rc;

	ev_set_allocator(prog_loop_memory);
	r.loop = ev_loop_new(EVFLAG_AUTO);
	rc = r.loop ? run_loop(&r, err) : vsu_error_set(err, -ENOMEM, "cannot make an event loop");
	vmm_signals_end(&r.signals);
	if (r.loop) {
		unwatch_signals(&r);
		ev_loop_destroy(r.loop);
	}
	status = cvmm_machine_status(m, rc < 0 ? NULL : err);
	return status < 0 ? VSU_EXIT_HOST : status;	/* it was not started */
}
