/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest's requests to a file system device, from an input. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <linux/fuse.h>

#include <virtio-devices/fs.h>
#include <vmm-sys-util/fd.h>

#include "fs-guest.h"

#define QUEUE_SIZE	64u
#define ASK_AT		0x4000u
#define ASK_ROOM	0x4000u
#define ANSWER_AT	0x10000u
#define ANSWER_ROOM	0x8000u
#define WORDS		11u	/* words of a request's arguments */

void fs_guest_start(struct fs_guest *g)
{
	const struct vq_driver_config dc = {
		.map = g->memory.map, .size = QUEUE_SIZE,
		.features = VQ_F_VERSION_1,
	};

	g->driver = queue_begin(g->dev, 1, g->q, &dc);
}

/* Parked requests of a stopped queue are never completed. */
void fs_guest_stop(struct fs_guest *g)
{
	uint32_t i;

	CHECK(virtdev_queue_drain(g->dev, 1) == 0 || g->server.n);
	g->reach->broken += queue_end(g->dev, 1, g->q);
	vq_driver_free(g->driver);
	for (i = 0; i < FS_GUEST_SLOTS; i++)
		g->reach->unanswered += g->busy[i] > 0;
	memset(g->busy, 0, sizeof(g->busy));
}

/* -------------------------------------------------------------- a request */

static uint64_t known(const uint64_t *all, unsigned int n, uint32_t v)
{
	return v == 0xff ? UINT64_MAX : v >= 0xf0 ? v : n ? all[v % n] : 1;
}

static uint64_t word(const struct fs_guest *g, struct input *in)
{
	static const uint64_t words[] = {
		0, 1, 2, 7, 64, 4096, 0x1fffffff, VIRTDEV_FS_WINDOW_ALIGN,
		INT64_MAX, UINT64_MAX, (UINT64_C(2) << 32) | 0100644,
		0100644, 040755, UINT64_C(4096) << 32, 0x200, 0xff,
	};
	static const uint64_t of_windows[] = {
		3, 8, 0x208, 2 * VIRTDEV_FS_WINDOW_ALIGN, 12288,
		(uint64_t)VIRTDEV_FS_WINDOW_ALIGN << 32, 1 << 19, 1 | 1 << 22,
	};
	const uint32_t v = take(in, 1);

	if (v & 0x80)
		return v & 0x40 ? known(g->handles, g->nhandles, v & 7)
				: known(g->nodes, g->nnodes, v & 7);
	return v & 0x40 ? of_windows[v & 7] : words[v & 15];
}

/* Stores bytes behind the names: groups and a label, or bytes that resemble them. */
static uint32_t put_extensions(const struct fs_guest *g, unsigned char *at,
			       struct input *in, struct fuse_in_header *h)
{
	const uint32_t v = take(in, 1);
	const uint32_t words[] = { v & 0x80 ? v : 16, v & 0x40 ? v : 32,
				   v & 0x20 ? v : 1, 1000 };
	uint32_t len = !g->labels || v & 8 ? sizeof(words) : 0;
	uint16_t n;

	memcpy(at, words, sizeof(words));
	if (g->labels)
		len += put_label(at + len, in);
	n = (uint16_t)(v & 0x10 ? v & 0xf : len / 8);
	memcpy((unsigned char *)h + 36, &n, sizeof(n));
	return len;
}

static uint32_t make_request(struct fs_guest *g, struct input *in,
			     unsigned char *at, uint64_t unique)
{
	const uint32_t op = take(in, 1), how = take(in, 1);
	struct fuse_in_header h = {
		.opcode = op < 0xf0 ? op % OPCODES : op << 24, .unique = unique,
		.nodeid = known(g->nodes, g->nnodes, take(in, 1)),
		.uid = how & 1 ? 1000 : how & 0x80 ? UINT32_MAX : 0,
		.gid = how & 2 ? 1000 : 0,
	};
	const uint32_t args = args_of(h.opcode, in);
	unsigned char *end = at + sizeof(h) + args;
	uint64_t words[WORDS + 6];
	uint32_t i;

	for (i = 0; i < (args + 7) / 8; i++)
		words[i] = word(g, in);
	if (h.opcode == FUSE_INIT)
		words[0] = 7 | UINT64_C(38) << 32;
	memcpy(at + sizeof(h), words, args);
	end += how & 4 ? put_name(end, in) : 0;
	end += how & 8 ? put_name(end, in) : 0;
	end += (how & 0x30) == 0x30 ? put_extensions(g, end, in, &h) : 0;
	h.len = (uint32_t)(end - at) + (how & 0x70 ? 0 : how & 3);
	memcpy(at, &h, sizeof(h));
	return (uint32_t)(end - at);
}

/* ------------------------------------------------------------- an answer */

static void note(uint64_t *all, unsigned int *n, uint64_t id)
{
	all[(*n)++ % FS_GUEST_KNOWN] = id;
}

static void note_answer(struct fs_guest *g, uint32_t opcode,
			const unsigned char *at, uint32_t len)
{
	const uint32_t entry = sizeof(struct fuse_entry_out);
	uint64_t id;

	g->reach->done[opcode % OPCODES]++;
	memcpy(&id, at, sizeof(id));
	if (opcode == FUSE_OPEN || opcode == FUSE_OPENDIR)
		note(g->handles, &g->nhandles, id);
	else if (len == entry || len == entry + sizeof(struct fuse_open_out))
		note(g->nodes, &g->nnodes, id);
	if (len == entry + sizeof(struct fuse_open_out)) {
		memcpy(&id, at + entry, sizeof(id));
		note(g->handles, &g->nhandles, id);
	}
	if (g->nnodes > FS_GUEST_KNOWN)
		g->nnodes = FS_GUEST_KNOWN;
	if (g->nhandles > FS_GUEST_KNOWN)
		g->nhandles = FS_GUEST_KNOWN;
}

