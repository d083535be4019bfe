/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cost of a chain on the device side, in nanoseconds:
 *
 *	vq.pop.bB.dD[.evt|.ind][.packed].rN	pop, push and the decision to
 *						notify for each chain
 *	vq.pop_iov....				another name of vq.pop, because
 *						host pieces are always built
 *	vq.iter....				B chains popped as a batch, B
 *						pushes, one decision
 *	floor.vq_raw.bB.dD[.ind][.packed].rN	as vq.iter, with host pointers:
 *						indexes are checked, nothing is
 *						translated
 *	floor.vq_raw_each....			as vq.pop, which publishes each chain
 *	floor.vq_checked.pop.bB.dD[.ind][.packed].r1
 *	floor.vq_checked.iter....		with all checks of the library, as
 *						vq.pop and vq.iter: queue_floor.c
 *
 * B chains of D descriptors become available at a time, with buffers from N regions in
 * turn. The measured part of the driver is one store of an index (split). With a packed
 * ring the driver writes a whole lap outside of the measured time.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/queue.h>

#include "bench.h"
#include "queue_floor.h"

#define RING		256u
#define MAX_BATCH	16u
#define MAX_DESC	16u
#define REGION_LEN	(4ull << 20)
#define REGION_STEP	(REGION_LEN + (1ull << 20))
#define DESC_GPA	0x1000u
#define DRIVER_GPA	0x4000u
#define DEVICE_GPA	0x6000u
#define TABLES_GPA	0x10000u
#define DATA_OFF	0x40000u
#define DATA_LEN	64u

struct bench_case {
	uint32_t batch, ndesc, nregions;
	bool event_idx, indirect, packed;
};

struct rig {
	struct bench_case c;
	struct vmem_space *space;
	struct vq *q;
	unsigned char *mem;		/* start of region 0 */
	uint16_t *avail_idx;
	uint16_t *avail_ring;
	uint32_t nheads;		/* chains that the table holds */
	uint16_t idx;			/* what was made available */
	uint32_t lap_left;		/* packed: chains left of the lap */
	bool wrap;
	struct vq_chain chains[MAX_BATCH];
	struct iovec iov[MAX_BATCH][MAX_DESC];
	uint32_t written[MAX_BATCH];
	/* of the floors */
	uint16_t used;
	bool raw_wrap;
	uint64_t sum;
	struct queue_floor floor;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-queue: %s\n", what);
	exit(1);
}

static struct vmem_region *make_region(uint32_t i)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	struct vmem_fd_desc file = { fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, REGION_LEN, NULL, NULL };
	struct vmem_region_desc desc = { NULL, 0, i * REGION_STEP, REGION_LEN,
					 0, 0 };
	struct vmem_region *region;

	if (fd < 0 || ftruncate(fd, (off_t)REGION_LEN) < 0 ||
	    vmem_block_new_fd(&file, &desc.block, NULL) < 0 ||
	    vmem_region_new(&desc, &region, NULL) < 0)
		die("no memory");
	close(fd);
	vmem_block_unref(desc.block);
	return region;
}

static void make_memory(struct rig *b)
{
	struct vmem_region *regions[8];
	struct vmem_map *map;
	uint32_t i;

	for (i = 0; i < b->c.nregions; i++)
		regions[i] = make_region(i);
	b->mem = vmem_region_hva(regions[0]);
	if (vmem_space_new(&b->space) < 0 ||
	    vmem_map_from_regions(regions, b->c.nregions, &map, NULL) < 0 ||
	    vmem_space_publish(b->space, map) < 0)
		die("no map");
	b->floor.view = vmem_map_view(map);	/* the space keeps the map */
	vmem_map_unref(map);
	for (i = 0; i < b->c.nregions; i++)
		vmem_region_unref(regions[i]);
}

static uint32_t ring_slots(const struct bench_case *c)
{
	return c->indirect ? 1 : c->ndesc;
}

static uint64_t buffer_gpa(const struct rig *b, uint32_t n)
{
	return (n % b->c.nregions) * REGION_STEP + DATA_OFF +
	       n % 512 * DATA_LEN;
}

static void put_desc(unsigned char *at, uint64_t gpa, uint32_t len,
		     uint16_t third, uint16_t fourth)
{
	memcpy(at, &gpa, 8);
	memcpy(at + 8, &len, 4);
	memcpy(at + 12, &third, 2);
	memcpy(at + 14, &fourth, 2);
}

/* A split chain or table at `at`: the first half is readable. */
static void put_split(struct rig *b, unsigned char *table, uint32_t at,
		      uint32_t number)
{
	uint32_t d = b->c.ndesc, i;

	for (i = 0; i < d; i++)
		put_desc(table + (at + i) * 16, buffer_gpa(b, number * d + i),
			 DATA_LEN, (uint16_t)((i + 1 < d) | (i >= d / 2) * 2),
			 (uint16_t)(at + i + 1));
}

