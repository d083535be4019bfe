/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs a machine in its event loop. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "log/log.h"
#include "machine/exit_status.h"
#include "machine/cpu_faults.h"
#include "machine/crash.h"
#include "cpu/poison.h"
#include "machine/console.h"
#include "machine/events.h"
#include "machine/machine.h"
#include "machine/plug.h"
#include "supervisor.h"

/* Interval for checking files behind guest memory for truncation. */
#define SECONDS_BETWEEN_LOOKS 0.5

static void on_cpus(struct ev_loop *loop, ev_io *w, int revents)
{
	struct vmm_machine *m = w->data;

	(void)revents;
	if (vmm_cpus_dispatch(m->cpus))
		ev_break(loop, EVBREAK_ALL);
}

/* Writes output until it would block; then the loop waits for the reader. */
static void console_flush(struct vmm_machine *m)
{
	if (vmm_console_flush(m->console)) {
		ev_io_stop(m->loop, &m->watch.writable);
		ev_io_start(m->loop, &m->watch.console);
	} else {
		ev_io_stop(m->loop, &m->watch.console);
		ev_io_start(m->loop, &m->watch.writable);
	}
	if (m->console_in >= 0 && vmm_console_wants_input(m->console))
		ev_io_start(m->loop, &m->watch.input);
}

static void on_console(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	console_flush(w->data);
}

static void on_input(struct ev_loop *loop, ev_io *w, int revents)
{
	struct vmm_machine *m = w->data;

	(void)revents;
	if (!vmm_console_input(m->console)) {
		ev_io_stop(loop, w);
		m->console_in = -1;
	} else if (!vmm_console_wants_input(m->console)) {
		ev_io_stop(loop, w);
	}
}

/* The last user of a retired map has released it: free it. */
static void on_space(struct ev_loop *loop, ev_io *w, int revents)
{
	struct vmm_machine *m = w->data;
	uint64_t count;

	(void)loop;
	(void)revents;
	vsu_event_drain(w->fd, &count);
	vmem_space_reclaim(m->memory.space);
}

/* This process accessed an unavailable page. */
static void on_cut(struct ev_loop *loop, ev_io *w, int revents)
{
	struct vmm_machine *m = w->data;
	enum vmm_memory_loss loss;
	uint64_t gpa, hva;

	(void)loop;
	(void)revents;
	vsu_event_drain(w->fd, NULL);
	if (m->owner.poison && vmm_poison_take_early(m->owner.poison, &hva))
		vmm_fault_poisoned_early(m, hva);
	vmm_window_drop(&m->shmem, VMM_WINDOW_FAILED);
	while (vmm_memory_next_failure(&m->memory, &gpa, &loss))
		vmm_machine_memory_lost(m, gpa, loss);
}

/*
 * KVM does not always report an unavailable page. With asynchronous page faults, a
 * CPU that accesses a page beyond the end of a file retries inside KVM_RUN forever.
 */
static void on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	vmm_fault_look_at_files(w->data);
	vmm_machine_remind(w->data);
	vmm_events_poll(w->data);
	prog_watchdog_ms();
}

/* Whether the guest or the machine has something that on_look() checks. */
static bool needs_look(const struct vmm_machine *m)
{
	return m->watch.files || m->shmem.n ||
	       (m->on_bus && vmm_plug_is_unread(&m->plug)) ||
	       vmm_control_has_subscribers(m->control) || prog_watchdog_ms() >= 0;
}

/* Before the loop sleeps: an idle guest with nothing to check causes no wake-ups. */
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct vmm_machine *m = w->data;
	ev_timer *look = &m->watch.look;
	const bool needed = needs_look(m);

	(void)revents;
	if (needed == !!ev_is_active(look))
		return;
	ev_timer_stop(loop, look);
	ev_timer_set(look, SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_LOOKS);
	if (needed)
		ev_timer_start(loop, look);
}

static void watch_files(struct vmm_machine *m)
{
	m->watch.files = vmm_memory_may_shrink(&m->memory);
	ev_timer_init(&m->watch.look, on_look, SECONDS_BETWEEN_LOOKS,
		      SECONDS_BETWEEN_LOOKS);
	ev_prepare_init(&m->watch.prepare, on_prepare);
	m->watch.look.data = m->watch.prepare.data = m;
	ev_prepare_start(m->loop, &m->watch.prepare);
}

/* Only a kernel with ACPI tables knows the power button. */
static bool has_button(const struct vmm_machine *m)
{
	return m->loaded.protocol != VMM_PROTOCOL_BUILTIN;
}

static void on_power_off_timeout(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct vmm_machine *m = w->data;

	(void)loop;
	(void)revents;
	vmm_cpus_end(m->cpus, VSU_EXIT_FAIL, "the guest did not power off within %" PRIu64 " seconds (--power-off-timeout)",
		     m->options->power_off_seconds);
}

