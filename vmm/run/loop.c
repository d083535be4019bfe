/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The watchers of a running machine, from its start to its end. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vm-arch/arch.h>
#include <vm-arch/poison.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/parse.h>

#include "machine/events.h"
#include "cvmm/exit_status.h"
#include "machine/sharing.h"
#include "owner/owner.h"
#include "run/console.h"
#include "run/cpu_faults.h"
#include "run/debugger.h"
#include "run/plug.h"
#include "run/loop.h"
#include "transfer/migrate.h"
#include "transfer/postcopy.h"
#include "transfer/save.h"

/* Interval for checking files behind guest memory for truncation. */
#define NS_PER_MS UINT64_C(1000000)
#define LOOK_NS UINT64_C(500000000)
/* Numbers of a device that are read for an event. */
#define MAX_STATS 64u

/* ------------------------------ guests that crash for a reason on the host */

/* Page tables that read as zeros end in a triple fault before any file is checked. */
static bool has_lost_memory(struct vmm_machine *m, struct vsu_error *err)
{
	const struct vsu_error crash = *err;
	enum vmm_memory_loss loss;
	uint64_t gpa;

	if (!vmm_memory_find_loss(&m->memory, false, &gpa, &loss) &&
	    !vmm_memory_next_failure(&m->memory, &gpa, &loss))
		return false;
	vsu_error_set(err, -EFAULT, "memory at %#" PRIx64 " is lost: %s; the guest crashed (%s)",
		      gpa, vmm_memory_loss_text(loss), crash.msg);
	return true;
}

static bool lacks_level0(const struct vmm_machine *m, struct vsu_error *err)
{
	const struct vsu_error crash = *err;

	if (m->loaded.protocol == VARCH_PROTOCOL_BUILTIN ||
	    !varch_emulates_level0(&m->kvm))
		return false;
	vsu_error_set(err, -EFAULT, "this host's KVM does not run privilege level 0 on the processor, which Linux requires; use a host with VT-x or AMD-V (%s)",
		      crash.msg);
	return true;
}

/*
 * The machine has ended with status and *err. If a CPU crashed (-EFAULT) while memory of
 * the guest was lost, or in a Linux kernel on a KVM that does not run privilege level 0,
 * *err names that reason. Returns the status.
 */
static int explain_crash(struct vmm_machine *m, int status, struct vsu_error *err)
{
	if (err->code != -EFAULT)
		return status;
	return has_lost_memory(m, err) || lacks_level0(m, err) ? VSU_EXIT_HOST :
								 status;
}

static void on_cpus(void *opaque)
{
	struct vmm_machine *m = opaque;

	if (varch_cpus_dispatch(m->cpus))
		vsu_loop_end(m->loop);
}

/* Writes output until it would block; then the loop waits for the reader, too. */
static void on_console(void *opaque)
{
	struct vmm_machine *m = opaque;

	if (vmm_console_flush(m->console))
		vsu_io_stop(&m->watch.writable);
	else
		vsu_io_start(m->loop, &m->watch.writable);
	if (m->console_in >= 0 && vmm_console_wants_input(m->console))
		vsu_io_start(m->loop, &m->watch.input);
}

static void on_input(void *opaque)
{
	struct vmm_machine *m = opaque;

	if (!vmm_console_input(m->console))
		m->console_in = -1;
	if (m->console_in < 0 || !vmm_console_wants_input(m->console))
		vsu_io_stop(&m->watch.input);
}

/* The last user of a retired map has released it: free it. */
static void on_space(void *opaque)
{
	struct vmm_machine *m = opaque;
	uint64_t count;

	vsu_event_drain(m->watch.space.fd, &count);
	vmem_space_reclaim(m->memory.space);
}

/* This process accessed an unavailable page. */
static void on_cut(void *opaque)
{
	struct vmm_machine *m = opaque;
	enum vmm_memory_loss loss;
	uint64_t gpa, hva;

	vsu_event_drain(m->watch.cut.fd, NULL);
	if (m->owner.poison && varch_poison_take_early(m->owner.poison, &hva))
		vmm_fault_poisoned_early(m, hva);
	vmm_window_drop(&m->shmem, VMM_WINDOW_FAILED);
	while (vmm_memory_next_failure(&m->memory, &gpa, &loss))
		vmm_machine_memory_lost(m, gpa, loss);
}

