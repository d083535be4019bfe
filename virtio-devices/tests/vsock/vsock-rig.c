/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A socket device between a scripted driver and real sockets. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/sock.h>

#include "../closed_on_exec.h"
#include "../image.h"
#include "vsock-rig.h"

#define HEADER 44u
#define QUEUE_SIZE 64u
#define RING(queue) (0x1000u + (queue) * 0x4000u)
#define RX_AT(i) (GUEST_DATA + (i) * (RX_LEN + 256))

struct rig rig;

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
	rig.notified++;
}

static void on_broken(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
	rig.broken++;
}

static void queue_make(uint32_t i, uint64_t features)
{
	const struct vq_driver_config dc = {
		.map = rig.g.map, .gpa = RING(i), .size = QUEUE_SIZE,
		.features = features | VQ_F_VERSION_1,
	};
	struct vq_config config = {
		.features = dc.features, .size = QUEUE_SIZE,
		.base = features & VQ_F_RING_PACKED ? 0x80008000u : 0,
	};

	ck_assert_int_eq(vq_driver_new(&dc, &rig.driver[i], NULL), 0);
	config.desc_gpa = vq_driver_desc_gpa(rig.driver[i]);
	config.driver_gpa = vq_driver_driver_gpa(rig.driver[i]);
	config.device_gpa = vq_driver_device_gpa(rig.driver[i]);
	ck_assert_int_eq(vq_new(&rig.q[i]), 0);
	ck_assert_int_eq(vq_set_space(rig.q[i], rig.g.space), 0);
	ck_assert_int_eq(vq_enable(rig.q[i], &config, NULL), 0);
}

void vsock_start(void)
{
	uint32_t i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(virtdev_queue_start(rig.dev, i, rig.q[i],
						     NULL), 0);
}

void vsock_stop(void)
{
	uint32_t i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(virtdev_queue_drain(rig.dev, i), 0);
		virtdev_queue_stop(rig.dev, i);
	}
}

void vsock_init(const struct virtdev_vsock_config *config, uint64_t features)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .notify = on_notify,
		.queue_broken = on_broken,
	};
	struct virtdev_vsock_config c = *config;
	struct vsu_error err = VSU_ERROR_INIT;
	uint32_t i;

	memset(&rig, 0, sizeof(rig));
	rig.buf_alloc = 1 << 18;
	rig.type = 1;
	folder_init("/tmp");
	guest_init_memory(&rig.g);
	c.size = sizeof(c);
	c.path = "v";
	c.cid = GUEST_CID;
	ck_assert_msg(virtdev_vsock_new(&c, &rig.dev, &err) == 0, "%s",
		      err.msg);
	ck_assert_int_eq(virtdev_set_server(rig.dev, &server, NULL), 0);
	for (i = 0; i < 3; i++)
		queue_make(i, features);
	vsock_start();
	vsock_post_rx(RX_BUFFERS);
	vsock_pump();
}

void vsock_use_seqpacket(void)
{
	ck_assert_int_eq(virtdev_set_features(rig.dev, VQ_F_VERSION_1 | 3,
					      NULL), 0);
	rig.type = 2;
}

void vsock_fini(void)
{
	uint32_t i;

	assert_closed_on_exec();
	vsock_stop();
	virtdev_free(rig.dev);
	for (i = 0; i < 3; i++) {
		vq_free(rig.q[i]);
		vq_driver_free(rig.driver[i]);
	}
	vmem_map_unref(rig.g.map);
	vmem_space_reclaim(rig.g.space);
	vmem_space_free(rig.g.space);
	ck_assert_int_lt(access("v", F_OK), 0);
	folder_fini();
}

static bool is_readable(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout) > 0;
}

static bool host_has_news(void)
{
	return is_readable(virtdev_queue_host_fd(rig.dev, 0), 0) ||
	       is_readable(virtdev_queue_host_fd(rig.dev, 1), 0);
}

void vsock_pump(void)
{
	unsigned int turns = 0;
	int more;

	do {
		ck_assert_uint_lt(turns++, 100000);
		more = virtdev_queue_serve(rig.dev, 1);
		more |= virtdev_queue_serve(rig.dev, 0);
		more |= virtdev_queue_serve(rig.dev, 2);
	} while (more > 0 || host_has_news());
}

