/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a machine and its CPUs, for its owner. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>

#include "api/results.h"
#include "transfer/migrate.h"
#include "transfer/postcopy.h"
#include "transfer/save.h"

static bool is_paused(const struct vmm_machine *m)
{
	return m->pause.life.guest != VMM_RUNS || vmm_migrate_hand_over(m) == VMM_UNKNOWN;
}

/* Damage, which lasts, precedes a job. Other jobs are those of a guest that runs or not. */
static enum cvmm_state state_of(const struct vmm_machine *m)
{
	static const enum cvmm_state states[VMM_NACTIVITIES] = {
		[VMM_RUNS] = CVMM_STATE_RUNNING, [VMM_PAUSED] = CVMM_STATE_PAUSED,
		[VMM_DAMAGED] = CVMM_STATE_DAMAGED, [VMM_SAVES] = CVMM_STATE_SAVING,
		[VMM_MIGRATES] = CVMM_STATE_MIGRATING, [VMM_ENDED] = CVMM_STATE_ENDED,
	};
	const struct vmm_life *l = &m->pause.life;

	if (l->now == VMM_ENDED || l->now == VMM_IS_MADE)
		return states[l->now];
	if (vmm_migrate_hand_over(m) == VMM_UNKNOWN && l->guest != VMM_DAMAGED)
		return CVMM_STATE_UNDECIDED;
	return states[l->guest == VMM_DAMAGED || !states[l->now] ? l->guest : l->now];
}

static uint64_t count_repairs(struct vmm_machine *m)
{
	uint64_t repairs;

	pthread_mutex_lock(&m->memory.repairing);
	repairs = m->memory.repairs;
	pthread_mutex_unlock(&m->memory.repairing);
	return repairs;
}

static struct cvmm_cpu read_cpu(const struct vmm_machine *m, unsigned int cpu)
{
	const struct varch_cpu_counts *c = &m->cpus->cpu[cpu].counts;
	struct cvmm_cpu out = {
		.size = sizeof(out), .io = __atomic_load_n(&c->io, __ATOMIC_RELAXED),
		.mmio = __atomic_load_n(&c->mmio, __ATOMIC_RELAXED),
		.interrupted = __atomic_load_n(&c->interrupted, __ATOMIC_RELAXED),
	};

	out.exits = out.io + out.mmio + out.interrupted + __atomic_load_n(&c->other, __ATOMIC_RELAXED);
	return out;
}

static uint64_t count_exits(const struct vmm_machine *m)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < varch_cpus_number(m->cpus); i++)
		sum += read_cpu(m, i).exits;
	return sum;
}

static uint64_t sum_of_pauses(const struct varch_cpus *cpus)
{
	return cpus->paused_ns + (cpus->pauses ? vsu_now_ns() - cpus->pause_began_ns : 0);
}

/* The machine was made; its state does not matter. */
static void read_statistics(struct vmm_machine *m, struct cvmm_statistics *out)
{
	*out = (struct cvmm_statistics){
		.size = sizeof(*out), .state = state_of(m), .paused = is_paused(m),
		.cpus = varch_cpus_number(m->cpus), .max_cpus = m->config->cpus.max, .devices = m->ndevices,
		.age_ns = vsu_now_ns() - m->power.start_ns,
		.uptime_ns = vsu_now_ns() - m->made_ns,
		.paused_ns = sum_of_pauses(m->cpus),
		.arriving = vmm_postcopy_left(m), .exits = count_exits(m),
		.lost_devices = m->lost, .memory_repairs = count_repairs(m),
		.memory_conversions = m->private_memory.conversions,
		.memory_failed_conversions = m->private_memory.failed,
		.window_changes = m->shmem.changes,
		.console_lost_bytes = vmm_console_dropped(m->console),
		.serial_unrecorded_bytes = vmm_console_unrecorded(m->console),
		.name = m->config->name, .kernel = m->config->kernel, .initrd = m->config->initrd,
		.saves = m->pause.save, .arrives = m->pause.life.now == VMM_ARRIVES,
		.arriving_requests = vmm_postcopy_requests(m),
	};
	cvmm_priv_count_memory(m, &out->memory, &out->present);
	vmm_save_progress(m, &out->progress);
	vmm_migrate_progress(m, &out->progress);
}

int cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out,
				struct vsu_error *err)
{
	struct cvmm_statistics s = { .state = CVMM_STATE_WAITING };
	const int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_statistics", err);

	if (rc < 0)
		return rc;
	if (cvmm_priv_is_made(m))
		read_statistics(m->machine, &s);
	else if (m->life == CVMM_LIFE_FAILED)
		s.state = CVMM_STATE_ENDED;
	cvmm_priv_copy_result(out, out->size, &s, sizeof(s));
	return 0;
}

int cvmm_machine_get_cpu(struct cvmm_machine *m, unsigned int cpu, struct cvmm_cpu *out,
			 struct vsu_error *err)
{
	struct cvmm_cpu c;
	int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_cpu", err);

	if (!rc)
		rc = cvmm_priv_check_made(m, err);
	if (rc < 0)
		return rc;
	if (cpu >= varch_cpus_number(m->machine->cpus))
		return vsu_error_set(err, -ENOENT, "no CPU has the number %u", cpu);
	c = read_cpu(m->machine, cpu);
	cvmm_priv_copy_result(out, out->size, &c, sizeof(c));
	return 0;
}
