/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rings of a hostile driver. The input is a list of decisions: most of them
 * build legal chains, so that the walker is reached; some overwrite a part of the
 * ring or of a table, or replace the memory under the queue. Each byte of each popped
 * chain is accessed and must lie in guest memory.
 *
 * Finally prints the number of runs that completed a chain (the reach) and the
 * chains per second.
 */
#include <config.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEM		0x10000u
#define DESC		0x1000u
#define DRIVER		0x2000u
#define DEVICE		0x3000u
#define TABLES		0x4000u
#define DATA		0x8000u
#define MAX_SIZE	32u
#define FAR_GPA		0x100000u

static struct vmem_space *space;
static struct vmem_region *regions[2];
static struct vq *q;
static unsigned char *mem;

static struct {
	uint64_t runs, reached, chains;
	struct timespec start;
} stats;

struct run {
	const uint8_t *data;
	size_t left;
	struct vq_config config;
	bool packed;
	uint32_t avail;			/* chains, or slots */
	struct vq_chain held[MAX_SIZE];
	struct iovec iov[MAX_SIZE][16];
	uint32_t nheld;
	uint64_t chains;
};

static void report(void)
{
	struct timespec now;
	double s;

	clock_gettime(CLOCK_MONOTONIC, &now);
	s = (double)(now.tv_sec - stats.start.tv_sec) +
	    (double)(now.tv_nsec - stats.start.tv_nsec) / 1e9;
	printf("# queue: %" PRIu64 " runs, %.0f %% completed a chain, %.0f chains/s\n",
	       stats.runs,
	       stats.runs ? 100.0 * (double)stats.reached /
			    (double)stats.runs : 0.0,
	       s > 0 ? (double)stats.chains / s : 0.0);
}

static struct vmem_region *make_region(uint64_t gpa, uint64_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct vmem_fd_desc file = { fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, len, NULL, NULL };
	struct vmem_region_desc desc = { NULL, 0, gpa, len, 0, 12 };
	struct vmem_region *region;

	if (fd < 0 || ftruncate(fd, (off_t)len) < 0 ||
	    vmem_block_new_fd(&file, &desc.block, NULL) < 0 ||
	    vmem_region_new(&desc, &region, NULL) < 0)
		abort();
	close(fd);
	vmem_block_unref(desc.block);
	return region;
}

/* Publishes the memory with or without its distant region. */
static void publish(unsigned int n)
{
	struct vmem_map *map;

	if (vmem_map_from_regions(regions, n, &map, NULL) < 0 ||
	    vmem_space_publish(space, map) < 0)
		abort();
	vmem_map_unref(map);
	vmem_space_reclaim(space);
}

static void set_up(void)
{
	if (q)
		return;
	regions[0] = make_region(0, MEM);
	regions[1] = make_region(FAR_GPA, 4096);
	mem = vmem_region_hva(regions[0]);
	if (vmem_space_new(&space) < 0 || vq_new(&q) < 0 ||
	    vq_set_space(q, space) < 0)
		abort();
	publish(2);
	clock_gettime(CLOCK_MONOTONIC, &stats.start);
	atexit(report);
}

/* Returns the next decision, or 0 after the last. */
static uint32_t next(struct run *r)
{
	if (!r->left)
		return 0;
	r->left--;
	return *r->data++;
}

static void put(uint32_t at, uint64_t v, unsigned int bytes)
{
	memcpy(mem + at % (MEM - 8), &v, bytes);
}

static void put_entry(uint32_t at, uint64_t gpa, uint32_t len, uint32_t third,
		      uint32_t fourth)
{
	put(at, gpa, 8);
	put(at + 8, len, 4);
	put(at + 12, third, 2);
	put(at + 14, fourth, 2);
}

static uint64_t pick_buffer(struct run *r, uint32_t *len)
{
	uint32_t kind = next(r);

	*len = next(r) + 1;
	switch (kind % 16) {
	case 0:
		*len = 0;
		return kind;
	case 1:
		return MEM - kind / 16;
	case 2:
		return UINT64_MAX - kind / 16;
	case 3:
		return FAR_GPA + kind;
	case 4:
		*len = 0xffffffffu;
		return DATA;
	default:
		return DATA + 64 * kind;
	}
}

/* Stores consecutive entries, as a split chain or a packed one. */
static void put_chain(struct run *r, uint32_t table, uint32_t first,
		      uint32_t n, uint32_t id, bool nested)
{
	uint32_t i, len, flags, slot, size = r->config.size;
	uint32_t readable = next(r) % (n + 1);
	uint64_t gpa;

	for (i = 0; i < n; i++) {
		gpa = pick_buffer(r, &len);
		flags = (i < readable ? 0 : 2) | (i + 1 < n);
		slot = nested ? i : (first + i) % size;
		if (r->packed && !nested)
			flags |= (first + i) / size % 2 ? 0x8000 : 0x80;
		if (r->packed)
			put_entry(table + 16 * slot, gpa, len, id, flags);
		else
			put_entry(table + 16 * slot, gpa, len, flags,
				  nested ? i + 1 : (slot + 1) % size);
	}
}

