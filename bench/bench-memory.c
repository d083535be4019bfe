/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cost of guest memory. Regions of 4 MiB have gaps of 1 MiB. 4096 addresses, computed
 * before, access 32 KiB in total, in all N regions (rand) or in the last one (same), so
 * that the translation is measured and not the cache.
 *
 *	mem.read_obj.T.rN.P, mem.write_obj.T.rN.P	a value of type T
 *	mem.store_u16_rel.rN.P, mem.load_u16_acq.rN.P	an ordered access
 *	mem.find_region_host.rN.P			region and host address
 *	mem.get_slice_64.rN.P				a piece of 64 bytes
 *	mem.write_slice.S[.bitmap].rN, mem.read_slice.S.rN	copies, inline
 *	mem.write_call.S[.bitmap].rN			copies, by vmem_write()
 *	mem.create_drop.rN				N regions created and freed
 *	mem.bitmap_get_and_reset_4GiB, mem.bitmap_set_range_1MiB
 *
 * and the floors: floor.ptr_read_u32 (no translation), floor.bsearch_translate
 * (only the search), floor.memcpy_write and floor.memcpy_read,
 * floor.create_drop (the bare system calls).
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/access.h>
#include <vm-memory/backend.h>
#include <vm-memory/dirty.h>

#include "bench.h"

#define REGION_LEN	(4ull << 20)
#define REGION_STEP	(REGION_LEN + (1ull << 20))
#define SPREAD		(32ull << 10)	/* bytes touched by small accesses */
#define NADDR		4096u
#define MASK		(NADDR - 1)
#define MAX_REGIONS	64u
#define SEED		0x9e3779b97f4a7c15ull
#define PAGE_SHIFT	12

struct rig {
	uint32_t nregions;
	struct vmem_map *map;
	const struct vmem_view *view;
	uint64_t gpa[NADDR];
	unsigned char *hva[NADDR];
	uint64_t first[MAX_REGIONS];	/* of each region, for the floor */
	unsigned char *host[MAX_REGIONS];
	size_t len;		/* of a copy */
	unsigned char *buf;
	uint64_t sum;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-memory: %s\n", what);
	exit(1);
}

static uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct vmem_block *make_block(uint64_t len)
{
	struct vmem_backend *backend;
	struct vmem_block *block;

	if (vmem_backend_new(&backend) < 0)
		die("no memory");
	vmem_backend_set_size(backend, len);
	if (vmem_backend_alloc(backend, &block, NULL) < 0)
		die("no memory");
	vmem_backend_free(backend);
	return block;
}

static struct vmem_region *make_region(uint32_t i, bool dirty)
{
	struct vmem_region_desc d = { NULL, 0, i * REGION_STEP, REGION_LEN, 0,
				      dirty ? PAGE_SHIFT : 0 };
	struct vmem_region *region;

	d.block = make_block(REGION_LEN);
	if (vmem_region_new(&d, &region, NULL) < 0)
		die("no region");
	vmem_block_unref(d.block);
	if (dirty)
		vmem_dirty_enable(vmem_region_dirty(region));
	memset(vmem_region_hva(region), 1, REGION_LEN);
	return region;
}

static struct vmem_map *make_map(uint32_t n, bool dirty)
{
	struct vmem_region *regions[MAX_REGIONS] = { NULL };
	struct vmem_map *map;
	uint32_t i;

	for (i = 0; i < n; i++)
		regions[i] = make_region(i, dirty);
	if (vmem_map_from_regions(regions, n, &map, NULL) < 0)
		die("no map");
	for (i = 0; i < n; i++)
		vmem_region_unref(regions[i]);
	return map;
}

/* Addresses of pieces of len bytes, aligned to 8. */
static void choose_addresses(struct rig *b, uint64_t len, bool same)
{
	uint64_t window = len > 8 ? REGION_LEN : SPREAD / b->nregions;
	uint64_t seed = SEED, off, region;
	uint32_t i, hint = 0;

	if (len < 4096 && window > SPREAD)
		window = SPREAD;
	for (i = 0; i < NADDR; i++) {
		region = same ? b->nregions - 1 :
				xorshift(&seed) % b->nregions;
		off = xorshift(&seed) % (window - len + 1) & ~7ull;
		b->gpa[i] = region * REGION_STEP + off;
		b->hva[i] = vmem_view_translate(b->view, &hint, b->gpa[i], len,
						VMEM_READ);
		if (!b->hva[i])
			die("an address that is not in memory");
	}
}

