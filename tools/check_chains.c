/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "check": chains of descriptors that no driver should offer. The device may stop
 * the ring or close the connection. It may neither end nor write to other memory.
 */
#include <config.h>

#include <virtio-queue/features.h>

#include "check_case.h"

#define AT(offset) (CHECK_GUEST_ADDR + (offset))
#define OUTSIDE UINT64_C(0x40000000)

/* Up to three descriptors in the ring, and a table for one of them. */
struct chain {
	struct check_desc ring[3];
	struct check_desc table[3];
	bool packed;
	uint64_t extra;		/* further features */
	uint16_t head;
	uint16_t jump;		/* is added to the index of the available ring */
};

static unsigned int length(const struct check_desc *d)
{
	unsigned int n = 1;

	while (n < 3 && d[n].addr)
		n++;
	return n;
}

static bool try_chain(struct check *c)
{
	const struct chain *chain = c->row->with;
	unsigned int i;

	c->extra = chain->extra | (chain->packed ? VQ_F_RING_PACKED : 0);
	if (!check_start(c))
		return false;
	for (i = 0; i < CHECK_RING_SIZE; i += 3)
		check_table(c, CHECK_TABLE + 16 * i, chain->table, length(chain->table));
	if (!check_offer(c, chain->head, chain->ring, length(chain->ring)))
		return false;
	if (chain->jump)
		check_put16(c, CHECK_AVAIL + 2, chain->jump);
	check_kick(c);
	return true;
}

/* --------------------------------------------------------------------- rows */

#define ONE(...) .ring = { { __VA_ARGS__ } }
#define TABLE(...) \
	.ring = { { AT(CHECK_TABLE), 32, CHECK_INDIRECT, 0 } }, .table = { __VA_ARGS__ }, \
	.extra = VQ_F_INDIRECT_DESC
#define INDIRECT(...) .ring = { { __VA_ARGS__ } }, .extra = VQ_F_INDIRECT_DESC
#define ROW(name, rule, section, ...) \
	{ name, rule CHECK_SURVIVED, section, PF(REPLY_ACK), &(const struct chain){ __VA_ARGS__ }, \
	  { try_chain, check_settle, check_untouched, check_survives, check_untouched } }
#define SPLIT_ROW(name, rule, section, ...) ROW("split." name, rule, section, __VA_ARGS__)
#define PACKED_ROW(name, rule, section, ...) \
	ROW("packed." name, "in a packed ring, " rule, section, .packed = true, __VA_ARGS__)
#define BOTH(name, rule, ...) \
	SPLIT_ROW(name, rule, SPLIT, __VA_ARGS__), PACKED_ROW(name, rule, PACKED, __VA_ARGS__)

#define SPLIT "VIRTIO: The Virtqueue Descriptor Table"
#define TABLES "VIRTIO: Indirect Descriptors"
#define AVAILABLE "VIRTIO: The Virtqueue Available Ring"
#define PACKED "VIRTIO: Packed Virtqueues"
#define R 0
#define W CHECK_WRITE
#define N CHECK_NEXT
#define I CHECK_INDIRECT

