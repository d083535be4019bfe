/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Copies one direction of one stream between a socket and a descriptor of the caller. The mode of the
 * descriptor (O_NONBLOCK) is not changed: poll() precedes each access, and writes are limited to what
 * cannot block then.
 *
 * Threads: confined.
 */
#ifndef VM_AGENT_HOST_FLOW_H
#define VM_AGENT_HOST_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/attributes.h>

#define VAGENT_FLOW_BYTES 65536u

/* The source or the destination of a flow; vagent_priv_flow_set_end() sets all members. */
struct vagent_priv_flow_end {
	int fd;			/* -1: reads end at once, writes are discarded */
	bool is_socket;		/* recv() and send() are used */
	bool is_terminal;	/* not read in the background */
	size_t write_max;	/* bytes that a write after poll() cannot block for */
};

struct vagent_priv_flow {
	enum vagent_priv_flow_state {
		VAGENT_FLOW_OPEN,
		VAGENT_FLOW_ENDED,	/* the source has ended, and all is written */
		VAGENT_FLOW_LOST,	/* the reader is gone, or a write failed; the rest is discarded */
	} state;
	int failure;		/* negative errno of a failed write; 0 if the reader is gone */
	struct vagent_priv_flow_end from, to;
	bool source_ended;
	size_t at, have;
	uint64_t total;		/* bytes that were read */
	uint64_t len;		/* bytes of the source; UINT64_MAX: unknown */
	unsigned char *bytes;	/* a buffer of VAGENT_FLOW_BYTES */
};

/* Makes a flow without ends, of unknown length. -ENOMEM. */
int vagent_priv_flow_init(struct vagent_priv_flow *f) VSU_NODISCARD;
void vagent_priv_flow_fini(struct vagent_priv_flow *f);

/* Sets an end to a descriptor, which stays the caller's, or to -1. */
void vagent_priv_flow_set_end(struct vagent_priv_flow_end *end, int fd);

/*
 * Reads or writes what is possible without blocking; a negative errno, -EAGAIN if nothing is. A read of 0 bytes
 * is the end of the source.
 */
ssize_t vagent_priv_flow_read(const struct vagent_priv_flow_end *end, void *bytes, size_t len);
ssize_t vagent_priv_flow_write(const struct vagent_priv_flow_end *end, const void *bytes, size_t len);
/* Tells whether the result of an access means that it is possible later. */
bool vagent_priv_flow_is_later(ssize_t n);

/* Copies until a read or write would block, or up to a limit of bytes. True: it can copy more now. */
bool vagent_priv_flow_turn(struct vagent_priv_flow *f);

#endif
