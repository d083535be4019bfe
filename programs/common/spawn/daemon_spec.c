/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes the properties of a device into one block of memory, and reads them there. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "common/spawn/daemon_spec.h"

/* ------------------------------------------------------------------ the writer */

/* The machine's library may have its own tables of kinds. */
static uint32_t number_of(const struct devkind *kind)
{
	uint32_t i = 0;

	while (devkind_get(i) && strcmp(devkind_get(i)->name, kind->name) != 0)
		i++;
	return i;
}

/* The position of the copied text; 0: it does not fit. */
static uintptr_t add_text(struct vmm_daemon_spec *spec, const char *text)
{
	const size_t size = strlen(text) + 1;
	const uintptr_t position = spec->len + 1;

	if (size > sizeof(spec->text) - spec->len)
		return 0;
	memcpy(spec->text + spec->len, text, size);
	spec->len += (uint32_t)size;
	return position;
}

static int add_values(struct vmm_daemon_spec *spec, const struct devkind *kind, unsigned int index,
		      const void *config)
{
	struct vsu_option_value value;
	unsigned char *at = spec->config + kind->keys[index].offset;
	uintptr_t position;
	uint32_t i;

	for (i = 0; devkind_get_value(kind, index, i, config, &value); i++) {
		if (!value.text) {
			memcpy(at, &value.number, sizeof(value.number));
			continue;
		}
		position = add_text(spec, value.text);
		if (!position)
			return -E2BIG;
		memcpy(at + i * sizeof(value.text), &position, sizeof(position));
	}
	return 0;
}

int vmm_daemon_spec_make(struct vmm_daemon_spec *spec, const struct cvmm_server *server)
{
	const struct devkind *kind = server->kind;
	unsigned int i;
	int rc = 0;

	memset(spec, 0, sizeof(*spec));
	spec->kind = number_of(kind);
	spec->queues = server->queues;
	spec->queue_size = server->queue_size;
	for (i = 0; !rc && kind->keys[i].option.name; i++)
		rc = add_values(spec, kind, i, server->config);
	return rc;
}

size_t vmm_daemon_spec_size(const struct vmm_daemon_spec *spec)
{
	return offsetof(struct vmm_daemon_spec, text) + spec->len;
}

/* ------------------------------------------------------------------ the reader */

/* The value has the position of a text in place of the text. */
static bool find_text(const struct vmm_daemon_spec *spec, struct vsu_option_value *value)
{
	const uintptr_t position = (uintptr_t)value->text;

	if (position > spec->len)
		return false;
	value->text = position ? spec->text + position - 1 : NULL;
	return true;
}

static bool is_choice(const struct devkind_key *key, uint64_t number)
{
	uint64_t i = 0;

	while (i < number && key->option.choices[i])
		i++;
	return key->option.choices[i];
}

static bool key_is_valid(const struct vmm_daemon_spec *spec, const struct devkind *kind, unsigned int index)
{
	const struct devkind_key *key = &kind->keys[index];
	struct vsu_option_value value;
	uint32_t i;

	for (i = 0; devkind_get_value(kind, index, i, spec->config, &value); i++) {
		if (!find_text(spec, &value))
			return false;
		if (key->option.kind == VSU_OPTION_CHOICE)
			return is_choice(key, value.number);
	}
	return true;
}

bool vmm_daemon_spec_is_valid(const struct vmm_daemon_spec *spec, size_t size)
{
	const struct devkind *kind;
	unsigned int i;

	if (size < offsetof(struct vmm_daemon_spec, text) || spec->len > sizeof(spec->text) ||
	    size != vmm_daemon_spec_size(spec) || (spec->len && spec->text[spec->len - 1]))
		return false;
	kind = devkind_get(spec->kind);
	for (i = 0; kind && kind->keys[i].option.name; i++)
		if (!key_is_valid(spec, kind, i))
			return false;
	return kind;
}

/* The digits in the text of a value that refers to a descriptor, whose number is *fd; or NULL. */
static const char *find_digits(const struct devkind_key *key, const char *text, int *fd)
{
	const char *digits = devkind_key_digits(key, text);
	const size_t len = digits ? strcspn(digits, ":") : 0;
	char number[12] = "";
	uint64_t n;

	if (!len || len >= sizeof(number))
		return NULL;
	memcpy(number, digits, len);
	if (vsu_parse_u64(number, &n) < 0 || n > INT32_MAX)
		return NULL;
	*fd = (int)n;
	return digits;
}

static void set_value(const struct vmm_daemon_spec *spec, struct vmm_daemon_value *v)
{
	char number[VSU_OPTION_VALUE_NUMBER];

	if (v->key->option.kind == VSU_OPTION_STRING)
		find_text(spec, &v->value);
	v->fd = -1;
	find_digits(v->key, vsu_option_value_text(&v->key->option, &v->value, number), &v->fd);
}

bool vmm_daemon_next(const struct vmm_daemon_spec *spec, struct vmm_daemon_value *v)
{
	const struct devkind *kind = devkind_get(spec->kind);

	for (; kind->keys[v->next].option.name; v->next++, v->next_time = 0) {
		if (!devkind_get_value(kind, v->next, v->next_time, spec->config, &v->value))
			continue;
		v->key = &kind->keys[v->next];
		v->next_time++;
		set_value(spec, v);
		return true;
	}
	return false;
}

bool vmm_daemon_next_fd(const struct vmm_daemon_spec *spec, struct vmm_daemon_value *v)
{
	while (vmm_daemon_next(spec, v))
		if (v->fd >= 0)
			return true;
	return false;
}

unsigned int vmm_daemon_count_fds(const struct vmm_daemon_spec *spec)
{
	struct vmm_daemon_value v = { .next = 0 };
	unsigned int n = 0;

	while (vmm_daemon_next_fd(spec, &v))
		n++;
	return n;
}

const char *vmm_daemon_option(const struct vmm_daemon_value *v, int fd,
			      char option[VMM_DAEMON_OPTION_MAX])
{
	const size_t len = devkind_daemon_option(v->key, &v->value, option, VMM_DAEMON_OPTION_MAX);
	char number[VSU_OPTION_VALUE_NUMBER];
	const char *text = vsu_option_value_text(&v->key->option, &v->value, number);
	int former;
	const char *digits = find_digits(v->key, text, &former);
	const size_t before = digits ? len - strlen(digits) : len;

	if (digits)
		snprintf(option + before, VMM_DAEMON_OPTION_MAX - before, "%d%s", fd,
			 digits + strcspn(digits, ":"));
	return option;
}
