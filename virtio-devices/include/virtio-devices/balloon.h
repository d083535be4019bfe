/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A memory balloon (VIRTIO 1.3, section 5.5): the driver returns pages of the
 * guest, and the host reuses their memory.
 *
 *   inflate     the driver lists pages that it does not use until it deflates
 *   target      requested size of the balloon, which can change at any time
 *   report      the driver lists pages that are free at the moment: the host
 *               discards them, and the guest may use them again at any time
 *   statistics  numbers about the guest's memory, which the driver sends on
 *               request
 *
 * A discarded page reads as zeros. vmem_block_discard() discards it: anonymous
 * memory is dropped, and a hole is punched into the file of shared memory and
 * into the private part of two-layer memory. A page is kept and counted if it is
 * not memory, is read-only, is private memory over a file, is a part of a larger
 * host page, or if may_discard refuses it.
 *
 * If the driver negotiates page poisoning with a value other than 0, free pages
 * are kept, because they would read as zeros.
 *
 * Queues: inflate, deflate, statistics, reports. Free page hints are not
 * offered. A queue that is not offered has no number for some drivers, and keeps its
 * number of the specification for others; the device supports both.
 *
 * Threads: as device.h; call these functions on the device's thread. They
 * require a device made by virtdev_balloon_new().
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

/* Unit of the driver's page numbers, independent of the page size. */
#define VIRTDEV_BALLOON_PAGE 4096u

/* Maximum page numbers read from one buffer; the rest are ignored. */
#define VIRTDEV_BALLOON_NUMBERS 1024u

/* Maximum bytes that one buffer of reports discards. */
#define VIRTDEV_BALLOON_REPORT (UINT64_C(256) << 20)

struct virtdev_balloon_config {
	size_t size;		/* sizeof(struct virtdev_balloon_config) */
	struct vmem_space *space; /* the guest's memory; borrowed, outlives the device */
	uint64_t target;	/* initial size in bytes; whole pages */
	bool deflate_on_oom;	/* the driver may deflate when it needs memory */
	bool reporting;		/* reports of free pages */
	uint32_t queue_size_max;	/* entries of a queue; 0: 128 */
	/*
	 * Whether pages of this region may be discarded; called on the threads
	 * of queues. NULL: true unless the region is read-only.
	 */
	bool (*may_discard)(void *opaque, const struct vmem_region *region);
	void *opaque;
};

/*
 * -EINVAL: wrong struct size, no space, a target that is not whole pages or
 * exceeds 2^32 - 1 pages, or an invalid queue_size_max.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_balloon_new(
		const struct virtdev_balloon_config *config,
		struct virtdev **out, struct vsu_error *err);

/*
 * Changes the target and notifies the driver, which may follow later or never.
 * -EINVAL as virtdev_balloon_new(), or dev is another device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_balloon_set_target(
		struct virtdev *dev, uint64_t bytes, struct vsu_error *err);

/*
 * Requests statistics of the guest's memory from the driver; virtdev_stats() returns them
 * after its reply. 0: the driver will reply; -EAGAIN: already requested, or not supported
 * by the driver; -EINVAL: dev is another device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_balloon_ask_stats(struct virtdev *dev);

VSU_END_DECLS

#endif
