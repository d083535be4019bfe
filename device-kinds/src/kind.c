/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The list of kinds, and how their devices are made. */
#include <config.h>

#include <errno.h>
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
