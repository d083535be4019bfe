/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Messages between the commands and the monitor of a container, by the socket in its folder. A command
 * sends a request and receives a reply; the process of an "exec" remains connected, and receives its
 * end. Only the user of the container can open the folder.
 *
 * Threads: no state.
 */
#ifndef OCI_WIRE_H
#define OCI_WIRE_H

#include <stdint.h>

#include <vm-agent/guest.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>

#define OCI_WIRE_SOCKET "socket"

enum oci_op {
	OCI_OP_START = 1,	/* executes the program of the container */
	OCI_OP_SIGNAL,		/* first: the number; second: 1 for all processes of the container */
	OCI_OP_JOIN,		/* adds the container of text, whose process began then, to the machine; descriptors: see members.h */
	OCI_OP_EXEC,		/* with descriptors: the document, and OCI_WIRE_STREAMS */
	OCI_OP_SIZE,		/* first, second: rows and columns of the terminal of this connection's process */
	OCI_OP_LIST,		/* the reply has process IDs of the guest */
	OCI_OP_MEASURE,		/* the reply has the usage of the container */
	OCI_OP_PAUSE,
	OCI_OP_RESUME,
	OCI_OP_HOOKS,		/* from the monitor to create: its namespaces exist */
	OCI_OP_BEGIN,		/* from create to the monitor: its number was written */
	OCI_OP_ENDED,		/* from the monitor, after the reply to an exec; first: the status */
};

#define OCI_WIRE_STREAMS 3
#define OCI_WIRE_PIDS 1024

struct oci_message {
	uint32_t op;		/* of enum oci_op; a reply repeats it */
	int32_t rc;		/* of a reply: 0, or a negative errno with text; text after "create" is a warning */
	uint32_t first, second;
	uint32_t npids;
	uint64_t begun;		/* of OCI_OP_JOIN; as in the state */
	struct vagent_usage usage;
	char text[488];		/* of a request: the id of the pod's member that it is for; empty: the monitor's container */
	uint32_t pids[OCI_WIRE_PIDS];
};

/* A listening socket in the folder of a container. */
int oci_wire_listen(int folder, struct vsu_error *err);

/* Connects to the monitor. -ECONNREFUSED, -ENOENT: it does not listen. */
int oci_wire_connect(int folder, struct vsu_error *err);

/* Sends a message with descriptors, which the caller keeps. 0, or a negative errno. */
int oci_wire_send(int fd, const struct oci_message *m, const int *fds, unsigned int n);

/*
 * Receives a message with up to VSU_SOCK_MAX_FDS descriptors, which the caller owns on each return. Its
 * text is terminated. -EAGAIN: none has arrived; -ECONNRESET: the peer has disconnected; -EBADMSG.
 */
int oci_wire_receive(int fd, struct oci_message *m, int *fds, unsigned int *n);

/* Waits for a message without descriptors, at most ms; -1: no limit. -ETIMEDOUT. */
int oci_wire_await(int fd, struct oci_message *m, int ms);

/* Sends a request and waits for its reply, whose failure becomes that of the call. */
int oci_wire_call(int fd, struct oci_message *m, const int *fds, unsigned int n, int ms, struct vsu_error *err);

#endif