static void put_packed_slot(struct rig *b, uint32_t slot, uint64_t gpa,
			    uint32_t len, uint16_t id, uint16_t flags)
{
	put_desc(b->mem + DESC_GPA + slot * 16, gpa, len, id,
		 (uint16_t)(flags | (b->wrap ? 0x80 : 0x8000)));
}

static void put_packed_table(struct rig *b, unsigned char *table,
			     uint32_t number)
{
	uint32_t d = b->c.ndesc, i;

	for (i = 0; i < d; i++)
		put_desc(table + i * 16, buffer_gpa(b, number * d + i),
			 DATA_LEN, 0, (uint16_t)((i >= d / 2) * 2));
}

static void make_tables(struct rig *b)
{
	uint32_t i, size = b->c.ndesc * 16;
	unsigned char *table;

	for (i = 0; i < b->nheads; i++) {
		table = b->mem + TABLES_GPA + i * size;
		if (b->c.packed) {
			put_packed_table(b, table, i);
			continue;
		}
		put_split(b, table, 0, i);
		put_desc(b->mem + DESC_GPA + i * 16, TABLES_GPA + i * size,
			 size, 4, 0);
	}
}

/* The driver's side of a split ring is written once. */
static void make_split(struct rig *b)
{
	uint32_t i, step = ring_slots(&b->c);

	for (i = 0; i < b->nheads && !b->c.indirect; i++)
		put_split(b, b->mem + DESC_GPA, i * step, i);
	for (i = 0; i < RING; i++)
		b->avail_ring[i] = (uint16_t)(i % b->nheads * step);
}

/* One lap of a packed ring, made available. */
static void put_lap(struct rig *b)
{
	uint32_t d = b->c.ndesc, i, k;

	for (i = 0; i < b->nheads; i++) {
		if (b->c.indirect) {
			put_packed_slot(b, i, TABLES_GPA + i * d * 16, d * 16,
					(uint16_t)i, 4);
			continue;
		}
		for (k = 0; k < d; k++)
			put_packed_slot(b, i * d + k,
					buffer_gpa(b, i * d + k), DATA_LEN,
					(uint16_t)i, (uint16_t)((k + 1 < d) |
							(k >= d / 2) * 2));
	}
	b->wrap = !b->wrap;
	b->lap_left = b->nheads;
}

static void make_queue(struct rig *b)
{
	struct vq_config config = {
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    (b->c.event_idx ? VQ_F_EVENT_IDX : 0) |
			    (b->c.packed ? VQ_F_RING_PACKED : 0),
		.size = b->c.packed ? b->nheads * ring_slots(&b->c) : RING,
		.desc_gpa = DESC_GPA,
		.driver_gpa = DRIVER_GPA,
		.device_gpa = DEVICE_GPA,
	};
	uint32_t i;

	config.base = vq_initial_base(config.features);
	if (vq_new(&b->q) < 0 || vq_set_space(b->q, b->space) < 0 ||
	    vq_enable(b->q, &config, NULL) < 0)
		die("no queue");
	for (i = 0; i < MAX_BATCH; i++) {
		b->chains[i].iov = b->iov[i];
		b->chains[i].iov_max = MAX_DESC;
	}
}

/* The floor's side of the same ring. */
static void make_floor(struct rig *b)
{
	struct queue_floor *f = &b->floor;

	f->generation = vmem_space_generation(b->space);
	f->seen = f->view->generation;
	f->desc = b->mem + DESC_GPA;
	f->driver = b->mem + DRIVER_GPA;
	f->device = b->mem + DEVICE_GPA;
	f->size = vq_size(b->q);
	f->packed = b->c.packed;
	f->table_limit = f->size;
	queue_floor_init(f);
}

static void rig_init(struct rig *b, const struct bench_case *c)
{
	memset(b, 0, sizeof(*b));
	b->c = *c;
	/* whole batches, so that a lap of a packed ring ends with one */
	b->nheads = RING / ring_slots(c) / MAX_BATCH * MAX_BATCH;
	b->wrap = b->raw_wrap = true;
	make_memory(b);
	b->avail_idx = (uint16_t *)(void *)(b->mem + DRIVER_GPA + 2);
	b->avail_ring = b->avail_idx + 1;
	if (c->indirect)
		make_tables(b);
	if (!c->packed)
		make_split(b);
	make_queue(b);
	make_floor(b);
	/* no notification, as a driver that polls */
	if (c->packed)
		b->mem[DRIVER_GPA + 2] = 1;
	else
		b->mem[DRIVER_GPA] = 1;
}