#define DEFINE_OBJ(type, name)						\
static void read_##name(void *opaque, uint64_t n)			\
{									\
	struct rig *b = opaque;						\
	const struct vmem_view *view = b->view;				\
	uint64_t sum = 0, i;						\
	uint32_t hint = 0;						\
	type v = 0;							\
									\
	for (i = 0; i < n; i++) {					\
		if (vmem_get_##name(view, &hint, b->gpa[i & MASK], &v))	\
			die("read");					\
		sum += v;						\
	}								\
	b->sum += sum;							\
	bench_use(&b->sum);						\
}									\
									\
static void write_##name(void *opaque, uint64_t n)			\
{									\
	struct rig *b = opaque;						\
	const struct vmem_view *view = b->view;				\
	uint32_t hint = 0;						\
	uint64_t i;							\
									\
	for (i = 0; i < n; i++)						\
		if (vmem_put_##name(view, &hint, b->gpa[i & MASK],	\
				    (type)i))				\
			die("write");					\
	bench_use(b->hva[0]);						\
}

DEFINE_OBJ(uint8_t, u8)
DEFINE_OBJ(uint32_t, u32)
DEFINE_OBJ(uint64_t, u64)

static void store_u16(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	uint64_t i;

	for (i = 0; i < n; i++)
		if (vmem_store_u16(b->view, b->gpa[i & MASK], (uint16_t)i,
				   __ATOMIC_RELEASE))
			die("store");
}

static void load_u16(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	uint64_t i;
	uint16_t v = 0;

	for (i = 0; i < n; i++) {
		if (vmem_load_u16(b->view, b->gpa[i & MASK], &v,
				  __ATOMIC_ACQUIRE))
			die("load");
		b->sum += v;
	}
}

static void find_region_host(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	uint64_t i, gpa, sum = 0;
	uint32_t at;

	for (i = 0; i < n; i++) {
		gpa = b->gpa[i & MASK];
		at = vmem_view_find(b->view, gpa);
		if (at == b->view->n)
			die("find");
		sum += (uint64_t)(uintptr_t)(b->view->ranges[at].hva +
					     (gpa - b->view->ranges[at].first));
	}
	b->sum += sum;
	bench_use(&b->sum);
}

static void get_slice(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	uint32_t hint = 0;
	uint64_t i, sum = 0;
	unsigned char *p;

	for (i = 0; i < n; i++) {
		p = vmem_view_translate(b->view, &hint, b->gpa[i & MASK], 64,
					VMEM_READ);
		if (!p)
			die("slice");
		sum += (uint64_t)(uintptr_t)p;
	}
	b->sum += sum;
	bench_use(&b->sum);
}

static void ptr_read_u32(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	uint64_t i, sum = 0;

	for (i = 0; i < n; i++)
		sum += *(volatile uint32_t *)(void *)b->hva[i & MASK];
	b->sum += sum;
	bench_use(&b->sum);
}

/*
 * The floor of every translation: a search in bare arrays, whose steps are
 * known to the compiler and none of which is a jump, and a check at its end.
 */
static inline size_t step(const struct rig *b, size_t at, size_t half,
			  uint64_t gpa)
{
	at = b->first[at + half] <= gpa ? at + half : at;
	__asm__("" : "+r"(at));	/* or the compiler makes a jump of it */
	return at;
}

