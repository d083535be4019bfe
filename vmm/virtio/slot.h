/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio device in the machine: a transport, at one side a face whose
 * registers the guest sees (place_mmio.c), at the other side an end that
 * serves the queues: this process (local.c), a vhost-user back-end (remote.c)
 * or the kernel (kernel.c).
 *
 * Threads: register accesses come from CPU threads and take the device's
 * lock; those that start or reset the device are carried out on the main
 * thread, where the ends work. A descriptor that a back-end shares is signalled
 * without the lock, so that a CPU that is caught in it stops alone.
 */
#ifndef VMM_SLOT_H
#define VMM_SLOT_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <virtio-devices/transport.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

#include "bus/bus.h"
#include "cpu/cpus.h"
#include "kvm/kvm.h"
#include "memory/windows.h"

struct prog_workers;
struct vmm_msi;
struct vmm_pci_host;
struct vmm_virtio;

/*
 * Who serves the queues. "Lock" is the device's (vmm_virtio_lock()); each
 * member says whether it is called with it, and on which thread.
 */
struct vmm_virtio_end {
	/*
	 * The driver is ready; queues are read by virtdev_transport_queue().
	 * Main thread, with the lock. start, stop and queue_reset are NULL
	 * where virtdev_inline serves the transport's queues and does this.
	 */
	int (*start)(void *end, uint64_t features);
	/*
	 * Takes the queues back. True: done; false: vmm_virtio_stopped() is
	 * called later, and the CPUs that wrote the reset wait until then.
	 * Called again while it is under way when another CPU writes one.
	 * Main thread, with the lock; it must not wait.
	 */
	bool (*stop)(void *end);
	/*
	 * As those of struct virtdev_transport_ops; for ends that can do
	 * VQ_F_RING_RESET. Main thread, with the lock.
	 */
	int (*queue_reset)(void *end, uint32_t queue);
	int (*queue_start)(void *end, uint32_t queue);
	/* The guest's memory changed. Main thread, with the lock. */
	void (*refresh)(void *end);
	/* The eventfd of a queue's notifications; constant. Any thread. */
	int (*kick_fd)(void *end, uint32_t queue);
	/*
	 * A shared memory region; NULL: there are none. Any thread, with the
	 * lock.
	 */
	bool (*shared_region)(void *end, uint32_t id, uint64_t *base,
			      uint64_t *len);
	/*
	 * Numbers that the end counts, not the device: as virtdev_stats().
	 * Main thread, without the lock. NULL: nothing.
	 */
	uint32_t (*stats)(void *end, struct virtdev_stat *stats, uint32_t max);
	/*
	 * A stop that is under way is not to wait for anybody:
	 * vmm_virtio_stopped() is called soon. NULL: none waits for others.
	 * Main thread, without the lock.
	 */
	void (*give_up)(void *end);
	/*
	 * All is stopped by force; the transport is still there. Main thread,
	 * without the lock; no CPU has the device any more.
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
	/* For a function on the PCI bus only. */
	struct vmm_pci_host *pci;
	struct vmm_msi *msi;
	unsigned int slot;	/* on that bus */
	/* A device whose back-end died, told once. Main thread, no lock. */
	void (*lost)(void *opaque, const struct vsu_error *why);
	void *opaque;
};

/* dev is borrowed. Nothing is called before vmm_virtio_set_end(). */
int vmm_virtio_new(const struct vmm_virtio_place *place, struct virtdev *dev,
		   const struct vmm_virtio_end *ops, struct vmm_virtio **out,
		   struct vsu_error *err);
/* Before it is placed; the end is owned from now on. */
void vmm_virtio_set_end(struct vmm_virtio *v, void *end);

/* The CPUs must have been stopped, or it was retired and is gone. */
void vmm_virtio_free(struct vmm_virtio *v);

/*
 * The guest finds it no more. gone is called when its queues have stopped and
 * no CPU waits in it: later, from the loop, and once. Main thread, without the
 * lock; only where the place can be taken from a machine that runs (a PCI slot).
 */
void vmm_virtio_retire(struct vmm_virtio *v, void (*gone)(void *opaque),
		       void *opaque);

/* The guest has it no more. Main thread. */
bool vmm_virtio_is_retired(const struct vmm_virtio *v);
/* Of one that was retired: as give_up of its end. -EOPNOTSUPP: there is none. */
int vmm_virtio_give_up(struct vmm_virtio *v);

/* As virtdev_stats(), whoever counts. Main thread. */
uint32_t vmm_virtio_stats(const struct vmm_virtio *v,
			  struct virtdev_stat *stats, uint32_t max);
/* For ends: as many of them as there is room for; returns n. */
uint32_t vmm_virtio_some_stats(struct virtdev_stat *stats, uint32_t max,
			       const struct virtdev_stat *all, uint32_t n);

/* Before it is placed, or before the CPUs start. */
void vmm_virtio_set_cpus(struct vmm_virtio *v, struct vmm_cpus *cpus);

/* The guest's memory changed: running queues let go of the former map. */
void vmm_virtio_refresh(struct vmm_virtio *v);

const struct vmm_virtio_place *vmm_virtio_place(const struct vmm_virtio *v);
struct virtdev_transport *vmm_virtio_transport(const struct vmm_virtio *v);

/* For ends. */
void vmm_virtio_lock(struct vmm_virtio *v);
void vmm_virtio_unlock(struct vmm_virtio *v);
/* True when the calling thread has the lock; for assertions. */
bool vmm_virtio_is_mine(const struct vmm_virtio *v);
/* A stop that was under way is done. Main thread, without the lock. */
void vmm_virtio_stopped(struct vmm_virtio *v);
/* The guest is told that the device goes on only after a reset. Likewise. */
void vmm_virtio_need_reset(struct vmm_virtio *v);

/*
 * For faces: the object is freed with the device. leave takes it from the
 * guest's sight while no CPU runs; NULL: it stays for the machine's life.
 */
void vmm_virtio_set_face(struct vmm_virtio *v, void *face,
			 void (*leave)(void *face),
			 void (*free_face)(void *face));
int vmm_virtio_kick_fd(const struct vmm_virtio *v, uint32_t queue);

/* Carries out an access to registers as its class asks. CPU threads. */
typedef void (*vmm_face_fn)(void *face, struct vmm_access *access);
void vmm_virtio_access(struct vmm_virtio *v, enum virtdev_access how,
		       vmm_face_fn fn, void *face, struct vmm_access *access);

/* The ends. dev, and its threads or NULL, are owned on success. */
int vmm_virtio_local(const struct vmm_virtio_place *place, struct virtdev *dev,
		     struct prog_workers *workers, struct vmm_virtio **out,
		     struct vsu_error *err);

/* The faces: registers at place->gpa, one interrupt line. */
int vmm_place_mmio(struct vmm_virtio *v, struct vmm_bus *bus,
		   struct vsu_error *err);
/* A function in place->slot with vectors, and a line where there are none. */
int vmm_place_pci(struct vmm_virtio *v, struct vsu_error *err);

#endif
