/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio device in the machine: a virtio-mmio transport on the bus, with
 * notifications in by ioeventfd and interrupts out by irqfd, and at its other
 * end whoever serves the queues: this process (virtio_local.c) or a
 * vhost-user back-end (virtio_remote.c).
 *
 * Threads: register accesses come from CPU threads and take the device's
 * lock; writes to status and queue-ready are carried out on the main thread,
 * where the ends work. A descriptor that a back-end shares is signalled
 * without the lock, so that a CPU that is caught in it stops alone.
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

/*
 * Who serves the queues. "Lock" is the device's (vmm_virtio_lock()); each
 * member says whether it is called with it, and on which thread.
 */
struct vmm_virtio_end {
	/*
	 * The driver is ready; queues are read by virtdev_mmio_queue().
	 * Main thread, with the lock.
	 */
	int (*start)(void *end, uint64_t features);
	/*
	 * Takes the queues back. True: done; false: vmm_virtio_stopped() is
	 * called later, and the CPUs that wrote the reset wait until then.
	 * Called again while it is under way when another CPU writes one.
	 * Main thread, with the lock; it must not wait.
	 */
	bool (*stop)(void *end);
	/* The guest's memory changed. Main thread, with the lock. */
	void (*refresh)(void *end);
	/*
	 * A shared memory region; NULL: there are none. Any thread, with the
	 * lock.
	 */
	bool (*shared_region)(void *end, uint32_t id, uint64_t *base,
			      uint64_t *len);
	/*
	 * All is stopped by force; the transport is still there. Main thread,
	 * without the lock; no CPU runs any more.
	 */
	void (*free)(void *end);
};

struct vmm_virtio_place {
	struct ev_loop *loop;
	const struct vmm_kvm *kvm;
	struct vmem_space *space;
	struct vmm_shmem *shmem;
	uint64_t gpa;		/* of the transport's registers */
	uint32_t irq;
	/* A device whose back-end died, told once. Main thread, no lock. */
	void (*lost)(void *opaque, const struct vsu_error *why);
	void *opaque;
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
/* True when the calling thread has the lock; for assertions. */
bool vmm_virtio_is_mine(const struct vmm_virtio *v);
/* A stop that was under way is done. Main thread, without the lock. */
void vmm_virtio_stopped(struct vmm_virtio *v);

/* The ends. dev is owned on success. */
int vmm_virtio_local(const struct vmm_virtio_place *place, struct virtdev *dev,
		     struct vmm_virtio **out, struct vsu_error *err);

#endif
