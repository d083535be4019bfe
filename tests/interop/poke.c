/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A program of a Linux guest that accesses guest memory through /dev/mem (the
 * kernel requires iomem=relaxed):
 *
 *   poke cut ADDRESS LENGTH      writes to all of it, prints "stored", and waits
 *                                until its second half reads as zeros
 *   poke window TRANSPORT FREE   drives the virtio-mmio device at TRANSPORT, which
 *                                must be unbound, with a ring at FREE, and prints
 *                                its shared memory region 0
 *
 * Its lines begin with "@", like other lines of the guest's tests.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096u
#define ROUNDS 400		/* polls, 50 ms apart */

/* Registers and status bits of virtio-mmio (VIRTIO 1.3, section 4.2.2). */
enum { DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024, QUEUE_SEL = 0x030,
       QUEUE_NUM = 0x038, QUEUE_READY = 0x044, STATUS = 0x070,
       QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0,
       SHM_SEL = 0x0ac, SHM_LEN = 0x0b0, SHM_BASE = 0x0b8 };
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };

static volatile unsigned char *map_at(uint64_t gpa, uint64_t len)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)gpa);

	if (fd < 0 || p == MAP_FAILED) {
		printf("@not ok /dev/mem at %#" PRIx64 "\n", gpa);
		exit(1);
	}
	return p;
}

static void pause_briefly(void)
{
	const struct timespec t = { .tv_nsec = 50000000 };

	nanosleep(&t, NULL);
}

static uint64_t word_at(const volatile unsigned char *p)
{
	return *(const volatile uint64_t *)p;
}

static bool all_are(const volatile unsigned char *p, uint64_t len,
		    uint64_t mask)
{
	uint64_t off;

	for (off = 0; off < len; off += PAGE)
		if (word_at(p + off) != ((off + 1) & mask))
			return false;
	return true;
}

static int cut(uint64_t gpa, uint64_t len)
{
	volatile unsigned char *p = map_at(gpa, len);
	unsigned int round;
	uint64_t off;

	for (off = 0; off < len; off += PAGE)
		*(volatile uint64_t *)(p + off) = off + 1;
	printf("@stored\n");
	fflush(stdout);
	for (round = 0; round < ROUNDS && word_at(p + len - PAGE); round++)
		pause_briefly();
	printf("@sees %s %s\n",
	       all_are(p, len / 2, UINT64_MAX) ? "kept" : "lost",
	       all_are(p + len / 2, len / 2, 0) ? "zeros" : "something");
	return 0;
}

static uint32_t get(const volatile unsigned char *regs, unsigned int reg)
{
	return *(const volatile uint32_t *)(regs + reg);
}

static void set(volatile unsigned char *regs, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(regs + reg) = value;
}

static uint64_t get64(const volatile unsigned char *regs, unsigned int reg)
{
	return get(regs, reg) | (uint64_t)get(regs, reg + 4) << 32;
}

/* The steps of a driver that VIRTIO 1 requires. */
static void start_device(volatile unsigned char *regs, uint32_t ring)
{
	set(regs, STATUS, 0);
	set(regs, STATUS, ACKNOWLEDGE);
	set(regs, STATUS, ACKNOWLEDGE | DRIVER);
	set(regs, DRIVER_FEATURES_SEL, 0);
	set(regs, DRIVER_FEATURES, 0);
	set(regs, DRIVER_FEATURES_SEL, 1);
	set(regs, DRIVER_FEATURES, 1);
	set(regs, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	set(regs, QUEUE_SEL, 0);
	set(regs, QUEUE_NUM, 8);
	set(regs, QUEUE_DESC, ring);
	set(regs, QUEUE_DRIVER, ring + PAGE);
	set(regs, QUEUE_DEVICE, ring + 2 * PAGE);
	set(regs, QUEUE_READY, 1);
	set(regs, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

static int window(uint64_t transport, uint64_t ring)
{
	volatile unsigned char *regs = map_at(transport, PAGE), *p;
	volatile unsigned char *rings = map_at(ring, 3 * PAGE);
	uint64_t first, mark, off;
	unsigned int round;

	for (off = 0; off < 3 * PAGE; off += sizeof(off))
		*(volatile uint64_t *)(rings + off) = 0;
	start_device(regs, (uint32_t)ring);
	set(regs, SHM_SEL, 0);
	p = map_at(get64(regs, SHM_BASE), get64(regs, SHM_LEN));
	for (round = 0; round < ROUNDS; round++) {
		first = word_at(p + 5 * PAGE);	/* the last piece */
		if (first != UINT64_MAX)
			break;
		pause_briefly();
	}
	printf("@window %" PRIx64 " %s %" PRIx64 " %" PRIx64 "\n", word_at(p),
	       word_at(p + PAGE) == UINT64_MAX ? "hole" : "memory",
	       word_at(p + 4 * PAGE), word_at(p + 5 * PAGE));
	memcpy(&mark, "cvmmmark", sizeof(mark));
	*(volatile uint64_t *)p = mark;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "cut"))
		return cut(strtoull(argv[2], NULL, 0),
			   strtoull(argv[3], NULL, 0));
	if (argc == 4 && !strcmp(argv[1], "window"))
		return window(strtoull(argv[2], NULL, 0),
			      strtoull(argv[3], NULL, 0));
	printf("@not ok use: poke cut|window ADDRESS NUMBER\n");
	return 1;
}
