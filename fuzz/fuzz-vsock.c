/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest attacks a socket device, with programs of the host at real UNIX sockets.
 * The input is a list of actions: packets mostly of existing connections, buffers,
 * clients that connect, write, read and disconnect, and sometimes a damaged ring or a
 * device that is saved, reset and loaded.
 *
 * Invariants: the guest receives packets to its CID whose lengths match the used
 * buffers, each turn ends, nothing is stored outside of writable buffers (unless the
 * ring was damaged), and no descriptor leaks.
 *
 * Finally prints its reach: packets to the guest by operation.
 */
#include <config.h>

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/vsock.h>
#include <virtio-queue/driver.h>
#include <vmm-sys-util/fd.h>

#include "memory.h"
#include "peers.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CID		9u
#define HEADER		44u
#define QUEUE_SIZE	16u
#define RING(i)		((i) * 0x1000u)
#define RX_AT		0x4000u
#define RX_ROOM		0x1000u
#define EVENTS_AT	0x14000u
#define TX_AT		0x24000u

static uint64_t reached[8], whole, too_long, broken;

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " requests, %" PRIu64 " responses, %" PRIu64 " resets, %" PRIu64 " shutdowns, %" PRIu64 " with bytes, %" PRIu64 " of credit, %" PRIu64 " whole messages, %" PRIu64 " too long, %" PRIu64 " broken rings\n",
	       reached[1], reached[2], reached[3], reached[4], reached[5],
	       reached[6] + reached[7], whole, too_long, broken);
	peers_end();
}

struct guest {
	struct memory memory;
	struct virtdev *dev;
	struct vq *q[3];
	struct vq_driver *driver[3];
	uint64_t features;
	bool spoiled;		/* the input has damaged its rings; until the next input */
	struct peers host;
	uint32_t asked_guest, asked_host;	/* ports of the last request */
	uint16_t asked_type;
	bool messages;		/* the driver supports messages */
	int fds;		/* number of open descriptors at its start */
	uint32_t posted[3], sent;	/* posted: buffers per queue, in order */
};

static unsigned char *at(const struct guest *g, uint64_t gpa)
{
	return memory_at(&g->memory, gpa);
}

static void start_queue(struct guest *g, uint32_t i)
{
	const struct vq_driver_config dc = {
		.map = g->memory.map, .gpa = RING(i), .features = g->features,
		.size = QUEUE_SIZE,
	};

	g->driver[i] = queue_begin(g->dev, i, g->q[i], &dc);
}

static void stop_queue(struct guest *g, uint32_t i)
{
	CHECK(virtdev_queue_drain(g->dev, i) == 0);
	broken += queue_end(g->dev, i, g->q[i]);
	vq_driver_free(g->driver[i]);
}

/* SEQPACKET is bit 1 (VIRTIO 1.3, section 5.10.3). */
static void take_features(struct guest *g)
{
	CHECK(virtdev_set_features(g->dev, g->features |
				   (g->messages ? UINT64_C(2) : 0),
				   NULL) == 0);
}

static void init(void *guest, struct input *in)
{
	struct guest *g = guest;
	const uint32_t how = take(in, 1);
	struct virtdev_vsock_config config = {
		.size = sizeof(config), .cid = CID, .connections = 4,
		.buffer = 4096,
	};
	uint32_t i;

	memset(g, 0, sizeof(*g));
	config.path = peers_path();
	config.seqpacket_path = peers_messages_path();
	g->fds = vsu_fd_count();
	CHECK(virtdev_vsock_new(&config, &g->dev, NULL) == 0);
	peers_init(&g->host);
	memory_init(&g->memory);
	g->features = VQ_F_VERSION_1 | (how & 1 ? VQ_F_EVENT_IDX : 0) |
		      (how & 2 ? VQ_F_RING_PACKED : 0);
	g->messages = !(how & 4);
	take_features(g);
	for (i = 0; i < 3; i++) {
		CHECK(vq_new(&g->q[i]) == 0);
		CHECK(vq_set_space(g->q[i], g->memory.space) == 0);
		start_queue(g, i);
	}
}

/* ------------------------------------------------------------------ the guest */

