/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory of a clone, as the list of an option. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory_options.h"
#include "memory/piece_lists.h"
#include "memory/pieces.h"

struct writing {
	FILE *to;
	const struct vmm_piece_facts *facts;
};

/* A comma of a value is doubled in a list. */
static void put_value(FILE *to, const char *value)
{
	for (; *value; value++) {
		if (*value == ',')
			putc(',', to);
		putc(*value, to);
	}
}

static void put_property(FILE *to, const char *name, const char *value)
{
	fprintf(to, ",%s=", name);
	put_value(to, value);
}

/* The kind of memory is that of the replacement. */
static int on_property(void *opaque, const char *name, const char *value)
{
	const struct writing *w = opaque;

	if (strcmp(name, "backend") != 0 && vmm_piece_keeps(name, VMM_PIECE_CLONE))
		put_property(w->to, name, value);
	return 0;
}

/* In place of the file, which was shared. */
static void put_replacement(const struct writing *w)
{
	fputs("backend=memfd", w->to);
	if (w->facts->huge_page)
		fprintf(w->to, ",hugetlb=on,hugetlbsize=%" PRIu64, w->facts->huge_page);
}

static int write_list(const char *list, const struct vmm_piece_facts *facts, char **out,
		      struct vsu_error *err)
{
	struct writing w = { .facts = facts };
	char *text = NULL;
	size_t len = 0;
	int rc;

	w.to = open_memstream(&text, &len);
	if (!w.to)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	put_replacement(&w);
	rc = vmm_memory_list_each(list, on_property, &w, err);
	if ((fclose(w.to) || !text) && !rc)
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (rc < 0)
		free(text);
	else
		*out = text;
	return rc;
}

int vmm_piece_list_clone(const char *list, char **out, struct vsu_error *err)
{
	const struct vmm_memory_lists lists = { .what = "--memory", .list = { list }, .n = 1 };
	struct vmm_piece_facts facts = { .file = false };
	struct vmm_memory_specs specs;

	*out = NULL;
	if (vmm_memory_specs_read(&specs, &lists, NULL) < 0)
		return 0;
	if (!vmm_memory_specs_check(&specs, NULL, NULL))
		facts = vmm_piece_facts_of(&specs.list[0]);
	vmm_memory_specs_free(&specs);
	return facts.file && facts.shared && !facts.readonly ?
	       write_list(list, &facts, out, err) : 0;
}