static uint64_t answer_at(const struct fs_guest *g, uint32_t slot)
{
	return ANSWER_AT + (g->server.later ? slot * (ANSWER_ROOM / FS_GUEST_SLOTS) : 0);
}

static void collect_one(struct fs_guest *g, uint32_t slot, uint32_t room,
			uint32_t used)
{
	const unsigned char *at = memory_at(&g->memory, answer_at(g, slot));
	const uint32_t opcode = g->busy[slot] - 1;
	struct fuse_out_header out;

	CHECK(g->busy[slot] && used <= room);
	g->busy[slot] = 0;
	if (!used)
		return;
	memcpy(&out, at, sizeof(out));
	CHECK(used >= sizeof(out) && out.len == used && out.unique == g->unique + slot);
	CHECK(out.error <= 0 && out.error > -512);
	CHECK(!out.error || used == sizeof(out));
	if (!out.error)
		note_answer(g, opcode, at + sizeof(out),
			    used - (uint32_t)sizeof(out));
}

void fs_guest_serve(struct fs_guest *g)
{
	unsigned int turns = 0;
	uint64_t cookie;
	uint32_t used;

	while (virtdev_queue_serve(g->dev, 1))
		CHECK(++turns < 100);
	while (vq_driver_collect(g->driver, &cookie, &used) == 1)
		collect_one(g, (uint32_t)(cookie >> 32), (uint32_t)cookie, used);
}

/* Returns a slot for each request while some are parked; FS_GUEST_SLOTS: all are in use. */
static uint32_t slot_free(const struct fs_guest *g)
{
	uint32_t i;

	for (i = 0; i < FS_GUEST_SLOTS && g->busy[i]; i++)
		;
	return i;
}

static void request_post(struct fs_guest *g, struct input *in, uint32_t slot,
			 uint32_t len)
{
	const uint64_t ask = ASK_AT + slot * (ASK_ROOM / FS_GUEST_SLOTS);
	const uint32_t most = g->server.later ? ANSWER_ROOM / FS_GUEST_SLOTS : ANSWER_ROOM;
	const uint32_t how = take(in, 1);
	const uint32_t cut = how & 0x40 ? 1 + take(in, 1) % (len - 1) : 40;
	const uint32_t room = how & 0x80 ? how & 0x3f : most;
	const struct vq_buffer b[] = {
		{ ask, cut, 0 }, { ask + cut, len - cut, 0 },
		{ answer_at(g, slot), room, 1 },
	}, uncut[] = { b[0], b[2] };
	const unsigned int whole = len <= cut;

	CHECK(vq_driver_add(g->driver, whole ? uncut : b,
			    (room ? 3 : 2) - whole,
			    (uint64_t)slot << 32 | room) == 0);
	vq_driver_publish(g->driver);
}

void fs_guest_ask(struct fs_guest *g, struct input *in)
{
	const uint32_t slot = slot_free(g);
	unsigned char *at = memory_at(&g->memory, ASK_AT +
				      slot * (ASK_ROOM / FS_GUEST_SLOTS));
	struct fuse_in_header h;
	uint32_t len;

	if (slot == FS_GUEST_SLOTS) {
		fs_server_answer_all(&g->server);
		fs_guest_serve(g);
		return;
	}
	len = make_request(g, in, at, g->unique + slot);
	memcpy(&h, at, sizeof(h));
	g->busy[slot] = h.opcode + 1 ? h.opcode + 1 : 1;
	request_post(g, in, slot, len);
	fs_guest_serve(g);
	CHECK(!g->busy[slot] || g->server.n);
	g->reach->parked += g->busy[slot] > 0;
}

void fs_guest_begin(struct fs_guest *g)
{
	/* with labels, everything that the device offers is negotiated: words of ones */
	static const uint8_t plain[] = { FUSE_INIT, 0, 0, 0 },
			     all[] = { FUSE_INIT, 0, 0, 0, 0, 9, 9 };
	struct input in = { g->labels ? all : plain,
			    g->labels ? all + sizeof(all) : plain + sizeof(plain) };

	fs_guest_ask(g, &in);
	fs_server_answer_all(&g->server);
	fs_guest_serve(g);
	g->nodes[0] = FUSE_ROOT_ID;
	g->nnodes = 1;
}


/* ---------------------------------------------------------------------- life */

void fs_guest_init(struct fs_guest *g, struct fs_reach *reach)
{
	memset(g, 0, sizeof(*g));
	g->fds = vsu_fd_count();
	g->reach = reach;
	g->unique = 9;
	memory_init(&g->memory);
	CHECK(vq_new(&g->q) == 0);
	CHECK(vq_set_space(g->q, g->memory.space) == 0);
}

void fs_guest_fini(struct fs_guest *g)
{
	vq_free(g->q);
	memory_check(&g->memory);
	memory_fini(&g->memory);
	CHECK(vsu_fd_count() == g->fds);
}

void fs_reach_print(const struct fs_reach *reach)
{
	unsigned int i;

	printf("# reach:");
	for (i = 0; i < OPCODES; i++)
		if (reach->done[i])
			printf(" %u: %" PRIu64, i, reach->done[i]);
}
