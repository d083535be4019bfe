/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The list of kinds, and functions for their keys. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <device-kinds/kind.h>
#include <virtio-devices/report.h>

#include "warn.h"

static const struct devkind *(*const kinds[])(void) = {
	devkind_balloon, devkind_blk, devkind_console, devkind_fs, devkind_net,
	devkind_mem, devkind_pmem, devkind_rng, devkind_vsock,
};

const struct devkind *devkind_get(unsigned int i)
{
	return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i]() : NULL;
}

const struct devkind *devkind_find(const char *name, size_t len)
{
	const struct devkind *kind;
	unsigned int i;

	for (i = 0; (kind = devkind_get(i)); i++)
		if (strlen(kind->name) == len && !memcmp(kind->name, name, len))
			break;
	return kind;
}

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

/* The key by which the owner identifies one of several devices of a kind. */
static const char *first_text(const struct devkind *kind,
			      const void *config)
{
	struct vsu_option_value value;
	unsigned int i;

	for (i = 0; kind->keys[i].option.name; i++)
		if (devkind_get_value(kind, i, 0, config, &value) && value.text)
			return value.text;
	return NULL;
}

/*
 * Reports are rate-limited per model, so that many devices of one model do not
 * hide those of another.
 */
static void on_report(void *opaque, struct virtdev *dev,
		      const struct vsu_error *what)
{
	const struct devkind_reporter *r = opaque;
	const char *text = r->text, *name = virtdev_name(dev);

	devkind_priv_warn(r->host, name, "%s%s%s%s: %s", name,
			  text ? " '" : "", text ? text : "", text ? "'" : "",
			  what->msg);
}

/* Changes access to the sockets that the device created. */
static int share_sockets(const struct devkind *kind, const void *config,
			 const struct devkind_socket_access *access,
			 struct vsu_error *err)
{
	struct devkind_facts facts;
	int i, rc = 0;

	if (!access)
		return 0;
	facts = devkind_facts_of(kind, config);
	for (i = 0; rc >= 0 && i < DEVKIND_MAX_SOCKETS; i++)
		if (facts.sockets[i])
			rc = devkind_socket_access_apply(access, facts.sockets[i], err);
	return rc;
}

void devkind_report(const struct devkind *kind, const void *config,
		    const struct devkind_common *common, struct virtdev *dev)
{
	if (!common->reporter)
		return;
	*common->reporter = (struct devkind_reporter){ common->host, first_text(kind, config) };
	virtdev_set_report(dev, on_report, common->reporter);
}

int devkind_make(const struct devkind *kind, const void *config,
		 const struct devkind_common *common,
		 struct virtdev **out, struct vsu_error *err)
{
	struct virtdev *dev;
	int rc = kind->open(config, common, &dev, err);

	if (rc < 0)
		return rc;
	rc = share_sockets(kind, config, common->sockets, err);
	if (rc < 0) {
		virtdev_free(dev);
		return rc;
	}
	if (!common->own)	/* another machine may serve it */
		devkind_report(kind, config, common, dev);
	*out = dev;
	return 0;
}
