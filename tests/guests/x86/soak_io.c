/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a soak. Data of a private page pass through a buffer of this image, which is
 * always shared; a shared page is the buffer itself.
 */
#include "lib.h"
#include "soak.h"

enum { READ = 0, WRITE = 1, STATUS_IOERR = 1, STATUS_NONE = 255 };
enum { RECEIVE = 0, SEND = 1 };

#define NET_HEADER 12u
#define MIN_FRAME 60u
#define MAX_FRAME 1514u

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

/* The buffers of one CPU. */
struct lane {
	unsigned char bounce[PAGE];
	struct header header;
	uint8_t status;
} __attribute__((aligned(4096)));

static struct lane lanes[SOAK_CPUS];

/* ---------------------------------------------------------------------- disks */

static uint8_t request(struct unit *u, uint32_t cpu, uint32_t type, uint32_t block,
		       void *data)
{
	struct lane *lane = &lanes[cpu];
	const struct piece pieces[] = {
		{ &lane->header, sizeof(lane->header), false },
		{ data, PAGE, type == READ },
		{ &lane->status, 1, true },
	};

	lane->header.type = type;
	lane->header.reserved = 0;
	lane->header.sector = (cpu * BLOCKS + block) * (PAGE / 512);
	lane->status = STATUS_NONE;
	queue_offer(&u->dev, cpu, pieces, 3);
	return unit_wait(u, cpu) < 0 ? STATUS_NONE : lane->status;
}

static void expect_status(uint8_t status, uint8_t wanted, const char *what)
{
	if (status != wanted && status != STATUS_NONE)
		fault(what);
}

static uint64_t key_of(uint32_t cpu, uint32_t block)
{
	return (cpu * BLOCKS + block) * PAGE;
}

static uint8_t write_block(struct area *a, struct unit *u, uint32_t cpu, uint32_t block,
			   uint64_t gpa)
{
	const bool bounces = area_is_private(a, gpa);
	void *data = bounces ? lanes[cpu].bounce : (void *)gpa;
	const uint32_t seed = (uint32_t)dice_next(a) | 1;
	uint8_t status;

	fill_as(gpa, PAGE, key_of(cpu, block), seed);
	if (bounces)
		memcpy(data, (void *)gpa, PAGE);
	u->blocks[cpu][block] = 0;
	status = request(u, cpu, WRITE, block, data);
	expect_status(status, 0, "a disk that does not write");
	if (!status)
		u->blocks[cpu][block] = seed;
	return status;
}

static uint8_t read_block(struct area *a, struct unit *u, uint32_t cpu, uint32_t block,
			  uint64_t gpa)
{
	const bool bounces = area_is_private(a, gpa);
	void *data = bounces ? lanes[cpu].bounce : (void *)gpa;
	uint8_t status;

	memset(data, 0, PAGE);
	status = request(u, cpu, READ, block, data);
	expect_status(status, 0, "a disk that does not read");
	if (bounces)
		memcpy((void *)gpa, data, PAGE);
	if (!status)
		expect_filled_as(gpa, PAGE, key_of(cpu, block), u->blocks[cpu][block],
				 "a disk that reads other bytes than were written");
	return status;
}

/* Requests access to private memory; the page and the disk must not change. */
static uint8_t refuse_block(struct area *a, struct unit *u, uint32_t cpu, uint32_t block,
			    uint64_t gpa)
{
	const uint8_t status = request(u, cpu, dice_below(a, 2) ? READ : WRITE, block,
				       (void *)gpa);

	expect_status(status, STATUS_IOERR, "a disk that accesses private memory");
	area_check(a, gpa);
	return status;
}

static uint8_t any_request(struct area *a, struct unit *u, uint32_t cpu)
{
	const uint32_t block = (uint32_t)dice_below(a, BLOCKS);
	const uint64_t gpa = area_any_page(a);
	uint8_t status;

	if (area_is_private(a, gpa) && !dice_below(a, 4))
		return refuse_block(a, u, cpu, block, gpa);
	if (!u->blocks[cpu][block] || dice_below(a, 2))
		status = write_block(a, u, cpu, block, gpa);
	else
		status = read_block(a, u, cpu, block, gpa);
	area_fill(a, gpa);
	return status;
}

static uint32_t any_slot(struct area *a, uint32_t id)
{
	const uint32_t slot = unit_find((uint32_t)dice_below(a, SLOTS), id);

	return slot < SLOTS ? slot : unit_find(0, id);
}

/* CPU 0 restarts a device that lost a request; requests of CPU 1 end with it. */
void soak_disk(struct area *a, uint32_t cpu)
{
	const uint32_t slot = any_slot(a, ID_BLOCK);
	struct unit *u = slot < SLOTS ? unit_enter(slot, ID_BLOCK) : 0;
	bool lost;

	if (!u)
		return;
	lost = __atomic_load_n(&u->lost, __ATOMIC_RELAXED) != u->seen_lost;
	if (!lost && cpu < u->dev.nqueues)
		any_request(a, u, cpu);
	unit_leave(u);
	if (lost && !cpu)
		unit_restart(u);
}

/* --------------------------------------------------------------------- network */

/* A frame with its header, and a buffer for one. */
static unsigned char sent[2048], received[2048];
static uint64_t frames;

uint64_t soak_frames(void)
{
	return frames;
}

static uint32_t make_frame(struct area *a)
{
	const uint32_t len = MIN_FRAME + (uint32_t)dice_below(a, MAX_FRAME - MIN_FRAME + 1);
	uint32_t i;

	memset(sent, 0, NET_HEADER);
	memset(sent + NET_HEADER, 0xff, 6);	/* to all */
	for (i = 6; i < len; i++)
		sent[NET_HEADER + i] = (unsigned char)dice_next(a);
	sent[NET_HEADER + 6] = 2;		/* a local address */
	sent[NET_HEADER + 12] = 0x88;		/* for local experiments */
	sent[NET_HEADER + 13] = 0xb5;
	return len;
}

static bool is_same(uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len && sent[NET_HEADER + i] == received[NET_HEADER + i]; i++)
		;
	return i == len;
}

/* The receiver's buffer remains in its queue between two frames. */
static void offer_buffer(struct unit *u)
{
	const struct piece piece = { received, sizeof(received), true };

	if (u->offered)
		return;
	queue_offer(&u->dev, RECEIVE, &piece, 1);
	u->offered = true;
}

static bool exchange(struct area *a, struct unit *from, struct unit *to)
{
	const uint32_t len = make_frame(a);
	const struct piece piece = { sent, NET_HEADER + len, false };
	int64_t used;

	offer_buffer(to);
	queue_offer(&from->dev, SEND, &piece, 1);
	if (unit_wait(from, SEND) < 0) {
		unit_restart(from);
		return false;
	}
	used = unit_wait(to, RECEIVE);
	to->offered = false;
	if (used < 0)
		unit_restart(to);
	else if (used != NET_HEADER + len || !is_same(len))
		fault("a frame that arrived with other contents");
	return used >= 0;
}

/* Both cards have a buffer each; the one of a receiver is the same memory. */
void soak_net(struct area *a)
{
	const uint32_t one = unit_find(0, ID_NET);
	const uint32_t two = one < SLOTS ? unit_find(one + 1, ID_NET) : SLOTS;

	if (two < SLOTS)
		frames += dice_below(a, 2) ? exchange(a, unit_at(one), unit_at(two)) :
					     exchange(a, unit_at(two), unit_at(one));
}
