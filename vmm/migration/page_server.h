/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The source after the switch to post-copy: sends missing pages, those that the
 * destination requests first, until the destination has confirmed all.
 *
 * Threads: confined.
 */
#ifndef VMM_MIGRATION_PAGE_SERVER_H
#define VMM_MIGRATION_PAGE_SERVER_H

#include "migration/page_set.h"
#include "migration/stream.h"

struct vmm_page_server {
	struct vmm_stream *stream;
	struct vmm_page_set *set;	/* the missing pages, whole granules */
	uint64_t granule;	/* bytes that are sent at once, a power of two */
	uint64_t rate;		/* bytes per second for pages without a request; 0: no limit */
	/* The destination has loaded the state: sends "go". */
	int (*loaded)(void *opaque, struct vsu_error *err);
	/* The guest runs there. */
	void (*running)(void *opaque);
	/* Called after each page, with the bytes that the stream has sent. */
	void (*progress)(void *opaque, uint64_t bytes);
	void *opaque;

	/* its own */
	struct vmm_page_cursor cursor;
	uint64_t begun_ns, pushed;	/* pages without a request */
	bool is_loaded, is_running, is_complete;
};

/*
 * Returns 0 when all pages have arrived. -EREMOTEIO: the destination has failed;
 * -EBADMSG: it sent something else; and the errors of the stream.
 */
int vmm_page_server_run(struct vmm_page_server *p, struct vsu_error *err);

#endif
