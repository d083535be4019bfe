/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the description of caches in sysfs. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arm64/caches.h"

#define MAX_TEXT 64
#define KIB 1024u

/* "" if the file does not exist. */
static const char *read_text(const char *folder, unsigned int index, const char *name, char text[MAX_TEXT])
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%.160s/index%u/%s", folder, index, name);
	f = fopen(path, "re");
	if (!f || !fgets(text, MAX_TEXT, f))
		text[0] = '\0';
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* 0 also for a number beyond max. A size has the unit K. */
static uint32_t read_number(const char *folder, unsigned int index, const char *name, uint32_t max)
{
	char text[MAX_TEXT], *end;
	unsigned long value = strtoul(read_text(folder, index, name, text), &end, 10);

	if (*end == 'K' && value <= UINT32_MAX / KIB)
		value *= KIB;
	return value <= max ? (uint32_t)value : 0;
}

static bool read_type(const char *text, enum varch_arm64_cache_type *type)
{
	static const char *const names[] = { "Data", "Instruction", "Unified" };
	unsigned int i = 0;

	while (i < 3 && strcmp(text, names[i]) != 0)
		i++;
	*type = (enum varch_arm64_cache_type)i;
	return i < 3;
}

static bool read_cache(const char *folder, unsigned int index, struct varch_arm64_cache *c)
{
	char text[MAX_TEXT];

	if (!read_type(read_text(folder, index, "type", text), &c->type))
		return false;
	c->level = read_number(folder, index, "level", VARCH_ARM64_CACHE_LEVELS);
	c->size = read_number(folder, index, "size", UINT32_MAX);
	c->sets = read_number(folder, index, "number_of_sets", UINT32_MAX);
	c->line = (uint16_t)read_number(folder, index, "coherency_line_size", UINT16_MAX);
	c->ways = (uint8_t)read_number(folder, index, "ways_of_associativity", UINT8_MAX);
	c->shared = c->level > 1 && strpbrk(read_text(folder, index, "shared_cpu_list", text), ",-");
	return c->level && c->size && c->sets && c->line;
}

static int compare_levels(const void *a, const void *b)
{
	const struct varch_arm64_cache *one = a, *other = b;

	return one->level != other->level ? (one->level > other->level) - (one->level < other->level) :
					    (one->type > other->type) - (one->type < other->type);
}

void varch_arm64_caches_read(const char *folder, struct varch_arm64_caches *out)
{
	unsigned int i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < VARCH_ARM64_CACHES; i++)
		if (read_cache(folder, i, &out->rows[out->n]))
			out->n++;
	qsort(out->rows, out->n, sizeof(out->rows[0]), compare_levels);
}

const struct varch_arm64_cache *varch_arm64_cache_of(const struct varch_arm64_caches *c, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (c->rows[i].level == level)
			return &c->rows[i];
	return NULL;
}
