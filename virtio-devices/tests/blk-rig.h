/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A block device on a disk controlled by the test, and its driver. */
#ifndef VIRTIO_DEVICES_TESTS_BLK_RIG_H
#define VIRTIO_DEVICES_TESTS_BLK_RIG_H

#include <virtio-devices/blk.h>
#include <virtio-devices/latency.h>

#include "fake-disk.h"
#include "guest.h"

/* Request types, status bytes and features (VIRTIO 1.3, 5.2). */
enum {
	T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11,
	T_WRITE_ZEROES = 13,
};
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2, S_UNTOUCHED = 0xee };
#define F_RO		(UINT64_C(1) << 5)
#define F_FLUSH		(UINT64_C(1) << 9)
#define F_MQ		(UINT64_C(1) << 12)
#define F_DISCARD	(UINT64_C(1) << 13)
#define F_WRITE_ZEROES	(UINT64_C(1) << 14)

/* The parts of one request; data has 64 KiB and spans two regions. */
#define RIG_HEADER	GUEST_DATA
#define RIG_STATUS	(GUEST_DATA + 0x100u)
#define RIG_DATA	(GUEST_HALF - 0x1000u)

struct rig {
	struct fake_disk disk;
	struct virtdev *dev;
	struct guest g;
	unsigned int notified, broken;
	bool early_channels;	/* member of the device's configuration */
	struct virtdev_rate_limits limits; /* likewise */
	struct virtdev_measured *measured; /* of both queues; NULL: not measured */
	unsigned int waits;	/* calls of queue_wait */
	uint64_t wait_ns;	/* of the last one */
	uint32_t written;	/* used length of the last request */
};

/* Negotiates ring_features and every feature of the device. */
void rig_init(struct rig *r, uint64_t ring_features, uint32_t size);
/* rig_init() in two steps: the test may change disk.info in between. */
void rig_prepare(struct rig *r);
void rig_start(struct rig *r, uint64_t features, uint32_t size);
void rig_fini(struct rig *r);

/* Writes a request header at RIG_HEADER. */
void rig_header(struct rig *r, uint32_t type, uint64_t sector);

/* Adds a chain without a kick. */
void rig_add(struct rig *r, const struct vq_buffer *buffers, unsigned int n);

/* Serves until no work is left; returns the number of completed requests. */
unsigned int rig_serve(struct rig *r);

/*
 * Submits one chain, which must complete; returns its status byte or
 * S_UNTOUCHED.
 */
int rig_chain(struct rig *r, const struct vq_buffer *buffers, unsigned int n);

/* Submits a header, these data buffers and a status byte. */
int rig_request(struct rig *r, uint32_t type, uint64_t sector,
		const struct vq_buffer *data, unsigned int n);

/* Submits a request with one data buffer of len bytes at RIG_DATA. */
int rig_simple(struct rig *r, uint32_t type, uint64_t sector, uint32_t len);

/* Writes range i of a discard or write-zeroes payload at RIG_DATA + i * 16. */
void rig_range(struct rig *r, unsigned int i, uint64_t sector,
	       uint32_t sectors, uint32_t flags);

#endif
