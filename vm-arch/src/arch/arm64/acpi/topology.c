/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Revision 2 of the table (ACPI 6.3, section 5.2.29). CPUs are equal, so that one structure describes
 * the caches of a kind of all of them.
 */
#include <config.h>

#include <vmm-sys-util/endian.h>

#include "arch/arm64/acpi/topology.h"

enum { PROCESSOR = 0, CACHE = 1 };
#define PROCESSOR_LEN 20
#define RESOURCE_LEN 4
#define CACHE_LEN 24

#define IS_PACKAGE (1u << 0)
#define HAS_UID (1u << 1)
#define IS_LEAF (1u << 3)
#define HAS_EQUAL_CHILDREN (1u << 4)

#define HAS_SIZE (1u << 0)
#define HAS_SETS (1u << 1)
#define HAS_WAYS (1u << 2)
#define HAS_ALLOCATION (1u << 3)
#define HAS_TYPE (1u << 4)
#define HAS_POLICY (1u << 5)
#define HAS_LINE (1u << 6)
#define READS_AND_WRITES 2u
#define TYPE_SHIFT 2

/* Structures refer to others by their offset in the table. */
static uint32_t offset_of_cache(unsigned int i)
{
	return VARCH_ACPI_HEADER + i * CACHE_LEN;
}

/*
 * The next level that as many CPUs share, or 0. Linux takes what the caches of a CPU lead to for its own, so the
 * first cache of all CPUs is only one of the package.
 */
static uint32_t next_level(const struct varch_arm64_caches *c, const struct varch_arm64_cache *cache)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (c->rows[i].level == cache->level + 1 && c->rows[i].shared == cache->shared)
			return offset_of_cache(i);
	return 0;
}

static bool follows_another(const struct varch_arm64_caches *c, unsigned int i)
{
	unsigned int j;

	for (j = 0; j < i; j++)
		if (next_level(c, &c->rows[j]) == offset_of_cache(i))
			return true;
	return false;
}

static void add_cache(struct varch_acpi_block *b, const struct varch_arm64_caches *c, unsigned int i)
{
	const struct varch_arm64_cache *cache = &c->rows[i];
	unsigned char t[CACHE_LEN] = { CACHE, CACHE_LEN };

	vsu_le_store(t + 4, HAS_SIZE | HAS_SETS | (cache->ways ? HAS_WAYS : 0) | HAS_ALLOCATION |
	       HAS_TYPE | HAS_POLICY | HAS_LINE, 4);
	vsu_le_store(t + 8, next_level(c, cache), 4);
	vsu_le_store(t + 12, cache->size, 4);
	vsu_le_store(t + 16, cache->sets, 4);
	t[20] = cache->ways;
	t[21] = (unsigned char)(READS_AND_WRITES | (unsigned int)cache->type << TYPE_SHIFT);
	vsu_le_store(t + 22, cache->line, 2);
	varch_acpi_append(b, t, sizeof(t));
}

/* Its resources are the caches that it shares, or has, without those that others lead to. */
static void add_processor(struct varch_acpi_block *b, const struct varch_arm64_caches *c, uint32_t flags,
			  uint32_t parent, uint32_t uid, bool shared)
{
	unsigned char t[PROCESSOR_LEN + VARCH_ARM64_CACHES * RESOURCE_LEN] = { PROCESSOR };
	unsigned int n = 0, i;

	for (i = 0; i < c->n; i++)
		if (c->rows[i].shared == shared && !follows_another(c, i))
			vsu_le_store(t + PROCESSOR_LEN + RESOURCE_LEN * n++, offset_of_cache(i), 4);
	t[1] = (unsigned char)(PROCESSOR_LEN + RESOURCE_LEN * n);
	vsu_le_store(t + 4, flags, 4);
	vsu_le_store(t + 8, parent, 4);
	vsu_le_store(t + 12, uid, 4);
	vsu_le_store(t + 16, n, 4);
	varch_acpi_append(b, t, t[1]);
}

void varch_arm64_add_pptt(struct varch_acpi_block *b, unsigned int ncpus, const struct varch_arm64_caches *caches,
			struct varch_acpi_table *table)
{
	const uint32_t package = offset_of_cache(caches->n);
	unsigned int i;

	*table = varch_acpi_begin_table(b, "PPTT", 2);
	for (i = 0; i < caches->n; i++)
		add_cache(b, caches, i);
	add_processor(b, caches, IS_PACKAGE | HAS_EQUAL_CHILDREN, 0, 0, true);
	for (i = 0; i < ncpus; i++)
		add_processor(b, caches, HAS_UID | IS_LEAF, package, i, false);
	varch_acpi_end_table(b, table);
}
