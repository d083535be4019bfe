/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Shared by the tests of the window of a file system: a file of a little more than
 * three chunks, a server that is asked for changes, and requests that are answered at
 * once or later.
 */
#ifndef VIRTIO_DEVICES_TESTS_FS_DAX_RIG_H
#define VIRTIO_DEVICES_TESTS_FS_DAX_RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs-rig.h"

#define CHUNK VIRTDEV_FS_WINDOW_ALIGN
#define CHUNKS 4u

struct dax_server {
	unsigned int maps, unmaps;
	struct virtdev_mapping last;
	int flags;		/* of the descriptor that was mapped last */
	int answer;
	bool knows_place;	/* as a server that maps at once */
	unsigned int asked;	/* changes, of which so many are answered: */
	unsigned int answered;
	uint64_t cookies[64];
	pthread_t thread;	/* the one that serves the queue */
	bool mapped[CHUNKS];	/* at once: where something is */
};

extern struct fs_rig dax;
extern struct dax_server dax_server;

/* at_once: the server knows where the region is. */
void dax_begin(bool read_only, bool at_once, unsigned int workers);
void dax_end(void);

/* The size of "file", as somebody else on the host changes it. */
void dax_set_size(uint64_t size);

/* A request that is answered: its error. */
int dax_map(uint64_t node, uint64_t file_at, uint64_t len, uint64_t at,
	    uint64_t flags);
int dax_unmap(uint64_t at, uint64_t len);

/* The oldest changes that are under way, as a server would. */
void dax_answer(unsigned int n, int result);
void dax_answer_all(void);

/* A request by its number, which may be answered later. */
void dax_post(uint64_t number, uint32_t opcode, uint64_t node,
	      const void *args, uint32_t len);
void dax_post_map(uint64_t number, uint64_t node, uint64_t file_at,
		  uint64_t len, uint64_t at, uint64_t flags);
/* How many answers there are now, and the error of the last one. */
unsigned int dax_collect(int *error);

/* A pool's threads need not have begun with what is in the ring. */
void dax_serve_until_asked(unsigned int n);
/* Until there is an answer, which has to be the only one: its error. */
int dax_await(void);

#endif