static void put(unsigned char *at, uint64_t v, int bytes)
{
	for (; bytes--; v >>= 8)
		*at++ = (unsigned char)v;
}

static uint32_t get(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/* Few ports, so that packets meet connections. */
static void put_ports(struct guest *g, unsigned char *h, struct input *in)
{
	const uint32_t v = take(in, 1);

	put(h + 16, v & 0x80 ? g->asked_guest : 100 + (v & 3), 4);
	put(h + 20, v & 0x80 ? g->asked_host : PORT + (v >> 2 & 1), 4);
}

static uint32_t odd_number(struct input *in)
{
	const uint32_t v = take(in, 1);

	return v < 0xc0 ? v : v < 0xe0 ? v << 8 : UINT32_MAX - (v & 31);
}

static void send_packet(struct guest *g, struct input *in)
{
	const uint64_t gpa = TX_AT + g->sent++ % QUEUE_SIZE * 0x1000;
	unsigned char *h = at(g, gpa);
	const uint32_t shape = take(in, 1), op = take(in, 1);
	const uint32_t len = take(in, 1) * (shape & 8 ? 8 : 1);
	const struct vq_buffer b[] = {
		{ gpa, shape & 1 ? HEADER + len : HEADER, 0 },
		{ gpa + HEADER, len, 0 },
	};

	put(h, shape & 0x10 && op & 0x80 ? CID + 1 : CID, 8);
	put(h + 8, shape & 0x20 && op & 0x80 ? 7 : 2, 8);
	put_ports(g, h, in);
	put(h + 24, shape & 2 ? odd_number(in) : len, 4);
	put(h + 28, shape & 0x40 ? 2 : 1, 2);
	put(h + 30, op & 0x40 ? op : op & 7, 2);
	put(h + 32, take(in, 1), 4);
	put(h + 36, shape & 4 ? odd_number(in) : 0x10000, 4);
	put(h + 40, shape & 0x80 ? odd_number(in) : 0, 4);
	if (vq_driver_add(g->driver[1], b, !(shape & 1) && len ? 2 : 1,
			  0) == 0)
		vq_driver_publish(g->driver[1]);
}

static void send_response(struct guest *g)
{
	const uint64_t gpa = TX_AT + g->sent++ % QUEUE_SIZE * 0x1000;
	unsigned char *h = at(g, gpa);
	const struct vq_buffer b = { gpa, HEADER, 0 };

	memset(h, 0, HEADER);
	put(h, CID, 8);
	put(h + 8, 2, 8);
	put(h + 16, g->asked_guest, 4);
	put(h + 20, g->asked_host, 4);
	put(h + 28, g->asked_type, 2);
	put(h + 30, 2, 2);
	put(h + 36, 0x4000, 4);
	if (vq_driver_add(g->driver[1], &b, 1, 0) == 0)
		vq_driver_publish(g->driver[1]);
}

static void post_buffers(struct guest *g, struct input *in)
{
	const uint32_t how = take(in, 1), n = 1 + (how & 7);
	const uint32_t len = how & 0x80 ? take(in, 1) : RX_ROOM;
	const uint32_t queue = how & 0x40 ? 2 : 0;
	const uint64_t area = queue ? EVENTS_AT : RX_AT;
	uint32_t i;

	for (i = 0; i < n; i++) {
		const uint64_t gpa = area + g->posted[queue] % QUEUE_SIZE *
					    RX_ROOM;
		const struct vq_buffer b = { gpa, len ? len : 1, 1 };

		if (vq_driver_add(g->driver[queue], &b, 1,
				  gpa << 16 | b.len) < 0)
			break;
		g->posted[queue]++;
	}
	vq_driver_publish(g->driver[queue]);
}

/* Byte streams have no message ends, and none arrive without the feature. */
static void note_bytes(const struct guest *g, const unsigned char *h)
{
	const uint32_t type = h[28], flags = get(h + 32);

	CHECK(type == 1 ? !flags && get(h + 24) : type == 2 && flags < 4);
	CHECK(type == 1 || g->messages);
	whole += type == 2 && flags & 1;
}

static void note_packet(struct guest *g, uint64_t gpa, uint32_t room,
			uint32_t used)
{
	const unsigned char *h = at(g, gpa);
	const uint32_t op = h[30];

	CHECK(g->spoiled || used <= room);
	if (!used || g->spoiled)
		return;
	CHECK(used >= HEADER && get(h + 24) == used - HEADER);
	CHECK(get(h + 8) == CID && op >= 1 && op <= 7);
	reached[op]++;
	if (op == 5)
		note_bytes(g, h);
	if (op == 1) {
		g->asked_type = (uint16_t)(h[28] | h[29] << 8);
		g->asked_host = get(h + 16);
		g->asked_guest = get(h + 20);
	}
}

static void collect(struct guest *g)
{
	uint64_t cookie;
	uint32_t used;

	while (vq_driver_collect(g->driver[0], &cookie, &used) == 1)
		note_packet(g, cookie >> 16, (uint32_t)cookie & 0xffff, used);
	while (vq_driver_collect(g->driver[1], &cookie, &used) == 1)
		CHECK(g->spoiled || used == 0);
	while (vq_driver_collect(g->driver[2], &cookie, &used) == 1)
		CHECK(g->spoiled || used == 0 || used == 4);
}

static void serve(struct guest *g)
{
	unsigned int turns = 0;
	struct pollfd p = { .fd = virtdev_queue_host_fd(g->dev, 0),
			    .events = POLLIN };
	int more;

	do {
		more = virtdev_queue_serve(g->dev, 1);
		more |= virtdev_queue_serve(g->dev, 0);
		more |= virtdev_queue_serve(g->dev, 2);
		collect(g);
		CHECK(++turns < 1000);
	} while (more || poll(&p, 1, 0) > 0);
}

/* --------------------------------------------------------------------- actions */

static void begin_anew(struct guest *g, struct input *in)
{
	const bool moved = take(in, 1) & 1;
	void *state;
	size_t len;
	uint32_t i;

	for (i = 0; i < 3; i++)
		stop_queue(g, i);
	if (moved) {
		virtdev_pause(g->dev);
		CHECK(virtdev_state_take(g->dev, &state, &len, NULL) == 0);
	}
	virtdev_reset(g->dev);
	if (moved) {
		CHECK(virtdev_state_load(g->dev, state, len, NULL) == 0);
		free(state);
		virtdev_resume(g->dev);
	} else {
		take_features(g);
	}
	for (i = 0; i < 3; i++)
		start_queue(g, i);
}

/* Damages rings: the guest may then have named any of its own bytes. */
static void spoil(struct guest *g, struct input *in)
{
	const uint32_t where = take(in, 2) % 0x3000;

	*at(g, where) = (unsigned char)take(in, 1);
	g->spoiled = true;
}

static void act(void *guest, struct input *in)
{
	struct guest *g = guest;
	const uint32_t what = take(in, 1);

	switch (what % 16) {
	case 5:
	case 6:
		post_buffers(g, in);
		break;
	case 7:
		send_response(g);
		break;
	case 8:
		peer_come(&g->host, in);
		break;
	case 9:
	case 10:
		peer_act(&g->host, in);
		break;
	case 11:
		peer_accept(&g->host);
		break;
	case 12:
	case 13:
		serve(g);
		break;
	case 14:
		if (what < 0x40)
			begin_anew(g, in);
		break;
	case 15:
		if (what >= 0xe0)
			spoil(g, in);
		break;
	default:
		send_packet(g, in);
		break;
	}
}

static void count_too_long(const struct guest *g)
{
	struct virtdev_stat stats[8];

	CHECK(virtdev_stats(g->dev, stats, 8) == 5);
	CHECK(!strcmp(stats[4].name, "too-long"));
	too_long += stats[4].value;
}

static void fini(void *guest)
{
	struct guest *g = guest;
	uint32_t i;

	serve(g);
	count_too_long(g);
	for (i = 0; i < 3; i++) {
		stop_queue(g, i);
		vq_free(g->q[i]);
	}
	virtdev_free(g->dev);
	peers_fini(&g->host);
	if (!g->spoiled)
		memory_check(&g->memory);
	memory_fini(&g->memory);
	CHECK(vsu_fd_count() == g->fds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct guest guest;

	return play(&course, &guest, data, size);
}
