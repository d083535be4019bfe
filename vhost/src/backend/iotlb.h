/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A session's IOTLB. */
#ifndef VHOST_USER_PRIV_IOTLB_H
#define VHOST_USER_PRIV_IOTLB_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/iotlb.h>
#include <vmm-sys-util/error.h>

struct vhost_user_backend;

/*
 * Publishes the entries over memory and references it. Unless memory only grew,
 * drops all entries first.
 */
int vhost_user_priv_iotlb_set_memory(struct vhost_user_backend *b,
				     struct vmem_map *memory, bool grows,
				     struct vsu_error *err);
/* Drops entries and memory; the space keeps its current map. */
void vhost_user_priv_iotlb_clear(struct vhost_user_backend *b);

#endif