static void rig_fini(struct rig *b)
{
	if (vq_broken(b->q))
		die("the ring broke");
	vq_free(b->q);
	vmem_space_reclaim(b->space);
	vmem_space_free(b->space);
}

static void offer(struct rig *b, uint32_t n)
{
	b->idx = (uint16_t)(b->idx + n);
	__atomic_store_n(b->avail_idx, b->idx, __ATOMIC_RELEASE);
}

/* pop, push and publish for each of a batch */
static void round_pop(struct rig *b, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (vq_pop(b->q, &b->chains[0]) != 1)
			die("a chain is missing");
		bench_use(b->iov[0]);
		vq_push(b->q, &b->chains[0], DATA_LEN);
		b->sum += vq_publish(b->q);
	}
}

static void round_iter(struct rig *b, uint32_t n)
{
	uint32_t i;

	if (vq_pop_batch(b->q, b->chains, n) != (int)n)
		die("a chain is missing");
	for (i = 0; i < n; i++) {
		bench_use(b->iov[i]);
		b->written[i] = DATA_LEN;
	}
	vq_push_batch(b->q, b->chains, b->written, n);
	b->sum += vq_publish(b->q);
}

typedef void (*round_fn)(struct rig *b, uint32_t n);

/* Laps of a packed ring are subtracted, by a clock that is read without a system call. */
static double clock_of(const struct rig *b)
{
	return b->c.packed ? bench_part_now() : bench_now();
}

static inline double run(struct rig *b, uint64_t chains, round_fn round)
{
	uint64_t batches = (chains + b->c.batch - 1) / b->c.batch;
	double start = clock_of(b), pause = 0, at;

	while (batches--) {
		if (!b->c.packed) {
			offer(b, b->c.batch);
		} else if (b->lap_left < b->c.batch) {
			at = bench_part_now();
			put_lap(b);
			pause += bench_part_now() - at;
		}
		round(b, b->c.batch);
		b->lap_left -= b->c.batch;
	}
	return clock_of(b) - start - pause;
}

static double run_pop(void *opaque, uint64_t n)
{
	return run(opaque, n, round_pop);
}

static double run_iter(void *opaque, uint64_t n)
{
	return run(opaque, n, round_iter);
}

/* One chain by bare pointers: indices checked, buffers only looked at. */
static inline uint32_t raw_chain(struct rig *b, uint16_t head)
{
	const unsigned char *table = b->mem + DESC_GPA, *d;
	uint32_t size = RING, steps = 0, len = 0;
	uint16_t flags;

	for (;;) {
		uint64_t addr, word;

		if (head >= size || ++steps > RING)
			die("a bad chain");
		d = table + head * 16u;
		memcpy(&addr, d, 8);
		memcpy(&word, d + 8, 8);
		flags = (uint16_t)(word >> 32);
		if (flags & 4) {
			table = b->mem + addr;
			size = (uint32_t)word / 16;
			head = 0;
			continue;
		}
		b->sum += addr;
		len += (uint32_t)word;
		if (!(flags & 1))
			return len;
		head = (uint16_t)(word >> 48);
	}
}

static void raw_publish(struct rig *b, uint32_t quiet)
{
	const volatile unsigned char *driver = b->mem + DRIVER_GPA;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	b->sum += !(driver[quiet] & 1);
}

static void raw_split(struct rig *b, uint32_t n)
{
	unsigned char *used = b->mem + DEVICE_GPA;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint16_t head = b->avail_ring[b->used % RING];
		uint64_t element = head | (uint64_t)raw_chain(b, head) << 32;

		memcpy(used + 4 + b->used % RING * 8u, &element, 8);
		b->used++;
	}
	__atomic_store_n((uint16_t *)(void *)(used + 2), b->used,
			 __ATOMIC_RELEASE);
	raw_publish(b, 0);
}

static void round_raw(struct rig *b, uint32_t n)
{
	uint16_t idx = __atomic_load_n(b->avail_idx, __ATOMIC_ACQUIRE);

	if ((uint16_t)(idx - b->used) != n)
		die("a chain is missing");
	raw_split(b, n);
}

static void round_raw_each(struct rig *b, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint16_t idx = __atomic_load_n(b->avail_idx, __ATOMIC_ACQUIRE);

		if (idx == b->used)
			die("a chain is missing");
		raw_split(b, 1);
	}
}

