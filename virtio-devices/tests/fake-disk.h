/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk that a test holds in its hand: requests wait until the test lets them
 * finish, with the result that it wants. Its content is memory.
 * One thread only.
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
	struct virtdev_disk_info info;	/* as given to virtdev_disk_new() */
	unsigned char *bytes;
	bool hold;		/* kick leaves requests waiting */
	bool counts;		/* kick finishes as many as the budget allows */
	int result;		/* of requests that finish from now on */
	int refuse_submit;	/* a negative errno for submit */
	unsigned int refuse_kicks; /* so many say -EAGAIN */
	/* what was asked for, the first of it */
	struct {
		uint32_t op, may_unmap;
		uint64_t offset, len;
	} log[FAKE_LOG];
	unsigned int nlog, nwaiting, nqueued, kicks, channels, freed;
	struct fake_channel *list;
};

/* info may be changed between the two. */
void fake_disk_init(struct fake_disk *f);
void fake_disk_make(struct fake_disk *f);
/* After the disk was freed by its owner. */
void fake_disk_fini(struct fake_disk *f);

/* Lets everything that waits finish. */
void fake_disk_finish(struct fake_disk *f);

#endif
