/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Messages between "cvmm exec", "cvmm pool" and the processes of its machines, over sockets that
 * keep the bounds of messages. Neither side trusts the other: a message of an unknown type, of a
 * length or with descriptors that its type does not have, is invalid.
 *
 *	client                 pool                   machine
 *	                                              READY    the text of the machine
 *	HELLO     version, the text of a machine
 *	                       REFUSED, a sentence; or
 *	                       TAKE, the client ->
 *	                                              TAKEN
 *	COMMAND   descriptors
 *	RECORDS   ...
 *	                                              STARTED
 *	SIGNAL, SIZE
 *	                                              ENDED    status, perhaps a sentence
 *
 * The pool gives its end of the client's socket to the machine. The end of any socket ends the
 * command.
 *
 * Threads: confined.
 */
#ifndef VMM_EXEC_POOL_WIRE_H
#define VMM_EXEC_POOL_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>

#define VMM_POOL_VERSION 1u
#define VMM_POOL_MAX_PAYLOAD 65536u
#define VMM_POOL_MAX_RECORDS 32768u	/* of one message */
#define VMM_POOL_MAX_SENTENCE 512u
#define VMM_POOL_FDS 3u

enum vmm_pool_message {
	VMM_POOL_HELLO = 1,	/* uint32_t: VMM_POOL_VERSION; the text of vmm_plan_describe() */
	VMM_POOL_REFUSED,	/* a sentence */
	VMM_POOL_TAKEN,		/* empty */
	VMM_POOL_COMMAND,	/* struct vmm_pool_command, three descriptors */
	VMM_POOL_RECORDS,	/* a part of the records */
	VMM_POOL_STARTED,	/* empty */
	VMM_POOL_SIGNAL,	/* uint32_t */
	VMM_POOL_SIZE,		/* two uint16_t: rows, columns */
	VMM_POOL_ENDED,		/* uint32_t: the status; a sentence */
	VMM_POOL_READY,		/* a text as of HELLO */
	VMM_POOL_TAKE,		/* one descriptor: the socket of a client */
	VMM_POOL_MESSAGES,
};

struct vmm_pool_command {
	uint64_t timeout_ms;	/* 0: none */
	uint32_t len;		/* of all records */
	uint32_t reserved;
};

/* One that was received; its descriptors are owned by whoever has it. */
struct vmm_pool_packet {
	uint32_t type;
	char payload[VMM_POOL_MAX_PAYLOAD + 1]; /* beyond len: a NUL */
	size_t len;
	int fds[VMM_POOL_FDS];
	unsigned int nfds;
};

/* Without blocking. -EAGAIN; -EMSGSIZE: longer than its type permits; -ECONNRESET and others. */
int vmm_pool_send(int sock, enum vmm_pool_message type, const void *payload, size_t len,
		  const int *fds, unsigned int nfds) VSU_NODISCARD;

/*
 * Without blocking. -EAGAIN: none; -ECONNRESET: the peer has gone; -EBADMSG: it is invalid. After a
 * failure it has no descriptors.
 */
int vmm_pool_receive(int sock, struct vmm_pool_packet *p) VSU_NODISCARD;
void vmm_pool_packet_close(struct vmm_pool_packet *p);

#endif
