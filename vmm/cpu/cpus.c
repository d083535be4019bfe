/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The threads of the virtual CPUs. */
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "cpu/cpus_private.h"
#include "cpu/poison.h"
#include "kvm/uapi.h"
#include "base/thread.h"

/*
 * Maximum KVM_RUN calls by which a CPU completes the exits of one string instruction. After
 * them it pauses within the instruction.
 */
#define SETTLE_CALLS 4096u
/* Bytes of the kernel's sigset_t, the first ones of libc's. */
#define KERNEL_SIGSET 8u

/*
 * The thread blocks the signal, and KVM_RUN alone does not: it returns with -EINTR while one
 * is pending. So the process needs no handler, and its disposition does not matter.
 */
static int accept_kicks(const struct vmm_cpu_thread *cpu)
{
	union {
		struct kvm_signal_mask mask;
		unsigned char room[sizeof(struct kvm_signal_mask) + KERNEL_SIGSET];
	} in_guest = { .mask.len = KERNEL_SIGSET };
	sigset_t set;

	/* faults of the thread, such as a lost page, come while the guest runs as well */
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	sigdelset(&set, VMM_CPU_KICK);
	memcpy(in_guest.mask.sigset, &set, KERNEL_SIGSET);
	return ioctl(cpu->fd, KVM_SET_SIGNAL_MASK, &in_guest) < 0 ? -errno : 0;
}

/* A signal that stays pending would interrupt KVM_RUN again. */
static void take_kick(void)
{
	const struct timespec now = { 0, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, VMM_CPU_KICK);
	(void)!sigtimedwait(&set, NULL, &now);
}

/* Waits until this CPU may run; false: it must end. Requires the lock. */
static bool enter_locked(struct vmm_cpu_thread *cpu)
{
	struct vmm_cpus *cpus = cpu->cpus;

	while (cpus->pauses && !cpus->stopping)
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

static bool cpu_enter(struct vmm_cpu_thread *cpu)
{
	bool ok;

	pthread_mutex_lock(&cpu->cpus->lock);
	ok = enter_locked(cpu);
	pthread_mutex_unlock(&cpu->cpus->lock);
	return ok;
}

static void cpu_leave(struct vmm_cpu_thread *cpu)
{
	pthread_mutex_lock(&cpu->cpus->lock);
	vmm_cpus_leave(cpu->cpus);
	pthread_mutex_unlock(&cpu->cpus->lock);
}

static void wait_for_stop(struct vmm_cpus *cpus)
{
	pthread_mutex_lock(&cpus->lock);
	while (!cpus->stopping)
		pthread_cond_wait(&cpus->changed, &cpus->lock);
	pthread_mutex_unlock(&cpus->lock);
}

/* The first reason counts. */
static void end_once(struct vmm_cpus *cpus, int status,
		     const struct vsu_error *why)
{
	pthread_mutex_lock(&cpus->lock);
	if (!cpus->ended) {
		cpus->ended = true;
		cpus->status = status;
		cpus->why = *why;
		vsu_event_signal(cpus->event_fd);
	}
	pthread_mutex_unlock(&cpus->lock);
}

/* Only this CPU's thread writes the counter. */
static void count_exit(struct vmm_cpu_thread *cpu, int rc)
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
 * ended while it waited in vmm_cpus_call_main() has left immediate_exit set, and only
 * enter_locked() clears it.
 */
static enum vmm_cpu_next run_guest(struct vmm_cpu_thread *cpu)
{
	struct vmm_cpus *cpus = cpu->cpus;
	struct vmm_cpu_verdict verdict;
	unsigned int settling = 0;
	uint64_t hva;
	bool poisoned;
	int rc = 0;

	__atomic_store_n(&cpu->settled, false, __ATOMIC_RELEASE);
	verdict.next = VMM_CPU_RUN;
	while (verdict.next == VMM_CPU_RUN && rc != -EINTR &&
	       (!__atomic_load_n(&cpus->attention, __ATOMIC_ACQUIRE) ||
		settling++ < SETTLE_CALLS)) {
		vmm_poison_enter();
		rc = ioctl(cpu->fd, KVM_RUN, 0) < 0 ? -errno : 0;
		poisoned = vmm_poison_leave(&hva);
		count_exit(cpu, rc);
		if (!poisoned || !rc)
			vmm_cpu_exit(&cpus->config.hooks, cpu->index, cpu->run,
				     rc, &verdict);
		if (poisoned && verdict.next == VMM_CPU_RUN)
			vmm_cpu_poisoned(&cpus->config.hooks, cpu->index, hva,
					 &verdict);
	}
	/* a parked CPU would execute the instruction that parked it again */
	__atomic_store_n(&cpu->settled,
			 rc == -EINTR || verdict.next == VMM_CPU_PARK,
			 __ATOMIC_RELEASE);
	if (verdict.next == VMM_CPU_END)
		end_once(cpus, verdict.status, &verdict.why);
	return verdict.next;
}

/* False: the machine ends. */
static bool thread_begin(struct vmm_cpu_thread *cpu)
{
	const struct vmm_cpus_config *c = &cpu->cpus->config;
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

static void *cpu_main(void *arg)
{
	struct vmm_cpu_thread *cpu = arg;
	enum vmm_cpu_next next = thread_begin(cpu) ? VMM_CPU_RUN : VMM_CPU_END;

	while (next == VMM_CPU_RUN && cpu_enter(cpu)) {
		next = run_guest(cpu);
		cpu_leave(cpu);
	}
	wait_for_stop(cpu->cpus);
	return NULL;
}

static int make_cpu(struct vmm_cpus *cpus, unsigned int i,
		    struct vsu_error *err)
{
	const struct vmm_kvm *kvm = cpus->config.kvm;
	struct vmm_cpu_thread *cpu = &cpus->cpu[i];
	void *map;

	cpu->cpus = cpus;
	cpu->index = i;
	cpu->settled = true;
	cpu->fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)i);
	if (cpu->fd < 0)
		return vsu_error_sys(err, -errno, "KVM cannot make CPU %u", i);
	if (vsu_fd_set_cloexec(cpu->fd) < 0)
		return vsu_error_sys(err, -EBADF, "CPU %u", i);
	map = mmap(NULL, (size_t)kvm->vcpu_map_size, PROT_READ | PROT_WRITE,
		   MAP_SHARED, cpu->fd, 0);
	if (map == MAP_FAILED)
		return vsu_error_sys(err, -errno, "cannot map CPU %u", i);
	cpu->run = map;
	return 0;
}

