/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A driver that keeps a VMM busy: for each device in turn it submits full rings
 * of large indirect chains, notifies, writes configuration space and resets
 * without waiting; on PCI it also toggles the command register and MSI-X. It
 * checks nothing: the test outside the VM measures the VMM.
 */
#include <vm-arch/boot_protocol.h>

#include "hostile_registers.h"
#include "lib.h"
#include "virtio.h"

#define PCI_SLOTS 32u
#define TABLE 128u		/* descriptors of an indirect chain */
#define ROUNDS 3u
#define KICKS 200u
#define PATIENCE_MS 200u	/* wait for the first used entry */
#define LAST_PATIENCE_MS 30000u	/* ... if no round had any */

#define TABLES (MEMORY_BASE + 0x4000000UL)
#define REQUESTS (MEMORY_BASE + 0x4800000UL)	/* one per entry, 512 bytes each */
#define BUFFER (MEMORY_BASE + 0x5000000UL)	/* 1 MiB of data for all chains */
#define BUFFER_LEN 0x100000u
#define SPARE_PAGE (MEMORY_BASE / 4096u + 0x6000u)	/* number of an unused page */

#define FEATURE_INDIRECT (UINT64_C(1) << 28)
#define FEATURE_PLATFORM (UINT64_C(1) << 33)
#define FEATURE_PACKED (UINT64_C(1) << 34)

#define DESCRIPTOR_INDIRECT 4

/* Devices of the specification, by id. */
enum { ID_NET = 1, ID_BLOCK = 2, ID_CONSOLE = 3, ID_BALLOON = 5, ID_SOCKET = 19,
       ID_MEMORY = 24, ID_FS = 26, ID_PMEM = 27 };

static uint16_t available[RINGS], sizes[RINGS];
static uint32_t seed = 1;

