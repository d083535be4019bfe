/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest's side of the socket device, and the host's. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <virtio-devices/vsock.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "vsock_rig.h"

#define RX 0u
#define TX 1u
#define HEADER 44u
#define SMALL 64u
#define GUEST_CID 42u
#define HOST_CID 2u
#define GUEST_PORT 1234u
#define GUEST_ROOM (1u << 18)

/* Buffers of the queue to the guest, packets of the one from it. */
#define RX_DATA GUEST_RIG_DATA
#define RX_BYTES 0x4000000u
#define TX_DATA (RX_DATA + RX_BYTES)
#define TX_STRIDE (VSOCK_RIG_CHUNK + 4096u)
#define TX_SLOTS 32u
#define MEMORY (TX_DATA + TX_SLOTS * TX_STRIDE)

/* A packet's header (VIRTIO 1.3, section 5.10.6). */
struct header {
	struct vsu_le64 src_cid, dst_cid;
	struct vsu_le32 src_port, dst_port, len;
	struct vsu_le16 type, op;
	struct vsu_le32 flags, buf_alloc, fwd_cnt;
};

static unsigned char bytes[VSOCK_RIG_CHUNK];

/* ------------------------------------------------------------------- the guest */

void vsock_rig_send(struct vsock_rig *c, uint16_t op, uint32_t len)
{
	const uint64_t at = TX_DATA + c->slot++ % TX_SLOTS * TX_STRIDE;
	const struct header h = {
		.src_cid = vsu_le64_make(GUEST_CID),
		.dst_cid = vsu_le64_make(HOST_CID),
		.src_port = vsu_le32_make(GUEST_PORT),
		.dst_port = vsu_le32_make(c->host_port),
		.len = vsu_le32_make(len), .type = vsu_le16_make(1),
		.op = vsu_le16_make(op),
		.flags = vsu_le32_make(op == VSOCK_SHUTDOWN ? 3 : 0),
		.buf_alloc = vsu_le32_make(GUEST_ROOM),
		.fwd_cnt = vsu_le32_make(c->taken),
	};

	memcpy(c->rig.memory + at, &h, HEADER);
	guest_rig_give(&c->rig, TX, at, HEADER + len, false);
}

static void packet_take(struct vsock_rig *c, uint64_t gpa)
{
	struct header h;

	memcpy(&h, c->rig.memory + gpa, HEADER);
	c->seen |= 1u << vsu_le16_load(h.op);
	c->taken += vsu_le32_load(h.len);
	if (vsu_le16_load(h.op) == VSOCK_REQUEST)
		c->host_port = vsu_le32_load(h.src_port);
}

/* Serves both queues and collects the results. */
void vsock_rig_serve(struct vsock_rig *c)
{
	uint64_t gpa;
	uint32_t len;

	guest_rig_serve(&c->rig, TX);
	guest_rig_serve(&c->rig, RX);
	while (vq_driver_collect(c->rig.driver[TX], &gpa, &len) == 1)
		;
	while (vq_driver_collect(c->rig.driver[RX], &gpa, &len) == 1) {
		packet_take(c, gpa);
		guest_rig_give(&c->rig, RX, gpa, HEADER + c->size, true);
	}
}

static void serve_until(struct vsock_rig *c, unsigned int op)
{
	unsigned int turns = 0;

	for (c->seen = 0; !(c->seen & 1u << op); turns++) {
		if (turns == 1000)
			guest_rig_die("a packet did not come", NULL);
		vsock_rig_serve(c);
	}
}

/* -------------------------------------------------------------------- the host */

void vsock_rig_read(int fd, uint32_t len)
{
	ssize_t n;

	for (; len; len -= (uint32_t)n) {
		n = recv(fd, bytes, len, MSG_DONTWAIT);
		if (n <= 0)
			guest_rig_die("bytes are missing", NULL);
	}
}

void vsock_rig_write(int fd, uint32_t len)
{
	if (send(fd, bytes, len, MSG_DONTWAIT) != (ssize_t)len)
		guest_rig_die("a socket has no room", NULL);
}

void vsock_rig_connect(struct vsock_rig *c)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "CONNECT %u\n", GUEST_PORT);

	c->fd = vsu_sock_connect(c->path, NULL);
	if (c->fd < 0 || send(c->fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		guest_rig_die("connection", NULL);
	c->taken = 0;
	serve_until(c, VSOCK_REQUEST);
	vsock_rig_send(c, VSOCK_RESPONSE, 0);
	vsock_rig_serve(c);
	if (recv(c->fd, line, sizeof(line), MSG_DONTWAIT) < 4)
		guest_rig_die("the connection was not taken", NULL);
}

void vsock_rig_disconnect(struct vsock_rig *c)
{
	vsu_fd_close(&c->fd);
	serve_until(c, VSOCK_SHUTDOWN);
	vsock_rig_send(c, VSOCK_RST, 0);
	vsock_rig_serve(c);
}

void vsock_rig_round_trip(struct vsock_rig *c)
{
	vsock_rig_write(c->fd, SMALL);
	serve_until(c, VSOCK_RW);
	vsock_rig_send(c, VSOCK_RW, SMALL);
	vsock_rig_serve(c);
	vsock_rig_read(c->fd, SMALL);
}

void vsock_rig_open(struct vsock_rig *c, const char *path, uint32_t size,
		    uint32_t connections)
{
	const struct virtdev_vsock_config config = {
		.size = sizeof(config), .path = path, .cid = GUEST_CID,
		.connections = connections,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;
	uint64_t i;

	memset(c, 0, sizeof(*c));
	c->size = size;
	if (virtdev_vsock_new(&config, &dev, &err) < 0)
		guest_rig_die("device", &err);
	guest_rig_open(&c->rig, MEMORY, dev, VQ_F_VERSION_1 | VQ_F_EVENT_IDX);
	snprintf(c->path, sizeof(c->path), "%s", path);
	for (i = 0; i < GUEST_RIG_SIZE; i++)
		guest_rig_give(&c->rig, RX,
			       RX_DATA + i * (RX_BYTES / GUEST_RIG_SIZE),
			       HEADER + c->size, true);
}

void vsock_rig_close(struct vsock_rig *c)
{
	guest_rig_close(&c->rig);
}
