/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Messages between "cvmm exec", "cvmm pool" and the processes of its machines, over sockets that
 * keep the bounds of messages. The sides do not trust each other. A message is invalid if its type is unknown,
 * or has another length or number of descriptors.
 *
 *	client                 pool                   machine
 *	                                              READY    the text of the machine
 *	HELLO     version, the text of a machine
 *	                       REFUSED, a sentence; or
 *	                       TAKE, the client ->
 *	                                              TAKEN    the ports of the guest's agent
 *	                                              TERMINATE
 *	                                              ENDED    status, perhaps a sentence
 *
 * The same messages are between "cvmm exec --in" and a machine with a name:
 *
 *	client                                        machine
 *	REQUEST, ...   records of a command
 *	EXECUTE        version, three sockets ->
 *	                                              STARTED
 *	SIGNAL, SIZE
 *	                                              ENDED    status, perhaps a sentence; or
 *	                                              REFUSED, a sentence
 *
 * The pool gives its end of the client's socket to the machine. From TAKEN on, the client alone has the
 * host's ends of the ports, and runs the command by them as without a pool. The end of any socket ends
 * the command and the machine.
 *
 * Threads: confined.
 */
#ifndef VMM_EXEC_POOL_WIRE_H
#define VMM_EXEC_POOL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/attributes.h>

#define VMM_POOL_VERSION 4u
#define VMM_POOL_MAX_PAYLOAD 65536u
#define VMM_POOL_MAX_SENTENCE 512u
#define VMM_POOL_FDS VAGENT_PORTS
#define VMM_POOL_STREAMS VAGENT_STREAMS

enum vmm_pool_message {
	VMM_POOL_HELLO = 1,	/* uint32_t: VMM_POOL_VERSION; the text of vmm_exec_machine_describe() */
	VMM_POOL_REFUSED,	/* a sentence */
	VMM_POOL_TAKEN,		/* empty; a descriptor of each port, in the order of enum vagent_port */
	VMM_POOL_TERMINATE,	/* empty: the command is to receive SIGTERM */
	VMM_POOL_ENDED,		/* uint32_t: the status of the machine; a sentence */
	VMM_POOL_READY,		/* a text as of HELLO */
	VMM_POOL_TAKE,		/* one descriptor: the socket of a client */
	VMM_POOL_REQUEST,	/* a part of the records of vagent_request_add_command() */
	VMM_POOL_EXECUTE,	/* uint32_t: VMM_POOL_VERSION; the streams of the command, as UNIX stream sockets */
	VMM_POOL_STARTED,	/* empty */
	VMM_POOL_SIGNAL,	/* uint32_t: for the command's process group */
	VMM_POOL_SIZE,		/* 2 uint16_t: rows and columns of the command's terminal */
	VMM_POOL_MESSAGES,
};

/* A received message. Its descriptors belong to the holder of the struct. */
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

/* Whether the peer of a socket has this user. */
bool vmm_pool_is_of(int sock, uid_t user);

#endif