static uint32_t next_random(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

/* ------------------------------------------------------------------ requests */

struct fuse_header {
	uint32_t len, opcode;
	uint64_t unique, node;
	uint32_t uid, gid, pid, pad;
	uint32_t args[16];
};

/* INIT, DESTROY and requests on the root. */
static uint32_t fs_request(struct fuse_header *r, uint32_t i)
{
	static const uint8_t opcodes[] = { 26, 3, 27, 28, 15, 16, 38, 26 };

	memset(r, 0, sizeof(*r));
	r->len = sizeof(*r);
	r->opcode = i ? opcodes[next_random() % sizeof(opcodes)] : 26;
	r->unique = i + 1;
	r->node = 1;
	if (r->opcode == 26) {
		r->args[0] = 7;
		r->args[1] = 31;
	}
	return sizeof(*r);
}

static uint32_t block_request(uint32_t *r)
{
	static const uint8_t types[] = { 0, 1, 4, 8, 11, 13 };

	memset(r, 0, 16);
	r[0] = types[next_random() % sizeof(types)];
	r[2] = next_random() % 64;
	return 16;
}

/* Plugs or unplugs all blocks of a region of up to 128 GiB. */
static uint32_t memory_request(uint32_t *r, const struct target *t, uint32_t i)
{
	const uint64_t config = t->base + t->registers->config;

	memset(r, 0, 24);
	r[0] = i % 2 ? 2 : 0;
	r[2] = mmio_read32(config + 16);
	r[3] = mmio_read32(config + 20);
	r[4] = (uint32_t)(mmio_read32(config + 28) << 11 |
			  mmio_read32(config + 24) >> 21) & 0xffff;
	return 24;
}

static uint32_t socket_request(uint32_t *r, uint32_t i)
{
	memset(r, 0, 44);
	r[0] = 3;			/* guest CID */
	r[2] = 2;			/* host CID */
	r[4] = 1000 + i;
	r[5] = 1;
	/* operation: request a connection; type: stream */
	r[7] = 1 | 1u << 16;
	return 44;
}

static uint32_t balloon_request(uint32_t *r)
{
	uint32_t i;

	for (i = 0; i < 128; i++)
		r[i] = SPARE_PAGE + i;
	return 512;
}

/*
 * Sets the number of queue pairs on the control queue; other queues get a
 * header and a frame.
 */
static uint32_t net_request(uint8_t *r, uint32_t i)
{
	memset(r, 0, 128);
	r[0] = 4;
	r[2] = i % 2 ? 1 : 4;
	return i % 3 ? 128 : 4;
}

static uint32_t request_fill(const struct target *t, uint32_t i)
{
	void *at = (void *)(REQUESTS + 512 * i);

	switch (t->id) {
	case ID_NET:
		return net_request(at, i);
	case ID_BLOCK:
		return block_request(at);
	case ID_BALLOON:
		return balloon_request(at);
	case ID_SOCKET:
		return socket_request(at, i);
	case ID_MEMORY:
		return memory_request(at, t, i);
	case ID_FS:
		return fs_request(at, i);
	}
	memset(at, 0, 64);
	return t->id == ID_PMEM ? 4 : 64;
}

/* ------------------------------------------------------------------- attacks */

/* A request, then readable and writable pieces. */
static uint32_t chain_fill(struct descriptor *d, const struct target *t,
			   uint32_t i, uint32_t nread, uint32_t nwritten)
{
	const uint32_t n = 1 + nread + nwritten;
	uint32_t k;

	for (k = 0; k < n; k++)
		d[k] = (struct descriptor){
			BUFFER, k == n - 1 ? 1 : BUFFER_LEN,
			(uint16_t)((k < n - 1 ? DESCRIPTOR_NEXT : 0) |
				   (k > nread ? DESCRIPTOR_WRITE : 0)),
			(uint16_t)(k + 1),
		};
	d[0].gpa = REQUESTS + 512 * i;
	d[0].len = request_fill(t, i);
	d[n - 1].len = nwritten == 1 ? 512 : 1;
	return n;
}

/* Entry i of every queue uses the same indirect table. */
static void tables_fill(const struct target *t)
{
	static const uint8_t shapes[][2] = { { 0, 1 }, { 1, 1 }, { 0, 126 },
					     { 126, 1 }, { 60, 60 } };
	uint32_t i;

	for (i = 0; i < ENTRIES; i++) {
		const uint8_t *shape = shapes[i % 5];
		struct descriptor *d = (void *)(TABLES + i * TABLE * 16UL);

		if (t->id == ID_MEMORY || t->id == ID_FS || t->id == ID_PMEM)
			shape = shapes[0];
		((struct descriptor *)RING(0))[i] = (struct descriptor){
			(uint64_t)d,
			chain_fill(d, t, i, shape[0], shape[1]) * 16,
			DESCRIPTOR_INDIRECT, 0,
		};
	}
}

static void ring_clear(uint32_t queue)
{
	volatile uint16_t *avail = (void *)(RING(queue) + 0x4000);
	uint32_t i;

	if (queue)
		memcpy((void *)RING(queue), (void *)RING(0), ENTRIES * 16);
	memset((void *)(RING(queue) + 0x8000), 0, 0x1000);
	avail[0] = avail[1] = 0;
	for (i = 0; i < ENTRIES; i++)
		avail[2 + i] = (uint16_t)i;
	available[queue] = 0;
}

static bool target_start(struct target *t)
{
	const uint64_t features = t->registers->features(t) &
				  ~(FEATURE_PACKED | FEATURE_PLATFORM);

	t->registers->status(t, 0);
	t->registers->status(t, 3);
	t->registers->accept(t, features);
	t->registers->status(t, 11);
	tables_fill(t);
	for (t->nqueues = 0; t->nqueues < RINGS; t->nqueues++) {
		ring_clear(t->nqueues);
		sizes[t->nqueues] = t->registers->queue_set(t, t->nqueues);
		if (!sizes[t->nqueues])
			break;
	}
	t->registers->status(t, 15);
	return t->nqueues && (features & FEATURE_INDIRECT);
}

/* Makes all entries available again that the device has used. */
static void rings_flood(const struct target *t, uint32_t kicks)
{
	volatile uint16_t *avail, *used;
	uint32_t i, q;

	for (i = 0; i < kicks; i++) {
		q = i % t->nqueues;
		avail = (void *)(RING(q) + 0x4000);
		used = (void *)(RING(q) + 0x8000);
		if (used[1] == available[q]) {
			available[q] = (uint16_t)(available[q] + sizes[q]);
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			avail[1] = available[q];
		}
		t->registers->notify(t, q);
	}
}

/* Number of entries used by the device since its rings were created. */
static uint32_t rings_used(const struct target *t)
{
	uint32_t q, sum = 0;

	for (q = 0; q < t->nqueues; q++)
		sum += ((volatile uint16_t *)(RING(q) + 0x8000))[1];
	return sum;
}

static void wait_for_use(const struct target *t, uint32_t patience_ms)
{
	const uint32_t begun = now_ms(), used = rings_used(t);

	while (rings_used(t) == used && now_ms() - begun < patience_ms)
		;
}

static void config_flood(const struct target *t)
{
	uint32_t i;

	for (i = 0; i < 64; i++)
		mmio_write8(t->base + t->registers->config + i, (uint8_t)next_random());
}

static void target_attack(struct target *t)
{
	const uint32_t begun = now_ms();
	uint32_t i, k, used = 0;

	for (i = 0; i < ROUNDS; i++) {
		if (!target_start(t)) {
			print("device %u does not start\n", t->id);
			return;
		}
		rings_flood(t, KICKS << (i % 3));
		config_flood(t);
		toggle_function(t, next_random());
		if (i % 2)
			wait_for_use(t, PATIENCE_MS);
		else if (i == ROUNDS - 1 && !used)
			wait_for_use(t, LAST_PATIENCE_MS);
		used += rings_used(t);
		for (k = 0; k < 3; k++)	/* the last round waits with a limit */
			t->registers->status(t, 0);
	}
	print("device %u: %u queues, %u entries used, %u ms\n", t->id,
	      t->nqueues, used, now_ms() - begun);
}

static unsigned int attack_slots(void)
{
	unsigned int slot, n = 0;
	struct target t;

	for (slot = 1; slot < PCI_SLOTS; slot++)
		if (pci_find(&t, slot)) {
			target_attack(&t);
			n++;
		}
	return n;
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu);

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	struct target t = { .registers = &mmio_registers };
	struct device dev;
	unsigned int i, n = 0;

	if (cpu)
		return;
	for (i = 0; i < boot->ndevices; i++) {
		if (!device_find(&dev, boot->devices[i].gpa))
			continue;
		t.base = dev.base;
		t.id = dev.id;
		target_attack(&t);
		n++;
	}
	if (!n)
		n = attack_slots();
	print("hostile: %u devices\n", n);
	power_off(0);
}
