/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writers and readers of state, for those who make them. */
#ifndef VIRTIO_DEVICES_STATE_PRIV_H
#define VIRTIO_DEVICES_STATE_PRIV_H

#include <virtio-devices/state.h>

struct virtdev_state_writer {
	unsigned char *bytes;	/* for free() */
	size_t len, room;
	size_t max;
	int error;		/* the first one; 0: none */
	struct vsu_error *err;	/* what virtdev_state_refuse() fills, or NULL */
};

struct virtdev_state_reader {
	const unsigned char *at;
	size_t left;
	bool cut;		/* something was read beyond the end */
};

/* Adds all of another writer behind its length, and leaves that one empty. */
void virtdev_priv_state_put_part(struct virtdev_state_writer *w,
				 struct virtdev_state_writer *part);
/* The part that comes next as a reader of its own. */
struct virtdev_state_reader virtdev_priv_state_get_part(
		struct virtdev_state_reader *r);

/* The next len bytes, or NULL. */
const unsigned char *virtdev_priv_state_take(struct virtdev_state_reader *r,
					     size_t len);

#endif
