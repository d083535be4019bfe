/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The server of a file system device: it maps immediately, or answers later, in any order,
 * with any error, or after the queue of the request has stopped.
 */
#ifndef FUZZ_FS_SERVER_H
#define FUZZ_FS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>

#include "play.h"

#define FS_HOME_CHANGES 256u

struct fs_server {
	struct virtdev *dev;
	uint64_t window;		/* bytes */
	bool later;
	uint32_t n;			/* number of unanswered changes, oldest first */
	uint64_t cookies[FS_HOME_CHANGES];
	uint64_t asked, refused;	/* of all inputs: the reach */
};

/* The operation region_change of the server. */
int fs_server_change(void *server, bool map, const struct virtdev_mapping *m,
		   uint64_t cookie);
/* Answers one pending change, which the input selects. */
void fs_server_answer(struct fs_server *h, struct input *in);
void fs_server_answer_all(struct fs_server *h);

#endif
