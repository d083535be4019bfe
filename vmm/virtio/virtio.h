/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio device in the machine: a transport between a register interface that
 * the guest accesses (mmio.c, pci.c) and the server of its queues
 * (<virtio-devices/server.h>), which a backend connects with the machine: local.c if this process
 * serves them, remote.c for a vhost-user back-end, kernel.c for the kernel.
 *
 * Threads: CPU threads access registers with the device's lock. Accesses that
 * start or reset the device are executed on the main thread, as are the
 * backends. An eventfd shared with a back-end is signalled without the lock, so
 * that a CPU that blocks on it stops no other. The main thread signals it when a
 * ring starts, and for a notification by the configuration space of PCI.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/dirty_log.h>
#include <virtio-devices/device.h>
#include <virtio-devices/server.h>
#include <virtio-devices/transport.h>
#include <virtio-devices/vhost_user_transport.h>
#include <vm-arch/bus.h>
#include <vm-arch/cpus.h>
#include <vm-arch/vm.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/loop.h>

#include "memory/private_memory.h"
#include "memory/windows.h"

struct devkind_workers;
struct varch_pci_host;
struct virtdev_vhost_kern;
struct vmm_virtio;

/* The remedy of a caller for a server that does not offer something. */
struct vmm_virtio_remedy {
	const char *text;	/* appended to the reason; NULL: none */
	uint32_t advice;	/* enum cvmm_advice, or 0 */
};

/*
 * Operations of the machine for the server of a device's queues, beside the functions of
 * <virtio-devices/server.h>. An operation that is NULL does nothing. Main thread; "lock" is
 * the device's (vmm_virtio_lock()).
 */
struct vmm_virtio_backend {
	/*
	 * The guest's memory changed. With the lock. NULL: the server's queues release the
	 * previous map.
	 */
	void (*refresh)(void *backend);
	/*
	 * While the device is paused: the server gets the map before its queues run
	 * again. -ENOSPC: the map has more regions than it accepts, and it keeps the
	 * previous one. NULL: refresh was enough. With the lock.
	 */
	int (*announce)(void *backend, struct vsu_error *err);
	/*
	 * Statistics of the backend instead of the device's, as virtdev_stats(). NULL: the
	 * device's. Without the lock.
	 */
	uint32_t (*stats)(void *backend, struct virtdev_stat *stats, uint32_t max);
	/* The process that cvmm started for the device, or 0. Without the lock. */
	pid_t (*process)(void *backend);
	/*
	 * Stops by force; the transport still exists. Without the lock; no CPU can access
	 * the device any more.
	 */
	void (*free)(void *backend);
	/* The remedies where a server has no log, or no post-copy. */
	struct vmm_virtio_remedy log_remedy, postcopy_remedy;
};

/* Resources of the machine that a device uses. */
struct vmm_virtio_resources {
	struct vsu_loop *loop;
	const struct vmm_log *log;	/* or NULL */
	const struct vmm_closer *closer; /* or NULL */
	const struct cvmm_servers *servers; /* NULL: none can be started */
	const struct varch_vm *kvm;
	struct vmem_space *space;
	const struct vmm_private *private_memory;	/* NULL: none */
	struct vmm_windows *shmem;
	uint64_t gpa;		/* address of the transport's registers */
	uint32_t irq;
	/* Only for a function on the PCI bus. */
	struct varch_pci_host *pci;
	unsigned int slot;	/* number on that bus */
	bool postcopy;		/* the guest may run before its memory has arrived */
	bool borrows;		/* for this process: the device is its owner's */
	bool measures;		/* the latency of requests, if this process serves them */
	/* Called once if the back-end fails. Main thread, without the lock. */
	void (*lost)(void *opaque, const struct vsu_error *why);
	/*
	 * The back-end disconnected, and another one may follow, which calls back. Main
	 * thread, with the lock; NULL: not notified.
	 */
	void (*away)(void *opaque, const struct vsu_error *why);
	void (*back)(void *opaque, enum virtdev_vhost_user_settings settings);
	void *opaque;
};

/* dev is borrowed. No operation is called before vmm_virtio_set_backend(). */
int vmm_virtio_new(const struct vmm_virtio_resources *resources, struct virtdev *dev,
		   const struct vmm_virtio_backend *ops, struct vmm_virtio **out,
		   struct vsu_error *err);
/* Call it before the device is attached; owns the backend from now on, which owns the server. */
void vmm_virtio_set_backend(struct vmm_virtio *v, void *backend, struct virtdev_server *server);

/*
 * The CPUs must have been stopped, or the device was retired and gone was
 * called.
 */
void vmm_virtio_free(struct vmm_virtio *v);

/*
 * Removes the device from the guest's view. gone is called once, later, from
 * the loop, when the queues have stopped and no CPU accesses the device. Main
 * thread, without the lock; only for devices that can be removed while the
 * machine runs (PCI slots).
 */
void vmm_virtio_retire(struct vmm_virtio *v, void (*gone)(void *opaque),
		       void *opaque);

/* True after vmm_virtio_retire(). Main thread. */
bool vmm_virtio_is_retired(const struct vmm_virtio *v);
/*
 * For a retired device: returns its queues to the guest without waiting for another process.
 * -EOPNOTSUPP: its server is none, or the device is not retired.
 */
int vmm_virtio_force_stop(struct vmm_virtio *v);

/* The process id of its daemon, if cvmm started one; else 0. Main thread. */
pid_t vmm_virtio_process(const struct vmm_virtio *v);

/* As virtdev_stats(), from backend or device. Main thread. */
uint32_t vmm_virtio_stats(const struct vmm_virtio *v,
			  struct virtdev_stat *stats, uint32_t max);
