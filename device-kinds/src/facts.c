/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Facts of a device, from the objects to which the values of its keys refer. */
#include <config.h>

#include <string.h>

#include <device-kinds/disk.h>
#include <device-kinds/kind.h>
#include <vmm-sys-util/file_value.h>

#include "disk/module.h"

/* The facts that are being collected. */
struct collection {
	const struct devkind *kind;
	const void *config;
	struct devkind_facts *facts;
	unsigned int nopens, nsockets, nnames;
};

static const char *text_after(const char *text, const char *start)
{
	const size_t len = strlen(start);

	return text && !strncmp(text, start, len) ? text + len : NULL;
}

/* HOW of "NAME:HOW"; NULL: no name. */
static const char *how_of(const char *port)
{
	const char *colon = strchr(port, ':');

	return colon ? colon + 1 : NULL;
}

/* ------------------------------------------------------------- what is referred to */

static bool is_read_only(const struct collection *c, const struct devkind_key *key)
{
	const unsigned int n = devkind_nkeys(c->kind);
	struct vsu_option_value value;
	const char *const *name;
	unsigned int k;

	for (name = key->read_if; *name; name++) {
		k = devkind_key_index(c->kind, *name);
		if (k < n && devkind_get_value(c->kind, k, 0, c->config, &value))
			return true;
	}
	return false;
}

static void add_opening(struct collection *c, const struct devkind_key *key,
			const char *text, enum devkind_use use)
{
	if (c->nopens < DEVKIND_MAX_OPENS)
		c->facts->opens[c->nopens++] = (struct devkind_opening){
			key ? key->option.name : NULL, text, use,
		};
}

static void add_socket(struct collection *c, const char *path)
{
	if (path && c->nsockets < DEVKIND_MAX_SOCKETS)
		c->facts->sockets[c->nsockets++] = path;
}

static void add_name(struct collection *c, const char *name)
{
	if (c->nnames < DEVKIND_MAX_NAMES)
		c->facts->names[c->nnames++] = name;
}

static void add_image(struct collection *c, const struct devkind_key *key, const char *text)
{
	const bool reads = is_read_only(c, key);

	add_opening(c, key, text, reads ? DEVKIND_READS : DEVKIND_WRITES);
	if (!devkind_disk_is_address(text))
		return;
	c->facts->outside = text;
	if (!reads)
		add_name(c, text);
}

static void add_port(struct collection *c, const char *port)
{
	const char *how = how_of(port);

	add_socket(c, text_after(how, "socket:"));
	if (how && !strcmp(how, "pty"))
		c->facts->outside = port;
}

static void add_text(struct collection *c, const struct devkind_key *key, const char *text)
{
	switch (key->refers) {
	case DEVKIND_REFERS_IMAGE:
		add_image(c, key, text);
		break;
	case DEVKIND_REFERS_LOG:
		add_opening(c, key, text, DEVKIND_LOGS);
		add_name(c, text);
		break;
	case DEVKIND_REFERS_FOLDER:
		add_opening(c, key, text, is_read_only(c, key) ? DEVKIND_SHARES_READ :
								 DEVKIND_SHARES);
		break;
	case DEVKIND_REFERS_SOCKET:
		add_socket(c, text);
		break;
	case DEVKIND_REFERS_PORT:
		add_port(c, text);
		break;
	case DEVKIND_REFERS_PEER:
		c->facts->peer = text;
		add_name(c, text);
		break;
	case DEVKIND_REFERS_INTERFACE:
		c->facts->outside = text;
		c->facts->interface = text;
		add_name(c, text);
		break;
	case DEVKIND_REFERS_IDENTITY:
		add_name(c, text);
		break;
	default:
		break;
	}
}

static void add_number(struct collection *c, const struct devkind_key *key)
{
	switch (key->refers) {
	case DEVKIND_REFERS_TEMPORARY:
		add_opening(c, NULL, devkind_priv_disk_folder(), DEVKIND_CREATES);
		break;
	case DEVKIND_REFERS_STDIO:
		c->facts->stdio = true;
		break;
	case DEVKIND_REFERS_TERMINAL:
		c->facts->outside = key->option.name;
		break;
	default:
		break;
	}
}

static void add_key(struct collection *c, unsigned int index)
{
	const struct devkind_key *key = &c->kind->keys[index];
	struct vsu_option_value value;
	uint32_t i;

	for (i = 0; devkind_get_value(c->kind, index, i, c->config, &value); i++)
		if (value.text)
			add_text(c, key, value.text);
		else
			add_number(c, key);
}

struct devkind_facts devkind_facts_of(const struct devkind *kind,
				      const void *config)
{
	struct devkind_facts facts = { .file = NULL };
	struct collection c = { .kind = kind, .config = config, .facts = &facts };
	unsigned int i;

	for (i = 0; kind->keys[i].option.name; i++)
		add_key(&c, i);
	if (kind->describe)
		kind->describe(config, &facts);
	return facts;
}

const char *devkind_facts_file(const struct devkind_facts *facts)
{
	const struct devkind_opening *o;

	for (o = facts->opens; o->text; o++)
		if (vsu_file_value_name(o->text) == facts->file)
			return o->text;
	return facts->file;
}

/* ------------------------------------------------------------------------ a value */

const char *devkind_key_digits(const struct devkind_key *key, const char *value)
{
	switch (key->refers) {
	case DEVKIND_REFERS_DESCRIPTOR:
		return value;
	case DEVKIND_REFERS_PORT:
		return text_after(how_of(value), "fd:");
	case DEVKIND_REFERS_IMAGE:
		return text_after(value, "fd:");
	default:
		return NULL;
	}
}

bool devkind_key_is_harmless(const struct devkind_key *key)
{
	return key->refers == DEVKIND_REFERS_NOTHING || key->refers == DEVKIND_REFERS_TEXT ||
	       key->refers == DEVKIND_REFERS_IDENTITY;
}