/* Returns the bytes of the chain of a packed ring at d; stores its slots and id. */
static inline uint32_t raw_packed_chain(struct rig *b, const unsigned char *d,
					uint16_t *slots, uint64_t *id)
{
	const unsigned char *end = NULL;
	uint32_t len = 0, steps = 0;

	for (*slots = 0;; d += 16) {
		uint64_t addr, word;

		if (++steps > RING)
			die("a bad chain");
		memcpy(&addr, d, 8);
		memcpy(&word, d + 8, 8);
		if (!end) {
			++*slots;
			*id = word >> 32 & 0xffff;
		}
		if (word >> 48 & 4) {
			d = b->mem + addr;
			end = d + (uint32_t)word;
			d -= 16;
			continue;
		}
		b->sum += addr;
		len += (uint32_t)word;
		if (end ? d + 16 == end : !(word >> 48 & 1))
			return len;
	}
}

/* Laps end with whole chains. The first used slot is stored last. */
static void raw_packed(struct rig *b, uint32_t n)
{
	uint16_t used_flags = b->raw_wrap ? 0x8080 : 0, slots;
	uint32_t size = vq_size(b->q), i;
	unsigned char *first = b->mem + DESC_GPA + b->used * 16u, *slot;
	uint64_t first_word = 0, word, id;

	for (i = 0; i < n; i++) {
		slot = b->mem + DESC_GPA + b->used * 16u;
		word = __atomic_load_n((uint64_t *)(void *)(slot + 8),
				       __ATOMIC_ACQUIRE);
		if ((word >> 48 & 0x8080) != (b->raw_wrap ? 0x80 : 0x8000))
			die("a chain is missing");
		word = raw_packed_chain(b, slot, &slots, &id);
		word |= id << 32 | (uint64_t)used_flags << 48;
		if (i)
			memcpy(slot + 8, &word, 8);
		else
			first_word = word;
		b->used = (uint16_t)(b->used + slots);
	}
	if (b->used == size) {
		b->used = 0;
		b->raw_wrap = !b->raw_wrap;
	}
	__atomic_store_n((uint64_t *)(void *)(first + 8), first_word,
			 __ATOMIC_RELEASE);
	raw_publish(b, 2);
}

static void raw_packed_each(struct rig *b, uint32_t n)
{
	while (n--)
		raw_packed(b, 1);
}

static double run_raw(void *opaque, uint64_t n)
{
	struct rig *b = opaque;

	return b->c.packed ? run(b, n, raw_packed) : run(b, n, round_raw);
}

static double run_raw_each(void *opaque, uint64_t n)
{
	struct rig *b = opaque;

	return b->c.packed ? run(b, n, raw_packed_each) :
	       run(b, n, round_raw_each);
}

static void round_checked_pop(struct rig *b, uint32_t n)
{
	queue_floor_each(&b->floor, n);
}

static double run_checked_pop(void *opaque, uint64_t n)
{
	return run(opaque, n, round_checked_pop);
}

static void round_checked_iter(struct rig *b, uint32_t n)
{
	queue_floor_batch(&b->floor, n);
}

static double run_checked_iter(void *opaque, uint64_t n)
{
	return run(opaque, n, round_checked_iter);
}

static void measure(const char *what, const struct bench_case *c,
		    bench_timed_fn fn)
{
	static struct rig b;
	char name[80];

	snprintf(name, sizeof(name), "%s.b%u.d%u%s%s%s.r%u", what, c->batch,
		 c->ndesc, c->event_idx ? ".evt" : "",
		 c->indirect ? ".ind" : "", c->packed ? ".packed" : "",
		 c->nregions);
	if (!bench_selected(name))
		return;
	rig_init(&b, c);
	bench_ns_timed(name, fn, &b);
	rig_fini(&b);
}

static void measure_case(const struct bench_case *c)
{
	measure("vq.pop", c, run_pop);
	measure("vq.pop_iov", c, run_pop);
	measure("vq.iter", c, run_iter);
	if (c->event_idx)
		return;
	measure("floor.vq_raw", c, run_raw);
	measure("floor.vq_raw_each", c, run_raw_each);
	if (c->nregions > 1)	/* it would measure a search */
		return;
	measure("floor.vq_checked.pop", c, run_checked_pop);
	measure("floor.vq_checked.iter", c, run_checked_iter);
}

static void measure_kinds(struct bench_case c)
{
	measure_case(&c);
	c.event_idx = true;
	measure_case(&c);
	c.event_idx = false;
	c.indirect = true;
	measure_case(&c);
}

int main(int argc, char **argv)
{
	static const uint32_t batches[] = { 1, 16 }, descs[] = { 1, 3, 16 };
	static const uint32_t regions[] = { 1, 8 };
	unsigned int i;

	bench_init(argc, argv);
	bench_count_cpu();
	for (i = 0; i < 24; i++) {
		struct bench_case c = {
			.batch = batches[i % 2],
			.ndesc = descs[i / 2 % 3],
			.nregions = regions[i / 6 % 2],
			.packed = i / 12,
		};

		measure_kinds(c);
	}
	return 0;
}
