/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the words of "migrate". */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "machine/migrate_options.h"
#include "migration/channels.h"

#define DOWNTIME_MS 300u
#define MAX_DOWNTIME_MS 60000u

static const char *value_of(const char *word, const char *key)
{
	const size_t len = strlen(key);

	return !strncmp(word, key, len) && word[len] == '=' ? word + len + 1 :
							      NULL;
}

/* 1: the word is no option. */
static int read_option(struct vmm_migrate_options *o, const char *word,
		       struct vsu_error *err)
{
	const char *value;

	if (!strcmp(word, "auto-converge")) {
		o->converge = true;
		return 0;
	}
	value = value_of(word, "downtime");
	if (value && (vsu_parse_u64(value, &o->downtime_ms) < 0 ||
		      !o->downtime_ms || o->downtime_ms > MAX_DOWNTIME_MS))
		return vsu_error_set(err, -EINVAL, "downtime: '%s' is no number of milliseconds from 1 to %u",
				     value, MAX_DOWNTIME_MS);
	if (value)
		return 0;
	value = value_of(word, "connections");
	if (value && (vsu_parse_u64(value, &o->connections) < 0 || !o->connections ||
		      o->connections > VMM_CHANNELS_MAX))
		return vsu_error_set(err, -EINVAL, "connections: '%s' is no number from 1 to %u",
				     value, VMM_CHANNELS_MAX);
	if (value)
		return 0;
	value = value_of(word, "rate");
	if (value && (vsu_parse_size(value, &o->rate) < 0 || !o->rate))
		return vsu_error_set(err, -EINVAL, "rate: '%s' is no number of bytes per second, as 100M is",
				     value);
	return !value;
}

static int join_address(struct vmm_migrate_options *o, char *const *words,
			struct vsu_error *err)
{
	size_t len = 1;
	unsigned int i;

	if (!words[0])
		return vsu_error_set(err, -EINVAL, "no address; expected is unix:PATH, tcp:HOST:PORT, tls:HOST:PORT,certificates=FOLDER or exec:COMMAND");
	for (i = 0; words[i]; i++)
		len += strlen(words[i]) + 1;
	o->address = calloc(1, len);
	if (!o->address)
		return vsu_error_set(err, -ENOMEM, "no memory for an address");
	for (i = 0; words[i]; i++) {
		if (i)
			strcat(o->address, " ");
		strcat(o->address, words[i]);
	}
	if (o->connections > 1 && vmm_address_is_command(o->address))
		return vsu_error_set(err, -EINVAL, "connections: a command of exec: is one connection");
	return vmm_address_check(o->address, err);
}

int vmm_migrate_options_read(struct vmm_migrate_options *o, char *const *words,
			     struct vsu_error *err)
{
	int rc = 0;

	memset(o, 0, sizeof(*o));
	o->downtime_ms = DOWNTIME_MS;
	o->connections = 1;
	while (*words && !(rc = read_option(o, *words, err)))
		words++;
	return rc < 0 ? rc : join_address(o, words, err);
}

void vmm_migrate_options_free(struct vmm_migrate_options *o)
{
	free(o->address);
	o->address = NULL;
}
