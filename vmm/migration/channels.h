/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Additional connections of a migration, which carry memory like the first one. Each
 * block of memory (VMM_SET_BLOCK) is sent over the same connection every time, so that
 * later content of an address arrives later.
 *
 * Threads: confined, except the function of vmm_channels_start(), which runs in one
 * thread for each channel until vmm_channels_join().
 */
#ifndef VMM_MIGRATION_CHANNELS_H
#define VMM_MIGRATION_CHANNELS_H

#include <pthread.h>

#include "migration/address.h"

struct vmm_channel {
	struct vmm_stream stream;
	unsigned int number;	/* from 1; the first connection has number 0 */

	/* while its thread runs */
	pthread_t thread;
	bool started;
	int (*fn)(struct vmm_channel *channel, struct vsu_error *err);
	void *opaque;
	int rc;			/* of fn */
	struct vsu_error err;
};

struct vmm_channels {
	const struct vsu_threads *threads; /* set before vmm_channels_start(); or NULL */
	struct vmm_channel *channel; /* VMM_CHANNELS_MAX - 1, or NULL: no memory is cleared for
					them where none is needed; vmm_channels_close() frees them */
	unsigned int n;		/* additional connections */
};

/* The source announces n channels over the first connection, and connects them. */
int vmm_channels_connect(struct vmm_channels *c, unsigned int n, const char *address,
			 struct vmm_stream *first, struct vsu_error *err);

/*
 * The destination accepts the channels that a section "channels" has announced.
 * Connections of other programs are closed. -EBADMSG: an impossible number.
 */
int vmm_channels_accept(struct vmm_channels *c, struct vmm_listener *listener,
			const struct vmm_stream *first,
			const struct vsu_state_section *announced,
			struct vsu_error *err);

/* Gives the channels the closer of a stream, which is not known before the machine's owner. */
void vmm_channels_set_closer(struct vmm_channels *c, struct vsu_closer *closer);

/* Calls fn in a thread for each channel. */
void vmm_channels_start(struct vmm_channels *c,
			int (*fn)(struct vmm_channel *channel, struct vsu_error *err),
			void *opaque);

/*
 * Waits for the threads. rc: result of the first connection; after an error the others
 * are interrupted. Returns the error that came first, or 0.
 */
int vmm_channels_join(struct vmm_channels *c, int rc, struct vsu_error *err);

/* The source: no more memory follows over the channels. */
int vmm_channels_end(struct vmm_channels *c, struct vsu_error *err);

void vmm_channels_close(struct vmm_channels *c);

#endif
