/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A front-end session whose back-end has shared memory regions 0 (64 pages) and
 * 3 (16 pages), and an owner that keeps a reference to each mapping until it is
 * unmapped.
 */
#ifndef TESTS_SHMEM_RIG_H
#define TESTS_SHMEM_RIG_H

#include "front_rig.h"

#define PAGE UINT64_C(4096)
#define NEED VHOST_USER_HDR_NEED_REPLY
#define MAX_KEPT 64u

struct kept {
	struct vhost_user_shmem_change change;
	bool live;
};

extern struct kept kept[MAX_KEPT];	/* in the order of the map requests */
extern int32_t answer_with;		/* the owner's result for each map */
extern bool keep_refs;			/* keep the reference at an unmap */
/* The file to map: 32 pages; page i is filled with i + 1. */
extern int file_fd;

void setup_shmem(void);
void teardown_shmem(void);

/* Drops the owner's reference. */
void drop_ref(unsigned int i);

/* A request for a writable mapping; all values are in pages. */
struct vhost_user_shmem_mmap req(uint8_t shmid, uint64_t off, uint64_t len,
				 uint64_t fd_off);
void ask_map(struct vhost_user_shmem_mmap r);
void ask_unmap(struct vhost_user_shmem_mmap r);
/* Sends the request: 0 granted, 1 refused, -1 not acknowledged. */
int64_t map_answer(struct vhost_user_shmem_mmap r);
int64_t unmap_answer(struct vhost_user_shmem_mmap r);

#endif
