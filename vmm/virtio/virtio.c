/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The transport of a device: registers, notifications and the interrupt. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "virtio/virtio.h"

/* Registers whose writes change what the main thread runs. */
#define QUEUE_READY 0x044
#define INTERRUPT_STATUS 0x060
#define INTERRUPT_ACK 0x064
#define STATUS 0x070

/* A register write on its way to the main thread, on its CPU's stack. */
struct carried {
	struct vmm_virtio *v;
	struct vmm_access *access;
	struct vmm_ticket *ticket;
	struct carried *next;
};

struct vmm_virtio {
	struct vmm_virtio_place place;
	const struct vmm_virtio_end *ops;
	void *end;
	struct vmm_cpus *cpus;
	struct virtdev *dev;
	struct virtdev_mmio *mmio;
	struct carried *resetting;	/* CPUs that wait for the end's stop */
	int irq_fd;
	bool irq_set;
	pthread_t main;		/* the thread that made it */
	pthread_mutex_t lock;	/* transport and device */
	pthread_t owner;	/* of the lock, while it is held */
	bool held;
	int kicked;		/* queue that the access notified, or -1 */
	uint32_t nqueues;
	int *kick_fds;
};

void vmm_virtio_lock(struct vmm_virtio *v)
{
	pthread_mutex_lock(&v->lock);
	v->owner = pthread_self();
	v->held = true;
}

void vmm_virtio_unlock(struct vmm_virtio *v)
{
	assert(vmm_virtio_is_mine(v));
	v->held = false;
	pthread_mutex_unlock(&v->lock);
}

bool vmm_virtio_is_mine(const struct vmm_virtio *v)
{
	return v->held && pthread_equal(v->owner, pthread_self());
}

static bool is_main(const struct vmm_virtio *v)
{
	return pthread_equal(v->main, pthread_self());
}

static void plain_access(struct vmm_virtio *v, struct vmm_access *access)
{
	if (access->write)
		virtdev_mmio_write(v->mmio, access->offset, access->len,
				   access->value);
	else
		access->value = virtdev_mmio_read(v->mmio, access->offset,
						  access->len);
}

/* A notification that came as an exit: the end takes it like the others. */
static void locked_access(struct vmm_virtio *v, struct vmm_access *access)
{
	int queue;

	vmm_virtio_lock(v);
	v->kicked = -1;
	plain_access(v, access);
	queue = v->kicked;
	vmm_virtio_unlock(v);
	if (queue >= 0)
		vsu_event_signal(v->kick_fds[queue]);
}

static bool stop_end(struct vmm_virtio *v)
{
	assert(is_main(v) && vmm_virtio_is_mine(v));
	return v->ops->stop(v->end);
}

/* Registers are as wide as the transport takes them: all else does nothing. */
static bool is_reset(const struct vmm_access *access)
{
	return access->offset == STATUS && access->len == 4 &&
	       !(uint32_t)access->value;
}

/*
 * The queues were taken back: resets the registers and lets all CPUs go on
 * that wait for it. A CPU's entry is gone as soon as it goes on.
 */
static void finish_resets(struct vmm_virtio *v)
{
	struct carried *c = v->resetting, *next;

	v->resetting = NULL;
	for (; c; c = next) {
		next = c->next;
		plain_access(v, c->access);
		vmm_cpus_finish(v->cpus, c->ticket);
	}
}

/*
 * The queues are taken back before a reset reaches the registers, so that the
 * driver reads 0 from status only when nothing runs any more. Several CPUs may
 * wait for the same stop.
 */
static bool store_on_main(void *opaque, struct vmm_ticket *ticket)
{
	struct carried *c = opaque;
	struct vmm_virtio *v = c->v;
	bool done = true;

	vmm_virtio_lock(v);
	if (is_reset(c->access))
		done = stop_end(v);
	if (!done) {
		c->ticket = ticket;
		c->next = v->resetting;
		v->resetting = c;
	} else {
		if (is_reset(c->access))
			finish_resets(v);
		plain_access(v, c->access);
	}
	vmm_virtio_unlock(v);
	return done;
}

void vmm_virtio_stopped(struct vmm_virtio *v)
{
	assert(is_main(v));
	vmm_virtio_lock(v);
	finish_resets(v);
	vmm_virtio_unlock(v);
}

static void on_access(void *opaque, struct vmm_access *access)
{
	struct vmm_virtio *v = opaque;
	struct carried carried = { .v = v, .access = access };

	/* Interrupt status and acknowledgement are atomic and take no lock. */
	if (access->offset == INTERRUPT_STATUS ||
	    access->offset == INTERRUPT_ACK)
		plain_access(v, access);
	else if (access->write && (access->offset == STATUS ||
				   access->offset == QUEUE_READY))
		vmm_cpus_carry(v->cpus, store_on_main, &carried);
	else
		locked_access(v, access);
}

static int on_activate(void *opaque, uint64_t features)
{
	struct vmm_virtio *v = opaque;

	assert(is_main(v) && vmm_virtio_is_mine(v));
	return v->ops->start(v->end, features);
}

