/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The steps that make the guest's memory, and its windows. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "machine/sharing.h"
#include "owner/owner.h"
#include "run/devices.h"
#include "setup/steps.h"

static void on_map_changed(void *opaque)
{
	struct vmm_machine *m = opaque;

	if (m->private_memory.space &&
	    vmm_private_publish(&m->private_memory, vmm_memory_map(&m->memory)) < 0)
		vmm_log(&m->process.log, CVMM_LOG_WARNING, "mapping",
			 "no memory for a new map of the devices; they keep the previous one");
	vmm_machine_refresh_devices(m);
}

static void on_mapping_dropped(void *opaque, const struct vmm_window *window,
			       uint64_t gpa, const char *why)
{
	const struct vmm_machine *m = opaque;

	vmm_log(&m->process.log, CVMM_LOG_WARNING, "mapping",
		 "'%s': a mapping at %#" PRIx64 " in shared memory region %u is removed: %s",
		 window->name, gpa, window->shmid, why);
}

static int init_specs(struct vmm_machine *m, const struct vmm_memory_specs *specs,
		      struct vsu_error *err)
{
	const struct vmm_memory_use use = {
		.log = &m->process.log, .threads = &m->process.threads,
		.shared = vmm_machine_wants_shared(m), .trial = m->start->dry_run,
	};

	return vmm_memory_init(&m->memory, specs, &use, err);
}

int vmm_machine_init_memory(struct vmm_machine *m, struct vsu_error *err)
{
	return init_specs(m, &m->config->memory, err);
}

int vmm_machine_check_memory(struct vmm_machine *m, struct vsu_error *err)
{
	return m->start->rebooted ? 0 : vmm_memory_check_images(&m->memory, err);
}

/* The memory is that of the folder, in place of the options for it. */
int vmm_machine_init_saved_memory(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = init_specs(m, &m->restore.memory.specs, err);

	m->memory.parts = m->restore.memory.parts;
	return rc;
}

/* A saved or received state has the shared half only, and its files no options. */
int vmm_machine_check_saved_memory(struct vmm_machine *m, struct vsu_error *err)
{
	return vmm_memory_specs_private(&m->config->memory) ?
	       vsu_error_set(err, -EOPNOTSUPP, "the saved machine has private memory (--memory private=on), whose pages are not in its state; start the guest from its kernel") : 0;
}

int vmm_machine_make_memory(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = vmm_memory_make(&m->memory, &m->kvm, m->owner.sigbus, err);

	if (rc < 0)
		return rc;
	rc = varch_slots_new(&m->kvm, &m->slots);
	if (rc < 0)
		return vsu_error_sys(err, rc, "the table of memory slots");
	m->shmem.memory = &m->memory;
	m->shmem.slots = m->slots;
	m->shmem.phys_bits = m->kvm.phys_bits;
	m->shmem.changed = on_map_changed;
	m->shmem.dropped = on_mapping_dropped;
	m->shmem.opaque = m;
	if (!rc && vmem_space_want_event(m->memory.space) < 0)
		rc = vsu_error_set(err, -EMFILE, "no free descriptor");
	if (!rc && vmm_memory_wants_private(&m->memory))
		rc = vmm_private_init(&m->private_memory,
				      vmm_memory_map(&m->memory), err);
	m->shmem.devices = m->private_memory.space;
	return rc ? rc : varch_slots_apply(m->slots, vmm_memory_map(&m->memory),
					 err);
}

int vmm_machine_check_sharing(struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++)
		rc = vmm_machine_check_device(m, &m->devices[i], err);
	return rc;
}
