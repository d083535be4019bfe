/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Locks and unlocks what a guest takes along to another process. */
#include <config.h>

#include "machine/locks.h"
#include "machine/sharing.h"

static bool has_log(const struct devkind_facts *facts)
{
	unsigned int i;

	for (i = 0; i <= DEVKIND_MAX_OPENS && facts->opens[i].text; i++)
		if (facts->opens[i].use == DEVKIND_LOGS)
			return true;
	return false;
}

static int set_locked(const struct vmm_device *d, bool locked,
		      struct vsu_error *err)
{
	struct devkind_facts facts;

	if (!vmm_machine_local_device(d) || !d->spec.kind->set_locked)
		return 0;
	facts = vmm_device_describe(&d->spec);
	if (!(facts.locks && facts.file) && !has_log(&facts))
		return 0;
	return d->spec.kind->set_locked(vmm_machine_local_device(d), locked, err);
}

static void unlock_before(const struct vmm_machine *m, const struct vmm_device *end)
{
	while (end-- > m->devices)
		(void)!set_locked(end, false, NULL);
}

int vmm_locks_get(const struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmm_device *d = m->devices;
	int rc = 0;

	for (; !rc && d < m->devices + m->ndevices; d++)
		rc = set_locked(d, true, err);
	if (rc < 0) {
		unlock_before(m, d - 1);
		return rc;
	}
	rc = vmm_console_set_log_locked(m->console, true, err);
	if (rc < 0) {
		unlock_before(m, d);
		return vsu_error_prefix(err, rc, "option --serial-log");
	}
	return 0;
}

void vmm_locks_release(const struct vmm_machine *m)
{
	(void)!vmm_console_set_log_locked(m->console, false, NULL);
	unlock_before(m, m->devices + m->ndevices);
}
