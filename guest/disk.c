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

/* The status byte of a request, or 255 if it did not complete. */
static uint8_t request(struct device *dev, uint32_t queue, uint32_t type,
		       uint64_t sector, uint32_t len)
{
	static struct header header;
	static uint8_t status;
	struct piece pieces[3];
	unsigned int n = 0;

	header.type = type;
	header.reserved = 0;
	header.sector = sector;
	status = 255;
	pieces[n++] = (struct piece){ &header, sizeof(header), false };
	if (len)
		pieces[n++] = (struct piece){ buffer, len, type == READ };
	pieces[n++] = (struct piece){ &status, 1, true };
	if (queue_do(dev, queue, pieces, n) < 1)
		return 255;
	return status;
}

static unsigned char pattern(uint64_t i, uint32_t queue, unsigned int number)
{
	return (unsigned char)(i * 31 + (i >> 9) + queue * 7 + number + 1);
}

static bool read_back(struct device *dev, uint32_t queue, uint64_t sector,
		      unsigned int number)
{
	uint32_t i;

	memset(buffer, 0, BYTES);
	if (request(dev, queue, READ, sector, BYTES))
		return false;
	for (i = 0; i < BYTES; i++)
		if (buffer[i] != pattern(i, queue, number))
			return false;
	return true;
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

void test_disk(struct device *dev, unsigned int number)
{
	uint64_t sectors;
	uint32_t q;
	bool read_only;

	if (!device_negotiate(dev, FEATURE_VERSION_1 | FEATURE_RO |
			      FEATURE_FLUSH | FEATURE_MQ) ||
	    !device_start(dev)) {
		fault("a disk that does not start");
		return;
	}
	sectors = config_read64(dev, 0);
	read_only = dev->features & FEATURE_RO;
	print("disk %u: %lu sectors%s, %u queues\n", number, sectors,
	      read_only ? ", read-only" : "", dev->nqueues);
	if (sectors < SECTORS) {
		fault("a disk too small to test");
		return;
	}
	if ((dev->features & FEATURE_MQ) &&
	    config_read16(dev, CONFIG_NUM_QUEUES) > dev->nqueues &&
	    dev->nqueues < MAX_QUEUES)
		fault("fewer queues than the disk announces");
	for (q = 0; q < dev->nqueues; q++) {
		if (read_only)
			test_read_only(dev, q);
		else
			test_queue(dev, q, sectors, number);
	}
}