static inline uint64_t translate(const struct rig *b, uint64_t n,
				 uint32_t nregions)
{
	uint64_t i, gpa, sum = 0;
	size_t at;

	for (i = 0; i < n; i++) {
		gpa = b->gpa[i & MASK];
		at = nregions > 32 ? step(b, 0, 32, gpa) : 0;
		at = nregions > 16 ? step(b, at, 16, gpa) : at;
		at = nregions > 8 ? step(b, at, 8, gpa) : at;
		at = nregions > 4 ? step(b, at, 4, gpa) : at;
		at = nregions > 2 ? step(b, at, 2, gpa) : at;
		at = nregions > 1 ? step(b, at, 1, gpa) : at;
		gpa -= b->first[at];
		if (gpa >= REGION_LEN)
			die("translate");
		sum += (uint64_t)(uintptr_t)(b->host[at] + gpa);
	}
	return sum;
}

static void bsearch_translate(void *opaque, uint64_t n)
{
	struct rig *b = opaque;

	b->sum += b->nregions == 1 ? translate(b, n, 1) :
		  b->nregions == 8 ? translate(b, n, 8) :
				     translate(b, n, MAX_REGIONS);
	bench_use(&b->sum);
}

/* With the length known to the compiler, as callers of 64 bytes have it. */
static void write_64(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	const struct vmem_view *view = b->view;
	unsigned char *buf = b->buf;
	uint32_t hint = 0;
	uint64_t i;

	for (i = 0; i < n; i++)
		if (vmem_put(view, &hint, b->gpa[i & MASK], buf, 64))
			die("write");
	bench_use(b->hva[0]);
}

static void read_64(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	const struct vmem_view *view = b->view;
	unsigned char *buf = b->buf;
	uint32_t hint = 0;
	uint64_t i;

	for (i = 0; i < n; i++) {
		if (vmem_get(view, &hint, b->gpa[i & MASK], buf, 64))
			die("read");
		bench_use(buf);
	}
}

static void memcpy_64(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	unsigned char *buf = b->buf;
	uint64_t i;

	for (i = 0; i < n; i++) {
		memcpy(b->hva[i & MASK], buf, 64);
		bench_use(b->hva[i & MASK]);
	}
}

static void write_slice(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	const struct vmem_view *view = b->view;
	uint32_t hint = 0;
	uint64_t i;

	for (i = 0; i < n; i++)
		if (vmem_put(view, &hint, b->gpa[i & MASK], b->buf, b->len))
			die("write");
}

static void read_slice(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	const struct vmem_view *view = b->view;
	uint32_t hint = 0;
	uint64_t i;

	for (i = 0; i < n; i++)
		if (vmem_get(view, &hint, b->gpa[i & MASK], b->buf, b->len))
			die("read");
}

static void write_call(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	const struct vmem_view *view = b->view;
	uint64_t i;

	for (i = 0; i < n; i++)
		if (vmem_write(view, b->gpa[i & MASK], b->buf, b->len) !=
		    (ssize_t)b->len)
			die("write");
}

static void memcpy_write(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	uint64_t i;

	for (i = 0; i < n; i++) {
		memcpy(b->hva[i & MASK], b->buf, b->len);
		bench_use(b->hva[i & MASK]);
	}
}

static void memcpy_read(void *opaque, uint64_t n)
{
	struct rig *b = opaque;
	uint64_t i;

	for (i = 0; i < n; i++) {
		memcpy(b->buf, b->hva[i & MASK], b->len);
		bench_use(b->buf);
	}
}

struct small_case {
	const char *name;
	uint64_t len;
	bench_fn fn;
};

