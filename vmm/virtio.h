/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio device in the machine: a virtio-mmio transport on the bus, with
 * notifications in by ioeventfd and interrupts out by irqfd, and a device at
 * its other end.
 *
 * Threads: register accesses come from CPU threads and take the device's
 * lock; writes to status and queue-ready are carried out on the main thread,
 * where the device also has its turns.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

#include "cpus.h"
#include "kvm.h"

struct vmm_virtio;

struct vmm_virtio_place {
	struct ev_loop *loop;
	const struct vmm_kvm *kvm;
	struct vmem_space *space;
	uint64_t gpa;		/* of the transport's registers */
	uint32_t irq;
};

/* dev is owned from then on, on success. */
int vmm_virtio_new(const struct vmm_virtio_place *place, struct virtdev *dev,
		   struct vmm_virtio **out, struct vsu_error *err);

/* The CPUs must have been stopped. */
void vmm_virtio_free(struct vmm_virtio *v);

/* Before the CPUs start. */
void vmm_virtio_set_cpus(struct vmm_virtio *v, struct vmm_cpus *cpus);
int vmm_virtio_add(struct vmm_virtio *v, struct vmm_bus *bus,
		   struct vsu_error *err);

/* The guest's memory changed: running queues let go of the former map. */
void vmm_virtio_refresh(struct vmm_virtio *v);

const struct virtdev *vmm_virtio_device(const struct vmm_virtio *v);

#endif
