/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk that a test controls: requests wait until the test completes them with
 * a result of its choice. Its content is in memory. One thread only.
 */
#ifndef VIRTIO_DEVICES_TESTS_FAKE_DISK_H
#define VIRTIO_DEVICES_TESTS_FAKE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/disk.h>

#define FAKE_SECTORS	2048u
#define FAKE_BYTES	(FAKE_SECTORS * 512u)
#define FAKE_LOG	512u

struct fake_channel;

struct fake_disk {
	struct virtdev_disk *disk;
	struct virtdev_disk_info info;	/* as passed to virtdev_disk_new() */
	unsigned char *bytes;
	bool hold;		/* kick completes no requests */
	bool counts;		/* kick completes as many requests as the budget allows */
	int result;		/* of requests that complete from here on */
	int refuse_submit;	/* a negative errno that submit returns */
	unsigned int flushes;	/* calls of channel_flush that return 1 */
	unsigned int refuse_kicks; /* number of kicks that return -EAGAIN */
	/* the first requests that were submitted */
	struct {
		uint32_t op, may_unmap;
		uint64_t offset, len;
	} log[FAKE_LOG];
	unsigned int nlog, nwaiting, nqueued, kicks, channels, freed;
	struct fake_channel *list;
};

/* Tests may change info between the two. */
void fake_disk_init(struct fake_disk *f);
void fake_disk_make(struct fake_disk *f);
/* Call it after the owner has freed the disk. */
void fake_disk_fini(struct fake_disk *f);

/* Completes every waiting request. */
void fake_disk_finish(struct fake_disk *f);

#endif
