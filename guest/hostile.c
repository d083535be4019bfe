/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A driver that keeps a VMM busy: for each device in turn, full rings of large
 * indirect chains, notifications, stores to configuration space and resets
 * without waiting; on PCI also command and MSI-X toggles. It judges nothing:
 * the test outside measures the VMM.
 */
#include "lib.h"
#include "protocol.h"
#include "virtio.h"

#define RINGS 16u		/* of one device; further queues are not used */
#define ENTRIES 256u
#define TABLE 128u		/* descriptors of an indirect chain */
#define ROUNDS 3u
#define KICKS 200u
#define PATIENCE_MS 200u	/* for the first used entry */

#define RING(q) (0x3000000UL + (q) * 0x10000UL)
#define TABLES 0x4000000UL
#define REQUESTS 0x4800000UL	/* one for each entry, 512 bytes */
#define BUFFER 0x5000000UL	/* 1 MiB that chains read and write */
#define BUFFER_LEN 0x100000u
#define SPARE_PAGE 0x6000u	/* number of a page that nothing uses */

#define FEATURE_INDIRECT (UINT64_C(1) << 28)
#define FEATURE_PLATFORM (UINT64_C(1) << 33)
#define FEATURE_PACKED (UINT64_C(1) << 34)

#define DESCRIPTOR_INDIRECT 4

/* Devices of the specification, by id. */
enum { ID_NET = 1, ID_BLOCK = 2, ID_CONSOLE = 3, ID_BALLOON = 5, ID_SOCKET = 19,
       ID_MEMORY = 24, ID_FS = 26, ID_PMEM = 27 };

/* The registers of one transport; queue_set has the addresses of a ring. */
struct target {
	const struct registers *face;
	uint64_t base, space;	/* space: PCI configuration space */
	uint32_t id, msix;	/* msix: its capability */
	uint32_t nqueues;
};

struct registers {
	uint64_t (*features)(const struct target *t);
	void (*accept)(const struct target *t, uint64_t features);
	void (*status)(const struct target *t, uint8_t status);
	/* Entries of the ring; 0: the queue does not exist. */
	uint16_t (*queue_set)(const struct target *t, uint32_t queue);
	void (*notify)(const struct target *t, uint32_t queue);
	uint64_t config;	/* offset of the device's configuration */
};

static uint16_t available[RINGS], sizes[RINGS];
static uint32_t seed = 1;