static void add(struct run *r)
{
	uint32_t what = next(r), n = 1 + what % 4, size = r->config.size;
	uint32_t head = r->packed ? r->avail : (what >> 3) * 5 % size;
	uint32_t id = what / 8 % size, slots = n;

	if (what & 4) {
		uint32_t table = TABLES + 64 * id;

		put_chain(r, table, 0, n, 0, true);
		slots = 1;
		if (r->packed)
			put_entry(DESC + 16 * (head % size), table, 16 * n, id,
				  4 | (head / size % 2 ? 0x8000 : 0x80));
		else
			put_entry(DESC + 16 * head, table, 16 * n, 4, 0);
	} else {
		put_chain(r, DESC, head, n, id, false);
	}
	if (r->packed) {
		r->avail += slots;
		return;
	}
	put(DRIVER + 4 + 2 * (r->avail % size), head, 2);
	put(DRIVER + 2, ++r->avail, 2);
}

/* Accesses every byte of a chain; sanitizers detect foreign memory. */
static uint32_t use(struct vq_chain *c)
{
	struct vq_cursor reader, writer;
	unsigned char buf[64];
	uint32_t n;

	vq_reader_init(&reader, q, c);
	vq_writer_init(&writer, q, c);
	if (vq_cursor_left(&reader) != c->readable_len ||
	    vq_cursor_left(&writer) != c->writable_len)
		abort();
	while ((n = vq_cursor_read(&reader, buf, sizeof(buf))) > 0)
		vq_cursor_write(&writer, buf, n);
	vq_cursor_zero(&writer, vq_cursor_left(&writer));
	vq_chain_written(q, c, 0, c->writable_len);
	return c->writable_len;
}

static bool in_region(const struct iovec *iov, const struct vmem_region *region)
{
	const unsigned char *at = iov->iov_base;
	const unsigned char *base = vmem_region_hva(region);

	return at >= base && iov->iov_len <= vmem_region_len(region) &&
	       at + iov->iov_len <= base + vmem_region_len(region);
}

static void check_pieces(const struct vq_chain *c)
{
	uint32_t i;

	if (c->nreadable + c->nwritable > c->iov_max)
		abort();
	for (i = 0; i < c->nreadable + c->nwritable; i++)
		if (!in_region(&c->iov[i], regions[0]) &&
		    !in_region(&c->iov[i], regions[1]))
			abort();
}

static void pop(struct run *r)
{
	uint32_t room = r->config.size - r->nheld, i;
	struct vq_chain *c = &r->held[r->nheld];
	int n;

	for (i = 0; i < room; i++) {
		c[i].iov = r->iov[r->nheld + i];
		c[i].iov_max = 16;
	}
	if (!room)
		return;
	n = next(r) % 2 ? vq_pop(q, c) : vq_pop_batch(q, c, room);
	for (i = 0; (int)i < n; i++)
		check_pieces(&c[i]);
	r->nheld += i;
}

static void push(struct run *r, uint32_t which)
{
	struct vq_chain c;
	struct iovec iov[16];

	if (!r->nheld)
		return;
	which %= r->nheld;
	c = r->held[which];
	memcpy(iov, c.iov, sizeof(iov));
	c.iov = iov;
	vq_push(q, &c, use(&c));
	r->chains++;
	r->nheld--;
	r->held[which] = r->held[r->nheld];
	memcpy(r->iov[which], r->iov[r->nheld], sizeof(iov));
	r->held[which].iov = r->iov[which];
}

static void corrupt(struct run *r)
{
	static const uint32_t areas[] = { DESC, DRIVER, DEVICE, TABLES };
	uint32_t at = areas[next(r) % 4] + 2 * next(r);

	put(at, next(r) | next(r) << 8, 2);
}

static void step(struct run *r)
{
	uint32_t op = next(r);

	switch (op % 16) {
	case 0: case 1: case 2: case 3: case 4:
		add(r);
		break;
	case 5: case 6: case 7:
		pop(r);
		break;
	case 8: case 9: case 10:
		push(r, op / 16);
		break;
	case 11: case 12:
		vq_publish(q);
		break;
	case 13:
		if (!vq_enable_notify(q))
			vq_disable_notify(q);
		break;
	case 14:
		corrupt(r);
		break;
	default:
		publish(1 + op / 16 % 2);
		vq_refresh(q);
	}
}

static bool begin(struct run *r)
{
	uint32_t bits = next(r);

	r->packed = bits & 1;
	r->config.features = VQ_F_VERSION_1 |
			     (bits & 1 ? VQ_F_RING_PACKED : 0) |
			     (bits & 2 ? VQ_F_EVENT_IDX : 0) |
			     (bits & 4 ? VQ_F_INDIRECT_DESC : 0) |
			     (bits & 8 ? VQ_F_IN_ORDER : 0);
	r->config.size = r->packed ? 1 + next(r) % MAX_SIZE :
			 1u << next(r) % 6;
	r->config.max_chain = bits & 16 ? 16 : 0;
	r->config.desc_gpa = DESC;
	r->config.driver_gpa = DRIVER;
	r->config.device_gpa = DEVICE;
	r->config.base = vq_initial_base(r->config.features);
	memset(mem, 0, TABLES);
	return vq_enable(q, &r->config, NULL) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;

	set_up();
	memset(&r, 0, sizeof(r));
	r.data = data;
	r.left = size;
	if (!begin(&r))
		abort();
	while (r.left)
		step(&r);
	while (r.nheld)
		push(&r, 0);
	vq_publish(q);
	if (vq_inflight(q))
		abort();
	vq_disable(q);
	publish(2);
	stats.runs++;
	stats.chains += r.chains;
	stats.reached += r.chains > 0;
	return 0;
}
