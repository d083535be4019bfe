/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parsing of the properties of guest memory. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/parse.h>

#include "memory/memory.h"
#include "value.h"

#define DEFAULT_LIST "size=256M"
#define DEFAULT_NAME "the default memory of 256 MiB"

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
	struct vmm_layout_request *request;
	struct vmem_backend *backend;
};

static int take_property(void *opaque, unsigned int index,
			 const struct vsu_option_value *value,
			 struct vsu_error *err)
{
	struct reading *r = opaque;
	int rc;

	if (index == ROW_AT) {
		r->request->has_at = true;
		r->request->at = value->number;
		return 0;
	}
	rc = vmem_backend_set(r->backend, r->rows[index].name, value->text,
			      err);
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", r->request->name) : 0;
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
	static const struct prog_value value = { .key = "size" };
	const size_t size = strlen(list) + sizeof("size=");
	char *text = malloc(2 * size), *scratch = text ? text + size : NULL;
	int rc = check_unit(what, list, err);

	if (!rc && !text)
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (rc < 0) {
		free(text);
		return rc;
	}
	if (prog_value_is_first(rows, list))
		list = prog_value_with_key(&value, list, text, size);
	rc = vsu_option_parse_list(rows, what, list, scratch, size, fn, opaque,
				   err);
	free(text);
	return rc;
}

/* State while the properties of a list are reported as text. */
struct each {
	const struct vsu_option *rows;
	int (*fn)(void *opaque, const char *name, const char *value);
	void *opaque;
};

static int report_property(void *opaque, unsigned int index,
			   const struct vsu_option_value *value,
			   struct vsu_error *err)
{
	const struct each *e = opaque;

	(void)err;
	return e->fn(e->opaque, e->rows[index].name, value->text);
}

int vmm_memory_list_each(const char *list,
			 int (*fn)(void *opaque, const char *name, const char *value),
			 void *opaque, struct vsu_error *err)
{
	struct vsu_option rows[VMM_MEMORY_ROWS];
	struct each e = { rows, fn, opaque };

	vmm_memory_rows(rows);
	return parse_list(rows, "--memory", list, report_property, &e, err);
}

/* Applies options that are not part of a list. */
static int apply_properties(struct vmem_backend *backend,
			    const struct vmm_memory_options *o,
			struct vsu_error *err)
{
	if (o->shared && !vmem_backend_given(backend, "backend") &&
	    !vmem_backend_given(backend, "share"))
		vmem_backend_set_kind(backend, VMEM_KIND_MEMFD);
	return o->trial && vmem_backend_value(backend, "discard-data") ?
	       vmem_backend_set(backend, "discard-data", "off", err) : 0;
}

/*
 * Checks the properties for a host that supports everything. So an invalid option is
 * rejected before any file is opened, and equally on all hosts.
 */
static int check_sound(const struct vmem_backend *backend,
		       struct vsu_error *err)
{
	const struct vmem_backend_facts facts = {
		.size = sizeof(facts), .host_page = VMM_PAGE,
		.page_size = VMM_PAGE, .huge_page = VMM_PAGE,
		.kvm = UINT32_MAX,
	};

	return vmem_backend_check(backend, &facts, err);
}

static int parse_one(struct vmm_memory *memory, const char *list,
		     const struct vmm_memory_options *o,
		     struct vsu_error *err)
{
	struct vsu_option rows[VMM_MEMORY_ROWS];
	struct reading r = { .rows = rows,
			     .request = &memory->requests[memory->n] };
	int rc = vmem_backend_new(&r.backend);

	if (rc < 0)
		return vsu_error_sys(err, rc, "%s", r.request->name);
	memory->backends[memory->n++] = r.backend;
	vmm_memory_rows(rows);
	rc = parse_list(rows, r.request->name, list, take_property, &r, err);
	if (rc < 0)
		return rc;
	rc = apply_properties(r.backend, o, err);
	if (!rc)
		rc = check_sound(r.backend, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", r.request->name) : 0;
}

/* "--memory" where there is one, "--memory 2" where there are several. */
static void name_request(struct vmm_layout_request *r, const char *what,
			 unsigned int i, unsigned int n)
{
	if (!n)
		snprintf(r->name, sizeof(r->name), "%s", DEFAULT_NAME);
	else if (n == 1)
		snprintf(r->name, sizeof(r->name), "%s", what);
	else
		snprintf(r->name, sizeof(r->name), "%s %u", what, i + 1);
}

/* Checks the addresses for the widest processor. */
static int check_addresses(struct vmm_memory *memory, struct vsu_error *err)
{
	struct vmm_layout layout;
	unsigned int i;
	uint64_t size;

	for (i = 0; i < memory->n; i++) {
		size = vmem_backend_value(memory->backends[i], "size");
		if (!vsu_align_up_overflow(size, VMM_PAGE, &size))
			memory->requests[i].size = size;
	}
	return vmm_layout_memory(memory->requests, memory->n, VMM_MAX_PHYS_BITS,
				 &layout, err);
}

int vmm_memory_parse(struct vmm_memory *memory,
		     const struct vmm_memory_options *o,
		     struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	memset(memory, 0, sizeof(*memory));
	memory->threads = o->threads;
	pthread_mutex_init(&memory->repairing, NULL);
	for (i = 0; i < (o->n ? o->n : 1); i++) {
		name_request(&memory->requests[i], o->what, i, o->n);
		memory->warn[i] = (struct vmm_memory_warn){ o->log, memory->requests[i].name };
	}
	if (!o->n)
		rc = parse_one(memory, DEFAULT_LIST, o, err);
	for (i = 0; rc >= 0 && i < o->n; i++)
		rc = parse_one(memory, o->lists[i], o, err);
	return rc < 0 ? rc : check_addresses(memory, err);
}

static int piece_read(const struct vmem_backend *b, struct vmm_memory_piece *piece,
		      struct vsu_error *err)
{
	const char *path = vmem_backend_text(b, "mem-path");

	*piece = (struct vmm_memory_piece){
		.path = path ? strdup(path) : NULL,
		.readonly = vmem_backend_value(b, "readonly"),
		.named = vmem_backend_value(b, "backend") == VMEM_KIND_SHM,
		.has_private = vmem_backend_value(b, "private"),
	};
	return path && !piece->path ? vsu_error_set(err, -ENOMEM, "no memory for options") : 0;
}

int vmm_memory_pieces_read(const struct vmm_memory_options *o, struct vmm_memory_pieces *out,
			   struct vsu_error *err)
{
	struct vmm_memory *memory = calloc(1, sizeof(*memory));
	unsigned int i;
	int rc;

	out->n = 0;
	if (!memory)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = vmm_memory_parse(memory, o, err);
	for (i = 0; rc >= 0 && i < memory->n && i < VMM_MAX_MEMORY; i++) {
		out->n++;
		rc = piece_read(memory->backends[i], &out->list[i], err);
	}
	vmm_memory_free(memory);
	free(memory);
	if (rc < 0)
		vmm_memory_pieces_free(out);
	return rc < 0 ? rc : 0;
}

void vmm_memory_pieces_free(struct vmm_memory_pieces *pieces)
{
	while (pieces->n)
		free(pieces->list[--pieces->n].path);
}

bool vmm_memory_pieces_private(const struct vmm_memory_pieces *pieces)
{
	unsigned int i;

	for (i = 0; i < pieces->n; i++)
		if (pieces->list[i].has_private)
			return true;
	return false;
}
