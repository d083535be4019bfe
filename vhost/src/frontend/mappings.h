/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The shared memory regions of one back-end, on the front-end's side: a table
 * of windows and of what is mapped in them. It knows no session and no socket;
 * what a request may do is judged here, and nothing of it is half done.
 *
 *   region   a window of address space, empty until something is mapped
 *   mapping  a piece of a file in a region: a block of its own, which leaves
 *            only as a whole
 *
 * Threads: confined to one thread, except as vmem_reservation says.
 */
#ifndef VHOST_USER_PRIV_SHMEM_H
#define VHOST_USER_PRIV_SHMEM_H

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

struct vhost_user_priv_shmem {
	struct vhost_user_priv_shm_region *regions;
	uint32_t nregions;
	uint32_t nmaps, max_maps;	/* of all regions */
	uint64_t mapped, max_mapped;	/* bytes, likewise */
	struct vmem_sigbus *sigbus;
	struct vsu_closer *closer;
	bool served_files;
};

/*
 * Makes the windows that a back-end announced, once. max_bytes is the most
 * that all of them may have together. -EBADMSG when the announcement makes no
 * sense, -ENOSPC when it is too large; there are no regions then.
 */
int vhost_user_priv_shmem_configure(struct vhost_user_priv_shmem *s,
				    const struct vhost_user_shmem_config *config,
				    uint64_t max_bytes, struct vsu_error *err);

/* Everything goes; blocks live on where somebody holds them. */
/* Whether a back-end that came back has the same regions. */
int vhost_user_priv_shmem_compare(const struct vhost_user_priv_shmem *s,
				  const struct vhost_user_shmem_config *config,
				  struct vsu_error *err);
void vhost_user_priv_shmem_fini(struct vhost_user_priv_shmem *s);

/* Size of a region, 0 when there is none. */
uint64_t vhost_user_priv_shmem_size(const struct vhost_user_priv_shmem *s,
				    uint8_t shmid);

/*
 * Maps a piece of *fd, which is taken and becomes -1, on success. *block is the
 * mapping, borrowed, until it is unmapped.
 */
int vhost_user_priv_shmem_map(struct vhost_user_priv_shmem *s,
			      const struct vhost_user_shmem_mmap *req, int *fd,
			      struct vmem_block **block, struct vsu_error *err);

/*
 * Forgets the mapping that is exactly that range; the reference on its block
 * moves to the caller. Its place is empty when the last reference is gone.
 */
int vhost_user_priv_shmem_unmap(struct vhost_user_priv_shmem *s, uint8_t shmid,
				uint64_t off, uint64_t len,
				struct vmem_block **block,
				struct vsu_error *err);

/* The window of a region, for its descriptor and for what is still busy. */
struct vmem_reservation *
vhost_user_priv_shmem_window(const struct vhost_user_priv_shmem *s,
			     uint8_t shmid);

/* Some mapping, any; false when there is none. */
bool vhost_user_priv_shmem_any(const struct vhost_user_priv_shmem *s,
			       uint8_t *shmid, uint64_t *off, uint64_t *len);

#endif
