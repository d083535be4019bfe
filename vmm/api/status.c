/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a machine, for its owner. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "api/machine_private.h"
#include "cvmm/status.h"
#include "machine/sharing.h"
#include "memory/populated.h"
#include "run/plug.h"
#include "transfer/migrate.h"
#include "transfer/postcopy.h"
#include "transfer/save.h"

/* The caller has set its size. */
static int check_result(const void *out, size_t given, const char *name, struct vsu_error *err)
{
	if (!out)
		return vsu_error_set(err, -EINVAL, "struct %s is NULL; give one, with its size set to sizeof(struct %s)", name, name);
	return given >= sizeof(given) ? 0 :
	       vsu_error_set(err, -EINVAL, "struct %s: size is %zu; set it to sizeof(struct %s)", name, given, name);
}

/* Up to the size that the caller has set, which stays. */
static void copy_members(void *out, size_t given, const void *from, size_t size)
{
	memcpy((char *)out + sizeof(given), (const char *)from + sizeof(given),
	       (given < size ? given : size) - sizeof(given));
}

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

static uint64_t count_exits(const struct vmm_machine *m)
{
	struct varch_cpu_counts c;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < varch_cpus_number(m->cpus); i++) {
		varch_cpus_count(m->cpus, i, &c);
		sum += c.io + c.mmio + c.interrupted + c.other;
	}
	return sum;
}

/*
 * The first region of a block that is split at 3 GiB counts the present bytes of both. A window of a
 * back-end is no memory of the guest.
 */
static void count_memory(const struct vmm_machine *m, uint64_t *size, uint64_t *present)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	const struct vmem_region *region;
	unsigned int i;

	*size = *present = 0;
	for (i = 0; i < vmem_map_count(map); i++) {
		region = vmem_map_region(map, i);
		if (vmm_window_of(&m->shmem, region))
			continue;
		*size += vmem_region_len(region);
		if (!vmem_region_offset(region))
			*present += vmm_populated(vmem_region_block(region));
	}
}

/* The machine was made; its state does not matter. */
static void read_statistics(struct vmm_machine *m, struct cvmm_statistics *out)
{
	*out = (struct cvmm_statistics){
		.size = sizeof(*out), .state = state_of(m), .paused = is_paused(m),
		.cpus = varch_cpus_number(m->cpus), .max_cpus = m->config->cpus.max, .devices = m->ndevices,
		.age_ns = vsu_now_ns() - m->power.start_ns,
		.uptime_ns = vsu_now_ns() - m->made_ns,
		.paused_ns = varch_cpus_paused_ns(m->cpus),
		.arriving = vmm_postcopy_left(m), .exits = count_exits(m),
		.lost_devices = m->lost, .memory_repairs = count_repairs(m),
		.memory_conversions = m->private_memory.conversions,
		.memory_failed_conversions = m->private_memory.failed,
		.window_changes = m->shmem.changes,
		.console_lost_bytes = vmm_console_dropped(m->console),
		.serial_unrecorded_bytes = vmm_console_unrecorded(m->console),
		.name = m->config->name, .kernel = m->config->kernel,
	};
	count_memory(m, &out->memory, &out->present);
	vmm_save_progress(m, &out->progress);
	vmm_migrate_progress(m, &out->progress);
}

int cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out,
				struct vsu_error *err)
{
	struct cvmm_statistics s = { .state = CVMM_STATE_WAITING };
	const int rc = check_result(out, out ? out->size : 0, "cvmm_statistics", err);

	if (rc < 0)
		return rc;
	if (m->made)
		read_statistics(m->machine, &s);
	else if (m->state == ENDED)
		s.state = CVMM_STATE_ENDED;
	copy_members(out, out->size, &s, sizeof(s));
	return 0;
}

static int read_device(const struct vmm_machine *m, unsigned int number, struct cvmm_device *out,
		       struct vsu_error *err)
{
	const struct vmm_device *d = number < m->ndevices ? &m->devices[number] : NULL;

	if (!d || (!d->virtio && !d->coming))
		return vsu_error_set(err, -ENOENT, "no device has the number %u", number);
	*out = (struct cvmm_device){
		.size = sizeof(*out), .kind = d->spec.kind ? d->spec.kind->name : NULL,
		.id = d->spec.id, .slot = d->slot, .coming = d->coming != NULL,
		.leaving = vmm_machine_is_leaving(m, d),
		.name = devkind_own_name(d->spec.kind, d->spec.config),
		.file = vmm_device_file(&d->spec),
	};
	return 0;
}

int cvmm_machine_get_device(struct cvmm_machine *m, unsigned int number,
			    struct cvmm_device *out, struct vsu_error *err)
{
	int rc = check_result(out, out ? out->size : 0, "cvmm_device", err);
	struct cvmm_device d;

	if (!rc && !m->made)
		rc = vsu_error_set(err, -ENOENT, "the guest has not arrived");
	if (!rc)
		rc = read_device(m->machine, number, &d, err);
	if (!rc)
		copy_members(out, out->size, &d, sizeof(d));
	return rc;
}
