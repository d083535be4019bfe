/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Definitions of state writers and readers, for code that creates them. */
#ifndef VIRTIO_DEVICES_STATE_PRIV_H
#define VIRTIO_DEVICES_STATE_PRIV_H

#include <virtio-devices/state.h>

struct virtdev_state_writer {
	unsigned char *bytes;	/* malloc() */
	size_t len, room;
	size_t max;
	int error;		/* the first one; 0: none */
	bool running;		/* the device runs: positions within requests are invalid */
	struct vsu_error *err;	/* set by virtdev_state_refuse(), or NULL */
};

struct virtdev_state_reader {
	const unsigned char *at;
	size_t left;
	bool truncated;		/* a read exceeded the end */
};

/* Appends the length and content of another writer, and empties that one. */
void virtdev_priv_state_put_part(struct virtdev_state_writer *w,
				 struct virtdev_state_writer *part);
/* A separate reader for the next part. */
struct virtdev_state_reader virtdev_priv_state_get_part(
		struct virtdev_state_reader *r);

/* Number of bytes not read yet. */
size_t virtdev_priv_state_left(const struct virtdev_state_reader *r);

/* The next len bytes, or NULL. */
const unsigned char *virtdev_priv_state_take(struct virtdev_state_reader *r,
					     size_t len);

#endif