static int make_cpus(struct vmm_cpus *cpus, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	cpus->event_fd = vsu_event_new();
	if (cpus->event_fd < 0)
		return vsu_error_sys(err, cpus->event_fd, "eventfd");
	for (i = 0; !rc && i < cpus->config.n; i++)
		rc = make_cpu(cpus, i, err);
	return rc;
}

int vmm_cpus_new(const struct vmm_cpus_config *config, struct vmm_cpus **out,
		 struct vsu_error *err)
{
	struct vmm_cpus *cpus = calloc(1, sizeof(*cpus));
	pthread_condattr_t clock;
	unsigned int i;
	int rc;

	if (!cpus)
		return vsu_error_sys(err, -ENOMEM, "CPUs");
	cpus->config = *config;
	pthread_mutex_init(&cpus->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&cpus->changed, &clock);
	pthread_condattr_destroy(&clock);
	for (i = 0; i < VMM_MAX_CPUS; i++)
		cpus->cpu[i].fd = -1;
	rc = make_cpus(cpus, err);
	if (rc < 0) {
		vmm_cpus_free(cpus);
		return rc;
	}
	*out = cpus;
	return 0;
}

void vmm_cpus_free(struct vmm_cpus *cpus)
{
	unsigned int i;

	if (!cpus)
		return;
	for (i = 0; i < cpus->config.n; i++) {
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

int vmm_cpus_fd(const struct vmm_cpus *cpus, unsigned int cpu)
{
	return cpus->cpu[cpu].fd;
}

int vmm_cpus_start(struct vmm_cpus *cpus, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < cpus->config.n; i++) {
		rc = prog_thread_start(cpus->config.threads, &cpus->cpu[i].thread, cpu_main,
				       &cpus->cpu[i]);
		cpus->cpu[i].started = !rc;
	}
	return rc ? vsu_error_sys(err, rc, "cannot start the thread of a CPU")
		  : 0;
}

int vmm_cpus_event_fd(const struct vmm_cpus *cpus)
{
	return cpus->event_fd;
}

void vmm_cpus_count(const struct vmm_cpus *cpus, unsigned int cpu,
		    struct vmm_cpu_counts *out)
{
	const struct vmm_cpu_counts *counts = &cpus->cpu[cpu].counts;

	out->io = __atomic_load_n(&counts->io, __ATOMIC_RELAXED);
	out->mmio = __atomic_load_n(&counts->mmio, __ATOMIC_RELAXED);
	out->interrupted = __atomic_load_n(&counts->interrupted, __ATOMIC_RELAXED);
	out->other = __atomic_load_n(&counts->other, __ATOMIC_RELAXED);
}

/* A guest without KVM's clock has no flag for it, which KVM refuses. */
void vmm_cpus_mark_paused(const struct vmm_cpus *cpus)
{
	unsigned int i;

	for (i = 0; i < cpus->config.n; i++)
		(void)!ioctl(cpus->cpu[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

void vmm_cpus_end(struct vmm_cpus *cpus, int status, const char *fmt, ...)
{
	struct vsu_error why = VSU_ERROR_INIT;
	va_list ap;

	va_start(ap, fmt);
	vsu_error_setv(&why, 0, fmt, ap);
	va_end(ap);
	end_once(cpus, status, &why);
}
