/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One direction of one stream, copied between a socket and a descriptor of the caller, which stays
 * in its blocking mode: each access follows poll(), and no write may block after it.
 */
#ifndef VMM_EXEC_FLOW_H
#define VMM_EXEC_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMM_FLOW_BYTES 65536u

/* An end of a flow. */
struct vmm_flow_end {
	int fd;			/* -1: reads end at once, writes are discarded */
	bool is_socket;		/* ours */
	bool is_terminal;	/* not read in the background, where a signal would stop this process */
	size_t write_max;	/* without blocking, after poll() */
};

struct vmm_flow {
	enum vmm_flow_state {
		VMM_FLOW_OPEN,
		VMM_FLOW_ENDED,	/* the source has ended, and all is written */
		VMM_FLOW_LOST,	/* the reader is gone, or a write failed; the rest is discarded */
	} state;
	int failure;		/* negative errno of a failed write; 0 if the reader is gone */
	struct vmm_flow_end from, to;
	bool source_ended;
	size_t at, have;
	uint64_t total;		/* bytes that were read */
	uint64_t len;		/* of the source; UINT64_MAX: unknown */
	unsigned char *bytes;	/* of VMM_FLOW_BYTES */
};

int vmm_flow_init(struct vmm_flow *f);
void vmm_flow_fini(struct vmm_flow *f);

/* A descriptor of the caller for writing or reading. */
void vmm_flow_set_end(struct vmm_flow_end *end, int fd);

/* Copies until nothing is possible now, or for a bounded number of bytes. True: call again. */
bool vmm_flow_turn(struct vmm_flow *f);

#endif
