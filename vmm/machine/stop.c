/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * CPUs come first: a CPU in the middle of an access, such as the one that activates a
 * device, would start queues behind the pause of that device.
 */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>

#include "machine/events.h"
#include "machine/stop.h"

#define MAX_TRIES 100u
#define LIMIT_S 10.
#define NS_PER_S 1e9
/* Another process gets that many limits, to stop and to transfer its state. */
#define REMOTE_LIMITS 2u

/* ----------------------------------------------------------------- time limit */

static double limit_seconds(const struct vmm_machine *m)
{
	return m->pause.limit.seconds > 0. ? m->pause.limit.seconds : LIMIT_S;
}

uint64_t vmm_stop_limit_ns(const struct vmm_machine *m)
{
	return (uint64_t)(limit_seconds(m) * NS_PER_S);
}

uint64_t vmm_stop_deadline_ns(const struct vmm_machine *m)
{
	return m->pause.stop.begun_ns + (REMOTE_LIMITS + 1) * vmm_stop_limit_ns(m);
}

/* A loop without events would not call the stop again. */
static void on_limit(void *opaque)
{
	((struct vmm_stop_limit *)opaque)->over++;
}

/* Waits at most that many times the limit, from the first wait of the stop on. */
static int limit_wait(struct vmm_machine *m, unsigned int times)
{
	struct vmm_stop_limit *l = &m->pause.limit;
	const uint64_t limit_ns = vmm_stop_limit_ns(m);

	if (l->over >= times)
		return -ETIMEDOUT;
	if (l->timer.active)
		return -EAGAIN;
	vsu_alarm_init(&l->timer, on_limit, l);
	vsu_alarm_start(m->loop, &l->timer, limit_ns, limit_ns);
	return -EAGAIN;
}

int vmm_stop_wait(struct vmm_machine *m)
{
	return limit_wait(m, 1);
}

/* ----------------------------------------------------------------------- stop */

/*
 * A peer that makes slow progress would renew the time limits of its protocol again and
 * again.
 */
static int wait_for_device(struct vmm_machine *m, unsigned int i, struct vsu_error *err)
{
	const bool remote = m->devices[i].spec.remote;
	const unsigned int times = remote ? REMOTE_LIMITS : 1;
	int rc = limit_wait(m, times);

	if (rc != -ETIMEDOUT)
		return rc;
	return vsu_error_set(err, rc, remote ?
			     "device %u: its back-end did not stop and transfer its state within %g seconds" :
			     "device %u did not complete its requests within %g seconds",
			     i, times * limit_seconds(m));
}

int vmm_stop_devices(struct vmm_machine *m, bool collects, struct vsu_error *err)
{
	struct vmm_stop *s = &m->pause.stop;
	int rc = 0;

	for (; !rc && s->npaused < m->ndevices; s->npaused += !rc) {
		if (m->devices[s->npaused].virtio)
			rc = vmm_virtio_pause(m->devices[s->npaused].virtio,
					      collects);
		s->pausing = rc < 0;
	}
	if (rc == -EAGAIN)
		return wait_for_device(m, s->npaused, err);
	return rc ? vsu_error_sys(err, rc, "device %u cannot pause", s->npaused) : 0;
}

/* The instruction continues, and the CPU is interrupted at another access. */
static int run_shortly(struct vmm_machine *m, struct vsu_error *err)
{
	if (m->pause.stop.tries++ == MAX_TRIES)
		return vsu_error_set(err, -EAGAIN, "a processor is in the middle of an instruction with many accesses; try again");
	varch_cpus_resume(m->cpus);
	varch_cpus_pause(m->cpus);
	return 1;
}

static int wait_for_access(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = vmm_stop_wait(m);

	if (rc == -EAGAIN)
		return 1;
	return vsu_error_set(err, rc, "a processor waits for a device that did not complete its requests within %g seconds",
			     limit_seconds(m));
}

int vmm_stop_step(struct vmm_machine *m, bool collects, struct vsu_error *err)
{
	int rc = varch_cpus_settle(m->cpus);

	if (rc == -EAGAIN)
		return wait_for_access(m, err);
	if (rc == -EBUSY && collects)
		return run_shortly(m, err);
	rc = vmm_stop_devices(m, collects, err);
	return rc == -EAGAIN ? 1 : rc;
}

static void on_turn(void *opaque)
{
	struct vmm_stop *s = opaque;
	const uint64_t number = s->number;

	/* a step that ends its activity may have begun another stop, by an answer */
	if (s->step(s->opaque) != 1 && s->number == number)
		vsu_turn_stop(&s->turn);
}

void vmm_stop_begin(struct vmm_machine *m, int (*step)(void *opaque), void *opaque)
{
	struct vmm_stop *s = &m->pause.stop;

	s->was_held = s->phase == VMM_STOP_HELD;	/* all devices are paused, with their state */
	s->phase = VMM_STOP_BEGUN;
	s->number++;
	s->tries = 0;
	s->begun_ns = vsu_now_ns();
	s->step = step;
	s->opaque = opaque;
	varch_cpus_pause(m->cpus);
	vsu_turn_init(&s->turn, on_turn, s);
	vsu_turn_start(m->loop, &s->turn);
}

static void resume_devices(struct vmm_machine *m)
{
	struct vmm_stop *s = &m->pause.stop;
	unsigned int n = s->npaused + s->pausing;

	while (n > 0)
		if (m->devices[--n].virtio)
			(void)!vmm_virtio_resume(m->devices[n].virtio);
	*s = (struct vmm_stop){ .phase = VMM_STOP_NONE, .number = s->number };
}

bool vmm_stop_has_begun(const struct vmm_machine *m)
{
	return m->pause.stop.phase == VMM_STOP_BEGUN;
}

void vmm_stop_abandon(struct vmm_machine *m)
{
	vsu_turn_stop(&m->pause.stop.turn);
	vsu_alarm_stop(&m->pause.limit.timer);
	m->pause.limit.over = 0;
}

void vmm_stop_end(struct vmm_machine *m)
{
	if (!vmm_stop_has_begun(m))
		return;
	vmm_stop_abandon(m);
	resume_devices(m);
	varch_cpus_resume(m->cpus);
}

void vmm_stop_hold(struct vmm_machine *m)
{
	vmm_stop_abandon(m);
	m->pause.stop.phase = VMM_STOP_HELD;
	varch_cpus_resume(m->cpus);
}

void vmm_stop_release(struct vmm_machine *m)
{
	if (m->pause.stop.phase == VMM_STOP_HELD)
		resume_devices(m);
}

void vmm_stop_for_user(struct vmm_machine *m)
{
	if (!vmm_life_set_guest(&m->pause.life, VMM_PAUSED))
		return;
	varch_cpus_pause(m->cpus);
	vmm_event_publish(m, &(struct cvmm_event){ .kind = CVMM_EVENT_PAUSED });
}

void vmm_stop_end_for_user(struct vmm_machine *m)
{
	if (!vmm_life_set_guest(&m->pause.life, VMM_RUNS))
		return;
	m->pause.awaits_debugger = false;
	vmm_stop_release(m);
	varch_cpus_resume(m->cpus);
	vmm_event_publish(m, &(struct cvmm_event){ .kind = CVMM_EVENT_RESUMED });
}
