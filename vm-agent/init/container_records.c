/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Records of containers. */
#include <stdlib.h>
#include <string.h>

#include "init/guest.h"

static void read_mount(struct guest_container *c, char *text)
{
	struct guest_mount *m = c->nmounts ? &c->mounts[c->nmounts - 1] : NULL;

	if (*text == 'M')
		c->mounts[c->nmounts++].target = text + 1;
	else if (!m)
		vagent_init_fail("the host sent a mount without a target");
	else if (*text == 't')
		m->type = text + 1;
	else if (*text == 's')
		m->source = text + 1;
	else if (*text == 'c')
		m->copies = true;
	else if (*text == 'o')
		m->data = text + 1;
	else
		m->flags = strtoul(text + 1, NULL, 16);
}

static void read_record(struct guest_container *c, char *text)
{
	switch (*text) {
	case 'R':
		c->root = text + 1;
		break;
	case 'O':
		c->readonly_root = true;
		break;
	case 'H':
		c->hostname = text + 1;
		break;
	case 'N':
		c->flags = (unsigned int)strtoul(text + 1, NULL, 16);
		break;
	case 'M':
	case 't':
	case 's':
	case 'o':
	case 'c':
	case 'f':
		read_mount(c, text);
		break;
	default:
		break;
	}
}

void vagent_priv_container_read(struct guest_container *c, char *text, size_t len)
{
	unsigned int nmounts = 0;
	size_t at;

	for (at = 0; at < len; at += strlen(text + at) + 1)
		nmounts += text[at] == 'M';
	c->mounts = calloc(nmounts + 1, sizeof(*c->mounts));
	if (!c->mounts)
		vagent_init_fail("the guest has no memory for a container");
	for (at = 0; at < len; at += strlen(text + at) + 1)
		read_record(c, text + at);
	c->devices = vagent_priv_collect_words('B', text, len);
	c->masked = vagent_priv_collect_words('K', text, len);
	c->readonly = vagent_priv_collect_words('k', text, len);
	c->sysctls = vagent_priv_collect_words('S', text, len);
	c->limits = vagent_priv_collect_words('L', text, len);
	if (!c->root || *c->root != '/')
		vagent_init_fail("the host sent a container without a root");
}

void vagent_priv_container_fini(struct guest_container *c)
{
	free(c->mounts);
	free(c->devices);
	free(c->masked);
	free(c->readonly);
	free(c->sysctls);
	free(c->limits);
}
