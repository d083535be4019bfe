/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes the properties of a builder as a list. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/option.h>

#include "backend.h"

/* Bytes of a property without mem-path, and of a run of nodes. */
#define MAX_PROPERTY 64

/* A list that is being written, without streams, which could call write(). */
struct writing {
	char *list, *at;	/* with room for all */
};

static void put_text(struct writing *w, const char *text)
{
	w->at += strlen(strcpy(w->at, text));
}

static void put_number(struct writing *w, uint64_t number)
{
	w->at += sprintf(w->at, "%" PRIu64, number);
}

static void put_name(struct writing *w, const struct vsu_option *o)
{
	put_text(w, w->at == w->list ? "" : ",");
	put_text(w, o->name);
	put_text(w, "=");
}

static void put_path(struct writing *w, const char *path)
{
	for (; *path; path++) {
		if (*path == ',')
			*w->at++ = ',';
		*w->at++ = *path;
	}
	*w->at = '\0';
}

static bool has_node(const struct vmem_backend *b, unsigned int node)
{
	return node < MAX_NODES && b->nodes[node / 64] >> node % 64 & 1;
}

/* Each run of nodes is an item. */
static void put_nodes(struct writing *w, const struct vsu_option *o, const struct vmem_backend *b)
{
	unsigned int node, first;

	for (node = 0; node < MAX_NODES; node++) {
		if (!has_node(b, node))
			continue;
		first = node;
		while (has_node(b, node + 1))
			node++;
		put_name(w, o);
		put_number(w, first);
		put_text(w, node == first ? "" : "-");
		if (node != first)
			put_number(w, node);
	}
}

static void put_value(struct writing *w, const struct vsu_option *o, uint64_t value,
		      const char *typed)
{
	put_name(w, o);
	if (o->kind == VSU_OPTION_FLAG)
		put_text(w, value ? "on" : "off");
	else if (o->kind == VSU_OPTION_CHOICE)
		put_text(w, o->choices[value]);
	else if (*typed)
		put_text(w, typed);
	else
		put_number(w, value);
}

static void put_property(struct writing *w, const struct vmem_backend *b, enum vmem_priv_prop p)
{
	const struct vsu_option *o = &vmem_backend_options()[p];

	if (p == PROP_HOST_NODES) {
		put_nodes(w, o, b);
	} else if (p == PROP_MEM_PATH) {
		put_name(w, o);
		put_path(w, b->path);
	} else {
		put_value(w, o, b->value[p], b->typed[p]);
	}
}

int vmem_backend_write(const struct vmem_backend *backend, char **list)
{
	const size_t path = backend->path ? 2 * strlen(backend->path) : 0;
	struct writing w = { .list = malloc(path + (PROP_COUNT + MAX_NODES) * MAX_PROPERTY) };
	int p;

	if (!w.list)
		return -ENOMEM;
	*w.list = '\0';
	w.at = w.list;
	for (p = 0; p < PROP_COUNT; p++)
		if (vmem_priv_given(backend, (enum vmem_priv_prop)p))
			put_property(&w, backend, (enum vmem_priv_prop)p);
	*list = w.list;
	return 0;
}