static const struct small_case small_cases[] = {
	{ "mem.read_obj.u8", 1, read_u8 },
	{ "mem.read_obj.u32", 4, read_u32 },
	{ "mem.read_obj.u64", 8, read_u64 },
	{ "mem.write_obj.u8", 1, write_u8 },
	{ "mem.write_obj.u32", 4, write_u32 },
	{ "mem.write_obj.u64", 8, write_u64 },
	{ "mem.store_u16_rel", 2, store_u16 },
	{ "mem.load_u16_acq", 2, load_u16 },
	{ "mem.find_region_host", 8, find_region_host },
	{ "mem.get_slice_64", 64, get_slice },
	{ "floor.ptr_read_u32", 4, ptr_read_u32 },
	{ "floor.bsearch_translate", 8, bsearch_translate },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void bench_small(struct rig *b, const char *infix)
{
	char name[64];
	unsigned int i, same;

	for (i = 0; i < COUNT(small_cases); i++) {
		for (same = 0; same < 2; same++) {
			snprintf(name, sizeof(name), "%s%s.r%u.%s",
				 small_cases[i].name, infix, b->nregions,
				 same ? "same" : "rand");
			if (!bench_selected(name))
				continue;
			choose_addresses(b, small_cases[i].len, same);
			bench_ns(name, small_cases[i].fn, b);
		}
	}
}

struct copy_case {
	const char *name;
	const char *size_name;
	size_t len;
	bench_fn fn;
	bool writes;
};

static const struct copy_case copy_cases[] = {
	{ "mem.write_slice", "64", 64, write_64, true },
	{ "mem.write_slice", "4k", 4096, write_slice, true },
	{ "mem.write_slice", "1M", 1 << 20, write_slice, true },
	{ "mem.write_call", "4k", 4096, write_call, true },
	{ "mem.read_slice", "64", 64, read_64, false },
	{ "mem.read_slice", "4k", 4096, read_slice, false },
	{ "mem.read_slice", "1M", 1 << 20, read_slice, false },
	{ "floor.memcpy_write", "64", 64, memcpy_64, false },
	{ "floor.memcpy_write", "4k", 4096, memcpy_write, false },
	{ "floor.memcpy_write", "1M", 1 << 20, memcpy_write, false },
	{ "floor.memcpy_read", "4k", 4096, memcpy_read, false },
	{ "floor.memcpy_read", "1M", 1 << 20, memcpy_read, false },
};

/* In 32 KiB as well, or one place in each region where that is too little. */
static void choose_copies(struct rig *b, size_t len)
{
	uint64_t places = SPREAD / len / b->nregions, seed = SEED, off;
	uint32_t i, hint = 0;

	for (i = 0; i < NADDR; i++) {
		off = xorshift(&seed) % (places ? places : 1) * len;
		b->gpa[i] = xorshift(&seed) % b->nregions * REGION_STEP + off;
		b->hva[i] = vmem_view_translate(b->view, &hint, b->gpa[i], len,
						VMEM_READ);
	}
}

static void bench_copies(struct rig *b, bool bitmap)
{
	const struct copy_case *c;
	char name[64];
	unsigned int i;

	for (i = 0; i < COUNT(copy_cases); i++) {
		c = &copy_cases[i];
		if (bitmap && !c->writes)
			continue;
		snprintf(name, sizeof(name), "%s.%s%s.r%u", c->name,
			 c->size_name, bitmap ? ".bitmap" : "", b->nregions);
		if (!bench_selected(name))
			continue;
		b->len = c->len;
		choose_copies(b, c->len);
		bench_rate(name, c->fn, b, (double)(1ull << 30) /
			   (double)c->len, "GiB/s");
	}
}

static void bench_map(uint32_t n, bool bitmap)
{
	struct rig *b = calloc(1, sizeof(*b));
	uint32_t i;

	if (!b || posix_memalign((void **)&b->buf, 4096, 1 << 20))
		die("no memory");
	memset(b->buf, 2, 1 << 20);
	b->nregions = n;
	b->map = make_map(n, bitmap);
	b->view = vmem_map_view(b->map);
	for (i = 0; i < n; i++) {
		b->first[i] = b->view->ranges[i].first;
		b->host[i] = b->view->ranges[i].hva;
	}
	bench_small(b, bitmap ? ".bitmap" : "");
	bench_copies(b, bitmap);
	vmem_map_unref(b->map);
	free(b->buf);
	free(b);
}

/* Anonymous regions as a program that needs nothing special makes them. */
static void create_drop(void *opaque, uint64_t n)
{
	uint32_t nregions = *(uint32_t *)opaque, i;
	struct vmem_region *regions[MAX_REGIONS];
	struct vmem_map *map;

	while (n--) {
		for (i = 0; i < nregions; i++) {
			struct vmem_region_desc d = { make_block(REGION_LEN),
				0, i * REGION_STEP, REGION_LEN, 0, 0 };

			if (vmem_region_new(&d, &regions[i], NULL) < 0)
				die("no region");
			vmem_block_unref(d.block);
		}
		if (vmem_map_from_regions(regions, nregions, &map, NULL) < 0)
			die("no map");
		for (i = 0; i < nregions; i++)
			vmem_region_unref(regions[i]);
		vmem_map_unref(map);
	}
}

/* The kernel's share of the same: reserve, trim, map, advise, unmap. */
static void bare_calls(void *opaque, uint64_t n)
{
	const size_t align = 2 << 20, total = REGION_LEN + 4096 + align;
	uint32_t nregions = *(uint32_t *)opaque, i;
	unsigned char *at[MAX_REGIONS];
	size_t head[MAX_REGIONS];

	while (n--) {
		for (i = 0; i < nregions; i++) {
			at[i] = mmap(NULL, total, PROT_NONE, MAP_PRIVATE |
				     MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
			head[i] = -(uintptr_t)at[i] & (align - 1);
			if (head[i])
				munmap(at[i], head[i]);
			at[i] = mmap(at[i] + head[i], REGION_LEN,
				     PROT_READ | PROT_WRITE, MAP_PRIVATE |
				     MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			madvise(at[i], REGION_LEN, MADV_HUGEPAGE);
			madvise(at[i], REGION_LEN, MADV_DONTFORK);
			madvise(at[i], REGION_LEN, MADV_MERGEABLE);
		}
		for (i = 0; i < nregions; i++)
			munmap(at[i], total - head[i]);
	}
}

static void bench_create(void)
{
	static const uint32_t counts[] = { 1, 8, 64 };
	char name[64];
	unsigned int i;

	for (i = 0; i < COUNT(counts); i++) {
		uint32_t n = counts[i];

		snprintf(name, sizeof(name), "mem.create_drop.r%u", n);
		bench_ns(name, create_drop, &n);
		snprintf(name, sizeof(name), "floor.create_drop.r%u", n);
		bench_ns(name, bare_calls, &n);
	}
}

struct bitmap_rig {
	struct vmem_region *region;
	struct vmem_dirty *dirty;
	uint64_t *into;
};

/* 64 pages are dirty of a million. */
static double harvest_sparse(void *opaque, uint64_t n)
{
	struct bitmap_rig *b = opaque;
	double start, ns = 0;
	unsigned int i;

	while (n--) {
		for (i = 0; i < 64; i++)
			vmem_dirty_mark(b->dirty, b->dirty->base +
					((uint64_t)i << 26), 1);
		start = bench_part_now();
		vmem_dirty_harvest(b->dirty, b->into);
		ns += bench_part_now() - start;
	}
	return ns;
}

static double set_range(void *opaque, uint64_t n)
{
	struct bitmap_rig *b = opaque;
	double start, ns = 0;
	unsigned int i;

	while (n--) {
		memset(b->dirty->words, 0, 4096);
		start = bench_part_now();
		for (i = 0; i < 16; i++)
			vmem_dirty_mark(b->dirty, b->dirty->base +
					((uint64_t)i << 20), 1 << 20);
		ns += (bench_part_now() - start) / 16;
	}
	return ns;
}

static void bench_bitmap(void)
{
	struct vmem_region_desc d = { NULL, 0, 0, 4ull << 30, 0, PAGE_SHIFT };
	struct bitmap_rig b;

	d.block = make_block(4ull << 30);
	if (vmem_region_new(&d, &b.region, NULL) < 0)
		die("no region");
	vmem_block_unref(d.block);
	b.dirty = vmem_region_dirty(b.region);
	b.into = calloc(b.dirty->nbits / 64, 8);
	if (!b.into)
		die("no memory");
	vmem_dirty_enable(b.dirty);
	bench_ns_timed("mem.bitmap_get_and_reset_4GiB", harvest_sparse, &b);
	bench_ns_timed("mem.bitmap_set_range_1MiB", set_range, &b);
	free(b.into);
	vmem_region_unref(b.region);
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	bench_count_cpu();
	bench_map(1, false);
	bench_map(8, false);
	bench_map(64, false);
	bench_map(1, true);
	bench_map(8, true);
	bench_create();
	bench_bitmap();
	return 0;
}
