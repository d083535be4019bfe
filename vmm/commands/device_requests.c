/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests that concern a device. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/json.h>

#include "commands/command_rules.h"
#include "commands/requests.h"
#include "commands/status.h"
#include "control/passed.h"
#include "machine/live.h"
#include "machine/sharing.h"
#include "run/plug.h"

#define NAME_LEN 12

static const char *name_of(const struct vmm_device_change *c, char number[NAME_LEN])
{
	snprintf(number, NAME_LEN, "%u", c->number);
	return c->name ? c->name : number;
}

static int device_of(struct vmm_machine *m, const struct vmm_device_change *change,
		     const char *command, struct vmm_device **out, struct vsu_error *err)
{
	char number[NAME_LEN];

	if (change->number >= m->ndevices || !vmm_status_is_present(&m->devices[change->number]))
		return vsu_error_set(err, -ENOENT, "%s: no device '%s'; 'status' lists them",
				     command, name_of(change, number));
	*out = &m->devices[change->number];
	return 0;
}

int vmm_request_device_add(void *machine, const void *addition, FILE *answer,
			   struct vsu_error *err)
{
	const struct vmm_device_addition *a = addition;
	struct vsu_json to = { .to = answer, .more = true };
	struct vmm_machine *m = machine;
	const struct vmm_device_fds fds = vmm_passed_fds(vmm_control_passed(m->control));
	unsigned int number;
	int rc = vmm_machine_add_device(m, a->properties, &fds, a->own, &number, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "device-add");
	if (a->number)
		*a->number = number;
	if (!m->devices[number].virtio)
		return vmm_control_wait(m->control, vmm_machine_arrival(&m->devices[number]));
	vsu_json_u64(&to, "device", number);
	return 0;
}

int vmm_request_device_del(void *machine, const void *change, FILE *answer,
			   struct vsu_error *err)
{
	const struct vmm_device_change *c = change;
	struct vmm_machine *m = machine;
	struct vmm_device *d = NULL;
	int rc = device_of(m, c, "device-del", &d, err);

	(void)answer;
	if (rc < 0)
		return rc;
	if (!d->leaving || c->force || !c->wait)
		rc = vmm_machine_remove_device(m, d, c->force, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "device-del");
	return c->wait && d->virtio ? vmm_control_wait(m->control, d) : 0;
}

int vmm_request_resize(void *machine, const void *change, FILE *answer, struct vsu_error *err)
{
	const struct vmm_device_change *c = change;
	struct vmm_machine *m = machine;
	char number[NAME_LEN];
	struct vmm_device *d = NULL;
	int rc = device_of(m, c, "resize", &d, err);

	(void)answer;
	if (rc < 0)
		return rc;
	if (!vmm_machine_local_device(d) || !d->spec.kind->resize)
		return vsu_error_set(err, -EOPNOTSUPP, "resize: device '%s' cannot be resized",
				     name_of(c, number));
	rc = d->spec.id == VIRTDEV_ID_BLOCK ?
	     vmm_command_check_row(m, VMM_RULE_OF_DISK, "resize", err) : 0;
	if (rc < 0)
		return rc;
	vmm_virtio_lock(d->virtio);
	rc = d->spec.kind->resize(vmm_machine_local_device(d), c->bytes, err);
	vmm_virtio_unlock(d->virtio);
	if (!rc)
		vmm_live_resize(d, c->bytes);
	return rc;
}

/* Requests that wait continue by the new limits within VIRTDEV_RATE_WAIT_NS. */
int vmm_request_limit(void *machine, const void *change, FILE *answer, struct vsu_error *err)
{
	const struct vmm_device_change *c = change;
	struct vmm_machine *m = machine;
	char number[NAME_LEN];
	struct vmm_device *d = NULL;
	int rc = device_of(m, c, "limit", &d, err);

	(void)answer;
	if (rc < 0)
		return rc;
	if (!vmm_machine_local_device(d))
		return vsu_error_set(err, -EOPNOTSUPP, "limit: device '%s' is served by another process or the kernel, which cvmm cannot limit",
				     name_of(c, number));
	rc = vmm_device_limit(&d->spec, vmm_machine_local_device(d), "limit", c->properties, err);
	d->changed |= !rc;
	return rc;
}
