/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The shared memory regions of one back-end on the front-end's side: a table of
 * windows and their mappings. It depends on no session and no socket. A request
 * is checked and executed completely, or not at all.
 *
 *   region   a window of reserved address space, initially empty
 *   mapping  a piece of a file in a region: a block of its own, unmapped only
 *            as a whole
 *
 * Threads: confined to one thread, except as vmem_reservation permits.
 */
#ifndef VHOST_USER_PRIV_MAPPINGS_H
#define VHOST_USER_PRIV_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/protocol.h>
#include <vm-memory/block.h>
#include <vm-memory/reservation.h>
#include <vmm-sys-util/error.h>

struct vhost_user_priv_mapping {
	uint64_t off, len;
	struct vmem_block *block;
};

struct vhost_user_priv_shm_region {
	uint8_t shmid;
	struct vmem_reservation *window;
	struct vhost_user_priv_mapping *maps;
	uint32_t nmaps, room;
};

struct vhost_user_priv_mappings {
	struct vhost_user_priv_shm_region *regions;
	uint32_t nregions;
	uint32_t nmaps, max_maps;	/* sum of all regions */
	uint64_t mapped, max_mapped;	/* bytes, sum of all regions */
	struct vmem_sigbus *sigbus;
	struct vsu_closer *closer;
	bool served_files;
};

/*
 * Reserves the windows that a back-end announced, once. max_bytes limits their
 * total size. -EBADMSG: the announcement is inconsistent, -ENOSPC: too large;
 * no region exists then.
 */
int vhost_user_priv_mappings_configure(struct vhost_user_priv_mappings *s,
				    const struct vhost_user_shmem_config *config,
				    uint64_t max_bytes, struct vsu_error *err);

/* Checks that a replacement back-end has the same regions. */
int vhost_user_priv_mappings_compare(const struct vhost_user_priv_mappings *s,
				  const struct vhost_user_shmem_config *config,
				  struct vsu_error *err);
void vhost_user_priv_mappings_fini(struct vhost_user_priv_mappings *s);

/* Size of a region; 0: it does not exist. */
uint64_t vhost_user_priv_mappings_size(const struct vhost_user_priv_mappings *s,
				    uint8_t shmid);

/*
 * Maps a piece of *fd. On success takes *fd, which becomes -1; *block is
 * borrowed until the mapping is unmapped.
 */
int vhost_user_priv_mappings_map(struct vhost_user_priv_mappings *s,
			      const struct vhost_user_shmem_mmap *req, int *fd,
			      struct vmem_block **block, struct vsu_error *err);

/*
 * Removes the mapping of exactly that range. The reference on its block moves
 * to the caller; the range is unmapped when the last reference is released.
 */
int vhost_user_priv_mappings_unmap(struct vhost_user_priv_mappings *s, uint8_t shmid,
				uint64_t off, uint64_t len,
				struct vmem_block **block,
				struct vsu_error *err);

/* The window of a region, for its descriptor and for mappings still in use. */
struct vmem_reservation *
vhost_user_priv_mappings_window(const struct vhost_user_priv_mappings *s,
			     uint8_t shmid);

/* Any mapping; false: none exists. */
bool vhost_user_priv_mappings_any(const struct vhost_user_priv_mappings *s,
			       uint8_t *shmid, uint64_t *off, uint64_t *len);

#endif