static void on_reset(void *opaque)
{
	struct vmm_virtio *v = opaque;

	virtdev_reset(v->dev);
}

static void on_notify(void *opaque, uint32_t queue)
{
	struct vmm_virtio *v = opaque;

	v->kicked = (int)queue;
}

static void on_interrupt(void *opaque)
{
	struct vmm_virtio *v = opaque;

	vsu_event_signal(v->irq_fd);
}

static bool on_shared_region(void *opaque, uint32_t id, uint64_t *base,
			     uint64_t *len)
{
	struct vmm_virtio *v = opaque;

	assert(vmm_virtio_is_mine(v));
	return v->ops->shared_region &&
	       v->ops->shared_region(v->end, id, base, len);
}

static const struct virtdev_mmio_ops mmio_ops = {
	.size = sizeof(mmio_ops), .activate = on_activate, .reset = on_reset,
	.notify = on_notify, .interrupt = on_interrupt,
	.shared_region = on_shared_region,
};

static int make_kicks(struct vmm_virtio *v, struct vsu_error *err)
{
	uint32_t i;

	v->kick_fds = calloc(v->nqueues, sizeof(v->kick_fds[0]));
	if (!v->kick_fds)
		return vsu_error_sys(err, -ENOMEM, "queues");
	for (i = 0; i < v->nqueues; i++)
		v->kick_fds[i] = -1;
	for (i = 0; i < v->nqueues; i++) {
		v->kick_fds[i] = vsu_event_new();
		if (v->kick_fds[i] < 0)
			return vsu_error_sys(err, v->kick_fds[i], "queue %u",
					     i);
	}
	return 0;
}

static int make_transport(struct vmm_virtio *v, struct vsu_error *err)
{
	int rc;

	v->irq_fd = vsu_event_new();
	if (v->irq_fd < 0)
		return vsu_error_sys(err, v->irq_fd, "interrupt");
	rc = virtdev_mmio_new(v->dev, &mmio_ops, v, &v->mmio);
	return rc ? vsu_error_sys(err, rc, "virtio-mmio") : make_kicks(v, err);
}

int vmm_virtio_new(const struct vmm_virtio_place *place, struct virtdev *dev,
		   const struct vmm_virtio_end *ops, void *end,
		   struct vmm_virtio **out, struct vsu_error *err)
{
	struct vmm_virtio *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return vsu_error_sys(err, -ENOMEM, "device");
	pthread_mutex_init(&v->lock, NULL);
	v->place = *place;
	v->dev = dev;
	v->nqueues = virtdev_info(dev)->nqueues;
	v->irq_fd = -1;
	v->main = pthread_self();
	rc = make_transport(v, err);
	if (rc) {
		vmm_virtio_free(v);
		return rc;
	}
	v->ops = ops;
	v->end = end;
	*out = v;
	return 0;
}

void vmm_virtio_free(struct vmm_virtio *v)
{
	uint32_t i;

	if (!v)
		return;
	assert(is_main(v) && !vmm_virtio_is_mine(v));
	v->resetting = NULL;	/* their CPUs have been stopped */
	if (v->ops)
		v->ops->free(v->end);
	if (v->irq_set)
		vmm_kvm_irqfd(v->place.kvm, v->irq_fd, v->place.irq, false,
			      NULL);
	for (i = 0; v->kick_fds && i < v->nqueues; i++)
		vsu_fd_close(&v->kick_fds[i]);
	free(v->kick_fds);
	virtdev_mmio_free(v->mmio);
	vsu_fd_close(&v->irq_fd);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

void vmm_virtio_set_cpus(struct vmm_virtio *v, struct vmm_cpus *cpus)
{
	v->cpus = cpus;
}

int vmm_virtio_add(struct vmm_virtio *v, struct vmm_bus *bus,
		   struct vsu_error *err)
{
	const struct vmm_range range = {
		v->place.gpa, VIRTDEV_MMIO_SIZE, virtdev_name(v->dev),
		on_access, v,
	};
	struct vmm_ioeventfd io = {
		.gpa = v->place.gpa + VIRTDEV_MMIO_NOTIFY, .len = 4,
	};
	int rc = vmm_bus_add(bus, &range, err);

	for (; !rc && io.match < v->nqueues; io.match++) {
		io.event_fd = v->kick_fds[io.match];
		rc = vmm_kvm_ioeventfd(v->place.kvm, &io, true, err);
	}
	if (!rc)
		rc = vmm_kvm_irqfd(v->place.kvm, v->irq_fd, v->place.irq,
				   true, err);
	v->irq_set = !rc;
	return rc;
}

void vmm_virtio_refresh(struct vmm_virtio *v)
{
	assert(is_main(v));
	vmm_virtio_lock(v);
	v->ops->refresh(v->end);
	vmm_virtio_unlock(v);
}

const struct vmm_virtio_place *vmm_virtio_place(const struct vmm_virtio *v)
{
	return &v->place;
}

struct virtdev_mmio *vmm_virtio_mmio(const struct vmm_virtio *v)
{
	return v->mmio;
}

int vmm_virtio_kick_fd(const struct vmm_virtio *v, uint32_t queue)
{
	return v->kick_fds[queue];
}
