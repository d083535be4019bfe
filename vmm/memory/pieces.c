/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory of a continued guest. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/option.h>

#include "memory/pieces.h"

#define ROM_OFF 2	/* index of the choice: auto, on, off */
#define MAPPED VMM_PIECE_MAPPED
#define OWN VMM_PIECE_OWN
#define CLONE VMM_PIECE_CLONE
#define ALWAYS (MAPPED | OWN | CLONE)

/*
 * By which passages a property remains as it was typed. The others name or describe the file
 * of the saved machine's memory.
 */
static const struct {
	const char *name;
	unsigned int kept;
} passages[] = {
	{ "at", CLONE }, { "size", CLONE },
	{ "align", MAPPED },		/* of files only */
	{ "share", OWN | CLONE },
	{ "merge", ALWAYS }, { "dump", ALWAYS }, { "reserve", ALWAYS },
	{ "prealloc", ALWAYS }, { "prealloc-threads", ALWAYS },
	{ "policy", ALWAYS }, { "host-nodes", ALWAYS },
	{ "hugetlb", OWN | CLONE }, { "hugetlbsize", OWN | CLONE },
	{ "seal", OWN | CLONE }, { "guest-memfd", OWN | CLONE },
	{ "private", OWN | CLONE }, { "slot", OWN | CLONE },
};

bool vmm_piece_keeps(const char *property, enum vmm_piece_passage passage)
{
	size_t i;

	for (i = 0; i < sizeof(passages) / sizeof(passages[0]); i++)
		if (!strcmp(passages[i].name, property))
			return passages[i].kept & passage;
	return false;
}

/* ------------------------------------------------------------------------- facts */

/* A file that is unavailable here has ordinary pages, as far as this host can know. */
static uint64_t huge_page_of(const char *path)
{
	struct vsu_file_value v = { .fd = -1 };
	struct statfs fs;
	int rc = -1;

	if (path && vsu_file_value_is_fd(path))
		rc = vsu_file_value_read(path, &v, NULL) < 0 ? -1 : fstatfs(v.fd, &fs);
	else if (path)
		rc = statfs(path, &fs);
	return rc == 0 && (uint64_t)fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : 0;
}

static bool has_own_pages(const struct vmem_backend *b)
{
	return vmem_backend_value(b, "hugetlb") || vmem_backend_value(b, "prealloc") ||
	       vmem_backend_value(b, "policy") || vmem_backend_value(b, "guest-memfd") ||
	       vmem_backend_value(b, "backend") == VMEM_KIND_GUEST_MEMFD;
}

struct vmm_piece_facts vmm_piece_facts_of(const struct vmm_memory_spec *spec)
{
	const struct vmem_backend *b = spec->backend;
	struct vmm_piece_facts f = {
		.file = vmem_backend_value(b, "backend") == VMEM_KIND_FILE,
		.anon = vmem_backend_value(b, "backend") == VMEM_KIND_ANON,
		.shared = vmem_backend_value(b, "share"),
		.readonly = vmem_backend_value(b, "readonly"),
	};

	f.rom = f.readonly && vmem_backend_value(b, "rom") != ROM_OFF;
	f.huge_page = f.file && !f.readonly ? huge_page_of(vmem_backend_text(b, "mem-path")) : 0;
	f.own = !f.rom && (has_own_pages(b) || f.huge_page);
	return f;
}

/* -------------------------------------------------------------------- new pieces */

/* A copy with those properties that pass, at the place of the part, if there is one. */
static int copy_kept(const struct vmm_memory_spec *spec, enum vmm_piece_passage passage,
		     const struct vmm_image_part *part, struct vmm_memory_spec *out,
		     struct vsu_error *err)
{
	const struct vsu_option *p;
	int rc;

	*out = *spec;
	rc = vmem_backend_copy(spec->backend, &out->backend);

	if (rc < 0)
		return vsu_error_sys(err, rc, "no memory for options");
	for (p = vmem_backend_options(); p->name; p++)
		if (strcmp(p->name, "backend") != 0 && !vmm_piece_keeps(p->name, passage))
			vmem_backend_unset(out->backend, p->name);
	if (!part)
		return 0;
	vmem_backend_set_size(out->backend, part->len);
	out->has_at = true;
	out->at = part->gpa;
	return 0;
}