static uint32_t next_random(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static void mmio_write16(uint64_t gpa, uint16_t value)
{
	__asm__ volatile("movw %1, (%0)" : : "r"(gpa), "r"(value) : "memory");
}

static uint16_t mmio_read16(uint64_t gpa)
{
	uint16_t value;

	__asm__ volatile("movw (%1), %0" : "=r"(value) : "r"(gpa) : "memory");
	return value;
}

static void mmio_write8(uint64_t gpa, uint8_t value)
{
	__asm__ volatile("movb %1, (%0)" : : "r"(gpa), "q"(value) : "memory");
}

static uint32_t entries_of(uint32_t max)
{
	return max < ENTRIES ? max : ENTRIES;
}

/* ---------------------------------------------------------- virtio over mmio */

static uint64_t mmio_features(const struct target *t)
{
	uint64_t low;

	mmio_write32(t->base + 0x14, 0);
	low = mmio_read32(t->base + 0x10);
	mmio_write32(t->base + 0x14, 1);
	return low | (uint64_t)mmio_read32(t->base + 0x10) << 32;
}

static void mmio_accept(const struct target *t, uint64_t features)
{
	mmio_write32(t->base + 0x24, 0);
	mmio_write32(t->base + 0x20, (uint32_t)features);
	mmio_write32(t->base + 0x24, 1);
	mmio_write32(t->base + 0x20, (uint32_t)(features >> 32));
}

static void mmio_status(const struct target *t, uint8_t status)
{
	mmio_write32(t->base + 0x70, status);
}

static uint16_t mmio_queue_set(const struct target *t, uint32_t queue)
{
	uint32_t i, size;

	mmio_write32(t->base + 0x30, queue);
	size = entries_of(mmio_read32(t->base + 0x34));
	if (!size)
		return 0;
	mmio_write32(t->base + 0x38, size);
	for (i = 0; i < 3; i++) {	/* descriptors, driver, device */
		mmio_write32(t->base + 0x80 + 16 * i,
			     (uint32_t)(RING(queue) + 0x4000 * i));
		mmio_write32(t->base + 0x84 + 16 * i, 0);
	}
	mmio_write32(t->base + 0x44, 1);
	return (uint16_t)size;
}

static void mmio_notify(const struct target *t, uint32_t queue)
{
	mmio_write32(t->base + 0x50, queue);
}

static const struct registers mmio_face = {
	mmio_features, mmio_accept, mmio_status, mmio_queue_set, mmio_notify,
	0x100,
};

/* ----------------------------------------------------------- virtio over PCI */

#define ECAM 0xe0000000UL
#define PCI_SLOTS 32u
#define PCI_NOTIFY 0x3000u
#define PCI_TABLE 0x4000u

static uint64_t pci_features(const struct target *t)
{
	uint64_t low;

	mmio_write32(t->base, 0);
	low = mmio_read32(t->base + 4);
	mmio_write32(t->base, 1);
	return low | (uint64_t)mmio_read32(t->base + 4) << 32;
}

static void pci_accept(const struct target *t, uint64_t features)
{
	mmio_write32(t->base + 8, 0);
	mmio_write32(t->base + 12, (uint32_t)features);
	mmio_write32(t->base + 8, 1);
	mmio_write32(t->base + 12, (uint32_t)(features >> 32));
}

static void pci_status(const struct target *t, uint8_t status)
{
	mmio_write8(t->base + 20, status);
}

static uint16_t pci_queue_set(const struct target *t, uint32_t queue)
{
	uint16_t size;
	uint32_t i;

	mmio_write16(t->base + 22, (uint16_t)queue);
	size = (uint16_t)entries_of(mmio_read16(t->base + 24));
	if (!size)
		return 0;
	mmio_write16(t->base + 24, size);
	mmio_write16(t->base + 26, (uint16_t)queue);
	for (i = 0; i < 3; i++) {
		mmio_write32(t->base + 32 + 8 * i,
			     (uint32_t)(RING(queue) + 0x4000 * i));
		mmio_write32(t->base + 36 + 8 * i, 0);
	}
	mmio_write16(t->base + 28, 1);
	return size;
}

static void pci_notify(const struct target *t, uint32_t queue)
{
	mmio_write16(t->base + PCI_NOTIFY + 4 * queue, (uint16_t)queue);
}

static const struct registers pci_face = {
	pci_features, pci_accept, pci_status, pci_queue_set, pci_notify, 0x2000,
};

/* Every vector gets another message under the mask of the function. */
static void toggle_vectors(const struct target *t)
{
	const uint32_t n = (mmio_read16(t->space + t->msix + 2) & 0x7ffu) + 1;
	uint32_t i;

	mmio_write16(t->space + t->msix + 2, 0xc000);
	for (i = 0; i < n; i++) {
		mmio_write32(t->base + PCI_TABLE + 16 * i, 0xfee00000);
		mmio_write32(t->base + PCI_TABLE + 16 * i + 8,
			     0x30 + next_random() % 64);
		mmio_write32(t->base + PCI_TABLE + 16 * i + 12, 0);
	}
	mmio_write16(t->space + t->msix + 2, 0x8000);
}

static void toggle_function(const struct target *t)
{
	uint32_t i;

	if (!t->space)
		return;
	toggle_vectors(t);
	for (i = 0; i < 10; i++) {
		mmio_write16(t->space + 4, 0);
		mmio_write16(t->space + 4, 6);
	}
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
	const uint64_t config = t->base + t->face->config;

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
	r[0] = 3;			/* from the guest's address */
	r[2] = 2;			/* to the host */
	r[4] = 1000 + i;
	r[5] = 1;
	r[7] = 1 | 1u << 16;		/* a stream: connect */
	return 44;
}

static uint32_t balloon_request(uint32_t *r)
{
	uint32_t i;

	for (i = 0; i < 128; i++)
		r[i] = SPARE_PAGE + i;
	return 512;
}

/* Pairs of queues for the control queue; a header and a frame for others. */
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

/* A request, then pieces that are read and pieces that are written. */
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

/* Entries share the table of their number across queues. */
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
	const uint64_t features = t->face->features(t) &
				  ~(FEATURE_PACKED | FEATURE_PLATFORM);

	t->face->status(t, 0);
	t->face->status(t, 3);
	t->face->accept(t, features);
	t->face->status(t, 11);
	tables_fill(t);
	for (t->nqueues = 0; t->nqueues < RINGS; t->nqueues++) {
		ring_clear(t->nqueues);
		sizes[t->nqueues] = t->face->queue_set(t, t->nqueues);
		if (!sizes[t->nqueues])
			break;
	}
	t->face->status(t, 15);
	return t->nqueues && (features & FEATURE_INDIRECT);
}

/* All entries that the device has used are available again. */
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
		t->face->notify(t, q);
	}
}

/* Entries that the device has used since its rings were made. */
static uint32_t rings_used(const struct target *t)
{
	uint32_t q, sum = 0;

	for (q = 0; q < t->nqueues; q++)
		sum += ((volatile uint16_t *)(RING(q) + 0x8000))[1];
	return sum;
}

static void wait_for_use(const struct target *t)
{
	const uint32_t begun = now_ms(), used = rings_used(t);

	while (rings_used(t) == used && now_ms() - begun < PATIENCE_MS)
		;
}

static void config_flood(const struct target *t)
{
	uint32_t i;

	for (i = 0; i < 64; i++)
		mmio_write8(t->base + t->face->config + i, (uint8_t)next_random());
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
		toggle_function(t);
		if (i % 2)
			wait_for_use(t);
		used += rings_used(t);
		for (k = 0; k < 3; k++)	/* the last one is answered in time */
			t->face->status(t, 0);
	}
	print("device %u: %u queues, %u entries used, %u ms\n", t->id,
	      t->nqueues, used, now_ms() - begun);
}

static unsigned int attack_slots(void)
{
	struct target t = { .face = &pci_face };
	unsigned int slot, n = 0;
	uint32_t cap;

	for (slot = 1; slot < PCI_SLOTS; slot++) {
		t.space = ECAM + slot * 0x8000;
		if (mmio_read16(t.space) != 0x1af4)
			continue;
		t.id = mmio_read16(t.space + 2) - 0x1040u;
		t.base = mmio_read32(t.space + 0x10) & ~15u;
		cap = mmio_read8(t.space + 0x34);
		while (cap && mmio_read8(t.space + cap) != 0x11)
			cap = mmio_read8(t.space + cap + 1);
		t.msix = cap;
		mmio_write16(t.space + 4, 6);
		target_attack(&t);
		n++;
	}
	return n;
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu);

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	struct target t = { .face = &mmio_face };
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
