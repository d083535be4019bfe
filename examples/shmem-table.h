/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end's table of the file ranges to be mapped into its shared memory
 * regions (terms: vhost/shmem.h).
 *
 * A front-end drops mappings at the end of a session and at a reset, and a
 * back-end cannot know which of them remain after a stop. The table outlives
 * sessions and stores the mappings that its owner requires. When a ring starts,
 * it first unmaps ranges that may remain from before the stop, then requests
 * the missing mappings. A request without room is repeated after a reply.
 *
 * The owner forwards these events of the session:
 *
 *   session created or gone       shmem_table_attach()
 *   ops->run                      shmem_table_start()
 *   ops->quiesce with drain, if no other ring runs
 *                                 shmem_table_stop()
 *   ops->reset                    shmem_table_reset()
 *   ops->shmem_result             shmem_table_result()
 *
 * All shared memory requests of the session must use the table, which reserves
 * the session's cookies.
 *
 * Threads: confined to one thread, with the session. Specification: vhost-user,
 * VHOST_USER_BACKEND_SHMEM_MAP and VHOST_USER_BACKEND_SHMEM_UNMAP; VIRTIO 1.3,
 * section 2.10.
 */
#ifndef SHMEM_TABLE_H
#define SHMEM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/shmem.h>
#include <vmm-sys-util/error.h>

/* Maximum of shmem_table_config.max. */
#define SHMEM_TABLE_MAX 1024u

struct shmem_table;

/* Copied, with the sizes of the regions, which are whole pages. */
struct shmem_table_config {
	const uint64_t *shmem_sizes; /* length of each region, as in vhost_user_backend_config */
	uint32_t nshmem;
	uint32_t max;		/* number of entries, from 1 to the maximum above */
	void *opaque;
	/*
	 * Result of mapping or unmapping an entry: the codes of shmem_result; 0
	 * also if the front-end sends no reply; -EINVAL: the session lacks the
	 * region. A refused mapping is requested again at the next start of the
	 * rings. The callback may add and remove entries, but must not free the
	 * table or call shmem_table_ask_again(). May be NULL.
	 */
	void (*result)(void *opaque, uint64_t cookie, bool map, int result);
	uint64_t max_bytes;	/* of all entries; 0: the regions' total size */
};

/* -EINVAL: invalid configuration, -ENOMEM. */
int shmem_table_new(
		const struct shmem_table_config *config,
		struct shmem_table **out, struct vsu_error *err)
	VSU_NODISCARD;

/* Closes the entries' descriptors, without sending requests. t may be NULL. */
void shmem_table_free(
		struct shmem_table *t);

/*
 * Adds a mapping, which is requested as soon as possible. The descriptor is
 * duplicated. The owner chooses the cookie. -EINVAL: not in a region, not whole
 * pages, or no descriptor; -EEXIST: the cookie is in use, or the range overlaps
 * an entry; -ENOSPC: the table is full, or max_bytes would be exceeded; or the
 * error of duplicating. The range of a removed entry may be used again: the new
 * mapping waits until the old one is unmapped.
 */
int shmem_table_add(struct shmem_table *t,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;

/*
 * Removes a mapping. The descriptor is closed and the cookie is free
 * immediately. The range is unmapped as soon as possible, and occupies the
 * table until then. -ENOENT: no entry has this cookie.
 */
int shmem_table_remove(
		struct shmem_table *t, uint64_t cookie) VSU_NODISCARD;

/* Repeats requests that were refused or found no room. */
void shmem_table_ask_again(
		struct shmem_table *t);

/*
 * Attaches a session, borrowed, in which nothing is mapped yet. NULL detaches
 * it; call it before the session is freed.
 */
void shmem_table_attach(
		struct shmem_table *t, struct vhost_user_backend *b);
/* A ring runs; the first of them starts another round of requests. */
void shmem_table_start(
		struct shmem_table *t);
/* No ring runs: existing mappings are uncertain from now on. */
void shmem_table_stop(
		struct shmem_table *t);
/* The front-end has removed all mappings, and the rings are stopped. */
void shmem_table_reset(
		struct shmem_table *t);
/* The arguments of ops->shmem_result. */
void shmem_table_result(
		struct shmem_table *t, uint64_t cookie, int result);

#endif
