/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device between register interface and backend: lock, start, reset. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "virtio/virtio_private.h"

/* A register access on its way to the main thread, on its CPU's stack. */
struct access_call {
	struct vmm_virtio *v;
	vmm_registers_fn fn;
	void *registers;
	struct varch_access *access;
	struct varch_main_call *call;
	struct access_call *next;
};

/* ----------------------------------------------------------------- the lock */

void vmm_virtio_lock(struct vmm_virtio *v)
{
	pthread_mutex_lock(&v->lock);
	__atomic_store_n(&v->owner, pthread_self(), __ATOMIC_RELAXED);
	__atomic_store_n(&v->held, true, __ATOMIC_RELEASE);
}

void vmm_virtio_unlock(struct vmm_virtio *v)
{
	__atomic_store_n(&v->held, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&v->lock);
}

bool vmm_virtio_is_mine(const struct vmm_virtio *v)
{
	return __atomic_load_n(&v->held, __ATOMIC_ACQUIRE) &&
	       pthread_equal(__atomic_load_n(&v->owner, __ATOMIC_RELAXED), pthread_self());
}

bool vmm_virtio_yield(struct vmm_virtio *v)
{
	const bool locked = vmm_virtio_is_mine(v);

	if (locked)
		vmm_virtio_unlock(v);
	return locked;
}

/* ------------------------------------------------------------------ waiting */

/* Frees a retired device when unused; deferred, as callers still use it. */
static void check_gone(struct vmm_virtio *v)
{
	if (v->gone && !virtdev_transport_is_resetting(v->transport) &&
	    !__atomic_load_n(&v->ncalls, __ATOMIC_ACQUIRE))
		vsu_alarm_start(v->resources.loop, &v->going, 0, 0);
}

/* Ends the waits of CPUs, which do not access the device afterwards. */
static void finish_waiting(struct vmm_virtio *v)
{
	struct access_call *c = v->waiting, *next;

	v->waiting = NULL;
	for (; c; c = next) {
		next = c->next;
		varch_cpus_call_done(v->cpus, c->call);
		__atomic_sub_fetch(&v->ncalls, 1, __ATOMIC_ACQ_REL);
	}
}

/* ----------------------------------------------------------- the transport */

static void on_reset_finished(void *opaque)
{
	struct vmm_virtio *v = opaque;

	finish_waiting(v);
	check_gone(v);
}

static void on_notify(void *opaque, uint32_t queue)
{
	struct vmm_virtio *v = opaque;

	v->notified = queue;
}

/* The device itself reports such a region. */
static bool is_apart(const struct vmm_virtio *v, uint32_t id)
{
	const struct virtdev_info *info =
		virtdev_get_info(virtdev_transport_device(v->transport));
	uint32_t i;

	for (i = 0; i < info->nregions; i++)
		if (info->regions[i].id == id)
			return info->regions[i].flags & VIRTDEV_REGION_APART;
	return false;
}

static bool on_shared_region(void *opaque, uint32_t id, uint64_t *base,
			     uint64_t *len)
{
	const struct vmm_virtio *v = opaque;
	const struct vmm_window *w = NULL;

	if (v->resources.shmem && id <= UINT8_MAX && !is_apart(v, id))
		w = vmm_window_find(v->resources.shmem, v, (uint8_t)id);
	if (!w)
		return false;
	*base = w->gpa;
	*len = w->len;
	return true;
}

/* The server implements the other callbacks. */
static const struct virtdev_transport_ops transport_ops = {
	.size = sizeof(transport_ops), .reset_finished = on_reset_finished,
	.notify = on_notify, .shared_region = on_shared_region,
};

/* ------------------------------------------------------------------ accesses */

/* Registers, with the lock. A notification by a VM exit is forwarded to the queue's eventfd. */
static int64_t access_registers(struct vmm_virtio *v, vmm_registers_fn fn, void *registers,
				struct varch_access *access)
{
	v->notified = -1;
	fn(registers, access);
	return v->notified;
}

static void forward_kick(struct vmm_virtio *v, int64_t queue)
{
	if (queue >= 0)
		vsu_event_signal(vmm_virtio_kick_fd(v, (uint32_t)queue));
}

/*
 * A CPU that resets the device waits for the reset; several may wait. The configuration space of
 * PCI has a window to the notifications, too.
 */
