/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An entropy device (VIRTIO 1.3, section 5.4). The device fills the driver's
 * buffers with bytes of getrandom(): up to VIRTDEV_RNG_MAX bytes of each buffer,
 * at the configured rate or slower.
 *
 * Threads: see device.h.
 */
#ifndef VIRTIO_DEVICES_RNG_H
#define VIRTIO_DEVICES_RNG_H

#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Maximum number of bytes written to one buffer. */
#define VIRTDEV_RNG_MAX 4096u

struct virtdev_rng_config {
	size_t size;		/* sizeof(struct virtdev_rng_config) */
	uint64_t rate;		/* bytes per second, and maximum bytes of a burst;
				   0: no limit */
	uint32_t queue_size_max;	/* entries of its queue; 0: 256 */
};

/*
 * -EINVAL: wrong struct size, or an invalid queue_size_max;
 * -EAGAIN: the host has just booted and has no randomness yet.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_rng_new(
		const struct virtdev_rng_config *config, struct virtdev **out,
		struct vsu_error *err);

VSU_END_DECLS

#endif
