/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parsing of the property lists of guest memory. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/option_list.h>
#include <vmm-sys-util/parse.h>

#include "memory/memory.h"
#include "memory/memory_options.h"

#define DEFAULT_LIST "size=256M"

/* Rows of the table. */
enum { ROW_AT, ROW_FIRST_PROPERTY };

void vmm_memory_rows(struct vsu_option rows[VMM_MEMORY_ROWS])
{
	const struct vsu_option *property = vmem_backend_options();
	const struct vsu_option at = {
		.name = "at", .kind = VSU_OPTION_SIZE, .arg = "ADDRESS",
		.help = "guest address", .preset = "the next free one",
		.example = "4G",
	};
	unsigned int n = ROW_FIRST_PROPERTY;

	rows[ROW_AT] = at;
	while (property->name && n < VMM_MEMORY_ROWS - 1)
		rows[n++] = *property++;
	memset(&rows[n], 0, sizeof(rows[n]));
}

/* State while a list is parsed. */
struct reading {
	const struct vsu_option *rows;
	const char *name;	/* of the piece */
	struct vmm_memory_spec *spec;
};

static int take_property(void *opaque, unsigned int index,
			 const struct vsu_option_value *value,
			 struct vsu_error *err)
{
	struct reading *r = opaque;
	int rc;

	if (index == ROW_AT) {
		r->spec->has_at = true;
		r->spec->at = value->number;
		return 0;
	}
	rc = vmem_backend_set(r->spec->backend, r->rows[index].name, value->text,
			      err);
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", r->name) : 0;
}

/* "--memory 512" means 512 MiB in other programs. */
static int check_unit(const char *what, const char *list, struct vsu_error *err)
{
	uint64_t bytes;

	if (vsu_parse_u64(list, &bytes) < 0 || !bytes || bytes >= 1 << 20)
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "%s: '%s' is a size in bytes; write '%sM' for MiB",
			     what, list, list);
}

static int parse_list(const struct vsu_option *rows, const char *what,
		      const char *list, vsu_option_fn fn, void *opaque,
		      struct vsu_error *err)
{
	static const struct vsu_list_value value = { .key = "size" };
	const size_t size = strlen(list) + sizeof("size=");
	char *text = malloc(2 * size), *scratch = text ? text + size : NULL;
	int rc = check_unit(what, list, err);

	if (!rc && !text)
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (rc < 0) {
		free(text);
		return rc;
	}
	if (vsu_list_value_is_first(rows, list))
		list = vsu_list_value_with_key(&value, list, text, size);
	rc = vsu_option_parse_list(rows, what, list, scratch, size, fn, opaque,
				   err);
	free(text);
	return rc;
}

static int read_list(struct vmm_memory_spec *spec, const char *name, const char *list,
		     struct vsu_error *err)
{
	struct vsu_option rows[VMM_MEMORY_ROWS];
	struct reading r = { .rows = rows, .name = name, .spec = spec };
	int rc = vmem_backend_new(&spec->backend);

	if (rc < 0)
		return vsu_error_sys(err, rc, "%s", name);
	vmm_memory_rows(rows);
	return parse_list(rows, name, list, take_property, &r, err);
}

int vmm_memory_specs_read(struct vmm_memory_specs *specs, const struct vmm_memory_lists *lists,
			  struct vsu_error *err)
{
	char name[64];
	unsigned int i;
	int rc = 0;

	memset(specs, 0, sizeof(*specs));
	specs->what = lists->what;
	specs->preset = !lists->n;
	specs->n = lists->n ? lists->n : 1;
	for (i = 0; rc >= 0 && i < specs->n; i++) {
		vmm_memory_specs_name(specs, i, name, sizeof(name));
		rc = read_list(&specs->list[i], name, specs->preset ? DEFAULT_LIST : lists->list[i],
			       err);
	}
	if (rc < 0)
		vmm_memory_specs_free(specs);
	return rc < 0 ? rc : 0;
}

int vmm_memory_parse(struct vmm_memory *memory, const struct vmm_memory_lists *lists,
		     const struct vmm_memory_use *use, struct vsu_error *err)
{
	struct vmm_memory_specs specs;
	int rc;

	memset(memory, 0, sizeof(*memory));
	rc = vmm_memory_specs_read(&specs, lists, err);
	if (rc < 0)
		return rc;
	rc = vmm_memory_init(memory, &specs, use, err);
	vmm_memory_specs_free(&specs);
	return rc;
}

int vmm_memory_write(const struct vmm_memory_spec *spec, char **out, struct vsu_error *err)
{
	char *list;
	int rc = vmem_backend_write(spec->backend, &list);

	if (!rc && spec->has_at) {
		rc = asprintf(out, "at=%" PRIu64 "%s%s", spec->at, *list ? "," : "", list) < 0 ? -ENOMEM : 0;
		free(list);
	} else if (!rc) {
		*out = list;
	}
	return rc ? vsu_error_set(err, rc, "no memory for options") : 0;
}
