/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands for devices. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>

#include "control/control.h"
#include "control/device_commands.h"
#include "control/machine_socket.h"
#include "control/passed.h"
#include "control/status.h"
#include "control/waiting.h"
#include <cvmm/requests.h>
#include <cvmm/status.h>

#define BALLOON_ID 5u		/* of virtio */

static bool get_device(const struct vmm_machine_socket *c, unsigned int number, struct cvmm_device *d)
{
	*d = (struct cvmm_device){ .size = sizeof(*d) };
	return cvmm_machine_get_device(c->machine, number, d, NULL) == 0;
}

static unsigned int count_devices(const struct vmm_machine_socket *c)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	return cvmm_machine_get_statistics(c->machine, &s, NULL) < 0 ? 0 : s.devices;
}

/* "blk" and "disk" are one kind. */
static bool is_kind(const struct cvmm_device *d, const char *word)
{
	return (d->kind && !strcmp(d->kind, word)) || (d->option && !strcmp(d->option, word));
}

/* Two devices of a kind are distinguished by their numbers only. */
static int find_kind(const struct vmm_machine_socket *c, char *const *words, unsigned int *out,
		     struct vsu_error *err)
{
	const unsigned int all = count_devices(c);
	char numbers[160] = "";
	struct cvmm_device d;
	unsigned int i, n = 0;
	size_t used = 0;

	for (i = 0; i < all && used < sizeof(numbers) - 8; i++) {
		if (!get_device(c, i, &d) || !is_kind(&d, words[1]))
			continue;
		used += (size_t)snprintf(numbers + used, sizeof(numbers) - used, "%s%u", n++ ? ", " : "", i);
		*out = n == 1 ? i : *out;
	}
	if (!n)
		return vsu_error_set(err, -ENOENT, "%s: no device '%s'; 'status' lists them", words[0], words[1]);
	return n == 1 ? 0 : vsu_error_set(err, -EINVAL, "%s: '%s' matches devices %s; specify one by its number",
					  words[0], words[1], numbers);
}

/* The number of a device: the word, or that of its kind. The request checks whether it exists. */
static int find_device(const struct vmm_machine_socket *c, char *const *words, unsigned int *out,
		       struct vsu_error *err)
{
	uint64_t number;

	if (vsu_parse_u64(words[1], &number) < 0)
		return find_kind(c, words, out, err);
	*out = number < UINT_MAX ? (unsigned int)number : UINT_MAX;
	return 0;
}

/* A sentence of the machine names the device by its number: replaces that by the user's word. */
static int name_device(const char *word, unsigned int number, int rc, struct vsu_error *err)
{
	char quoted[16], text[sizeof(err->msg)];
	const char *at;

	snprintf(quoted, sizeof(quoted), "'%u'", number);
	at = rc < 0 ? strstr(err->msg, quoted) : NULL;
	if (!at)
		return rc;
	snprintf(text, sizeof(text), "%.*s'%s'%s", (int)(at - err->msg), err->msg, word, at + strlen(quoted));
	return vsu_error_set(err, rc, "%s", text);
}

static void write_number(const struct cvmm_answer *answer, struct vsu_json *to)
{
	vsu_json_u64(to, "device", answer->device);
}

static int refuse_memory(struct vsu_error *err)
{
	return vsu_error_set(err, -ENOMEM, "no memory for an answer");
}

int vmm_command_device_add(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vmm_passed *passed = vmm_control_passed(c->control);
	struct vmm_deferred *d = vmm_control_defer(c->control, write_number);
	int rc;

	if (!d)
		return refuse_memory(err);
	rc = cvmm_machine_add_device(c->machine, words[1], passed ? passed->fds : NULL,
				     passed ? passed->n : 0, NULL, vmm_deferred_answer, d, err);
	if (rc >= 0)
		vmm_passed_use_all(passed);
	return vmm_deferred_begin(d, rc, answer);
}

static int read_manner(char *const *words, bool *force, bool *wait, struct vsu_error *err)
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

int vmm_command_device_del(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vmm_deferred *d = NULL;
	unsigned int number;
	bool force = false, wait = false;
	int rc = find_device(c, words, &number, err);

	if (!rc)
		rc = read_manner(words, &force, &wait, err);
	if (rc < 0)
		return rc;
	if (wait) {
		d = vmm_control_defer(c->control, NULL);
		if (!d)
			return refuse_memory(err);
	}
	rc = cvmm_machine_remove_device(c->machine, number, force, d ? vmm_deferred_answer : NULL, d, err);
	rc = name_device(words[1], number, rc, err);
	return d ? vmm_deferred_begin(d, rc, answer) : rc;
}

static int read_size(char *const *words, const char *size, uint64_t *bytes,
		     struct vsu_error *err)
{
	int rc = vsu_parse_size(size, bytes);

	return rc < 0 ? vsu_error_set(err, rc, "%s: '%s' is not a size such as 512M",
				      words[0], size) : 0;
}

int vmm_command_resize(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	unsigned int number;
	uint64_t bytes;
	int rc = find_device(c, words, &number, err);

	(void)answer;
	if (!rc)
		rc = read_size(words, words[2], &bytes, err);
	if (rc < 0)
		return rc;
	rc = cvmm_machine_resize_device(c->machine, number, bytes, err);
	return name_device(words[1], number, rc, err);
}

int vmm_command_limit(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	unsigned int number;
	int rc = find_device(c, words, &number, err);

	(void)answer;
	if (rc < 0)
		return rc;
	rc = cvmm_machine_limit_device(c->machine, number, words[2], err);
	return name_device(words[1], number, rc, err);
}

static int find_balloon(const struct vmm_machine_socket *c, unsigned int *out, struct vsu_error *err)
{
	const unsigned int n = count_devices(c);
	struct cvmm_device d;

	for (*out = 0; *out < n; ++*out)
		if (get_device(c, *out, &d) && !d.coming && d.id == BALLOON_ID)
			return 0;
	return vsu_error_set(err, -ENOENT, "balloon: the machine has no balloon; start it with --balloon, or use device-add");
}

/* A machine that moves refuses this as a resize. */
static int resize_balloon(const struct vmm_machine_socket *c, unsigned int number, char *const *words,
			  struct vsu_error *err)
{
	static const char as[] = "resize: ";
	char text[sizeof(err->msg)];
	uint64_t bytes;
	int rc = read_size(words, words[1], &bytes, err);

	if (rc < 0)
		return rc;
	rc = cvmm_machine_resize_device(c->machine, number, bytes, err);
	if (rc != -EBUSY || strncmp(err->msg, as, strlen(as)) != 0)
		return rc;
	strcpy(text, err->msg + strlen(as));
	return vsu_error_set(err, rc, "%s: %s", words[0], text);
}

int vmm_command_balloon(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vsu_json to = { .to = answer, .more = true };
	unsigned int number;
	int rc = find_balloon(c, &number, err);

	if (!rc && words[1])
		rc = resize_balloon(c, number, words, err);
	if (rc < 0)
		return rc;
	vmm_status_write_numbers(c->machine, number, &to);
	return 0;
}
