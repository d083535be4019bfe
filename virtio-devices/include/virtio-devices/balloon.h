/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A memory balloon (VIRTIO 1.3, section 5.5): the driver gives pages of the
 * guest up, and the host really gets them back.
 *
 *   inflate     the driver names pages that it does not use until it deflates
 *   target      how much the driver is asked to give, changed at any time
 *   report      the driver names pages that are free at the moment; they are
 *               given back, too, and the guest uses them again unasked
 *   statistics  numbers of the driver about its memory, when it is asked
 *
 * Pages that are given back read as zeros when the guest uses them again. A
 * page is given back by vmem_block_discard(): anonymous memory is dropped, the
 * file of shared memory is punched, and so is the private half of two-layer
 * memory. A page stays as it is and is counted if it is no memory, may only be
 * read, is private memory over a file or a part of a larger page of the host, or
 * if may_discard refuses it.
 *
 * A driver that says it fills free pages with a value (page poison) keeps them:
 * zeros would not be that value.
 *
 * Queues: inflate, deflate, statistics, reports. Free page hints are not
 * offered. Drivers number the queues that exist, or all of them as the
 * specification does; both are understood.
 *
 * Threads: as device.h; the functions of a balloon on the device's thread. They
 * take the device that virtdev_balloon_new() made, and no other.
 */
#ifndef VIRTIO_DEVICES_BALLOON_H
#define VIRTIO_DEVICES_BALLOON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* The unit of the driver's page numbers, whatever the pages are. */
#define VIRTDEV_BALLOON_PAGE 4096u

/* Page numbers that are read of one buffer; those behind them stay. */
#define VIRTDEV_BALLOON_NUMBERS 1024u

/* Bytes that one buffer of reports gives back at most. */
#define VIRTDEV_BALLOON_REPORT (UINT64_C(256) << 20)

struct virtdev_balloon_config {
	size_t size;		/* sizeof(struct virtdev_balloon_config) */
	struct vmem_space *space; /* the guest's memory; borrowed, outlives it */
	uint64_t target;	/* bytes, whole pages; at first */
	bool deflate_on_oom;	/* the driver may deflate when it needs memory */
	bool reporting;		/* of free pages */
	uint32_t queue_size_max;	/* entries of a queue; 0: 128 */
	/*
	 * Whether pages of this region may be given back; NULL: of all that
	 * are not read-only. On the threads of queues.
	 */
	bool (*may_discard)(void *opaque, const struct vmem_region *region);
	void *opaque;
};

/*
 * -EINVAL: the struct's size, no space, a target that is not of whole pages or
 * needs more than 32 bits for its number of pages, or a queue_size_max that no
 * queue can have.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_balloon_new(
		const struct virtdev_balloon_config *config,
		struct virtdev **out, struct vsu_error *err);

/*
 * The driver is told; when it follows, if at all, is up to the guest. -EINVAL as
 * virtdev_balloon_new(), or for another device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_balloon_set_target(
		struct virtdev *dev, uint64_t bytes, struct vsu_error *err);

/*
 * Asks the driver for statistics, which virtdev_get_stats() then returns. 0: it
 * will answer; -EAGAIN: it was asked already, or takes no part; -EINVAL: another
 * device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_balloon_ask_stats(struct virtdev *dev);

VSU_END_DECLS

#endif