void vsock_wait(uint16_t op)
{
	struct packet p;

	while (!vsock_receive(&p)) {
		ck_assert(is_readable(virtdev_queue_host_fd(rig.dev, 0),
				      60000));
		vsock_pump();
	}
	ck_assert_uint_eq(p.op, op);
}

void vsock_post_rx(unsigned int n)
{
	while (n--) {
		const uint64_t at = RX_AT(rig.rx_posted % QUEUE_SIZE);
		const struct vq_buffer buf = { at, HEADER + RX_LEN, 1 };

		rig.rx_posted++;
		ck_assert_int_eq(vq_driver_add(rig.driver[0], &buf, 1, at), 0);
	}
	vq_driver_publish(rig.driver[0]);
}

/* --------------------------------------------------------- packets, by bytes */

static void put(unsigned char **at, uint64_t v, int bytes)
{
	for (; bytes--; v >>= 8)
		*(*at)++ = (unsigned char)v;
}

static uint64_t get(const unsigned char **at, int bytes)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < bytes; i++)
		v |= (uint64_t)(*at)[i] << 8 * i;
	*at += bytes;
	return v;
}

struct packet packet_make(uint16_t op, uint32_t guest_port, uint32_t host_port)
{
	return (struct packet){
		.src_cid = GUEST_CID, .dst_cid = 2, .src_port = guest_port,
		.dst_port = host_port, .type = rig.type, .op = op,
		.buf_alloc = rig.buf_alloc, .fwd_cnt = rig.fwd_cnt,
	};
}

static void packet_store(unsigned char *at, const struct packet *p)
{
	put(&at, p->src_cid, 8);
	put(&at, p->dst_cid, 8);
	put(&at, p->src_port, 4);
	put(&at, p->dst_port, 4);
	put(&at, p->len, 4);
	put(&at, p->type, 2);
	put(&at, p->op, 2);
	put(&at, p->flags, 4);
	put(&at, p->buf_alloc, 4);
	put(&at, p->fwd_cnt, 4);
}

static struct packet packet_load(uint64_t gpa)
{
	const unsigned char *at = guest_at(&rig.g, gpa);
	struct packet p = { .src_cid = get(&at, 8) };

	p.dst_cid = get(&at, 8);
	p.src_port = (uint32_t)get(&at, 4);
	p.dst_port = (uint32_t)get(&at, 4);
	p.len = (uint32_t)get(&at, 4);
	p.type = (uint16_t)get(&at, 2);
	p.op = (uint16_t)get(&at, 2);
	p.flags = (uint32_t)get(&at, 4);
	p.buf_alloc = (uint32_t)get(&at, 4);
	p.fwd_cnt = (uint32_t)get(&at, 4);
	p.data = gpa + HEADER;
	return p;
}

/*
 * Bytes use one fixed buffer, because the device consumes them at once; headers
 * may wait.
 */
void vsock_send_as(const struct packet *p, uint32_t bytes, bool in_one)
{
	const uint64_t data = bytes ? TX_AT + 64 : TX_AT + 0x40000 + HEADER +
					   rig.sent % QUEUE_SIZE * 64;
	const struct vq_buffer one[] = { { data - HEADER, HEADER + bytes, 0 } };
	const struct vq_buffer two[] = {
		{ data - HEADER, HEADER, 0 }, { data, bytes, 0 },
	};
	uint64_t cookie;
	uint32_t len;

	packet_store(guest_at(&rig.g, data - HEADER), p);
	ck_assert_int_eq(vq_driver_add(rig.driver[1], in_one ? one : two,
				       in_one || !bytes ? 1 : 2, ++rig.sent), 0);
	vq_driver_publish(rig.driver[1]);
	vsock_pump();
	while (vq_driver_collect(rig.driver[1], &cookie, &len) == 1)
		ck_assert_uint_eq(len, 0);
}

void vsock_send(uint16_t op, uint32_t guest_port, uint32_t host_port)
{
	const struct packet p = packet_make(op, guest_port, host_port);

	vsock_send_as(&p, 0, true);
}

