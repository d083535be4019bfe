/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Definitions of state writers and readers, for code that creates them. */
#ifndef VIRTIO_DEVICES_STATE_PRIV_H
#define VIRTIO_DEVICES_STATE_PRIV_H

#include <virtio-devices/state.h>
#include <vmm-sys-util/fields.h>

struct virtdev_state_writer {
	struct vsu_fields_writer out;
	bool running;		/* the device runs: positions within requests are invalid */
	struct vsu_error *err;	/* set by virtdev_state_refuse(), or NULL */
};

struct virtdev_state_reader {
	struct vsu_fields_reader in;
};

/* Appends the length and content of another writer, and empties that one. */
void virtdev_priv_state_put_part(struct virtdev_state_writer *w,
				 struct virtdev_state_writer *part);
/* A separate reader for the next part. */
struct virtdev_state_reader virtdev_priv_state_get_part(
		struct virtdev_state_reader *r);

/* Number of bytes not read yet. */
size_t virtdev_priv_state_left(const struct virtdev_state_reader *r);

#endif
