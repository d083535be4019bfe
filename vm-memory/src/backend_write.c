/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes the properties of a builder as a list. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm-sys-util/option.h>

#include "backend.h"

/* A list that is being written. */
struct writing {
	FILE *to;
	const char *comma;	/* in front of the next property */
};

static void put_name(struct writing *w, const struct vsu_option *o)
{
	fprintf(w->to, "%s%s=", w->comma, o->name);
	w->comma = ",";
}

static void put_path(struct writing *w, const char *path)
{
	for (; *path; path++)
		fprintf(w->to, *path == ',' ? ",%c" : "%c", *path);
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
		fprintf(w->to, node == first ? "%u" : "%u-%u", first, node);
	}
}

static void put_value(struct writing *w, const struct vsu_option *o, uint64_t value,
		      const char *typed)
{
	put_name(w, o);
	if (o->kind == VSU_OPTION_FLAG)
		fputs(value ? "on" : "off", w->to);
	else if (o->kind == VSU_OPTION_CHOICE)
		fputs(o->choices[value], w->to);
	else if (*typed)
		fputs(typed, w->to);
	else
		fprintf(w->to, "%" PRIu64, value);
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
	char *text = NULL;
	size_t len = 0;
	struct writing w = { open_memstream(&text, &len), "" };
	int p;

	for (p = 0; w.to && p < PROP_COUNT; p++)
		if (vmem_priv_given(backend, (enum vmem_priv_prop)p))
			put_property(&w, backend, (enum vmem_priv_prop)p);
	/* writes text, too, which stays NULL if no memory was left */
	if (!w.to || fclose(w.to) || !text) {
		free(text);
		return -ENOMEM;
	}
	*list = text;
	return 0;
}
