/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A socket device between a driver that the test controls packet by packet, and
 * real UNIX sockets. vsock_pump() serves the device until no work is left.
 */
#ifndef VIRTIO_DEVICES_TESTS_VSOCK_RIG_H
#define VIRTIO_DEVICES_TESTS_VSOCK_RIG_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/vsock.h>

#include "../guest.h"

#define GUEST_CID 42u
#define RX_BUFFERS 32u
#define RX_LEN 4096u
#define TX_AT 0x100000u		/* buffers of the guest's packets */

enum { OP_REQUEST = 1, OP_RESPONSE, OP_RST, OP_SHUTDOWN, OP_RW, OP_UPDATE,
       OP_CREDIT };
enum { SHUT_RECEIVE = 1, SHUT_SEND = 2, SHUT_BOTH = 3 };

/* One packet, as the driver sees it. */
struct packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
	uint64_t data;		/* guest address of its payload */
};

struct rig {
	struct guest g;		/* memory only; its queue is not used */
	struct vq *q[3];
	struct vq_driver *driver[3];
	struct virtdev *dev;
	unsigned int notified, broken;
	uint32_t sent, rx_posted;
	bool rx_withheld;	/* received buffers are not returned to the device */
	uint32_t buf_alloc, fwd_cnt;	/* announced by its packets */
	uint16_t type;			/* of its packets; initially a stream */
};
extern struct rig rig;

/* Listens at "v"; members of config that are 0 select the defaults. */
void vsock_init(const struct virtdev_vsock_config *config, uint64_t features);
void vsock_fini(void);
/* From here on packets, servers and guest_open() use SOCK_SEQPACKET. */
void vsock_use_seqpacket(void);
void vsock_start(void);
void vsock_stop(void);

/* Serves until the device waits for a descriptor or a kick. */
void vsock_pump(void);
/* Waits until the device sends such a packet by itself. */
void vsock_wait(uint16_t op);

void vsock_post_rx(unsigned int n);

/* A packet of the guest to the host, with valid type and CIDs. */
struct packet packet_make(uint16_t op, uint32_t guest_port, uint32_t host_port);
/*
 * Sends part of a message; flags may end it. The payload is that of the last
 * packet.
 */
void vsock_send_part(uint32_t guest_port, uint32_t host_port, uint32_t len,
		     uint32_t flags);
/*
 * Sends a packet with BYTES of payload, in one buffer with its header or in
 * two.
 */
void vsock_send_as(const struct packet *p, uint32_t bytes, bool in_one);
void vsock_send(uint16_t op, uint32_t guest_port, uint32_t host_port);
void vsock_send_data(uint32_t guest_port, uint32_t host_port, const char *text);

/* Reads the next packet to the guest; false if there is none. */
bool vsock_receive(struct packet *p);
/* The next packet has this operation. */
struct packet vsock_expect(uint16_t op);
void vsock_expect_none(void);
/* The next packet has this payload. */
void vsock_expect_data(const char *text);

/* Connects a client to "v", which sends hello first. */
int client_make(const char *hello);
/* Connects a client with messages to "m". */
int client_make_messages(const char *hello);
void client_write(int fd, const char *text);
/* The client receives this text; "" is the end of the connection. */
void client_expect(int fd, const char *text);
void client_expect_none(int fd);
/*
 * The guest accepts the connection; the client receives OK. Returns the host
 * port.
 */
uint32_t client_open(int fd, uint32_t guest_port);

/* Listens at "v_PORT" for connections of the guest. */
int server_make(uint32_t port);
int server_accept(int listener);
/* The guest connects to it; returns the host's socket. */
int guest_open(int listener, uint32_t guest_port, uint32_t host_port);

#endif
