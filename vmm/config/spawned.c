/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The keys of a device as options of its daemon. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/spawned.h"

/* Initial delay before a daemon that ended is started again. */
#define RESTART_MS 100

static int word_add(struct vmm_spawn_words *words, const struct vmm_device_key *key,
		    const struct vsu_option_value *value)
{
	const char *name = vmm_spawn_key_name(key);

	switch (key->option.kind) {
	case VSU_OPTION_FLAG:
		return value->number ? vmm_spawn_words_add(words, "--%s", name) : 0;
	case VSU_OPTION_CHOICE:
		return vmm_spawn_words_add(words, "--%s=%s", name,
					   key->option.choices[value->number]);
	case VSU_OPTION_U64:
	case VSU_OPTION_SIZE:
		return vmm_spawn_words_add(words, "--%s=%" PRIu64, name, value->number);
	case VSU_OPTION_TIME:
	case VSU_OPTION_TIME_MS:
		return vmm_spawn_words_add(words, "--%s=%" PRIu64 "ms", name, value->number);
	default:
		return vmm_spawn_words_add(words, "--%s=%s", name, value->text);
	}
}

int vmm_device_spawn_key(struct vmm_device_spec *spec, const struct vmm_device_key *key,
			 const char *what, const struct vsu_option_value *value,
			 struct vsu_error *err)
{
	const unsigned int index = (unsigned int)(key - spec->kind->keys);

	if (word_add(&spec->words, key, value) < 0)
		return vsu_error_set(err, -EINVAL, "%s: the options of the daemon exceed %d bytes",
				     what, VMM_SPAWN_WORDS_MAX);
	return vmm_device_set(spec->kind, index, what, value, spec->config, err);
}

static unsigned int count_daemons(void)
{
	const struct vmm_device_kind *const *kind;
	unsigned int n = 0;

	for (kind = vmm_device_kinds; *kind; kind++)
		n += (*kind)->has_daemon;
	return n;
}

/* Names the kinds as "blk, net and rng". */
static int refuse_kind(const char *option, const char *list, struct vsu_error *err)
{
	const struct vmm_device_kind *const *kind;
	unsigned int left = count_daemons();
	char names[128] = "";
	size_t len = 0;

	for (kind = vmm_device_kinds; *kind && len < sizeof(names); kind++)
		if ((*kind)->has_daemon)
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", (*kind)->name,
						--left > 1 ? ", " : left ? " and " : "");
	return vsu_error_set(err, -EINVAL, "%s '%s': 'backend=spawn' supports only %s, which have a daemon",
			     option, list, names);
}

static int check_kind(const struct vmm_device_spec *spec, const char *option,
		      const char *list, struct vsu_error *err)
{
	const struct vmm_device_key *missing;

	if (!spec->kind || !spec->kind->has_daemon)
		return refuse_kind(option, list, err);
	missing = vmm_device_missing(spec->kind, spec->config);
	if (missing)
		return vsu_error_set(err, -EINVAL, "%s '%s': needs '%s=%s' for the daemon",
				     option, list, missing->option.name, missing->option.arg);
	if (vmm_device_describe(spec).stdio)
		return vsu_error_set(err, -EINVAL, "%s '%s': standard input and output are those of cvmm, not of a daemon; leave 'backend=spawn' out",
				     option, list);
	return 0;
}

/* The restart of the daemon, or of the daemon's own connection. */
static int reconnect_add(struct vmm_device_spec *spec)
{
	const struct vmm_device_kind *kind = spec->kind;
	const unsigned int last = vmm_device_nkeys(kind) - 1;
	const struct vsu_option_value value = { .number = spec->reconnect_ms };
	int rc = 0;

	if (spec->reconnect_ms && kind->keys[last].common) {
		rc = vmm_device_spawn_key(spec, &kind->keys[last], "reconnect", &value, NULL);
		spec->reconnect_ms = 0;
	}
	if (!spec->reconnect_ms)
		spec->reconnect_ms = RESTART_MS;
	return rc;
}

static int queues_add(struct vmm_device_spec *spec)
{
	int rc = 0;

	if (spec->queues)
		rc = vmm_spawn_words_add(&spec->words, VMM_SPAWN_QUEUES "%" PRIu32, spec->queues);
	if (!rc && spec->queue_size)
		rc = vmm_spawn_words_add(&spec->words, VMM_SPAWN_QUEUE_SIZE "%" PRIu32,
					 spec->queue_size);
	return rc;
}

int vmm_device_check_spawned(struct vmm_device_spec *spec, const char *option,
			     const char *list, struct vsu_error *err)
{
	int rc = check_kind(spec, option, list, err);

	if (rc < 0)
		return rc;
	spec->id = spec->kind->id;
	spec->remote = true;
	snprintf(spec->socket, sizeof(spec->socket), "cvmm-vhost-user-%s", spec->kind->name);
	if (reconnect_add(spec) < 0 || queues_add(spec) < 0 ||
	    !vmm_spawn_words_are_valid(&spec->words))
		return vsu_error_set(err, -EINVAL, "%s '%s': the options of the daemon exceed %d bytes",
				     option, list, VMM_SPAWN_WORDS_MAX);
	return 0;
}
