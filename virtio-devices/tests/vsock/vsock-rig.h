/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A socket device between a driver that the test plays, packet by packet, and
 * real UNIX sockets. Everything happens at once: vsock_pump() runs the device
 * until it has nothing to do.
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
#define TX_AT 0x100000u		/* where packets of the guest are made */

enum { OP_REQUEST = 1, OP_RESPONSE, OP_RST, OP_SHUTDOWN, OP_RW, OP_UPDATE,
       OP_CREDIT };
enum { SHUT_RECEIVE = 1, SHUT_SEND = 2, SHUT_BOTH = 3 };

/* One packet, as the driver sees it. */
struct packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
	uint64_t data;		/* guest address of its bytes */
};

struct rig {
	struct guest g;		/* its queue is not used */
	struct vq *q[3];
	struct vq_driver *driver[3];
	struct virtdev *dev;
	unsigned int notified, broken;
	uint32_t sent, rx_posted;
	bool rx_withheld;	/* buffers are not given again */
	uint32_t buf_alloc, fwd_cnt;	/* that its packets say */
	uint16_t type;			/* of its packets: a stream's */
};
extern struct rig rig;

/* With the socket "v"; members of config that are 0 are the defaults. */
void vsock_init(const struct virtdev_vsock_config *config, uint64_t features);
void vsock_fini(void);
/* From now on packets, servers and guest_open() are of messages. */
void vsock_take_messages(void);
void vsock_start(void);
void vsock_stop(void);

/* Until the device waits for one of its descriptors, or a kick. */
void vsock_pump(void);
/* Waits for such a packet of the device's own accord. */
void vsock_wait(uint16_t op);

void vsock_post_rx(unsigned int n);

/* A packet of the guest to the host, of type and CIDs as they should be. */
struct packet packet_make(uint16_t op, uint32_t guest_port, uint32_t host_port);
/* One that ends a message, if asked; its bytes are those of the last one. */
void vsock_send_part(uint32_t guest_port, uint32_t host_port, uint32_t len,
		     uint32_t flags);
/* Its header, and len bytes at data as a second piece if that is not 0. */
void vsock_send_as(const struct packet *p, uint32_t bytes, bool in_one);
void vsock_send(uint16_t op, uint32_t guest_port, uint32_t host_port);
void vsock_send_data(uint32_t guest_port, uint32_t host_port, const char *text);

/* The next packet to the guest; false: there is none. */
bool vsock_receive(struct packet *p);
/* The next one, which is such a one. */
struct packet vsock_expect(uint16_t op);
void vsock_expect_none(void);
/* The next one has these bytes. */
void vsock_expect_data(const char *text);

/* A client at "v", and what it says first. */
int client_make(const char *hello);
/* With messages, at "m". */
int client_make_messages(const char *hello);
void client_write(int fd, const char *text);
/* These bytes are there; "" is the end. */
void client_expect(int fd, const char *text);
void client_expect_none(int fd);
/* The guest takes it: its port of the host, and OK was said. */
uint32_t client_open(int fd, uint32_t guest_port);

/* Somebody who listens for the guest at "v_PORT", and who comes. */
int server_make(uint32_t port);
int server_accept(int listener);
/* The guest connects there: the socket of the host. */
int guest_open(int listener, uint32_t guest_port, uint32_t host_port);

#endif