/* ------------------------------------- changes that would cause too many events */

static uint64_t stat_named(const struct virtdev_stat *stats, uint32_t n,
			   const char *name)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(stats[i].name, name))
			return stats[i].value;
	return 0;
}

/* The driver may store the size at any rate. */
static void balloon_poll(struct vmm_device *d)
{
	struct virtdev_stat stats[MAX_STATS];
	const uint32_t all = vmm_virtio_stats(d->virtio, stats, MAX_STATS);
	const uint32_t n = all < MAX_STATS ? all : MAX_STATS;
	const uint64_t actual = stat_named(stats, n, "actual");

	if (actual == d->actual)
		return;
	d->actual = actual;
	vmm_event_publish(d->owner, &(struct cvmm_event){
		.kind = CVMM_EVENT_BALLOON, .device = (unsigned int)(d - d->owner->devices), .actual = actual,
		.target = stat_named(stats, n, "target"),
	});
}

static bool is_balloon(const struct vmm_device *d)
{
	return d->spec.kind == devkind_balloon() && vmm_machine_local_device(d);
}

/* An idle machine without a balloon has nothing to report, and does not wake up. */
static bool has_events(const struct vmm_machine *m)
{
	bool due = m->pause.save || m->pause.migration;
	unsigned int i;

	for (i = 0; !due && i < m->ndevices; i++)
		due = is_balloon(&m->devices[i]);
	return due && m->events;
}

static void poll_events(struct vmm_machine *m)
{
	unsigned int i;

	if (!m->events)
		return;
	for (i = 0; i < m->ndevices; i++)
		if (is_balloon(&m->devices[i]))
			balloon_poll(&m->devices[i]);
	if (m->pause.save)
		vmm_save_publish_progress(m);
	if (m->pause.migration)
		vmm_migrate_publish_progress(m);
}

/* ------------------------------------------------------------ the machine's watchers */

/* Shells do not report that a job that runs has come to the foreground. */
static bool awaits_terminal(const struct vmm_machine *m)
{
	return (m->console && m->console_in >= 0 && !vmm_console_wants_input(m->console) && isatty(m->console_in)) ||
	       (m->stdio && !devkind_stdio_wants(m->stdio) && isatty(m->process.in_fd));
}

/*
 * KVM does not always report an unavailable page. With asynchronous page faults, a
 * CPU that accesses a page beyond the end of a file retries inside KVM_RUN forever.
 */
static void on_look(void *opaque)
{
	struct vmm_machine *m = opaque;

	vmm_fault_look_at_files(m);
	if (varch_plug_is_unread(&m->plug))	/* the guest has missed an interrupt */
		vsu_event_signal(m->event_irq_fd);
	poll_events(m);
	if (awaits_terminal(m))
		vmm_machine_resume_terminal(m);
}

/* Before the loop sleeps: an idle guest with nothing to check causes no wake-ups. */
static void on_prepare(void *opaque)
{
	struct vmm_machine *m = opaque;
	struct vsu_alarm *look = &m->watch.look;

	if (m->watch.files || m->shmem.n || varch_plug_is_unread(&m->plug) || has_events(m) || awaits_terminal(m))
		vsu_alarm_start(m->loop, look, LOOK_NS, LOOK_NS);
	else
		vsu_alarm_stop(look);
}

static void on_power_off_timeout(void *opaque)
{
	struct vmm_machine *m = opaque;
	char time[24];

	varch_cpus_end(m->cpus, VSU_EXIT_FAIL, "the guest did not power off within %s (--power-off-timeout)",
		     vsu_format_time(m->config->power_off_ms, time, sizeof(time)));
}

