/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lists of properties for the memory of a continued guest. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "memory/memory.h"
#include "memory/piece_lists.h"

#define ROM_OFF 2	/* index of the choice: auto, on, off */

enum passage {
	MAPPED = 1,
	OWN = 2,
	CLONE = 4,
	/* replaced: they name or describe the file of the saved machine's memory */
	REPLACED = 0,
	ALWAYS = MAPPED | OWN | CLONE,
};

/* In which lists a property remains as it was typed. */
static const struct {
	const char *name;
	unsigned int kept;
} passages[] = {
	{ "at", CLONE }, { "size", CLONE },
	{ "backend", REPLACED }, { "mem-path", REPLACED }, { "offset", REPLACED },
	{ "align", MAPPED },		/* of files only */
	{ "share", OWN | CLONE },
	{ "readonly", REPLACED }, { "rom", REPLACED },
	{ "discard-data", REPLACED }, { "pmem", REPLACED },
	{ "merge", ALWAYS }, { "dump", ALWAYS }, { "reserve", ALWAYS },
	{ "prealloc", ALWAYS }, { "prealloc-threads", ALWAYS },
	{ "policy", ALWAYS }, { "host-nodes", ALWAYS },
	{ "hugetlb", OWN | CLONE }, { "hugetlbsize", OWN | CLONE },
	{ "seal", OWN | CLONE }, { "guest-memfd", OWN | CLONE },
	{ "private", OWN | CLONE }, { "slot", OWN | CLONE },
};

static unsigned int kept_by(const char *property)
{
	size_t i;

	for (i = 0; i < sizeof(passages) / sizeof(passages[0]); i++)
		if (!strcmp(passages[i].name, property))
			return passages[i].kept;
	return REPLACED;
}

bool vmm_piece_knows(const char *property)
{
	size_t i;

	for (i = 0; i < sizeof(passages) / sizeof(passages[0]); i++)
		if (!strcmp(passages[i].name, property))
			return true;
	return false;
}

/* --------------------------------------------------------------- what a list means */

/* Facts of a list that decide what becomes of it. */
struct facts {
	bool file, anon, shared, readonly, rom, own;
	uint64_t huge_page;	/* of a file on hugetlbfs; 0: none */
};

/* A file that is unavailable here has ordinary pages, as far as this host can know. */
static uint64_t huge_page_of(const char *path)
{
	struct statfs fs;

	return path && statfs(path, &fs) == 0 &&
	       (uint64_t)fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : 0;
}

static bool has_own_pages(const struct vmem_backend *b)
{
	return vmem_backend_value(b, "hugetlb") || vmem_backend_value(b, "prealloc") ||
	       vmem_backend_value(b, "policy") || vmem_backend_value(b, "guest-memfd") ||
	       vmem_backend_value(b, "backend") == VMEM_KIND_GUEST_MEMFD;
}

static struct facts facts_of(const char *list)
{
	const struct vmm_memory_options o = { .lists = { list }, .n = 1,
					      .what = "--memory" };
	struct vmm_memory memory = { 0 };
	const struct vmem_backend *b;
	struct facts f = { 0 };

	if (list && vmm_memory_parse(&memory, &o, NULL) >= 0) {
		b = memory.backends[0];
		f.file = vmem_backend_value(b, "backend") == VMEM_KIND_FILE;
		f.anon = vmem_backend_value(b, "backend") == VMEM_KIND_ANON;
		f.shared = vmem_backend_value(b, "share");
		f.readonly = vmem_backend_value(b, "readonly");
		f.rom = f.readonly && vmem_backend_value(b, "rom") != ROM_OFF;
		f.huge_page = f.file && !f.readonly ?
			      huge_page_of(vmem_backend_text(b, "mem-path")) : 0;
		f.own = !f.rom && (has_own_pages(b) || f.huge_page);
	}
	vmm_memory_free(&memory);
	return f;
}

bool vmm_piece_needs_own(const char *list)
{
	return facts_of(list).own;
}

bool vmm_piece_is_rom(const char *list)
{
	return facts_of(list).rom;
}

/* ------------------------------------------------------------------------- writing */

struct writing {
	FILE *to;
	enum passage passage;
	const struct facts *facts;
	bool shared;		/* other processes need the memory, whatever it was */
};

/* The kind of memory is replaced, too. */
static bool has_other_kind(const struct writing *w)
{
	return w->passage == MAPPED || w->facts->file || (w->shared && w->facts->anon);
}

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

static int on_property(void *opaque, const char *name, const char *value)
{
	const struct writing *w = opaque;

	const bool keeps = !strcmp(name, "backend") ? !has_other_kind(w) :
			   kept_by(name) & w->passage;

	if (keeps && !(w->shared && !strcmp(name, "share")))
		put_property(w->to, name, value);
	return 0;
}

/* Memory in place of that of a file: it can be shared if the file was. */
static void put_replacement(const struct writing *w)
{
	if (w->facts->huge_page)
		fprintf(w->to, ",backend=memfd,hugetlb=on,hugetlbsize=%" PRIu64,
			w->facts->huge_page);
	else if (w->shared && (w->facts->file || w->facts->anon))
		put_property(w->to, "backend", "memfd");
	else if (w->facts->file)
		put_property(w->to, "backend", w->facts->shared ? "memfd" : "anon");
}

static void put_place(FILE *to, const struct vmm_image_part *part)
{
	fprintf(to, "size=%" PRIu64 ",at=%" PRIu64, part->len, part->gpa);
}

static void put_mapping(FILE *to, const struct vmm_image_part *part, bool rom)
{
	fprintf(to, ",backend=file,share=off,readonly=on,rom=%s,offset=%" PRIu64 ",mem-path=",
		rom ? "on" : "off", part->at);
	put_value(to, part->path);
}

/* part NULL: its place remains. */
static int write_list(const char *list, struct writing *w,
		      const struct vmm_image_part *part, char **out, struct vsu_error *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = 0;

	w->to = open_memstream(&text, &len);
	if (!w->to)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	if (part)
		put_place(w->to, part);
	if (w->passage == MAPPED)
		put_mapping(w->to, part, w->facts->rom);
	else
		put_replacement(w);
	if (list)
		rc = vmm_memory_list_each(list, on_property, w, err);
	if (fclose(w->to) && !rc)
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (!rc && *text == ',')
		memmove(text, text + 1, strlen(text));
	if (rc < 0)
		free(text);
	else
		*out = text;
	return rc;
}

int vmm_piece_list_mapped(const char *list, const struct vmm_image_part *part,
			  char **out, struct vsu_error *err)
{
	const struct facts facts = facts_of(list);
	struct writing w = { .passage = MAPPED, .facts = &facts };

	return write_list(list, &w, part, out, err);
}

int vmm_piece_list_own(const char *list, const struct vmm_image_part *part,
		       bool shared, char **out, struct vsu_error *err)
{
	const struct facts facts = facts_of(list);
	struct writing w = { .passage = OWN, .facts = &facts, .shared = shared };

	return write_list(list, &w, part, out, err);
}

int vmm_piece_list_clone(const char *list, char **out, struct vsu_error *err)
{
	const struct facts facts = facts_of(list);
	struct writing w = { .passage = CLONE, .facts = &facts };

	*out = NULL;
	return facts.file && facts.shared && !facts.readonly ?
	       write_list(list, &w, NULL, out, err) : 0;
}