/* Called by backends: copies up to max of them; returns n. */
uint32_t vmm_virtio_some_stats(struct virtdev_stat *stats, uint32_t max,
			       const struct virtdev_stat *all, uint32_t n);

/*
 * Saves and loads the device with its transport and registers. Main thread, without
 * the lock, while no CPU runs. -EAGAIN of pause: call it again after each turn of
 * the loop, or resume. Only if it saves, vmm_virtio_take() may follow. A load is into a
 * new device, and leaves it paused. A pause that does not save succeeds for a device
 * whose server is lost or disconnected. resume also repeats the interrupts of all queues,
 * because a saved one may have been lost on its way.
 */
int vmm_virtio_check_save(const struct vmm_virtio *v, struct vsu_error *err);
int vmm_virtio_pause(struct vmm_virtio *v, bool saves);
int vmm_virtio_resume(struct vmm_virtio *v);
int vmm_virtio_take(struct vmm_virtio *v, void **bytes, size_t *len,
		    struct vsu_error *err);
int vmm_virtio_load(struct vmm_virtio *v, const void *bytes, size_t len,
		    struct vsu_error *err);

/*
 * For a migration: the log of pages that its server writes, if that is not this process.
 * -EOPNOTSUPP of check: it cannot log. Set the log while the device is paused, from NULL
 * on, which ends it. The last function adds the rings of the paused device. Main thread,
 * without the lock.
 */
int vmm_virtio_check_log(const struct vmm_virtio *v, struct vsu_error *err);
int vmm_virtio_set_log(struct vmm_virtio *v, const struct vhost_dirty_log *log,
		       struct vsu_error *err);
void vmm_virtio_log_rings(struct vmm_virtio *v, const struct vhost_dirty_log *log);

/*
 * For post-copy at the destination, if resources->postcopy is set. advise: the server must
 * be able to wait for missing pages, or this fails with its name. listen: before the
 * device is resumed; 1: the server uses memory that has not arrived, and to->ended follows;
 * 0: it does not. end: all memory has arrived, or will not be missing. The first two block
 * for a reply. Main thread, without the lock.
 */
int vmm_virtio_postcopy_advise(struct vmm_virtio *v, struct vsu_error *err);
int vmm_virtio_postcopy_listen(struct vmm_virtio *v, const struct virtdev_page_faults *to,
			       struct vsu_error *err);
void vmm_virtio_postcopy_end(struct vmm_virtio *v);

/* Call it before the device is attached, or before the CPUs start. */
void vmm_virtio_set_cpus(struct vmm_virtio *v, struct varch_cpus *cpus);

/* The guest's memory changed: running queues release the previous map. */
void vmm_virtio_refresh(struct vmm_virtio *v);

/* Called after a refresh of a paused device: as the operation of its backend. */
int vmm_virtio_announce(struct vmm_virtio *v, struct vsu_error *err);

const struct vmm_virtio_resources *vmm_virtio_get_resources(const struct vmm_virtio *v);
struct virtdev_transport *vmm_virtio_transport(const struct vmm_virtio *v);

/*
 * The guest's memory as its server gets it: the windows of other devices are left out if the
 * server has no room for them. With the lock.
 */
int vmm_virtio_give_memory(struct vmm_virtio *v, bool with_windows, struct vsu_error *err);

/* Called by backends. */
void vmm_virtio_lock(struct vmm_virtio *v);
void vmm_virtio_unlock(struct vmm_virtio *v);
/* True if the calling thread holds the lock. */
bool vmm_virtio_is_mine(const struct vmm_virtio *v);
/*
 * Releases the lock if this thread holds it, and returns whether it did. For changes of
 * windows: they may pause the CPUs, and one of them may wait for this device's lock.
 */
bool vmm_virtio_yield(struct vmm_virtio *v);
/*
 * Sets DEVICE_NEEDS_RESET: the device continues only after a reset. Main thread, without the
 * lock.
 */
void vmm_virtio_need_reset(struct vmm_virtio *v);

/*
 * For register interfaces: the object is freed with the device. leave removes
 * it from the guest's view while no CPU runs; NULL: it cannot be removed.
 */
void vmm_virtio_set_registers(struct vmm_virtio *v, void *registers,
			 void (*leave)(void *registers),
			 void (*free_registers)(void *registers));
int vmm_virtio_kick_fd(const struct vmm_virtio *v, uint32_t queue);

/* Executes a register access as its class requires. CPU threads. */
typedef void (*vmm_registers_fn)(void *registers, struct varch_access *access);
void vmm_virtio_access(struct vmm_virtio *v, enum virtdev_access how,
		       vmm_registers_fn fn, void *registers, struct varch_access *access);

/* The backends. dev, unless it is borrowed, and its threads or NULL are owned on success. */
int vmm_virtio_local(const struct vmm_virtio_resources *resources, struct virtdev *dev,
		     struct devkind_workers *workers, struct vmm_virtio **out,
		     struct vsu_error *err);
/* A device whose queues the host's kernel serves: kern and workers likewise. */
int vmm_virtio_kernel(const struct vmm_virtio_resources *resources,
		      struct virtdev_vhost_kern *kern, struct devkind_workers *workers,
		      struct vmm_virtio **out, struct vsu_error *err);

/* The register interfaces: registers at resources->gpa, one interrupt line. */
int vmm_virtio_attach_mmio(struct vmm_virtio *v, struct varch_bus *bus,
			   struct vsu_error *err);
/*
 * A function in resources->slot with MSI-X vectors, and an interrupt line as
 * fallback.
 */
int vmm_virtio_attach_pci(struct vmm_virtio *v, struct vsu_error *err);

#endif