void vmm_machine_press_button(struct vmm_machine *m)
{
	struct vsu_alarm *w = &m->watch.power_off;

	varch_power_note(&m->power, VARCH_POWER_BUTTON);
	if (!m->config->power_off_ms || w->active)
		return;
	vsu_alarm_init(w, on_power_off_timeout, m);
	vsu_alarm_start(m->loop, w, m->config->power_off_ms * NS_PER_MS, 0);
}

static void on_alarm(void *opaque)
{
	struct vmm_machine *m = opaque;

	varch_power_note(&m->power, VARCH_POWER_ALARM);
}

static void watch_events(struct vmm_machine *m)
{
	struct vmm_watchers *w = &m->watch;
	const int cut = m->owner.sigbus ? vmem_sigbus_fd(m->owner.sigbus) : -1;

	vsu_io_init(&w->cpus, on_cpus, m, m->cpus->event_fd, VSU_IO_READ);
	vsu_io_init(&w->console, on_console, m, vmm_console_event_fd(m->console), VSU_IO_READ);
	vsu_io_init(&w->input, on_input, m, m->console_in, VSU_IO_READ);
	vsu_io_init(&w->writable, on_console, m, vmm_console_out_fd(m->console),
		    m->console_out >= 0 ? VSU_IO_WRITE : VSU_IO_READ);
	vsu_io_init(&w->space, on_space, m, vmem_space_event_fd(m->memory.space), VSU_IO_READ);
	vsu_io_init(&w->cut, on_cut, m, cut, VSU_IO_READ);
	vsu_io_init(&w->alarm, on_alarm, m, m->power.alarm_fd, VSU_IO_READ);
	vsu_io_start(m->loop, &w->cpus);
	vsu_io_start(m->loop, &w->console);
	vsu_io_start(m->loop, &w->input);
	vsu_io_start(m->loop, &w->space);
	vsu_io_start(m->loop, &w->cut);
	vsu_io_start(m->loop, &w->alarm);
	w->files = vmm_memory_may_shrink(&m->memory);
	vsu_alarm_init(&w->look, on_look, m);
	vsu_turn_init(&w->prepare, on_prepare, m);
	vsu_turn_start(m->loop, &w->prepare);
	if (m->owner.poison && cut >= 0)
		varch_poison_wake(m->owner.poison, cut);
}

int vmm_machine_start(struct vmm_machine *m, struct vsu_error *err)
{
	watch_events(m);
	vmm_memory_keep_files(&m->memory);
	vmm_machine_watch_stdio(m);
	m->shmem.closed = true;
	vmm_life_start(&m->pause.life, vmm_postcopy_is_active(m) ? VMM_ARRIVES : VMM_RUNS);
	vmm_debugger_start(m);
	return varch_cpus_start(m->cpus, err);
}

static void unwatch_events(struct vmm_machine *m)
{
	struct vmm_watchers *w = &m->watch;

	vmm_debugger_stop(m);
	vmm_machine_unwatch_stdio(m);
	vsu_io_stop(&w->cpus);
	vsu_io_stop(&w->console);
	vsu_io_stop(&w->input);
	vsu_io_stop(&w->writable);
	vsu_io_stop(&w->space);
	vsu_io_stop(&w->cut);
	vsu_io_stop(&w->alarm);
	vsu_turn_stop(&w->prepare);
	vsu_turn_stop(&w->unused);
	vsu_alarm_stop(&w->look);
	vsu_alarm_stop(&w->power_off);
}

int vmm_machine_end(struct vmm_machine *m, int rc, struct vsu_error *err)
{
	int status = VSU_EXIT_INTERNAL;

	varch_cpus_stop(m->cpus, &status, err);
	status = explain_crash(m, status, err);
	vmm_console_restore(m->console);
	devkind_stdio_restore(m->stdio);
	unwatch_events(m);
	if (!rc && !status && m->lost) {
		status = VSU_EXIT_HOST;
		vsu_error_set(err, -ECONNRESET, "the guest ended normally, but %u of its devices had been lost; see above",
			      m->lost);
	}
	if (rc < 0)
		status = cvmm_exit_status(CVMM_STEP_KVM, rc);
	vmm_life_end(&m->pause.life);
	vmm_event_end(m, status, err);
	return status;
}
