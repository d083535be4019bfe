/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio device in the machine: a virtio-mmio transport on the bus, with
 * notifications in by ioeventfd and interrupts out by irqfd, and at its other
 * end whoever serves the queues: this process (virtio_local.c) or a
 * vhost-user back-end (virtio_remote.c).
 *
 * Threads: register accesses come from CPU threads and take the device's
 * lock; writes to status and queue-ready are carried out on the main thread,
 * where the ends work.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <virtio-devices/mmio.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

#include "cpu/cpus.h"
#include "kvm/kvm.h"
#include "memory/windows.h"

struct vmm_virtio;

/* Who serves the queues. All on the main thread. */
struct vmm_virtio_end {
	/* The driver is ready; queues are read by virtdev_mmio_queue(). */
	int (*start)(void *end, uint64_t features);
	/*
	 * Takes the queues back. True: done; false: vmm_virtio_stopped() is
	 * called later, and the CPU that wrote the reset waits until then.
	 */
	bool (*stop)(void *end);
	/* The guest's memory changed. */
	void (*refresh)(void *end);
	/* A shared memory region; NULL: there are none. */
	bool (*shared_region)(void *end, uint32_t id, uint64_t *base,
			      uint64_t *len);
	/* All is stopped by force; the transport is still there. */
	void (*free)(void *end);
};

struct vmm_virtio_place {
	struct ev_loop *loop;
	const struct vmm_kvm *kvm;
	struct vmem_space *space;
	struct vmm_shmem *shmem;
	uint64_t gpa;		/* of the transport's registers */
	uint32_t irq;
};

/* dev is borrowed, the end is owned on success. */
int vmm_virtio_new(const struct vmm_virtio_place *place, struct virtdev *dev,
		   const struct vmm_virtio_end *ops, void *end,
		   struct vmm_virtio **out, struct vsu_error *err);

/* The CPUs must have been stopped. */
void vmm_virtio_free(struct vmm_virtio *v);

/* Before the CPUs start. */
void vmm_virtio_set_cpus(struct vmm_virtio *v, struct vmm_cpus *cpus);
int vmm_virtio_add(struct vmm_virtio *v, struct vmm_bus *bus,
		   struct vsu_error *err);

/* The guest's memory changed: running queues let go of the former map. */
void vmm_virtio_refresh(struct vmm_virtio *v);

/* For ends. */
const struct vmm_virtio_place *vmm_virtio_place(const struct vmm_virtio *v);
struct virtdev_mmio *vmm_virtio_mmio(const struct vmm_virtio *v);
int vmm_virtio_kick_fd(const struct vmm_virtio *v, uint32_t queue);
void vmm_virtio_lock(struct vmm_virtio *v);
void vmm_virtio_unlock(struct vmm_virtio *v);
void vmm_virtio_stopped(struct vmm_virtio *v);

/* The ends. dev is owned on success. */
int vmm_virtio_local(const struct vmm_virtio_place *place, struct virtdev *dev,
		     struct vmm_virtio **out, struct vsu_error *err);

#endif
