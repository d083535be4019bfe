/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Configuration writes that each start of a front-end repeats. */
#ifndef VHOST_FRONTEND_KEPT_H
#define VHOST_FRONTEND_KEPT_H

#include <stdint.h>

#include <vmm-sys-util/error.h>

struct vhost_user_frontend;

#define FE_KEPT_WRITES 8u
#define FE_KEPT_BYTES 8u

struct fe_kept_write {
	uint32_t off, len;
	unsigned char bytes[FE_KEPT_BYTES];
};

struct fe_kept {
	struct fe_kept_write writes[FE_KEPT_WRITES];
	unsigned int n;
};

/* A step of a start. */
int vhost_user_priv_fe_send_kept(struct vhost_user_frontend *f,
				 unsigned int item, struct vsu_error *err);
unsigned int vhost_user_priv_fe_kept_count(struct vhost_user_frontend *f);

#endif
