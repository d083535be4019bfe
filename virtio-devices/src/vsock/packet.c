/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Encodes and decodes packet headers. */
#include <config.h>

#include <assert.h>

#include "vsock/packet.h"

#define EVENT_TRANSPORT_RESET 0u

/* 64-bit members as halves, so that alignment is at most four bytes. */
struct wire {
	struct vsu_le32 src_cid[2], dst_cid[2];
	struct vsu_le32 src_port, dst_port;
	struct vsu_le32 len;
	struct vsu_le16 type, op;
	struct vsu_le32 flags, buf_alloc, fwd_cnt;
};
static_assert(sizeof(struct wire) == VSOCK_HEADER, "a header on the wire");

static uint64_t cid_load(const struct vsu_le32 *halves)
{
	return vsu_le32_load(halves[0]) |
	       (uint64_t)vsu_le32_load(halves[1]) << 32;
}

static void cid_store(struct vsu_le32 *halves, uint64_t cid)
{
	halves[0] = vsu_le32_make((uint32_t)cid);
	halves[1] = vsu_le32_make((uint32_t)(cid >> 32));
}

bool virtdev_priv_vsock_packet_read(struct vq_cursor *from,
				    struct vsock_packet *out)
{
	struct wire w;

	if (!vq_cursor_read_obj(from, &w))
		return false;
	out->src_cid = cid_load(w.src_cid);
	out->dst_cid = cid_load(w.dst_cid);
	out->src_port = vsu_le32_load(w.src_port);
	out->dst_port = vsu_le32_load(w.dst_port);
	out->len = vsu_le32_load(w.len);
	out->type = vsu_le16_load(w.type);
	out->op = vsu_le16_load(w.op);
	out->flags = vsu_le32_load(w.flags);
	out->buf_alloc = vsu_le32_load(w.buf_alloc);
	out->fwd_cnt = vsu_le32_load(w.fwd_cnt);
	return true;
}

bool virtdev_priv_vsock_packet_write(struct vq_cursor *to,
				     const struct vsock_packet *packet)
{
	struct wire w = {
		.src_port = vsu_le32_make(packet->src_port),
		.dst_port = vsu_le32_make(packet->dst_port),
		.len = vsu_le32_make(packet->len),
		.type = vsu_le16_make(packet->type),
		.op = vsu_le16_make(packet->op),
		.flags = vsu_le32_make(packet->flags),
		.buf_alloc = vsu_le32_make(packet->buf_alloc),
		.fwd_cnt = vsu_le32_make(packet->fwd_cnt),
	};

	cid_store(w.src_cid, packet->src_cid);
	cid_store(w.dst_cid, packet->dst_cid);
	return vq_cursor_write_obj(to, &w);
}

uint32_t virtdev_priv_vsock_put_reset(struct vq *q, struct vq_chain *chain)
{
	struct vq_cursor to;

	if (chain->fault.why)
		return 0;
	vq_writer_init(&to, q, chain);
	return vq_cursor_write_le32(&to, EVENT_TRANSPORT_RESET) ? vq_cursor_done(&to) : 0;
}
