/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Control commands for devices. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "control/passed.h"
#include "json.h"
#include "machine/command_rules.h"
#include "machine/device_commands.h"
#include "machine/live.h"
#include "machine/plug.h"
#include "machine/sharing.h"
#include "machine/status.h"
#include "machine/stop.h"

static bool is_of_kind(const struct vmm_device *d,
		       const struct vmm_device_kind *kind)
{
	return vmm_status_is_present(d) && d->spec.kind == kind;
}

static int refuse_device(char *const *words, struct vsu_error *err)
{
	return vsu_error_set(err, -ENOENT, "%s: no device '%s'; 'status' lists them",
			     words[0], words[1]);
}

/* Two devices of a kind are distinguished by their numbers only. */
static int refuse_kind(const struct vmm_machine *m,
		       const struct vmm_device_kind *kind, char *const *words,
		       struct vsu_error *err)
{
	char numbers[4 * VMM_DEVICE_PLACES + 1] = "";
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < m->ndevices && used < sizeof(numbers) - 4; i++)
		if (is_of_kind(&m->devices[i], kind))
			used += (size_t)snprintf(numbers + used,
						 sizeof(numbers) - used, "%s%u",
						 used ? ", " : "", i);
	return vsu_error_set(err, -EINVAL, "%s: '%s' matches devices %s; specify one by its number",
			     words[0], words[1], numbers);
}

static int find_kind(struct vmm_machine *m, char *const *words,
		     struct vmm_device **out, struct vsu_error *err)
{
	const struct vmm_device_kind *kind =
		vmm_device_kind_named(words[1], strlen(words[1]));
	unsigned int i, n = 0;

	for (i = 0; kind && i < m->ndevices; i++)
		if (is_of_kind(&m->devices[i], kind) && !n++)
			*out = &m->devices[i];
	if (!n)
		return refuse_device(words, err);
	return n > 1 ? refuse_kind(m, kind, words, err) : 0;
}

/* Finds a device by its number in the status, or by its kind. */
static int device_find(struct vmm_machine *m, char *const *words,
		       struct vmm_device **out, struct vsu_error *err)
{
	uint64_t number;

	if (vsu_parse_u64(words[1], &number) < 0)
		return find_kind(m, words, out, err);
	if (number >= m->ndevices || !vmm_status_is_present(&m->devices[number]))
		return refuse_device(words, err);
	*out = &m->devices[number];
	return 0;
}

static int add_device(struct vmm_machine *m, const char *words,
		      unsigned int *number, struct vsu_error *err)
{
	struct vmm_passed *passed = vmm_control_passed(m->control);
	char *list;
	int rc = vmm_passed_replace(passed, words, &list, err);

	if (rc < 0)
		return rc;
	rc = vmm_passed_check_used(passed, err);
	if (!rc)
		rc = vmm_machine_add_device(m, list, number, err);
	free(list);
	return rc;
}

int vmm_command_device_add(void *machine, char *const *words, FILE *answer,
			   struct vsu_error *err)
{
	struct prog_json to = { .to = answer, .more = true };
	struct vmm_machine *m = machine;
	unsigned int number;
	int rc;

	vmm_stop_release(m);
	rc = add_device(m, words[1], &number, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	if (!m->devices[number].virtio)
		return vmm_control_wait(m->control, &m->devices[number]);
	prog_json_u64(&to, "device", number);
	return 0;
}

static int read_manner(char *const *words, bool *force, bool *wait,
		       struct vsu_error *err)
{
	unsigned int i;

	for (i = 2; words[i]; i++) {
		if (!strcmp(words[i], "force"))
			*force = true;
		else if (!strcmp(words[i], "wait"))
			*wait = true;
		else
			return vsu_error_set(err, -EINVAL, "%s: '%s' after the device; expected 'force', 'wait', both or nothing",
					     words[0], words[i]);
	}
	return 0;
}

int vmm_command_device_del(void *machine, char *const *words, FILE *answer,
			   struct vsu_error *err)
{
	struct vmm_machine *m = machine;
	struct vmm_device *d = NULL;
	bool force = false, wait = false;
	int rc = device_find(m, words, &d, err);

	(void)answer;
	if (!rc)
		rc = read_manner(words, &force, &wait, err);
	if (rc < 0)
		return rc;
	vmm_stop_release(m);
	if (!d->leaving || force || !wait)
		rc = vmm_machine_remove_device(m, d, force, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	return wait && d->virtio ? vmm_control_wait(m->control, d) : 0;
}

static int device_resize(struct vmm_machine *m, struct vmm_device *d,
			 const char *size, char *const *words,
			 struct vsu_error *err)
{
	uint64_t bytes;
	int rc = vsu_parse_size(size, &bytes);

	if (rc < 0)
		return vsu_error_set(err, rc, "%s: '%s' is not a size such as 512M",
				     words[0], size);
	if (!vmm_machine_local_device(d) || !d->spec.kind->resize)
		return vsu_error_set(err, -EOPNOTSUPP, "%s: device '%s' cannot be resized",
				     words[0], words[1]);
	rc = d->spec.id == VIRTDEV_ID_BLOCK ? vmm_command_check_row(m, VMM_RULE_OF_DISK, words[0], err) : 0;
	if (rc < 0)
		return rc;
	vmm_virtio_lock(d->virtio);
	rc = d->spec.kind->resize(vmm_machine_local_device(d), bytes, err);
	vmm_virtio_unlock(d->virtio);
	return rc ? rc : vmm_live_resize(m, d, bytes, err);
}

int vmm_command_resize(void *machine, char *const *words, FILE *answer,
		       struct vsu_error *err)
{
	struct vmm_device *d = NULL;
	int rc = device_find(machine, words, &d, err);

	(void)answer;
	return rc < 0 ? rc : device_resize(machine, d, words[2], words, err);
}

/* Requests that wait continue by the new limits within VIRTDEV_RATE_WAIT_NS. */
int vmm_command_limit(void *machine, char *const *words, FILE *answer,
		      struct vsu_error *err)
{
	struct vmm_machine *m = machine;
	struct vmm_device *d = NULL;
	int rc = device_find(m, words, &d, err);

	(void)answer;
	if (rc < 0)
		return rc;
	if (!vmm_machine_local_device(d))
		return vsu_error_set(err, -EOPNOTSUPP, "%s: device '%s' is served by another process or the kernel, which cvmm cannot limit",
				     words[0], words[1]);
	rc = vmm_device_limit(&d->spec, vmm_machine_local_device(d), words[0],
			      words[2], err);
	return rc ? rc : vmm_live_change(m, d, words[2], err);
}

static struct vmm_device *find_balloon(struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].virtio &&
		    m->devices[i].spec.id == VIRTDEV_ID_BALLOON)
			return &m->devices[i];
	return NULL;
}

int vmm_command_balloon(void *machine, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	struct prog_json to = { .to = answer, .more = true };
	struct vmm_device *d = find_balloon(machine);
	int rc = 0;

	if (!d)
		return vsu_error_set(err, -ENOENT, "%s: the machine has no balloon; start it with --balloon, or use device-add",
				     words[0]);
	if (words[1])
		rc = vmm_command_check_row(machine, VMM_RULE_OF_BALLOON, words[0], err);
	if (!rc && words[1])
		rc = device_resize(machine, d, words[1], words, err);
	if (rc < 0)
		return rc;
	vmm_status_write_numbers(d, &to);
	vmm_status_refresh(d);
	return 0;
}
