/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The threads of the virtual CPUs. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <vm-arch/arch.h>
#include <vm-arch/poison.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/thread.h>

#include "arch/own.h"
#include "cpu/cpu_exit.h"
#include "cpu/cpus_private.h"
#include "cpu/poisoned.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

/*
 * Maximum KVM_RUN calls by which a CPU completes the exits of one string instruction. After
 * them it pauses within the instruction.
 */
#define SETTLE_CALLS 4096u
/* Bytes of the kernel's sigset_t, the first ones of libc's. */
#define KERNEL_SIGSET 8u

/* Interrupts KVM_RUN. Never above SIGRTMIN: those can be refused, if others have used up the limit. */
#define VARCH_CPU_KICK SIGUSR2

void varch_cpus_leave(struct varch_cpus *cpus)
{
	cpus->in_guest--;
	pthread_cond_broadcast(&cpus->changed);
}

/*
 * The thread blocks the signal, and KVM_RUN alone does not: it returns with -EINTR while one
 * is pending. So the process needs no handler, and its disposition does not matter.
 */
static int accept_kicks(const struct varch_cpu *cpu)
{
	union {
		struct kvm_signal_mask mask;
		unsigned char room[sizeof(struct kvm_signal_mask) + KERNEL_SIGSET];
	} in_guest = { .mask.len = KERNEL_SIGSET };
	sigset_t set;

	/* faults of the thread, such as a lost page, come while the guest runs as well */
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	sigdelset(&set, VARCH_CPU_KICK);
	memcpy(in_guest.mask.sigset, &set, KERNEL_SIGSET);
	return ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, &in_guest) < 0 ? -errno : 0;
}

/* A signal that stays pending would interrupt KVM_RUN again. */
static void take_kick(void)
{
	const struct timespec now = { 0, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, VARCH_CPU_KICK);
	(void)!sigtimedwait(&set, NULL, &now);
}

/* Waits until this CPU may run; false: it must end. Requires the lock. */
static bool enter_locked(struct varch_cpu *cpu)
{
	struct varch_cpus *cpus = cpu->cpus;

	while ((cpus->pauses || cpu->held) && !cpus->stopping)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	if (cpus->stopping)
		return false;
	if (cpu->kicked)
		take_kick();
	cpu->kicked = false;
	__atomic_store_n(&cpu->run->immediate_exit, 0, __ATOMIC_RELAXED);
	cpus->in_guest++;
	return true;
}

static bool cpu_enter(struct varch_cpu *cpu)
{
	bool ok;

	pthread_mutex_lock(&cpu->cpus->lock);
	ok = enter_locked(cpu);
	pthread_mutex_unlock(&cpu->cpus->lock);
	return ok;
}

static void cpu_leave(struct varch_cpu *cpu)
{
	pthread_mutex_lock(&cpu->cpus->lock);
	varch_cpus_leave(cpu->cpus);
	pthread_mutex_unlock(&cpu->cpus->lock);
}

static void wait_for_stop(struct varch_cpus *cpus)
{
	pthread_mutex_lock(&cpus->lock);
	while (!cpus->stopping)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	pthread_mutex_unlock(&cpus->lock);
}

/* The first reason counts. */
static void end_once(struct varch_cpus *cpus, int status,
		     const struct vsu_error *why)
{
	pthread_mutex_lock(&cpus->lock);
	if (!cpus->ended) {
		cpus->ended = true;
		cpus->status = status;
		cpus->why = *why;
		vsu_event_signal(cpus->event_fd);
		pthread_cond_broadcast(&cpus->changed);
	}
	pthread_mutex_unlock(&cpus->lock);
}