static int set_number(struct vmem_backend *b, const char *key, uint64_t number,
		      struct vsu_error *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return vmem_backend_set(b, key, text, err);
}

static int set_file(struct vmem_backend *b, const struct vmm_image_part *part, bool rom,
		    struct vsu_error *err)
{
	int rc;

	vmem_backend_set_kind(b, VMEM_KIND_FILE);
	rc = vmem_backend_set(b, "share", "off", err);
	if (!rc)
		rc = vmem_backend_set(b, "readonly", "on", err);
	if (!rc)
		rc = vmem_backend_set(b, "rom", rom ? "on" : "off", err);
	if (!rc)
		rc = set_number(b, "offset", part->at, err);
	return rc ? rc : vmem_backend_set(b, "mem-path", part->path, err);
}

int vmm_piece_map(const struct vmm_memory_spec *spec, const struct vmm_image_part *part,
		  struct vmm_memory_spec *out, struct vsu_error *err)
{
	const struct vmm_piece_facts facts = vmm_piece_facts_of(spec);
	struct vmm_memory_spec new;
	int rc = copy_kept(spec, VMM_PIECE_MAPPED, part, &new, err);

	if (rc < 0)
		return rc;
	rc = set_file(new.backend, part, facts.rom, err);
	if (rc < 0)
		vmem_backend_free(new.backend);
	else
		*out = new;
	return rc;
}

/* Memory in place of that of a file: it can be shared if the file was. */
static int replace_kind(struct vmem_backend *b, const struct vmm_piece_facts *facts, bool shared,
			struct vsu_error *err)
{
	int rc;

	if (facts->huge_page) {
		vmem_backend_set_kind(b, VMEM_KIND_MEMFD);
		rc = vmem_backend_set(b, "hugetlb", "on", err);
		return rc ? rc : set_number(b, "hugetlbsize", facts->huge_page, err);
	}
	if (shared && (facts->file || facts->anon))
		vmem_backend_set_kind(b, VMEM_KIND_MEMFD);
	else if (facts->file)
		vmem_backend_set_kind(b, facts->shared ? VMEM_KIND_MEMFD : VMEM_KIND_ANON);
	return 0;
}

int vmm_piece_own(const struct vmm_memory_spec *spec, const struct vmm_image_part *part,
		  bool shared, struct vmm_memory_spec *out, struct vsu_error *err)
{
	const struct vmm_piece_facts facts = vmm_piece_facts_of(spec);
	struct vmm_memory_spec new;
	int rc = copy_kept(spec, VMM_PIECE_OWN, part, &new, err);

	if (rc < 0)
		return rc;
	if (shared)
		vmem_backend_unset(new.backend, "share");
	rc = replace_kind(new.backend, &facts, shared, err);
	if (rc < 0)
		vmem_backend_free(new.backend);
	else
		*out = new;
	return rc;
}

/* ------------------------------------------- the pieces of another process */

/* Memory in place of the file, which was shared. */
static int replace_shared(struct vmm_memory_spec *spec, struct vsu_error *err)
{
	const struct vmm_piece_facts facts = vmm_piece_facts_of(spec);
	struct vmm_memory_spec new;
	int rc;

	if (!facts.file || !facts.shared || facts.readonly)
		return 0;
	rc = copy_kept(spec, VMM_PIECE_CLONE, NULL, &new, err);
	if (rc < 0)
		return rc;
	rc = replace_kind(new.backend, &facts, true, err);
	vmem_backend_free(rc < 0 ? new.backend : spec->backend);
	if (!rc)
		*spec = new;
	return rc;
}

static int forget_descriptor(struct vmem_backend *b, struct vsu_error *err)
{
	const char *path = vmem_backend_text(b, "mem-path");
	char *text;
	int rc;

	if (!path || !vsu_file_value_is_fd(path))
		return 0;
	text = vsu_file_value_former(path);
	rc = text ? vmem_backend_set(b, "mem-path", text, err) :
		    vsu_error_set(err, -ENOMEM, "no memory for options");
	free(text);
	return rc;
}

int vmm_pieces_continue(struct vmm_memory_specs *specs, bool clone, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < specs->n; i++) {
		if (clone)
			rc = replace_shared(&specs->list[i], err);
		if (!rc)
			rc = forget_descriptor(specs->list[i].backend, err);
	}
	return rc;
}
