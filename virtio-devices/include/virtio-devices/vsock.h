/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A socket device (VIRTIO 1.3, section 5.10): streams, and connections of whole
 * messages (SOCK_SEQPACKET), between ports of the guest and UNIX sockets of the
 * host, in either direction.
 *
 *   host to guest   a program connects to the UNIX socket at path, writes
 *                   "CONNECT 1234\n" and reads "OK 1073741824\n" when a program
 *                   of the guest took the connection at port 1234; the number
 *                   is the host's port. Anything else ends the connection.
 *   guest to host   a program of the guest that connects to port 52 of CID 2
 *                   reaches whoever listens at the UNIX socket path_52, if
 *                   both sockets are of one type: a stream, or SOCK_SEQPACKET.
 *
 * A listener has one type, so clients with messages connect to a socket of
 * their own, at seqpacket_path; "CONNECT 1234\n" and "OK 1073741824\n" are one
 * message each there. A message arrives whole, or its connection ends: it has at
 * most buffer bytes in either direction, no more than the guest has room for,
 * and, from the guest, no more than SO_SNDBUF of the host allows, which the
 * guest is told as its credit. Longer ones, and one of the guest that does not
 * end, reset their connection and are counted ("too-long"). MSG_EOR is passed
 * on as far as the host's sockets carry it; a message of no bytes is one, too.
 *
 * The end of one direction and of both, and resets, are carried over. Bytes
 * that the host does not read yet are kept, up to buffer bytes for each
 * connection, and the guest is told to wait by its credit, and as many messages,
 * which cost four bytes each, for those of no bytes; those that the guest
 * does not read stay in the host's socket. Connections end with a reset of the device.
 *
 * Threads: as device.h. The queues share their connections under a lock.
 */
#ifndef VIRTIO_DEVICES_VSOCK_H
#define VIRTIO_DEVICES_VSOCK_H

#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Context ids that a guest can have: others mean hypervisor, local and any. */
#define VIRTDEV_VSOCK_CID_MIN UINT64_C(3)
#define VIRTDEV_VSOCK_CID_MAX UINT64_C(0xfffffffe)

/* Queues: to the guest, from the guest, events. */
#define VIRTDEV_VSOCK_QUEUES 3u

struct virtdev_vsock_config {
	size_t size;		/* sizeof(struct virtdev_vsock_config) */
	const char *path;	/* of the UNIX socket, which is made here, and
				   removed with the device */
	uint64_t cid;		/* of the guest */
	uint32_t connections;	/* at once, each with a descriptor; 0: 1024 */
	uint32_t buffer;	/* bytes kept of each, from the guest to the
				   host; 4 KiB to 16 MiB; 0: 64 KiB */
	uint32_t timeout_ms;	/* for what a peer owes: CONNECT, the guest's
				   answer, the last reset; 0: 10 s */
	uint32_t queue_max;	/* entries of each queue; 0: 256 */
	const char *seqpacket_path;	/* of the UNIX socket for clients with
					   messages, as path; NULL: none */
};

/*
 * -EINVAL: the struct's size, a CID that no guest can have, or another member
 * that cannot be; -ENAMETOOLONG: path with a port behind it exceeds the address
 * of a socket; else as vsu_sock_listen().
 */
VIRTDEV_API VSU_NODISCARD int virtdev_vsock_new(
		const struct virtdev_vsock_config *config, struct virtdev **out,
		struct vsu_error *err);

/* The most connections, and of bytes for each, that can be asked for. */
#define VIRTDEV_VSOCK_CONNECTIONS_MAX 65536u
#define VIRTDEV_VSOCK_BUFFER_MIN 4096u
#define VIRTDEV_VSOCK_BUFFER_MAX (16u << 20)

VSU_END_DECLS

#endif
