/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The owner of the session, for the target that is a front-end. */
#ifndef FUZZ_OWNER_H
#define FUZZ_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/frontend.h>
#include <vhost/frontend_device.h>
#include <vhost/shmem.h>
#include <vm-memory/iotlb.h>

#include "honest.h"

#define WINDOW (16 * HONEST_PAGE)

/* The bits of an input's last byte. */
#define WITH_RETURN	0x80u
#define WITH_ALL	0x40u
#define WITH_POSTCOPY	0x20u
#define WITH_IOMMU	0x10u

struct owner {
	struct vhost_user_frontend *f;
	int file_fd;		/* descriptor of shared objects */
	bool has_started, came_back;
	bool has_missed, has_placed, was_called;
	unsigned int sum;	/* sum of all received values */
	struct vmem_block *held; /* block of the kept mapping, or NULL */
	bool hold_next;		/* keep the next mapping */
};

/* A byte selects pages and their translations. */
struct vmem_iotlb_entry owner_entry(uint8_t where);
void owner_let_go(struct owner *o);
/* Sets operations of an owner, with those that the input's last byte adds, except connect. */
void owner_ops(struct vhost_user_frontend_ops *ops,
	       struct vhost_user_frontend_device_ops *device, uint8_t with);

#endif
