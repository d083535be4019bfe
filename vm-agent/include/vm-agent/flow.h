/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One direction of one stream, copied between a socket and a descriptor of the caller, which stays
 * in its blocking mode: each access follows poll(), and no write may block after it.
 *
 * Threads: confined.
 */
#ifndef VM_AGENT_FLOW_H
#define VM_AGENT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-agent/attributes.h>

VSU_BEGIN_DECLS

#define VAGENT_FLOW_BYTES 65536u

/* Fixed layout. An end of a flow. */
struct vagent_flow_end {
	int fd;			/* -1: reads end at once, writes are discarded */
	bool is_socket;		/* ours */
	bool is_terminal;	/* not read in the background, where a signal would stop this process */
	size_t write_max;	/* without blocking, after poll() */
};

/* Fixed layout. */
struct vagent_flow {
	enum vagent_flow_state {
		VAGENT_FLOW_OPEN,
		VAGENT_FLOW_ENDED,	/* the source has ended, and all is written */
		VAGENT_FLOW_LOST,	/* the reader is gone, or a write failed; the rest is discarded */
	} state;
	int failure;		/* negative errno of a failed write; 0 if the reader is gone */
	struct vagent_flow_end from, to;
	bool source_ended;
	size_t at, have;
	uint64_t total;		/* bytes that were read */
	uint64_t len;		/* of the source; UINT64_MAX: unknown */
	unsigned char *bytes;	/* of VAGENT_FLOW_BYTES */
};

/* -ENOMEM. */
VAGENT_API int vagent_flow_init(struct vagent_flow *f) VSU_NODISCARD;
VAGENT_API void vagent_flow_fini(struct vagent_flow *f);

/* A descriptor of the caller for writing or reading. */
VAGENT_API void vagent_flow_set_end(struct vagent_flow_end *end, int fd);

/* Copies until nothing is possible now, or for a bounded number of bytes. True: call again. */
VAGENT_API bool vagent_flow_turn(struct vagent_flow *f);

VSU_END_DECLS

#endif