void vmm_machine_press_button(struct vmm_machine *m)
{
	ev_timer *w = &m->watch.power_off;

	vsu_event_signal(m->button_irq_fd);
	if (!m->options->power_off_seconds || ev_is_active(w))
		return;
	ev_timer_init(w, on_power_off_timeout, (double)m->options->power_off_seconds, 0.);
	w->data = m;
	ev_timer_start(m->loop, w);
}

/* The first SIGTERM presses the guest's power button, further ones end cvmm. */
static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct vmm_machine *m = w->data;

	(void)loop;
	(void)revents;
	vmm_signals_served(&m->signals);
	if (w->signum == SIGTERM && has_button(m) && !m->asked) {
		m->asked = true;
		vmm_machine_press_button(m);
		prog_notify("STOPPING=1\nSTATUS=The guest was asked to power off");
		vmm_log(&m->owner.log, VMM_LOG_WARNING, "button", "the guest was asked to power off; a second signal ends it");
		return;
	}
	vmm_cpus_end(m->cpus, VSU_EXIT_FAIL, "ended by signal %d", w->signum);
}

static void io_watch(struct vmm_machine *m, ev_io *w,
		     void (*fn)(struct ev_loop *, ev_io *, int), int fd,
		     int events)
{
	ev_init(w, fn);
	w->data = m;
	if (fd < 0)
		return;
	ev_io_set(w, fd, events);
	if (events == EV_READ)
		ev_io_start(m->loop, w);
}

static void watch_signal(struct vmm_machine *m, ev_signal *w, int signo)
{
	ev_signal_init(w, on_signal, signo);
	w->data = m;
	ev_signal_start(m->loop, w);
}

/* Signals that would end the process without restoring its terminal. */
static int watch_signals(struct vmm_machine *m, struct vsu_error *err)
{
	int rc;

	watch_signal(m, &m->watch.interrupt, SIGINT);
	watch_signal(m, &m->watch.term, SIGTERM);
	watch_signal(m, &m->watch.hup, SIGHUP);
	watch_signal(m, &m->watch.quit, SIGQUIT);
	rc = vmm_signals_start(&m->signals);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot start the thread of signals") : 0;
}

/* libev ties a signal to one loop, and the next machine has a new one. */
static void unwatch_signals(struct vmm_machine *m)
{
	vmm_signals_stop(&m->signals);
	ev_signal_stop(m->loop, &m->watch.interrupt);
	ev_signal_stop(m->loop, &m->watch.term);
	ev_signal_stop(m->loop, &m->watch.hup);
	ev_signal_stop(m->loop, &m->watch.quit);
}

int vmm_machine_run(struct vmm_machine *m, struct vsu_error *err)
{
	int status = VSU_EXIT_INTERNAL, rc;

	io_watch(m, &m->watch.cpus, on_cpus, vmm_cpus_event_fd(m->cpus), EV_READ);
	io_watch(m, &m->watch.console, on_console,
		 vmm_console_event_fd(m->console), EV_READ);
	io_watch(m, &m->watch.input, on_input, m->console_in, EV_READ);
	io_watch(m, &m->watch.writable, on_console, m->console_out, EV_WRITE);
	io_watch(m, &m->watch.space, on_space,
		 vmem_space_event_fd(m->memory.space), EV_READ);
	io_watch(m, &m->watch.cut, on_cut,
		 m->owner.sigbus ? vmem_sigbus_fd(m->owner.sigbus) : -1, EV_READ);
	if (m->owner.poison && m->owner.sigbus)
		vmm_poison_wake(m->owner.poison, vmem_sigbus_fd(m->owner.sigbus));
	watch_files(m);
	vmm_memory_keep_files(&m->memory);
	vmm_slots_set_cpus(m->slots, m->cpus);
	vmm_machine_watch_stdio(m);
	m->shmem.closed = true;
	rc = watch_signals(m, err);
	if (!rc)
		rc = vmm_cpus_start(m->cpus, err);
	if (!rc) {
		prog_notify("READY=1\nSTATUS=The guest runs");
		ev_run(m->loop, 0);
	}
	vmm_signals_end(&m->signals);
	vmm_cpus_stop(m->cpus, &status, err);
	status = vmm_crash_explain(m, status, err);
	vmm_slots_set_cpus(m->slots, NULL);
	/* from here a signal ends the process immediately */
	vmm_console_restore(m->console);
	vmm_stdio_restore(m->stdio);
	vmm_machine_unwatch_stdio(m);
	unwatch_signals(m);
	ev_prepare_stop(m->loop, &m->watch.prepare);
	ev_timer_stop(m->loop, &m->watch.look);
	if (!rc && !status && m->lost) {
		status = VSU_EXIT_HOST;
		vsu_error_set(err, -ECONNRESET, "the guest ended normally, but %u of its devices had been lost; see above",
			      m->lost);
	}
	if (rc < 0)
		status = vmm_exit_status(VMM_STAGE_KVM, rc);
	vmm_event_end(m, status, err);
	return status;
}