/* Only this CPU's thread writes the counter. */
static void count_exit(struct varch_cpu *cpu, int rc)
{
	uint64_t *count = rc == -EINTR ? &cpu->counts.interrupted :
			  cpu->run->exit_reason == KVM_EXIT_IO ? &cpu->counts.io :
			  cpu->run->exit_reason == KVM_EXIT_MMIO ? &cpu->counts.mmio :
								   &cpu->counts.other;

	__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

/*
 * Runs the guest until attention is requested or the CPU is parked. KVM completes
 * an access in the next KVM_RUN, which returns -EINTR as immediate_exit is set: only
 * then the registers are those behind the instruction. After an
 * interruption the thread always leaves and enters again: a pause that began and
 * ended while it waited in varch_cpus_call_main() has left immediate_exit set, and only
 * enter_locked() clears it.
 */
static enum varch_cpu_next run_guest(struct varch_cpu *cpu)
{
	struct varch_cpus *cpus = cpu->cpus;
	struct varch_cpu_verdict verdict;
	unsigned int settling = 0;
	uint64_t hva;
	bool poisoned;
	int rc = 0;

	__atomic_store_n(&cpu->settled, false, __ATOMIC_RELEASE);
	verdict.next = VARCH_CPU_RUN;
	while (verdict.next == VARCH_CPU_RUN && rc != -EINTR &&
	       (!__atomic_load_n(&cpus->attention, __ATOMIC_ACQUIRE) ||
		settling++ < SETTLE_CALLS)) {
		varch_poison_enter();
		rc = ioctl(cpu->fd, KVM_RUN, 0) < 0 ? -errno : 0;
		poisoned = varch_poison_leave(&hva);
		count_exit(cpu, rc);
		if (!poisoned || !rc)
			varch_cpu_exit(&cpus->config.hooks, cpu->index, cpu->fd,
				     cpu->run, rc, &verdict);
		if (poisoned && verdict.next == VARCH_CPU_RUN)
			varch_cpu_poisoned(&cpus->config.hooks, cpu->index, hva,
					 &verdict);
	}
	/* a parked CPU would execute the instruction that parked it again */
	__atomic_store_n(&cpu->settled,
			 rc == -EINTR || verdict.next == VARCH_CPU_PARK,
			 __ATOMIC_RELEASE);
	if (verdict.next == VARCH_CPU_END)
		end_once(cpus, verdict.status, &verdict.why);
	return verdict.next;
}

/* False: the machine ends. */
static bool thread_begin(struct varch_cpu *cpu)
{
	const struct varch_cpus_config *c = &cpu->cpus->config;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = accept_kicks(cpu);

	if (rc < 0)
		vsu_error_sys(&err, rc, "the signal of CPU %u", cpu->index);
	else if (c->begin)
		rc = c->begin(c->hooks.opaque, &err);
	if (!rc)
		return true;
	end_once(cpu->cpus, VSU_EXIT_HOST, &err);
	return false;
}

static void cpu_run(struct varch_cpu *cpu)
{
	enum varch_cpu_next next = thread_begin(cpu) ? VARCH_CPU_RUN : VARCH_CPU_END;

	while (next == VARCH_CPU_RUN && cpu_enter(cpu)) {
		next = run_guest(cpu);
		cpu_leave(cpu);
	}
	wait_for_stop(cpu->cpus);
}

static void *cpu_main(void *arg)
{
	cpu_run(arg);
	return NULL;
}

/* ------------------------------------------------- threads that the owner lends */

/* A kick that is pending would end the process when the thread unblocks it. */
static void detach_locked(struct varch_cpus *cpus, struct varch_cpu *cpu)
{
	if (cpu->kicked)
		take_kick();
	cpu->kicked = cpu->started = false;
	cpus->lent--;
	pthread_cond_broadcast(&cpus->changed);
}

/*
 * 1: the machine was started, and the CPU has this thread; 0: it ends before. The end of the CPUs
 * joins those that have started, so none starts during it.
 */
static int attach_locked(struct varch_cpus *cpus, struct varch_cpu *cpu, struct vsu_error *err)
{
	if (cpu->started)
		return vsu_error_set(err, -EBUSY, "CPU %u has a thread", cpu->index);
	if (cpus->stopping)
		return 0;
	cpu->thread = pthread_self();
	cpu->started = true;
	cpus->lent++;
	while (!cpus->begun && !cpus->stopping && !cpus->ended)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	if (!cpus->begun)
		detach_locked(cpus, cpu);
	return cpus->begun;
}

static int cpu_attach(struct varch_cpu *cpu, struct vsu_error *err)
{
	int rc;

	pthread_mutex_lock(&cpu->cpus->lock);
	rc = attach_locked(cpu->cpus, cpu, err);
	pthread_mutex_unlock(&cpu->cpus->lock);
	return rc;
}

static void cpu_detach(struct varch_cpu *cpu)
{
	pthread_mutex_lock(&cpu->cpus->lock);
	detach_locked(cpu->cpus, cpu);
	pthread_mutex_unlock(&cpu->cpus->lock);
}

int varch_cpus_run(struct varch_cpus *cpus, unsigned int cpu, struct vsu_error *err)
{
	sigset_t before;
	int rc;

	if (!cpus->config.lent || cpu >= varch_cpus_number(cpus))
		return vsu_error_set(err, -EINVAL, cpus->config.lent ? "the machine has no CPU %u" :
				     "the machine has a thread of its own for CPU %u", cpu);
	vsu_thread_block_signals(&before);
	rc = cpu_attach(&cpus->cpu[cpu], err);
	if (rc > 0) {
		cpu_run(&cpus->cpu[cpu]);
		cpu_detach(&cpus->cpu[cpu]);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc < 0 ? rc : 0;
}

/* They leave, because nothing starts the CPUs any more. Requires the lock. */
static void wait_for_lent(struct varch_cpus *cpus)
{
	cpus->stopping = true;
	pthread_cond_broadcast(&cpus->changed);
	while (cpus->lent)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
}

/* -------------------------------------------------------------------- creation */

static int make_cpu(struct varch_cpus *cpus, unsigned int i,
		    struct vsu_error *err)
{
	struct varch_cpu *cpu = &cpus->cpu[i];

	cpu->cpus = cpus;
	cpu->index = i;
	cpu->settled = true;
	return varch_vm_make_cpu(cpus->config.kvm, i, &cpu->fd, &cpu->run, err);
}

int varch_cpus_make(struct varch_cpus *cpus, unsigned int n, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		if (!cpus->cpu[i].run)
			rc = make_cpu(cpus, i, err);
	return rc;
}

static int make_cpus(struct varch_cpus *cpus, struct vsu_error *err)
{
	int fds[VARCH_MAX_CPUS];
	unsigned int i;
	int rc;

	cpus->event_fd = vsu_event_new();
	if (cpus->event_fd < 0)
		return vsu_error_sys(err, cpus->event_fd, "eventfd");
	rc = varch_cpus_make(cpus, cpus->n, err);
	for (i = 0; i < cpus->n; i++)
		fds[i] = cpus->cpu[i].fd;
	return rc ? rc : varch_cpus_made(cpus->config.kvm, fds, cpus->n, err);
}

int varch_cpus_new(const struct varch_cpus_config *config, struct varch_cpus **out,
		 struct vsu_error *err)
{
	struct varch_cpus *cpus = calloc(1, sizeof(*cpus));
	pthread_condattr_t clock;
	unsigned int i;
	int rc;

	if (!cpus)
		return vsu_error_sys(err, -ENOMEM, "CPUs");
	cpus->config = *config;
	cpus->n = config->n;
	pthread_mutex_init(&cpus->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&cpus->changed, &clock);
	pthread_condattr_destroy(&clock);
	for (i = 0; i < VARCH_MAX_CPUS; i++)
		cpus->cpu[i].fd = -1;
	rc = make_cpus(cpus, err);
	if (rc < 0) {
		varch_cpus_free(cpus);
		return rc;
	}
	*out = cpus;
	return 0;
}

void varch_cpus_free(struct varch_cpus *cpus)
{
	unsigned int i;

	if (!cpus)
		return;
	pthread_mutex_lock(&cpus->lock);
	wait_for_lent(cpus);
	pthread_mutex_unlock(&cpus->lock);
	for (i = 0; i < VARCH_MAX_CPUS; i++) {
		if (cpus->cpu[i].run)
			munmap(cpus->cpu[i].run,
			       (size_t)cpus->config.kvm->vcpu_map_size);
		vsu_fd_close(&cpus->cpu[i].fd);
	}
	vsu_fd_close(&cpus->event_fd);
	pthread_cond_destroy(&cpus->changed);
	pthread_mutex_destroy(&cpus->lock);
	free(cpus);
}

static int start_cpu(struct varch_cpu *cpu, struct vsu_error *err)
{
	const struct varch_cpus_config *c = &cpu->cpus->config;
	int rc;

	if (c->lent)
		return 0;
	rc = vsu_thread_start(c->threads, &cpu->thread, cpu_main, cpu);
	cpu->started = !rc;
	return rc ? vsu_error_sys(err, rc, "cannot start the thread of CPU %u", cpu->index) : 0;
}

int varch_cpus_start(struct varch_cpus *cpus, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	cpus->config.kvm->cpus = cpus;
	pthread_mutex_lock(&cpus->lock);
	cpus->begun = true;
	pthread_cond_broadcast(&cpus->changed);
	pthread_mutex_unlock(&cpus->lock);
	for (i = 0; !rc && i < cpus->n; i++)
		rc = start_cpu(&cpus->cpu[i], err);
	return rc;
}

/* A thread that is lent can attach as soon as the CPU counts. */
int varch_cpus_start_next(struct varch_cpus *cpus, struct vsu_error *err)
{
	int rc = start_cpu(&cpus->cpu[cpus->n], err);

	if (!rc)
		__atomic_store_n(&cpus->n, cpus->n + 1, __ATOMIC_RELEASE);
	return rc;
}

/* CPU 0, whose processor the new ones have, is paused meanwhile. */
static int make_more(struct varch_cpus *cpus, unsigned int n, struct vsu_error *err)
{
	unsigned int i;
	int rc;

	varch_cpus_pause(cpus);
	rc = varch_cpus_make(cpus, n, err);
	for (i = cpus->n; !rc && i < n; i++)
		rc = varch_cpu_add(cpus->config.kvm, cpus->cpu[0].fd, cpus->cpu[i].fd, i, err);
	varch_cpus_resume(cpus);
	return rc;
}

int varch_cpus_add(struct varch_cpus *cpus, unsigned int n, struct vsu_error *err)
{
	int rc = make_more(cpus, n, err);

	while (!rc && cpus->n < n)
		rc = varch_cpus_start_next(cpus, err);
	return rc;
}

void varch_cpus_end(struct varch_cpus *cpus, int status, const char *fmt, ...)
{
	struct vsu_error why = VSU_ERROR_INIT;
	va_list ap;

	va_start(ap, fmt);
	vsu_error_setv(&why, 0, fmt, ap);
	va_end(ap);
	end_once(cpus, status, &why);
}

/* ------------------------------------------------------ pauses and the end */

/*
 * A thread increments in_guest before it runs the guest, and decrements it when
 * attention is requested. The requester sets the attention flag under the lock,
 * makes KVM_RUN return (immediate_exit covers the window before it is entered),
 * and waits until in_guest is 0.
 */

#define NS_PER_S UINT64_C(1000000000)
/* Time limit for a CPU to leave the guest, with margin for swap and load. */
#define STOP_NS (4 * NS_PER_S)
#define PAUSE_NS (20 * NS_PER_S)
/* A pause that the guest is told: its watchdog waits for several times as long. */
#define LONG_NS NS_PER_S

/* Makes every CPU check the state. Requires the lock. */
static void request_attention(struct varch_cpus *cpus)
{
	unsigned int i;

	__atomic_store_n(&cpus->attention, 1, __ATOMIC_RELEASE);
	for (i = 0; i < cpus->n; i++) {
		if (!cpus->cpu[i].started)
			continue;
		__atomic_store_n(&cpus->cpu[i].run->immediate_exit, 1,
				 __ATOMIC_RELAXED);
		cpus->cpu[i].kicked = true;
		pthread_kill(cpus->cpu[i].thread, VARCH_CPU_KICK);
	}
	pthread_cond_broadcast(&cpus->changed);
}

/* Waits until no CPU is in the guest; false after ns. Requires the lock. */
static bool wait_for_cpus(struct varch_cpus *cpus, uint64_t ns)
{
	uint64_t end = vsu_now_ns() + ns;
	const struct timespec until = {
		.tv_sec = (time_t)(end / NS_PER_S),
		.tv_nsec = (long)(end % NS_PER_S),
	};
	int rc = 0;

	while (cpus->in_guest && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&cpus->changed, &cpus->lock,
					    &until);
	return !cpus->in_guest;
}

/* Waits without limit, and calls stuck after ns. Requires the lock. */
static void wait_or_report(struct varch_cpus *cpus, uint64_t ns)
{
	if (cpus->config.patience_ns)
		ns = cpus->config.patience_ns;
	if (cpus->config.stuck && !wait_for_cpus(cpus, ns)) {
		pthread_mutex_unlock(&cpus->lock);
		cpus->config.stuck(cpus->config.hooks.opaque);
		pthread_mutex_lock(&cpus->lock);
	}
	while (cpus->in_guest)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
}

void varch_cpus_pause(struct varch_cpus *cpus)
{
	pthread_mutex_lock(&cpus->lock);
	if (cpus->pauses++ == 0) {
		cpus->pause_began_ns = vsu_now_ns();
		request_attention(cpus);
	}
	wait_or_report(cpus, PAUSE_NS);
	pthread_mutex_unlock(&cpus->lock);
}

/* A guest without KVM's clock has no flag for it, which KVM refuses. */
static void mark_paused(const struct varch_cpus *cpus)
{
	unsigned int i;

	for (i = 0; i < cpus->n; i++)
		(void)!ioctl(cpus->cpu[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

/* Requires the lock, which no CPU's thread keeps while it runs the guest. */
static void end_pause(struct varch_cpus *cpus)
{
	const uint64_t ns = vsu_now_ns() - cpus->pause_began_ns;

	cpus->paused_ns += ns;
	if (ns >= LONG_NS)
		mark_paused(cpus);
	if (!cpus->stopping)
		__atomic_store_n(&cpus->attention, 0, __ATOMIC_RELEASE);
}

/*
 * A CPU that is held and waits in varch_cpus_call_main() leaves the guest by immediate_exit, which
 * the pause has set. While paused no thread reads whether it is held.
 */
void varch_cpus_resume(struct varch_cpus *cpus)
{
	pthread_mutex_lock(&cpus->lock);
	if (--cpus->pauses == 0)
		end_pause(cpus);
	pthread_cond_broadcast(&cpus->changed);
	pthread_mutex_unlock(&cpus->lock);
}

static bool are_settled(const struct varch_cpus *cpus)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < cpus->n; i++)
		all = all && __atomic_load_n(&cpus->cpu[i].settled,
					     __ATOMIC_ACQUIRE);
	return all;
}

int varch_cpus_settle(struct varch_cpus *cpus)
{
	int rc;

	pthread_mutex_lock(&cpus->lock);
	cpus->settling = true;
	pthread_cond_broadcast(&cpus->changed);
	while (cpus->finished)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	wait_or_report(cpus, PAUSE_NS);
	cpus->settling = false;
	rc = cpus->waiting ? -EAGAIN : are_settled(cpus) ? 0 : -EBUSY;
	pthread_mutex_unlock(&cpus->lock);
	return rc;
}

/* Takes the lock: a thread that the owner lends too late reads started at this time. */
static void forget_threads(struct varch_cpus *cpus)
{
	unsigned int i;

	pthread_mutex_lock(&cpus->lock);
	for (i = 0; i < cpus->n; i++)
		cpus->cpu[i].started = false;
	pthread_mutex_unlock(&cpus->lock);
}

void varch_cpus_stop(struct varch_cpus *cpus, int *status, struct vsu_error *err)
{
	unsigned int i;

	pthread_mutex_lock(&cpus->lock);
	cpus->stopping = true;
	request_attention(cpus);
	wait_or_report(cpus, STOP_NS);
	wait_for_lent(cpus);
	pthread_mutex_unlock(&cpus->lock);
	for (i = 0; i < cpus->n; i++)
		if (cpus->cpu[i].started)
			pthread_join(cpus->cpu[i].thread, NULL);
	forget_threads(cpus);
	cpus->config.kvm->cpus = NULL;
	if (cpus->ended) {
		*status = cpus->status;
		*err = cpus->why;
	}
}
