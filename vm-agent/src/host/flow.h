/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reads and writes a descriptor of the caller, the end of one direction of a stream. The mode of the
 * descriptor (O_NONBLOCK) is not changed: poll() precedes each access, and writes are limited to what
 * cannot block then.
 *
 * Threads: confined.
 */
#ifndef VM_AGENT_HOST_FLOW_H
#define VM_AGENT_HOST_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define VAGENT_FLOW_BYTES 65536u

/* The source or the destination of a flow; vagent_priv_flow_set_end() sets all members. */
struct vagent_priv_flow_end {
	int fd;			/* -1: reads end at once, writes are discarded */
	bool is_socket;		/* recv() and send() are used */
	bool is_terminal;	/* not read in the background */
	size_t write_max;	/* bytes that a write after poll() cannot block for */
};

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

#endif
