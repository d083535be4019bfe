/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* In-process virtio devices: transport, queues and their turns in the loop. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include <virtio-devices/mmio.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "virtio.h"

/* Registers whose writes change what the main thread runs. */
#define QUEUE_READY 0x044
#define INTERRUPT_STATUS 0x060
#define INTERRUPT_ACK 0x064
#define STATUS 0x070

struct queue {
	struct vmm_virtio *v;
	struct vq *vq;
	uint32_t index;
	int kick_fd;
	bool running;
	ev_io kick, host;
};

struct vmm_virtio {
	struct vmm_virtio_place place;
	struct vmm_cpus *cpus;
	struct virtdev *dev;
	struct virtdev_mmio *mmio;
	int irq_fd;
	bool irq_set;
	pthread_mutex_t lock;	/* transport, device and queues */
	uint32_t nqueues;
	struct queue *queues;
};

/* A register write on its way to the main thread. */
struct carried {
	struct vmm_virtio *v;
	struct vmm_access *access;
};

static bool store_on_main(void *opaque, struct vmm_ticket *ticket)
{
	const struct carried *c = opaque;

	(void)ticket;
	pthread_mutex_lock(&c->v->lock);
	virtdev_mmio_write(c->v->mmio, c->access->offset, c->access->len,
			   c->access->value);
	pthread_mutex_unlock(&c->v->lock);
	return true;
}

static void locked_access(struct vmm_virtio *v, struct vmm_access *access)
{
	pthread_mutex_lock(&v->lock);
	if (access->write)
		virtdev_mmio_write(v->mmio, access->offset, access->len,
				   access->value);
	else
		access->value = virtdev_mmio_read(v->mmio, access->offset,
						  access->len);
	pthread_mutex_unlock(&v->lock);
}

/* Interrupt status and acknowledgement are atomic and take no lock. */
static void interrupt_access(struct vmm_virtio *v, struct vmm_access *access)
{
	if (access->write)
		virtdev_mmio_write(v->mmio, access->offset, access->len,
				   access->value);
	else
		access->value = virtdev_mmio_read(v->mmio, access->offset,
						  access->len);
}

static void on_access(void *opaque, struct vmm_access *access)
{
	struct vmm_virtio *v = opaque;
	struct carried carried = { v, access };

	if (access->offset == INTERRUPT_STATUS ||
	    access->offset == INTERRUPT_ACK)
		interrupt_access(v, access);
	else if (access->write && (access->offset == STATUS ||
				   access->offset == QUEUE_READY))
		vmm_cpus_carry(v->cpus, store_on_main, &carried);
	else
		locked_access(v, access);
}

/* A turn of a queue; what is left is done after others had theirs. */
static void serve(struct queue *q)
{
	struct vmm_virtio *v = q->v;

	pthread_mutex_lock(&v->lock);
	if (q->running && virtdev_queue_serve(v->dev, q->index) > 0)
		ev_feed_event(v->place.loop, &q->kick, EV_READ);
	pthread_mutex_unlock(&v->lock);
}

static void on_kick(struct ev_loop *loop, ev_io *w, int revents)
{
	struct queue *q = w->data;
	uint64_t count;

	(void)loop;
	(void)revents;
	vsu_event_drain(q->kick_fd, &count);
	serve(q);
}

static void on_host(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	serve(w->data);
}

static int start_queue(struct vmm_virtio *v, struct queue *q,
		       const struct vq_config *config)
{
	struct ev_loop *loop = v->place.loop;
	int rc = vq_enable(q->vq, config, NULL), host;

	if (rc)
		return rc;
	rc = virtdev_queue_start(v->dev, q->index, q->vq, NULL);
	if (rc) {
		vq_disable(q->vq);
		return rc;
	}
	q->running = true;
	ev_io_set(&q->kick, q->kick_fd, EV_READ);
	ev_io_start(loop, &q->kick);
	host = virtdev_queue_host_fd(v->dev, q->index);
	if (host >= 0) {
		ev_io_set(&q->host, host, EV_READ);
		ev_io_start(loop, &q->host);
	}
	ev_feed_event(loop, &q->kick, EV_READ);
	return 0;
}

static int on_activate(void *opaque, uint64_t features)
{
	struct vmm_virtio *v = opaque;
	struct vq_config config;
	uint32_t i;
	int rc = 0;

	(void)features;
	for (i = 0; !rc && i < v->nqueues; i++)
		if (virtdev_mmio_queue(v->mmio, i, &config))
			rc = start_queue(v, &v->queues[i], &config);
	return rc;
}

/* Lets the queue finish what it took: the host's answers are waited for. */
static void stop_queue(struct vmm_virtio *v, struct queue *q)
{
	struct pollfd p = { .fd = virtdev_queue_host_fd(v->dev, q->index),
			    .events = POLLIN };

	if (!q->running)
		return;
	while (virtdev_queue_drain(v->dev, q->index) > 0)
		poll(&p, 1, -1);
	virtdev_queue_stop(v->dev, q->index);
	ev_io_stop(v->place.loop, &q->kick);
	ev_io_stop(v->place.loop, &q->host);
	vq_disable(q->vq);
	q->running = false;
}

