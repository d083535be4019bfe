/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end's table of the pieces of files that shall be mapped into its
 * shared memory regions (vhost/shmem.h has the words).
 *
 * A front-end forgets: mappings end with the session and with a reset, and
 * nobody tells a back-end which of them a stop has left. The table outlives
 * sessions and knows what its owner wants; it asks for what is missing when a
 * ring starts, takes away first what may be left from before the stop, and
 * keeps a request that finds no room now until an answer has made some.
 *
 * The owner hands on what the session tells it:
 *
 *   a session was made, is gone   vhost_user_shmem_table_attach()
 *   ops->run                      vhost_user_shmem_table_start()
 *   ops->quiesce with drain, and no other ring runs
 *                                 vhost_user_shmem_table_stop()
 *   ops->reset                    vhost_user_shmem_table_reset()
 *   ops->shmem_result             vhost_user_shmem_table_result()
 *
 * All requests of the session go through the table: it needs the session's
 * cookies for itself.
 *
 * Threads: confined, with the session. Specification: vhost-user,
 * VHOST_USER_BACKEND_SHMEM_MAP and VHOST_USER_BACKEND_SHMEM_UNMAP;
 * VIRTIO 1.3, section 2.10.
 */
#ifndef VHOST_SHMEM_TABLE_H
#define VHOST_SHMEM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vhost/shmem.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* The largest vhost_user_shmem_table_config.max. */
#define VHOST_USER_SHMEM_TABLE_MAX 1024u

struct vhost_user_shmem_table;

/* Sized. Copied, with the sizes of the regions. */
struct vhost_user_shmem_table_config {
	size_t size;
	const uint64_t *shmem_sizes; /* bytes of each region, as in
					vhost_user_backend_config */
	uint32_t nshmem;
	uint32_t max;		/* entries, from 1 to the limit above */
	void *opaque;
	/*
	 * The entry's mapping, or unmapping, came to this result: the codes of
	 * shmem_result; 0 where the front-end answers nothing; -EINVAL when
	 * the session does not have the region. A mapping that was refused is
	 * asked for again when the rings start anew. The callback may add and
	 * remove, but not free the table and not ask again. NULL: nobody
	 * listens.
	 */
	void (*told)(void *opaque, uint64_t cookie, bool map, int result);
	uint64_t max_bytes;	/* of all entries; 0: as many as the regions
				   have room for */
};

/* -EINVAL for the configuration, -ENOMEM. */
VHOST_USER_API int vhost_user_shmem_table_new(
		const struct vhost_user_shmem_table_config *config,
		struct vhost_user_shmem_table **out, struct vsu_error *err)
	VSU_NODISCARD;

/* Closes the entries' descriptors. Asks for nothing; NULL is allowed. */
VHOST_USER_API void vhost_user_shmem_table_free(
		struct vhost_user_shmem_table *t);

/*
 * From now on the piece shall be mapped; it is asked for as soon as it can be.
 * The descriptor is duplicated. The cookie is the owner's name of the entry.
 * -EINVAL: not within a region, no whole pages, or no descriptor; -EEXIST: the
 * cookie is in the table, or an entry is in the way; -ENOSPC: the table is
 * full, or would have more than max_bytes; or the code of duplicating. A place whose entry was removed is no
 * longer in the way: the new mapping waits until the old one is gone.
 */
VHOST_USER_API int vhost_user_shmem_table_add(struct vhost_user_shmem_table *t,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;

/*
 * From now on it shall not be mapped. The descriptor is closed and the cookie
 * is free at once; a mapping is unmapped as soon as it can be, and takes room
 * in the table until then. -ENOENT: there is none of this cookie.
 */
VHOST_USER_API int vhost_user_shmem_table_remove(
		struct vhost_user_shmem_table *t, uint64_t cookie) VSU_NODISCARD;

/* Asks again for mappings that were refused, and for what found no room. */
VHOST_USER_API void vhost_user_shmem_table_ask_again(
		struct vhost_user_shmem_table *t);

/*
 * The session, borrowed, in which nothing is mapped yet; NULL: it is gone.
 * Call with NULL before the session is freed.
 */
VHOST_USER_API void vhost_user_shmem_table_attach(
		struct vhost_user_shmem_table *t, struct vhost_user_backend *b);
/* A ring runs; the first of them begins a new round of requests. */
VHOST_USER_API void vhost_user_shmem_table_start(
		struct vhost_user_shmem_table *t);
/* No ring runs: whether mappings are still there is in doubt. */
VHOST_USER_API void vhost_user_shmem_table_stop(
		struct vhost_user_shmem_table *t);
/* The front-end has taken all mappings away, and the rings are stopped. */
VHOST_USER_API void vhost_user_shmem_table_reset(
		struct vhost_user_shmem_table *t);
/* The arguments of ops->shmem_result. */
VHOST_USER_API void vhost_user_shmem_table_result(
		struct vhost_user_shmem_table *t, uint64_t cookie, int result);

VSU_END_DECLS

#endif