static bool access_on_main(void *opaque, struct varch_main_call *call)
{
	struct access_call *c = opaque;
	struct vmm_virtio *v = c->v;
	int64_t queue;
	bool waits;

	vmm_virtio_lock(v);
	queue = access_registers(v, c->fn, c->registers, c->access);
	waits = virtdev_transport_is_resetting(v->transport);
	c->call = call;
	c->next = v->waiting;
	v->waiting = c;
	if (!waits)
		finish_waiting(v);
	vmm_virtio_unlock(v);
	forward_kick(v, queue);
	check_gone(v);
	return false;
}

void vmm_virtio_need_reset(struct vmm_virtio *v)
{
	vmm_virtio_lock(v);
	virtdev_transport_needs_reset(v->transport);
	vmm_virtio_unlock(v);
}

static void access_locked(struct vmm_virtio *v, vmm_registers_fn fn, void *registers,
			  struct varch_access *access)
{
	int64_t queue;

	vmm_virtio_lock(v);
	queue = access_registers(v, fn, registers, access);
	vmm_virtio_unlock(v);
	forward_kick(v, queue);
}

/* Counted before the CPU waits: visible to the main thread once CPUs pause. */
static void access_call_main(struct access_call *call)
{
	struct varch_cpus *cpus = call->v->cpus;

	__atomic_add_fetch(&call->v->ncalls, 1, __ATOMIC_ACQ_REL);
	varch_cpus_call_main(cpus, access_on_main, call);
}

void vmm_virtio_access(struct vmm_virtio *v, enum virtdev_access how,
		       vmm_registers_fn fn, void *registers, struct varch_access *access)
{
	struct access_call call = { v, fn, registers, access, NULL, NULL };

	if (how == VIRTDEV_ACCESS_ANY)
		fn(registers, access);
	else if (how == VIRTDEV_ACCESS_CONTROL)
		access_call_main(&call);
	else
		access_locked(v, fn, registers, access);
}

/* --------------------------------------------------------------------- life */

static void on_going(void *opaque)
{
	struct vmm_virtio *v = opaque;
	void (*gone)(void *opaque) = v->gone;

	v->gone = NULL;
	gone(v->gone_opaque);
}

void vmm_virtio_retire(struct vmm_virtio *v, void (*gone)(void *opaque),
		       void *opaque)
{
	varch_cpus_pause(v->cpus);
	v->leave(v->registers);
	varch_cpus_resume(v->cpus);
	v->gone = gone;
	v->gone_opaque = opaque;
	vmm_virtio_lock(v);
	virtdev_transport_set_status(v->transport, 0);
	if (!virtdev_transport_is_resetting(v->transport))
		finish_waiting(v);
	vmm_virtio_unlock(v);
	check_gone(v);
}

bool vmm_virtio_is_retired(const struct vmm_virtio *v)
{
	return v->gone;
}

int vmm_virtio_new(const struct vmm_virtio_resources *resources, struct virtdev *dev,
		   const struct vmm_virtio_backend *backend, struct vmm_virtio **out,
		   struct vsu_error *err)
{
	struct vmm_virtio *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return vsu_error_sys(err, -ENOMEM, "device");
	v->ops = backend;
	v->resources = *resources;
	pthread_mutex_init(&v->lock, NULL);
	vsu_alarm_init(&v->going, on_going, v);
	rc = virtdev_transport_new(dev, &transport_ops, v, &v->transport, err);
	if (rc < 0) {
		vmm_virtio_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void vmm_virtio_set_backend(struct vmm_virtio *v, void *backend, struct virtdev_server *server)
{
	v->backend = backend;
	v->server = server;
}

void vmm_virtio_set_registers(struct vmm_virtio *v, void *registers,
			 void (*leave)(void *registers),
			 void (*free_registers)(void *registers))
{
	v->registers = registers;
	v->leave = leave;
	v->free_registers = free_registers;
}

void vmm_virtio_free(struct vmm_virtio *v)
{
	if (!v)
		return;
	v->waiting = NULL;	/* their CPUs have been stopped */
	if (v->backend)
		v->ops->free(v->backend);
	vsu_alarm_stop(&v->going);
	if (v->free_registers)
		v->free_registers(v->registers);
	virtdev_transport_free(v->transport);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

void vmm_virtio_set_cpus(struct vmm_virtio *v, struct varch_cpus *cpus)
{
	v->cpus = cpus;
}

const struct vmm_virtio_resources *vmm_virtio_get_resources(const struct vmm_virtio *v)
{
	return &v->resources;
}

struct virtdev_transport *vmm_virtio_transport(const struct vmm_virtio *v)
{
	return v->transport;
}

int vmm_virtio_kick_fd(const struct vmm_virtio *v, uint32_t queue)
{
	return virtdev_server_kick_fd(v->server, queue);
}