static void on_reset(void *opaque)
{
	struct vmm_virtio *v = opaque;
	uint32_t i;

	for (i = 0; i < v->nqueues; i++)
		stop_queue(v, &v->queues[i]);
	virtdev_reset(v->dev);
}

/* A notification that came as an exit: the loop takes it like the others. */
static void on_notify(void *opaque, uint32_t queue)
{
	struct vmm_virtio *v = opaque;

	vsu_event_signal(v->queues[queue].kick_fd);
}

static void on_interrupt(void *opaque)
{
	struct vmm_virtio *v = opaque;

	vsu_event_signal(v->irq_fd);
}

static void home_notify(void *opaque, uint32_t queue)
{
	struct vmm_virtio *v = opaque;

	(void)queue;
	virtdev_mmio_interrupt(v->mmio, VIRTDEV_MMIO_INT_USED);
}

static void home_config_changed(void *opaque)
{
	struct vmm_virtio *v = opaque;

	virtdev_mmio_config_changed(v->mmio);
}

static void home_queue_broken(void *opaque, uint32_t queue)
{
	struct vmm_virtio *v = opaque;

	(void)queue;
	virtdev_mmio_needs_reset(v->mmio);
}

static int make_queue(struct vmm_virtio *v, uint32_t i, struct vsu_error *err)
{
	struct queue *q = &v->queues[i];
	int rc;

	q->v = v;
	q->index = i;
	ev_init(&q->kick, on_kick);
	ev_init(&q->host, on_host);
	q->kick.data = q->host.data = q;
	q->kick_fd = vsu_event_new();
	if (q->kick_fd < 0)
		return vsu_error_sys(err, q->kick_fd, "queue %u", i);
	rc = vq_new(&q->vq);
	if (!rc)
		rc = vq_set_space(q->vq, v->place.space);
	return rc ? vsu_error_sys(err, rc, "queue %u", i) : 0;
}

static int make_queues(struct vmm_virtio *v, struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	v->queues = calloc(v->nqueues, sizeof(v->queues[0]));
	if (!v->queues)
		return vsu_error_sys(err, -ENOMEM, "queues");
	for (i = 0; i < v->nqueues; i++)
		v->queues[i].kick_fd = -1;
	for (i = 0; !rc && i < v->nqueues; i++)
		rc = make_queue(v, i, err);
	return rc;
}

static const struct virtdev_mmio_ops mmio_ops = {
	.size = sizeof(mmio_ops), .activate = on_activate, .reset = on_reset,
	.notify = on_notify, .interrupt = on_interrupt,
};

static const struct virtdev_home_ops home_ops = {
	.size = sizeof(home_ops), .notify = home_notify,
	.config_changed = home_config_changed,
	.queue_broken = home_queue_broken,
};

static int make_transport(struct vmm_virtio *v, struct vsu_error *err)
{
	int rc;

	v->irq_fd = vsu_event_new();
	if (v->irq_fd < 0)
		return vsu_error_sys(err, v->irq_fd, "interrupt");
	rc = virtdev_mmio_new(v->dev, &mmio_ops, v, &v->mmio);
	return rc ? vsu_error_sys(err, rc, "virtio-mmio") : 0;
}

int vmm_virtio_new(const struct vmm_virtio_place *place, struct virtdev *dev,
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
	rc = make_transport(v, err);
	if (!rc)
		rc = make_queues(v, err);
	if (rc) {
		v->dev = NULL;	/* stays the caller's */
		vmm_virtio_free(v);
		return rc;
	}
	virtdev_set_home(dev, &home_ops, v);
	*out = v;
	return 0;
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
		io.event_fd = v->queues[io.match].kick_fd;
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
	uint32_t i;

	pthread_mutex_lock(&v->lock);
	for (i = 0; i < v->nqueues; i++)
		vq_refresh(v->queues[i].vq);
	pthread_mutex_unlock(&v->lock);
}

const struct virtdev *vmm_virtio_device(const struct vmm_virtio *v)
{
	return v->dev;
}

void vmm_virtio_free(struct vmm_virtio *v)
{
	uint32_t i;

	if (!v)
		return;
	for (i = 0; v->queues && i < v->nqueues; i++) {
		if (v->dev)
			stop_queue(v, &v->queues[i]);
		vq_free(v->queues[i].vq);
		vsu_fd_close(&v->queues[i].kick_fd);
	}
	free(v->queues);
	if (v->irq_set)
		vmm_kvm_irqfd(v->place.kvm, v->irq_fd, v->place.irq, false,
			      NULL);
	virtdev_mmio_free(v->mmio);
	if (v->dev)
		virtdev_free(v->dev);
	vsu_fd_close(&v->irq_fd);
	pthread_mutex_destroy(&v->lock);
	free(v);
}
