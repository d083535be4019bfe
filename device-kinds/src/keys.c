/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The keys of a kind, and their values in its configuration. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <device-kinds/kind.h>

unsigned int devkind_nkeys(const struct devkind *kind)
{
	unsigned int n = 0;

	while (kind->keys[n].option.name)
		n++;
	return n;
}

unsigned int devkind_key_index(const struct devkind *kind, const char *name)
{
	unsigned int i = 0;

	while (kind->keys[i].option.name && strcmp(kind->keys[i].option.name, name) != 0)
		i++;
	return i;
}

/* Appends to previous values. */
static int store_text(const struct devkind_key *k, char *at,
		      const char *what, const char *text, struct vsu_error *err)
{
	const uint32_t times = k->max_times ? k->max_times : 1;
	const char *before;
	uint32_t i;

	for (i = 0; i < times; i++, at += sizeof(text)) {
		memcpy(&before, at, sizeof(before));
		if (before && i + 1 < times)
			continue;
		if (before && k->max_times)
			break;
		memcpy(at, &text, sizeof(text));
		return 0;
	}
	return vsu_error_set(err, -EINVAL, "%s: '%s' exceeds the maximum of %" PRIu32,
			     what, text, times);
}

int devkind_set(const struct devkind *kind, unsigned int key,
		const char *what, const struct vsu_option_value *value,
		void *config, struct vsu_error *err)
{
	const struct devkind_key *k = &kind->keys[key];
	char *at = (char *)config + k->offset;

	if (k->option.kind != VSU_OPTION_STRING) {
		memcpy(at, &value->number, sizeof(value->number));
		return 0;
	}
	if (k->required && !*value->text)
		return vsu_error_set(err, -EINVAL,
				     "%s: the value is empty; it names %s",
				     what, k->option.help);
	if (k->max_len && strlen(value->text) > k->max_len)
		return vsu_error_set(err, -EINVAL,
				     "%s: '%s' has %zu bytes, at most %u are possible",
				     what, value->text, strlen(value->text),
				     k->max_len);
	return store_text(k, at, what, value->text, err);
}

bool devkind_get_value(const struct devkind *kind, unsigned int key, uint32_t i,
		       const void *config, struct vsu_option_value *value)
{
	const struct devkind_key *k = &kind->keys[key];
	const char *at = (const char *)config + k->offset;

	*value = (struct vsu_option_value){ .text = NULL };
	if (i >= (k->max_times ? k->max_times : 1))
		return false;
	if (k->option.kind == VSU_OPTION_STRING)
		memcpy(&value->text, at + i * sizeof(value->text), sizeof(value->text));
	else
		memcpy(&value->number, at, sizeof(value->number));
	return value->text || value->number;
}

size_t devkind_daemon_option(const struct devkind_key *key, const struct vsu_option_value *value,
			     char *text, size_t size)
{
	const char *name = key->daemon_name ? key->daemon_name : key->option.name;
	char number[VSU_OPTION_VALUE_NUMBER];

	if (key->option.kind == VSU_OPTION_FLAG)
		return (size_t)snprintf(text, size, "--%s", name);
	return (size_t)snprintf(text, size, "--%s=%s", name,
				vsu_option_value_text(&key->option, value, number));
}

const struct devkind_key *devkind_missing(
		const struct devkind *kind, const void *config)
{
	struct vsu_option_value value;
	unsigned int i;

	/* No required key may have the value 0. */
	for (i = 0; kind->keys[i].option.name; i++)
		if (kind->keys[i].required && !devkind_get_value(kind, i, 0, config, &value))
			return &kind->keys[i];
	return NULL;
}

static struct vsu_option alias_row(const char *key, const char *option,
				   bool of_daemon)
{
	return (struct vsu_option){ .kind = VSU_OPTION_ALIAS,
				    .name = of_daemon ? key : option,
				    .arg = of_daemon ? option : key };
}

void devkind_alias_rows(const struct devkind *kind, bool of_daemon,
			struct vsu_option *rows)
{
	const struct devkind_key *k = kind ? kind->keys : NULL;

	*rows++ = alias_row("queues", "num-queues", of_daemon);
	for (; k && k->option.name; k++)
		if (k->daemon_name)
			*rows++ = alias_row(k->option.name, k->daemon_name,
					    of_daemon);
	rows->name = NULL;
}
