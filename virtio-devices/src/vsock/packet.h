/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Packets of a socket device (VIRTIO 1.3, section 5.10.6). */
#ifndef VIRTIO_DEVICES_VSOCK_PACKET_H
#define VIRTIO_DEVICES_VSOCK_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/endian.h>

#define VSOCK_HEADER 44u		/* bytes */
#define VSOCK_MAX_PAYLOAD 65536u	/* bytes per packet */
#define VSOCK_HOST_CID UINT64_C(2)
#define VSOCK_STREAM 1u
#define VSOCK_SEQPACKET 2u

enum vsock_op {
	VSOCK_OP_INVALID = 0,
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE = 2,
	VSOCK_OP_RST = 3,
	VSOCK_OP_SHUTDOWN = 4,
	VSOCK_OP_RW = 5,
	VSOCK_OP_CREDIT_UPDATE = 6,
	VSOCK_OP_CREDIT_REQUEST = 7,
	VSOCK_NOPS
};

/* Flags of SHUTDOWN: the sender receives, or sends, no more. */
#define VSOCK_SHUT_RECEIVE 1u
#define VSOCK_SHUT_SEND 2u
#define VSOCK_SHUT_BOTH 3u

/* Flags of SEQPACKET data: end of message, end of record. */
#define VSOCK_END_MESSAGE 1u
#define VSOCK_END_RECORD 2u

/* A header in host byte order. */
struct vsock_packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t len;
	uint16_t type, op;
	uint32_t flags;
	uint32_t buf_alloc, fwd_cnt;
};

/* Returns false if the chain has no room for a header. */
bool virtdev_priv_vsock_packet_read(struct vq_cursor *from,
				    struct vsock_packet *out) VSU_NODISCARD;
bool virtdev_priv_vsock_packet_write(struct vq_cursor *to,
				     const struct vsock_packet *packet)
	VSU_NODISCARD;

/*
 * Stores VIRTIO_VSOCK_EVENT_TRANSPORT_RESET in a buffer of the event queue: connections have
 * ended, and the driver reads its CID again. Receiving it twice is harmless. Returns the
 * number of bytes; 0: the buffer has no room for it.
 */
uint32_t virtdev_priv_vsock_put_reset(struct vq *q, struct vq_chain *chain) VSU_NODISCARD;

#endif
