/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The driver side behind its handle, and what its files share. */
#ifndef VIRTIO_QUEUE_PRIV_DRV_H
#define VIRTIO_QUEUE_PRIV_DRV_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/driver.h>

/* What we know of a buffer id; the device cannot write here. */
struct vq_priv_request {
	uint64_t cookie;
	uint32_t writable;	/* bytes that the device may write */
	uint16_t nslots;	/* descriptors in the ring; 0: not in use */
	uint16_t last;		/* split: its last descriptor */
	uint16_t next;		/* free ids (packed); free descriptors and
				   links of a chain (split) */
};

struct vq_priv_driver_ops {
	void (*init)(struct vq_driver *d);
	/* The ring has room; the buffers are in order. */
	void (*add)(struct vq_driver *d, const struct vq_buffer *buffers,
		    unsigned int n, uint64_t indirect_gpa,
		    unsigned char *indirect, uint64_t cookie);
	bool (*publish)(struct vq_driver *d);
	/* 1 with id and length, 0, -EBADMSG */
	int (*collect)(struct vq_driver *d, uint16_t *id, uint32_t *len);
	void (*release)(struct vq_driver *d, uint16_t id);
	void (*disable_call)(struct vq_driver *d);
	bool (*enable_call)(struct vq_driver *d);
};

struct vq_driver {
	const struct vq_priv_driver_ops *ops;
	struct vmem_map *map;		/* counted */
	const struct vmem_view *view;
	struct vq_layout layout;
	uint64_t gpa;
	unsigned char *desc, *driver, *device;
	unsigned char *indirect;	/* tables, or NULL */
	uint64_t indirect_gpa;
	uint32_t indirect_max;
	uint32_t size;
	bool has_event_idx, has_in_order;
	bool broken;
	uint16_t free_head;		/* of the list through next */
	uint32_t nfree;			/* slots of the ring */
	uint32_t inflight;		/* requests */
	uint16_t next_avail;		/* what was added */
	uint16_t published;		/* what the device sees */
	uint16_t next_used;		/* what was collected */
	struct vq_priv_request requests[];	/* size */
};

extern const struct vq_priv_driver_ops vq_priv_driver_split;

#endif
