/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Eventfds of queues that another process or the kernel serves. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "owner/owner.h"
#include "virtio/rings.h"

static int make_ring(struct vmm_ring *q)
{
	q->kick_fd = vsu_event_new();
	if (q->kick_fd < 0)
		return q->kick_fd;
	q->call_fd = vsu_event_new();
	if (q->call_fd < 0)
		return q->call_fd;
	q->err_fd = vsu_event_new();
	return q->err_fd < 0 ? q->err_fd : 0;
}

int vmm_rings_make(struct vmm_rings *r, uint32_t n, struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	r->ring = calloc(n, sizeof(r->ring[0]));
	if (!r->ring)
		return vsu_error_sys(err, -ENOMEM, "queues");
	r->n = n;
	for (i = 0; i < n; i++) {
		r->ring[i].rings = r;
		r->ring[i].index = i;
		r->ring[i].kick_fd = r->ring[i].call_fd = -1;
		r->ring[i].err_fd = -1;
	}
	for (i = 0; !rc && i < n; i++)
		rc = make_ring(&r->ring[i]);
	return rc ? vsu_error_sys(err, rc, "queues") : 0;
}

struct virtdev_server_queue *vmm_rings_describe(const struct vmm_rings *r)
{
	struct virtdev_server_queue *queues = calloc(r->n, sizeof(queues[0]));
	uint32_t i;

	for (i = 0; queues && i < r->n; i++)
		queues[i] = (struct virtdev_server_queue){
			r->ring[i].kick_fd, r->ring[i].call_fd, r->ring[i].err_fd,
		};
	return queues;
}

void vmm_rings_fini(struct vmm_rings *r)
{
	uint32_t i;

	for (i = 0; r->ring && i < r->n; i++) {
		if (r->v) {
			vsu_io_stop(&r->ring[i].called);
			vsu_io_stop(&r->ring[i].broken);
		}
		vsu_fd_close(&r->ring[i].err_fd);
		vsu_fd_close(&r->ring[i].call_fd);
		vsu_fd_close(&r->ring[i].kick_fd);
	}
	free(r->ring);
	r->ring = NULL;
}

static void on_call(void *opaque)
{
	const struct vmm_ring *q = opaque;

	q->rings->calls++;
	vsu_event_drain(q->call_fd, NULL);
	virtdev_transport_interrupt(vmm_virtio_transport(q->rings->v),
				    q->index);
}

/* Logged once: a driver that ignores the error cannot cause a busy loop. */
static void on_broken(void *opaque)
{
	struct vmm_ring *q = opaque;

	vsu_io_stop(&q->broken);
	vmm_log(vmm_virtio_get_resources(q->rings->v)->log, CVMM_LOG_WARNING, "broken",
		 "%s reports that queue %" PRIu32 " of its device is broken; the guest has to reset the device",
		 q->rings->who, q->index);
	vmm_virtio_need_reset(q->rings->v);
}

void vmm_rings_run(struct vmm_rings *r, struct vmm_virtio *v,
		   struct vsu_loop *loop)
{
	struct vmm_ring *q;
	uint32_t i;

	r->v = v;
	r->loop = loop;
	for (i = 0; i < r->n; i++) {
		q = &r->ring[i];
		vsu_io_init(&q->called, on_call, q, q->call_fd, VSU_IO_READ);
		vsu_io_start(loop, &q->called);
		vsu_io_init(&q->broken, on_broken, q, q->err_fd, VSU_IO_READ);
	}
}

void vmm_rings_watch_faults(struct vmm_rings *r)
{
	uint32_t i;

	for (i = 0; i < r->n; i++) {
		vsu_event_drain(r->ring[i].err_fd, NULL);
		vsu_io_start(r->loop, &r->ring[i].broken);
	}
}
