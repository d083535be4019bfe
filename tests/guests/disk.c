/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Drives a disk (VIRTIO 1.3, section 5.2): through each queue, writes a pattern
 * to sectors that no other queue uses, reads it back and compares. A read-only
 * disk is read, and a write to it must fail.
 */
#include "lib.h"
#include "selftest.h"

#define FEATURE_RO (UINT64_C(1) << 5)
#define FEATURE_FLUSH (UINT64_C(1) << 9)
#define FEATURE_MQ (UINT64_C(1) << 12)

enum { READ = 0, WRITE = 1, FLUSH = 4 };

#define CONFIG_NUM_QUEUES 34
#define BYTES 8192u
#define SECTORS (BYTES / 512)

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

static unsigned char buffer[BYTES] __attribute__((aligned(4096)));
/* Cleared after a read: after a move the disk is the first that accesses it. */
static unsigned char answer[BYTES] __attribute__((aligned(4096)));

/* With a data buffer at data: the status byte, or 255 if it did not complete. */
static uint8_t request_at(struct device *dev, uint32_t queue, uint32_t type,
			  uint64_t sector, void *data, uint32_t len)
{
	static struct header header;
	static uint8_t status;
	struct piece pieces[3];
	unsigned int n = 0;
	int64_t used;

	header.type = type;
	header.reserved = 0;
	header.sector = sector;
	status = 255;
	pieces[n++] = (struct piece){ &header, sizeof(header), false };
	if (len)
		pieces[n++] = (struct piece){ data, len, type == READ };
	pieces[n++] = (struct piece){ &status, 1, true };
	used = queue_do(dev, queue, pieces, n);
	/* a refused buffer before the status is not counted, nor is the status */
	return used < 0 || (!used && !status) ? 255 : status;
}

static uint8_t request(struct device *dev, uint32_t queue, uint32_t type,
		       uint64_t sector, uint32_t len)
{
	return request_at(dev, queue, type, sector, buffer, len);
}

static unsigned char pattern(uint64_t i, uint32_t queue, unsigned int number)
{
	return (unsigned char)(i * 31 + (i >> 9) + queue * 7 + number + 1);
}

static bool read_back(struct device *dev, uint32_t queue, uint64_t sector,
		      unsigned int number)
{
	bool same = !request_at(dev, queue, READ, sector, answer, BYTES);
	uint32_t i;

	for (i = 0; same && i < BYTES; i++)
		same = answer[i] == pattern(i, queue, number);
	memset(answer, 0, BYTES);
	return same;
}

static void test_queue(struct device *dev, uint32_t queue, uint64_t sectors,
		       unsigned int number)
{
	uint64_t sector = queue % (sectors / SECTORS) * SECTORS;
	uint32_t i;

	for (i = 0; i < BYTES; i++)
		buffer[i] = pattern(i, queue, number);
	if (request(dev, queue, WRITE, sector, BYTES))
		fault("a disk that does not write");
	else if ((dev->features & FEATURE_FLUSH) &&
		 request(dev, queue, FLUSH, 0, 0))
		fault("a disk that does not flush");
	else if (!read_back(dev, queue, sector, number))
		fault("a disk that reads other bytes than were written");
}

static void test_read_only(struct device *dev, uint32_t queue)
{
	if (request(dev, queue, READ, 0, BYTES))
		fault("a read-only disk that does not read");
	if (request(dev, queue, WRITE, 0, BYTES) != 1)
		fault("a read-only disk that does not refuse to write");
}

/* False if the disk cannot be tested. */
static bool start_disk(struct device *dev, unsigned int number)
{
	uint64_t sectors;

	if (!device_negotiate(dev, FEATURE_VERSION_1 | FEATURE_RO |
			      FEATURE_FLUSH | FEATURE_MQ) ||
	    !device_start(dev)) {
		fault("a disk that does not start");
		return false;
	}
	sectors = config_read64(dev, 0);
	print("disk %u: %lu sectors%s, %u queues\n", number, sectors,
	      dev->features & FEATURE_RO ? ", read-only" : "", dev->nqueues);
	if (sectors < SECTORS)
		fault("a disk too small to test");
	return sectors >= SECTORS;
}

/* Data of private memory passes through the buffer of this image. */
static void bounce_queue(struct device *dev, uint32_t queue, unsigned int number,
			 unsigned char *area)
{
	uint32_t i;

	for (i = 0; i < BYTES; i++)
		area[i] = pattern(i, queue, number);
	memcpy(buffer, area, BYTES);
	if (request(dev, queue, WRITE, 0, BYTES))
		fault("a disk that does not write");
	memset(buffer, 0, BYTES);
	memset(area, 0, BYTES);
	if (request(dev, queue, READ, 0, BYTES))
		fault("a disk that does not read");
	memcpy(area, buffer, BYTES);
	for (i = 0; i < BYTES && area[i] == pattern(i, queue, number); i++)
		;
	if (i < BYTES)
		fault("private memory that received other bytes from the disk");
}

/* Requests that would read or change private pages; the pages and the disk must not change. */
static void refused_queue(struct device *dev, uint32_t queue, unsigned int number,
			  unsigned char *area)
{
	uint32_t i;

	for (i = 0; i < BYTES; i++)
		area[i] = pattern(i, queue, number + 1);
	if (request_at(dev, queue, READ, 0, area, BYTES) != 1)
		fault("a disk that reads into private memory");
	if (!(dev->features & FEATURE_RO) &&
	    request_at(dev, queue, WRITE, 0, area, BYTES) != 1)
		fault("a disk that writes private memory");
	if (request_at(dev, queue, READ, 0, area + BYTES - 512, 1024) != 1)
		fault("a disk that reads into private memory at the end of a buffer");
	for (i = 0; i < BYTES && area[i] == pattern(i, queue, number + 1); i++)
		;
	if (i < BYTES)
		fault("private memory that a disk changed");
	if (!(dev->features & FEATURE_RO) && !read_back(dev, queue, 0, number))
		fault("a disk that received private memory");
	print("disk %u: queue %u refuses private memory\n", number, queue);
}

void test_bounced(struct device *dev, unsigned int number, void *area)
{
	uint32_t q;

	if (!start_disk(dev, number))
		return;
	for (q = 0; q < dev->nqueues; q++) {
		if (dev->features & FEATURE_RO)
			test_read_only(dev, q);
		else
			bounce_queue(dev, q, number, area);
		refused_queue(dev, q, number, area);
	}
}

void write_disk(struct device *dev, unsigned int number)
{
	uint32_t i;

	if (!start_disk(dev, number) || (dev->features & FEATURE_RO))
		return;
	for (i = 0; i < BYTES; i++)
		buffer[i] = pattern(i, 0, number);
	if (request(dev, 0, WRITE, 0, BYTES))
		fault("a disk that does not write");
}

void test_disk(struct device *dev, unsigned int number)
{
	uint64_t sectors;
	uint32_t q;

	if (!start_disk(dev, number))
		return;
	sectors = config_read64(dev, 0);
	if ((dev->features & FEATURE_MQ) &&
	    config_read16(dev, CONFIG_NUM_QUEUES) > dev->nqueues &&
	    dev->nqueues < MAX_QUEUES)
		fault("fewer queues than the disk announces");
	for (q = 0; q < dev->nqueues; q++) {
		if (dev->features & FEATURE_RO)
			test_read_only(dev, q);
		else
			test_queue(dev, q, sectors, number);
	}
}