void vsock_send_data(uint32_t guest_port, uint32_t host_port, const char *text)
{
	struct packet p = packet_make(OP_RW, guest_port, host_port);

	p.len = (uint32_t)strlen(text);
	memcpy(guest_at(&rig.g, TX_AT + 64), text, p.len);
	vsock_send_as(&p, p.len, false);
}

void vsock_send_part(uint32_t guest_port, uint32_t host_port, uint32_t len,
		     uint32_t flags)
{
	struct packet p = packet_make(OP_RW, guest_port, host_port);

	p.len = len;
	p.flags = flags;
	vsock_send_as(&p, len, false);
}

bool vsock_receive(struct packet *p)
{
	uint64_t at;
	uint32_t len;

	if (vq_driver_collect(rig.driver[0], &at, &len) != 1)
		return false;
	ck_assert_uint_ge(len, HEADER);
	*p = packet_load(at);
	ck_assert_uint_eq(len, HEADER + p->len);
	ck_assert_uint_eq(p->dst_cid, GUEST_CID);
	if (!rig.rx_withheld) {
		vsock_post_rx(1);
		vsock_pump();
	}
	return true;
}

struct packet vsock_expect(uint16_t op)
{
	struct packet p = { .op = 0 };

	ck_assert_msg(vsock_receive(&p), "nothing came, not operation %u", op);
	ck_assert_uint_eq(p.op, op);
	return p;
}

void vsock_expect_none(void)
{
	struct packet p;

	ck_assert_msg(!vsock_receive(&p), "operation %u came", p.op);
}

void vsock_expect_data(const char *text)
{
	struct packet p = vsock_expect(OP_RW);

	ck_assert_uint_eq(p.len, strlen(text));
	ck_assert_mem_eq(guest_at(&rig.g, p.data), text, p.len);
}

/* -------------------------------------------------------------- the host's end */

static int client_at(const char *path, int type, const char *hello)
{
	int fd = vsu_sock_connect_type(path, type, NULL);

	ck_assert_int_ge(fd, 0);
	client_write(fd, hello);
	vsock_pump();
	return fd;
}

int client_make(const char *hello)
{
	return client_at("v", SOCK_STREAM, hello);
}

int client_make_messages(const char *hello)
{
	return client_at("m", SOCK_SEQPACKET, hello);
}

void client_write(int fd, const char *text)
{
	const ssize_t len = (ssize_t)strlen(text);

	ck_assert_int_eq(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
	vsock_pump();
}

void client_expect(int fd, const char *text)
{
	char buf[256] = { 0 };
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	ck_assert_int_ge(n, 0);
	ck_assert_str_eq(buf, text);
}

void client_expect_none(int fd)
{
	char byte;

	ck_assert_int_lt(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(errno, EAGAIN);
}

uint32_t client_open(int fd, uint32_t guest_port)
{
	struct packet p = vsock_expect(OP_REQUEST);
	char line[32];

	ck_assert_uint_eq(p.src_cid, 2);
	ck_assert_uint_eq(p.dst_port, guest_port);
	client_expect_none(fd);
	vsock_send(OP_RESPONSE, guest_port, p.src_port);
	snprintf(line, sizeof(line), "OK %u\n", p.src_port);
	client_expect(fd, line);
	return p.src_port;
}

int server_make(uint32_t port)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "v_%u", port);
	fd = vsu_sock_listen_type(path, rig.type == 1 ? SOCK_STREAM
						      : SOCK_SEQPACKET, 16,
				  NULL);
	ck_assert_int_ge(fd, 0);
	return fd;
}

int server_accept(int listener)
{
	int fd = vsu_sock_accept(listener);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int guest_open(int listener, uint32_t guest_port, uint32_t host_port)
{
	struct packet p;
	int fd;

	vsock_send(OP_REQUEST, guest_port, host_port);
	fd = server_accept(listener);
	p = vsock_expect(OP_RESPONSE);
	ck_assert_uint_eq(p.src_port, host_port);
	ck_assert_uint_eq(p.dst_port, guest_port);
	return fd;
}
