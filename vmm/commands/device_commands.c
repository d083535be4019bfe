/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Control commands for devices. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>

#include "commands/command_rules.h"
#include "commands/device_commands.h"
#include "commands/requests.h"
#include "commands/status.h"

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

static int find_kind(const struct vmm_machine *m, char *const *words,
		     unsigned int *out, struct vsu_error *err)
{
	const struct vmm_device_kind *kind =
		vmm_device_kind_named(words[1], strlen(words[1]));
	unsigned int i, n = 0;

	for (i = 0; kind && i < m->ndevices; i++)
		if (is_of_kind(&m->devices[i], kind) && !n++)
			*out = i;
	if (!n)
		return refuse_device(words, err);
	return n > 1 ? refuse_kind(m, kind, words, err) : 0;
}

/* The number of a device: the word, or that of its kind. The request checks whether it exists. */
static int device_find(const struct vmm_machine *m, char *const *words, unsigned int *out,
		       struct vsu_error *err)
{
	uint64_t number;

	if (vsu_parse_u64(words[1], &number) < 0)
		return find_kind(m, words, out, err);
	if (number >= m->ndevices)
		return refuse_device(words, err);
	*out = (unsigned int)number;
	return 0;
}

int vmm_command_device_add(void *machine, char *const *words, FILE *answer,
			   struct vsu_error *err)
{
	const struct vmm_device_addition addition = { .properties = words[1] };

	return vmm_request_device_add(machine, &addition, answer, err);
}

static int read_manner(char *const *words, struct vmm_device_change *change,
		       struct vsu_error *err)
{
	unsigned int i;

	for (i = 2; words[i]; i++) {
		if (!strcmp(words[i], "force"))
			change->force = true;
		else if (!strcmp(words[i], "wait"))
			change->wait = true;
		else
			return vsu_error_set(err, -EINVAL, "%s: '%s' after the device; expected 'force', 'wait', both or nothing",
					     words[0], words[i]);
	}
	return 0;
}

int vmm_command_device_del(void *machine, char *const *words, FILE *answer,
			   struct vsu_error *err)
{
	struct vmm_device_change change = { .name = words[1] };
	int rc = device_find(machine, words, &change.number, err);

	if (!rc)
		rc = read_manner(words, &change, err);
	return rc < 0 ? rc : vmm_request_device_del(machine, &change, answer, err);
}

static int read_size(char *const *words, const char *size, uint64_t *bytes,
		     struct vsu_error *err)
{
	int rc = vsu_parse_size(size, bytes);

	return rc < 0 ? vsu_error_set(err, rc, "%s: '%s' is not a size such as 512M",
				      words[0], size) : 0;
}

int vmm_command_resize(void *machine, char *const *words, FILE *answer,
		       struct vsu_error *err)
{
	struct vmm_device_change change = { .name = words[1] };
	int rc = device_find(machine, words, &change.number, err);

	if (!rc)
		rc = read_size(words, words[2], &change.bytes, err);
	return rc < 0 ? rc : vmm_request_resize(machine, &change, answer, err);
}

int vmm_command_limit(void *machine, char *const *words, FILE *answer,
		      struct vsu_error *err)
{
	struct vmm_device_change change = { .name = words[1], .properties = words[2] };
	int rc = device_find(machine, words, &change.number, err);

	return rc < 0 ? rc : vmm_request_limit(machine, &change, answer, err);
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

static int resize_balloon(const struct vmm_device *d, char *const *words, struct vsu_error *err)
{
	struct vmm_device_change change = { .number = (unsigned int)(d - d->owner->devices) };
	int rc = vmm_command_check_row(d->owner, VMM_RULE_OF_BALLOON, words[0], err);

	if (!rc)
		rc = read_size(words, words[1], &change.bytes, err);
	return rc ? rc : vmm_request_resize(d->owner, &change, NULL, err);
}

int vmm_command_balloon(void *machine, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	struct vsu_json to = { .to = answer, .more = true };
	struct vmm_device *d = find_balloon(machine);
	int rc = 0;

	if (!d)
		return vsu_error_set(err, -ENOENT, "%s: the machine has no balloon; start it with --balloon, or use device-add",
				     words[0]);
	if (words[1])
		rc = resize_balloon(d, words, err);
	if (rc < 0)
		return rc;
	vmm_status_write_numbers(d, &to);
	vmm_status_refresh(d);
	return 0;
}
