/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A driver that knows the expected content of each block of its disk. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/blk_layout.h>

#include "block_load.h"

#define HEADERS UINT64_C(0x110000)
#define HEADER_SIZE 128u
#define STATUS_AT 64u
#define DATA UINT64_C(0x120000)
#define MEMORY UINT64_C(0x40000)
#define WORDS (LOAD_BLOCK / 8)

uint32_t load_random(struct load *l, uint32_t below)
{
	return lasting_random(&l->seed, below);
}

void load_open(struct load *l, struct load_ledger *ledger, const char *socket,
	       uint64_t features, uint64_t seed, bool reconnect)
{
	const struct lasting_config config = {
		.socket = socket, .features = features | VIRTDEV_BLK_F_FLUSH,
		.memory = MEMORY, .reconnect = reconnect,
	};

	memset(l, 0, sizeof(*l));
	l->ledger = ledger;
	l->seed = seed;
	lasting_open(&l->session, &config);
}

void load_close(struct load *l, bool in_order)
{
	lasting_close(&l->session, in_order);
}

/* ----------------------------------------------------------------- contents */

/* Version 0 is the initial image: zeros. */
static void fill_block(uint64_t *words, uint32_t block, uint64_t version)
{
	uint64_t w = (version << 20 | block) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned int i;

	memset(words, 0, LOAD_BLOCK);
	for (i = 0; version && i < WORDS; i++)
		words[i] = i == 0 ? block : i == 1 ? version : (w += i);
}

static void check_read(struct load *l, const struct load_slot *s,
		       const uint64_t *found)
{
	const uint64_t version = found[1];
	struct load_ledger *ledger = l->ledger;
	uint64_t right[WORDS];

	if (version < ledger->held[s->block] ||
	    version > ledger->begun[s->block])
		lasting_fail("block %" PRIu32 " holds version %" PRIu64 ", not one of %" PRIu64 " to %" PRIu64,
			  s->block, version, ledger->held[s->block],
			  ledger->begun[s->block]);
	fill_block(right, s->block, version);
	if (memcmp(right, found, LOAD_BLOCK))
		lasting_fail("block %" PRIu32 " holds pieces of version %" PRIu64,
			  s->block, version);
	ledger->held[s->block] = ledger->begun[s->block] = version;
}

/* ----------------------------------------------------------------- requests */

static void slot_submit(struct load *l, unsigned int i, uint32_t block,
			bool write)
{
	const uint64_t head = HEADERS + i * HEADER_SIZE;
	const uint64_t data = DATA + i * LOAD_BLOCK;
	const struct vq_buffer buffers[] = {
		{ head, sizeof(struct virtdev_blk_header), 0 },
		{ data, LOAD_BLOCK, !write },
		{ head + STATUS_AT, 1, 1 },
	};
	const struct virtdev_blk_header header = {
		.type = vsu_le32_make(write ? VIRTDEV_BLK_T_OUT :
					      VIRTDEV_BLK_T_IN),
		.sector = vsu_le64_make(block * (LOAD_BLOCK / 512)),
	};
	unsigned char *p = lasting_at(&l->session, head, HEADER_SIZE);
	struct load_slot *s = &l->slots[i];
	uint64_t *bytes = (uint64_t *)(void *)lasting_at(&l->session, data, LOAD_BLOCK);

	*s = (struct load_slot){ true, write, block, 0 };
	memset(bytes, 0xa5, LOAD_BLOCK);
	if (write) {
		s->version = ++l->ledger->begun[block];
		fill_block(bytes, block, s->version);
	}
	memcpy(p, &header, sizeof(header));
	p[STATUS_AT] = 0xff;
	MUST(vq_driver_add(l->session.driver, buffers, 3, i));
	l->taken[block] = true;
	l->nbusy++;
}

static void slot_finish(void *opaque, uint64_t cookie, uint32_t written)
{
	struct load *l = opaque;
	struct load_slot *s = &l->slots[cookie];
	const uint64_t head = HEADERS + cookie * HEADER_SIZE;
	const unsigned char status = lasting_at(&l->session, head, HEADER_SIZE)[STATUS_AT];

	(void)written;
	if (!s->busy)
		lasting_fail("request %" PRIu64 " was finished twice", cookie);
	if (status)
		lasting_fail("block %" PRIu32 ": status %u", s->block, status);
	if (s->write)
		l->ledger->held[s->block] = s->version;
	else
		check_read(l, s, (uint64_t *)(void *)
			   lasting_at(&l->session, DATA + cookie * LOAD_BLOCK, LOAD_BLOCK));
	s->busy = l->taken[s->block] = false;
	l->nbusy--;
	__atomic_add_fetch(&l->ledger->finished, 1, __ATOMIC_RELAXED);
}

static void load_wait(struct load *l, int ms)
{
	lasting_wait(&l->session, ms, slot_finish, l);
}

void load_turn(struct load *l, int ms)
{
	unsigned int i;
	uint32_t block;

	for (i = 0; i < LOAD_SLOTS; i++) {
		block = load_random(l, LOAD_BLOCKS);
		if (!l->slots[i].busy && !l->taken[block])
			slot_submit(l, i, block, load_random(l, 3) > 0);
	}
	lasting_publish(&l->session);
	load_wait(l, ms < 0 ? PATIENCE_MS : ms);
}

void load_settle(struct load *l)
{
	while (l->nbusy)
		load_wait(l, PATIENCE_MS);
}

void load_check(struct load *l)
{
	uint32_t block;

	load_settle(l);
	for (block = 0; block < LOAD_BLOCKS; block++) {
		slot_submit(l, block % LOAD_SLOTS, block, false);
		lasting_publish(&l->session);
		if (l->nbusy == LOAD_SLOTS)
			load_settle(l);
	}
	load_settle(l);
}
