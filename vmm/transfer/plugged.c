/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Holds memory devices at the source of a migration, and plugs them at the destination. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/checked.h>

#include "machine/sharing.h"
#include "transfer/plugged.h"

static int hold_device(const struct vmm_device *d, bool held)
{
	struct virtdev *dev = vmm_machine_local_device(d);

	return dev && d->spec.kind->hold ? d->spec.kind->hold(dev, held) : 0;
}

int vmm_plugged_hold(const struct vmm_machine *m, bool held, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++)
		rc = hold_device(&m->devices[i], held);
	if (rc < 0 && held) {
		(void)!vmm_plugged_hold(m, false, NULL);
		return vsu_error_set(err, rc, "device %u is plugging or unplugging memory; try again",
				     i - 1);
	}
	return 0;
}

/* 1: the range is not of this device. */
static int plug_device(const struct vmm_device *d, uint64_t gpa, uint64_t len,
		       struct vsu_error *err)
{
	struct virtdev *dev = vmm_machine_local_device(d);
	uint64_t base;

	if (!dev || !d->spec.kind->plug || virtdev_region_address(dev, 0, &base) ||
	    gpa < base ||
	    vsu_range_exceeds(gpa - base, len, virtdev_get_info(dev)->regions[0].len))
		return 1;
	return d->spec.kind->plug(dev, gpa - base, len, err);
}

static int plug_region(const struct vmm_machine *m, uint64_t gpa, uint64_t len,
		       struct vsu_error *err)
{
	unsigned int i;
	int rc = 1;

	for (i = 0; rc == 1 && i < m->ndevices; i++)
		rc = plug_device(&m->devices[i], gpa, len, err);
	if (rc == 1)
		return vsu_error_set(err, -EINVAL, "the source has plugged %" PRIu64 " bytes of memory at %#" PRIx64 ", where no device of this machine has memory",
				     len, gpa);
	return rc < 0 ? vsu_error_prefix(err, rc, "device %u", i - 1) : 0;
}

int vmm_plugged_make(const struct vmm_machine *m, const struct vsu_state *state,
		     struct vsu_error *err)
{
	struct vsu_state_fields f;
	uint64_t gpa, len;
	int rc = 0;

	if (vsu_state_find(state, "plugged", 0, &f, NULL) < 0)
		return 0;
	while (!rc && f.in.left && !f.in.truncated) {
		gpa = vsu_state_get_u64(&f);
		len = vsu_state_get_u64(&f);
		vsu_state_get_u64(&f);	/* its place in a file */
		if (!f.in.truncated)
			rc = plug_region(m, gpa, len, err);
	}
	return rc ? rc : vsu_state_fields_end(&f, err);
}