const struct check_case check_chains[] = {
	SPLIT_ROW("loop", "a chain that is a loop", SPLIT, ONE(AT(0x10000), 16, N, UINT16_MAX)),
	SPLIT_ROW("loop-writable", "a loop of writable buffers", SPLIT,
		  ONE(AT(0x10000), 16, N | W, UINT16_MAX)),
	SPLIT_ROW("loop-two", "a loop of two descriptors", SPLIT,
		  .ring = { { AT(0x10000), 16, N, 0 }, { AT(0x10010), 16, N | W, 0xfffe } }),
	SPLIT_ROW("next", "a next descriptor beyond the table", SPLIT,
		  ONE(AT(0x10000), 16, N, CHECK_RING_SIZE - 1)),
	SPLIT_ROW("next-last", "the next descriptor 65535", SPLIT, ONE(AT(0x10000), 16, N, 0xfffe)),
	SPLIT_ROW("head", "a head beyond the table", AVAILABLE, ONE(AT(0x10000), 16, R, 0),
		  .head = CHECK_RING_SIZE),
	SPLIT_ROW("head-last", "the head 65535", AVAILABLE, ONE(AT(0x10000), 16, R, 0),
		  .head = UINT16_MAX),
	SPLIT_ROW("index", "an index beyond the ring's size", AVAILABLE,
		  ONE(AT(0x10000), 16, R, 0), .jump = CHECK_RING_SIZE + 1),
	SPLIT_ROW("index-back", "an index that goes back", AVAILABLE,
		  ONE(AT(0x10000), 16, R, 0), .jump = UINT16_MAX),
	SPLIT_ROW("index-again", "a head that is available 64 times", AVAILABLE,
		  ONE(AT(0x10000), 16, R, 0), .jump = CHECK_RING_SIZE),
	SPLIT_ROW("table-loop", "a loop in an indirect table", TABLES,
		  TABLE({ AT(0x10000), 16, N, 0 }, { AT(0x10010), 16, N | W, 0xfffe })),
	SPLIT_ROW("table-beyond", "a next descriptor beyond its indirect table", TABLES,
		  TABLE({ AT(0x10000), 16, N, 7 })),
	PACKED_ROW("id", "the id 65535", PACKED, ONE(AT(0x10000), 16, R, 0), .head = UINT16_MAX),
	PACKED_ROW("unfinished", "a chain without an end", PACKED,
		   .ring = { { AT(0x10000), 16, N, 0 }, { AT(0x10010), 16, N | W, 0 } }),
	BOTH("outside", "a buffer outside of memory", ONE(OUTSIDE, 16, R, 0)),
	BOTH("outside-writable", "a writable buffer outside of memory", ONE(OUTSIDE, 16, W, 0)),
	BOTH("address-0", "a buffer at address 0", ONE(16, 16, W, 0)),
	BOTH("across", "a buffer across the end of memory", ONE(AT(CHECK_MEMORY_SIZE - 8), 16, R, 0)),
	BOTH("across-writable", "a writable buffer across the end of memory",
	     ONE(AT(CHECK_MEMORY_SIZE - 8), 16, W, 0)),
	BOTH("wraps", "a buffer that wraps", ONE(UINT64_MAX - 7, 16, W, 0)),
	BOTH("user-address", "a buffer at an address of the front-end",
	     ONE(CHECK_USER_ADDR + 0x10000, 16, W, 0)),
	BOTH("huge", "a buffer of 4 GiB", ONE(AT(0x10000), UINT32_MAX, R, 0)),
	BOTH("huge-writable", "a writable buffer of 4 GiB", ONE(AT(0x10000), UINT32_MAX, W, 0)),
	BOTH("sum", "a chain of more than 4 GiB",
	     .ring = { { AT(0x10000), UINT32_MAX, N, 0 }, { AT(0x10000), UINT32_MAX, N, 0 },
		       { AT(0x10000), 32, R, 0 } }),
	BOTH("order", "a readable buffer behind a writable one",
	     .ring = { { AT(0x20000), 512, W | N, 0 }, { AT(0x10000), 16, N, 0 },
		       { AT(0x20200), 1, W, 0 } }),
	BOTH("empty", "an empty buffer", ONE(AT(0x10000), 0, R, 0)),
	BOTH("empty-writable", "an empty writable buffer", ONE(AT(0x10000), 0, W, 0)),
	BOTH("flags", "a descriptor with unknown flags", ONE(AT(0x10000), 16, 0x7f78, 0)),
	BOTH("itself", "a readable buffer that is the ring", ONE(AT(0), 4096, R, 0)),
	BOTH("not-negotiated", "an indirect table without its feature",
	     .ring = { { AT(CHECK_TABLE), 16, I, 0 } }, .table = { { AT(0x10000), 16, R, 0 } }),
	BOTH("table-empty", "an empty indirect table", INDIRECT(AT(CHECK_TABLE), 0, I, 0)),
	BOTH("table-odd", "an indirect table of 17 bytes", INDIRECT(AT(CHECK_TABLE), 17, I, 0)),
	BOTH("table-outside", "an indirect table outside of memory", INDIRECT(OUTSIDE, 16, I, 0)),
	BOTH("table-across", "an indirect table across the end of memory",
	     INDIRECT(AT(CHECK_MEMORY_SIZE - 16), 32, I, 0)),
	BOTH("table-huge", "an indirect table of 4 GiB",
	     INDIRECT(AT(CHECK_TABLE), UINT32_MAX & ~15u, I, 0)),
	BOTH("table-next", "an indirect table with a next descriptor",
	     .ring = { { AT(CHECK_TABLE), 16, I | N, 0 }, { AT(0x10000), 16, R, 0 } },
	     .table = { { AT(0x10000), 16, R, 0 } }, .extra = VQ_F_INDIRECT_DESC),
	BOTH("table-in-table", "an indirect table in an indirect table",
	     TABLE({ AT(CHECK_TABLE), 32, I, 0 })),
	BOTH("table-buffer", "an indirect table with a buffer outside of memory",
	     TABLE({ AT(0x10000), 16, N, 0 }, { OUTSIDE, 16, W, 0 })),
	BOTH("table-order", "a readable buffer behind a writable one in a table",
	     TABLE({ AT(0x20000), 16, W | N, 0 }, { AT(0x10000), 16, R, 0 })),
	{ .name = NULL }
};
