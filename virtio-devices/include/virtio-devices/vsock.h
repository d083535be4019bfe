/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A socket device (VIRTIO 1.3, section 5.10): streams, and connections of whole
 * messages (SOCK_SEQPACKET), between ports of the guest and UNIX sockets of the
 * host, in either direction.
 *
 *   host to guest   a program connects to the UNIX socket at path, writes
 *                   "CONNECT 1234\n" and reads "OK 1073741824\n" when a program
 *                   of the guest has accepted the connection at port 1234; the
 *                   number is the host's port. Other input ends the connection.
 *   guest to host   a program of the guest that connects to port 52 of CID 2
 *                   is connected to the UNIX socket path_52, if both sockets
 *                   have one type: a stream, or SOCK_SEQPACKET.
 *
 * A listening socket has one type, so clients with messages connect to a separate
 * socket at seqpacket_path, where "CONNECT 1234\n" and "OK 1073741824\n" are one
 * message each. A message arrives complete, or its connection is reset. Its length
 * is limited by buffer, by the guest's credit and, from the guest, by SO_SNDBUF of
 * the host. Longer messages, and a message of the guest without an end, reset the
 * connection and are counted ("too-long"). MSG_EOR is preserved where the host's
 * sockets support it. Empty messages are legal.
 *
 * Shutdown of one or both directions, and resets, are forwarded. Bytes that the host
 * has not read are buffered, up to buffer bytes per connection; the credit that the
 * device grants limits the guest accordingly. Empty messages use no credit. The number
 * of buffered messages per connection is therefore limited too, to the value of buffer;
 * each uses four more bytes. Bytes that the guest has not read remain in the host's
 * socket. A reset of the device ends all connections.
 *
 * Threads: as in device.h. The queues share their connections under a lock.
 */
#ifndef VIRTIO_DEVICES_VSOCK_H
#define VIRTIO_DEVICES_VSOCK_H

#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Valid CIDs of a guest; others denote hypervisor, local and any. */
#define VIRTDEV_VSOCK_CID_MIN UINT64_C(3)
#define VIRTDEV_VSOCK_CID_MAX UINT64_C(0xfffffffe)

/* Queues: to the guest, from the guest, events. */
#define VIRTDEV_VSOCK_QUEUES 3u

struct virtdev_vsock_config {
	size_t size;		/* sizeof(struct virtdev_vsock_config) */
	const char *path;	/* of the UNIX socket, created here and removed
				   with the device */
	uint64_t cid;		/* of the guest */
	uint32_t connections;	/* maximum, each with a descriptor; 0: 1024 */
	uint32_t buffer;	/* bytes buffered per connection, from guest to
				   host; 4 KiB to 16 MiB; 0: 64 KiB */
	uint32_t timeout_ms;	/* for CONNECT, the guest's response and its
				   final reset; 0: 10 s */
	uint32_t queue_size_max;	/* entries of each queue; 0: 256 */
	const char *seqpacket_path;	/* of the UNIX socket for clients with
					   messages, as path; NULL: none */
};

/*
 * -EINVAL: wrong struct size, a reserved CID, or another invalid member;
 * -ENAMETOOLONG: path with "_" and a port number exceeds the length of a socket
 * address; else as vsu_sock_listen().
 */
VIRTDEV_API VSU_NODISCARD int virtdev_vsock_new(
		const struct virtdev_vsock_config *config, struct virtdev **out,
		struct vsu_error *err);

/* Maximum values of connections and buffer. */
#define VIRTDEV_VSOCK_CONNECTIONS_MAX 65536u
#define VIRTDEV_VSOCK_BUFFER_MIN 4096u
#define VIRTDEV_VSOCK_BUFFER_MAX (16u << 20)

VSU_END_DECLS

#endif
