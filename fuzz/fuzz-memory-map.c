/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Maps that change and are read and written meanwhile, compared with a model of one cell
 * per guest address. The input is a list of operations of 6 bytes: the operation, an
 * address and a length within the model, a value.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/access.h>
#include <vm-memory/backend.h>

#define SPACE 4096u	/* guest addresses */
#define REGIONS 32u
#define OP 6u
#define MAX_OPS 512u

struct model {
	struct vmem_map *map;
	struct vmem_block *block;
	struct vmem_region *region[REGIONS];
	int16_t cell[SPACE];	/* -1: no memory; else its byte */
	bool rom[SPACE];
	uint32_t hint;
};

struct op {
	uint8_t what;
	uint32_t gpa, len;
	uint8_t value;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void replace(struct model *m, struct vmem_map *map)
{
	vmem_map_unref(m->map);
	m->map = map;
}

static bool is_free(const struct model *m, uint32_t gpa, uint32_t len)
{
	uint32_t i;

	for (i = gpa; i < gpa + len; i++)
		if (m->cell[i] >= 0)
			return false;
	return true;
}

/* Each region has its own part of the block, so that no two share bytes. */
static void add(struct model *m, const struct op *op)
{
	uint32_t slot = op->value % REGIONS, i;
	struct vmem_region_desc d = { m->block, slot * SPACE, op->gpa, op->len,
				      op->value & 0x80 ? VMEM_REGION_ROM : 0,
				      0 };
	struct vmem_map *map;
	int rc;

	/* A length of 0 means the rest of the block, which exceeds the model. */
	if (m->region[slot] || !op->len)
		return;
	demand(!vmem_region_new(&d, &m->region[slot], NULL));
	rc = vmem_map_add(m->map, m->region[slot], &map, NULL);
	demand(rc == (is_free(m, op->gpa, op->len) ? 0 : -EEXIST));
	if (rc < 0) {
		m->region[slot] = vmem_region_unref(m->region[slot]);
		return;
	}
	replace(m, map);
	for (i = 0; i < op->len; i++) {
		m->cell[op->gpa + i] = vmem_region_hva(m->region[slot])[i];
		m->rom[op->gpa + i] = d.flags & VMEM_REGION_ROM;
	}
}

static void drop(struct model *m, const struct op *op)
{
	uint32_t slot = op->value % REGIONS, i;
	struct vmem_region *r = m->region[slot];
	struct vmem_map *map;

	if (!r)
		return;
	demand(!vmem_map_remove(m->map, r, &map, NULL));
	demand(vmem_map_remove(map, r, &map, NULL) == -ENOENT);
	replace(m, map);
	for (i = 0; i < vmem_region_len(r); i++)
		m->cell[vmem_region_gpa(r) + i] = -1;
	m->region[slot] = vmem_region_unref(r);
}

/* The number of bytes that an access from gpa can reach. */
static uint32_t reach(const struct model *m, const struct op *op, bool write)
{
	uint32_t n = 0;

	while (n < op->len && m->cell[op->gpa + n] >= 0 &&
	       !(write && m->rom[op->gpa + n]))
		n++;
	return n;
}

static ssize_t expected(const struct op *op, uint32_t n)
{
	return op->len && !n ? -EFAULT : (ssize_t)n;
}

static void read_some(struct model *m, const struct op *op)
{
	uint32_t n = reach(m, op, false), i;
	unsigned char buf[SPACE];

	demand(vmem_read(vmem_map_view(m->map), op->gpa, buf, op->len) ==
	       expected(op, n));
	for (i = 0; i < n; i++)
		demand(buf[i] == m->cell[op->gpa + i]);
}

static void write_some(struct model *m, const struct op *op)
{
	uint32_t n = reach(m, op, true), i;
	unsigned char buf[SPACE];

	memset(buf, op->value, sizeof(buf));
	demand(vmem_write(vmem_map_view(m->map), op->gpa, buf, op->len) ==
	       expected(op, n));
	for (i = 0; i < n; i++)
		m->cell[op->gpa + i] = op->value;
}

static void slice(struct model *m, const struct op *op)
{
	uint32_t access = op->value & 1 ? VMEM_WRITE : VMEM_READ;
	uint32_t n = reach(m, op, access == VMEM_WRITE);
	struct iovec iov[REGIONS + 1];
	uint64_t done = 0, sum = 0;
	int pieces, i;

	pieces = vmem_slices(vmem_map_view(m->map), op->gpa, op->len, access,
			     iov, REGIONS + 1, &done);
	demand(op->len && !n ? pieces == -EFAULT : done == n);
	for (i = 0; i < pieces; i++)
		sum += iov[i].iov_len;
	demand(sum == (pieces < 0 ? 0 : n));
	demand(vmem_check_range(vmem_map_view(m->map), op->gpa, op->len,
				access) == (n == op->len));
}

static void value(struct model *m, const struct op *op)
{
	struct op four = { 0, op->gpa, 4, 0 };
	bool fits = op->gpa + 4 <= SPACE;
	uint32_t got, n, i;
	int rc;

	if (!fits)
		return;
	n = reach(m, &four, false);
	rc = vmem_get_u32(vmem_map_view(m->map), &m->hint, op->gpa, &got);
	demand(rc == (n == 4 ? 0 : -EFAULT));
	for (i = 0; !rc && i < 4; i++)
		demand(((unsigned char *)&got)[i] == m->cell[op->gpa + i]);
}

static void (*const ops[])(struct model *m, const struct op *op) = {
	add, drop, read_some, write_some, slice, value,
};

static struct vmem_block *make_block(void)
{
	struct vmem_backend *b;
	struct vmem_block *block;

	demand(!vmem_backend_new(&b));
	vmem_backend_set_size(b, REGIONS * SPACE);
	demand(!vmem_backend_alloc(b, &block, NULL));
	vmem_backend_free(b);
	return block;
}

static void run(struct model *m, const uint8_t *d)
{
	struct op op;

	op.what = d[0] % (sizeof(ops) / sizeof(ops[0]));
	op.gpa = (d[1] | (uint32_t)d[2] << 8) % SPACE;
	op.len = (d[3] | (uint32_t)d[4] << 8) % (SPACE - op.gpa + 1);
	op.value = d[5];
	ops[op.what](m, &op);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model *m = calloc(1, sizeof(*m));
	uint32_t i;

	demand(m != NULL);
	memset(m->cell, 0xff, sizeof(m->cell));
	m->block = make_block();
	demand(!vmem_map_new(&m->map));
	for (i = 0; i < MAX_OPS && (i + 1) * OP <= size; i++)
		run(m, data + i * OP);
	for (i = 0; i < REGIONS; i++)
		vmem_region_unref(m->region[i]);
	vmem_map_unref(m->map);
	vmem_block_unref(m->block);
	free(m);
	return 0;
}
