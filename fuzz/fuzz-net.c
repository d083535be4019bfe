/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest attacks a network device. The input is a list of actions: add receive
 * buffers, send frames and commands that are well formed except for the bytes that
 * the input damages, deliver frames, fail the link, damage a ring, or stop and start
 * a queue.
 *
 * Invariants: the link receives whole frames, whose headers request only negotiated
 * features and offsets inside the frame, and none to a blocked address; nothing is
 * stored outside of writable buffers (AddressSanitizer and a canary detect it); used
 * lengths do not exceed the writable length; no request is in flight after a stop.
 *
 * Finally prints its reach.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/net.h>
#include <virtio-queue/driver.h>

#include "net-guest.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

uint64_t reached[NREACHED];

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " sent, %" PRIu64 " sent buffers, %" PRIu64 " received, %" PRIu64 " empty, %" PRIu64 " commands obeyed, %" PRIu64 " refused, %" PRIu64 " broken rings\n",
	       reached[SENT], reached[LOST], reached[RECEIVED],
	       reached[EMPTY], reached[OBEYED], reached[REFUSED],
	       reached[BROKEN]);
}

static unsigned char *at(const struct guest *g, uint64_t gpa)
{
	return memory_at(&g->memory, gpa);
}

static void start_queue(struct guest *g, uint32_t i)
{
	const struct vq_driver_config dc = {
		.map = g->memory.map, .gpa = RING_GPA(i),
		.features = g->features, .size = QUEUE_SIZE,
	};

	g->driver[i] = queue_begin(g->dev, i, g->q[i], &dc);
	g->nheld[i] = 0;
}

static void init(void *guest, struct input *in)
{
	struct guest *g = guest;
	const uint32_t how = take(in, 1);
	struct virtdev_net_config config = { .size = sizeof(config),
					     .mac = { 2, 1, 1, 1, 1, 1 } };
	uint64_t all;
	uint32_t i;

	memset(g, 0, sizeof(*g));
	config.link = fuzz_net_link(g, how & 32);
	config.block = how >> 6 <= VIRTDEV_NET_BLOCK_LOCAL ? (enum virtdev_net_block)(how >> 6) : VIRTDEV_NET_BLOCK_NONE;
	g->blocks = config.block != VIRTDEV_NET_BLOCK_NONE;
	CHECK(virtdev_net_new(&config, &g->dev, NULL) == 0);
	memory_init(&g->memory);
	all = virtdev_get_info(g->dev)->features & ~(VQ_F_RING_PACKED |
						     VQ_F_INDIRECT_DESC);
	g->features = how & 1 ? all : VQ_F_VERSION_1;
	g->features |= how & 2 ? VQ_F_RING_PACKED : 0;
	g->features |= how & 4 ? VIRTDEV_NET_F_MRG_RXBUF : 0;
	g->features &= ~(how & 8 ? VIRTDEV_NET_F_MQ : 0);
	g->features &= ~(how & 16 ? VIRTDEV_NET_F_CTRL_VQ : 0);
	CHECK(virtdev_set_features(g->dev, g->features, NULL) == 0);
	for (i = 0; i < QUEUES; i++) {
		CHECK(vq_new(&g->q[i]) == 0);
		CHECK(vq_set_space(g->q[i], g->memory.space) == 0);
		start_queue(g, i);
	}
}

/* Returns few bytes, header lengths, frame lengths, or many; below the canary. */
static uint32_t length(struct input *in)
{
	uint32_t v = take(in, 1);

	switch (v >> 6) {
	case 0:
		return v & 31;
	case 1:
		return 12 + (v & 63);
	case 2:
		return 1500 + (v & 63);
	}
	return (v & 63) << 10;
}

static void add(struct guest *g, uint32_t queue, const struct vq_buffer *b,
		unsigned int n)
{
	uint32_t writable = 0, i;

	if (g->nheld[queue] == MAX_HELD)
		return;
	for (i = 0; i < n; i++)
		writable += b[i].writable ? b[i].len : 0;
	if (vq_driver_add(g->driver[queue], b, n, g->nheld[queue]) < 0)
		return;
	g->writable[queue][g->nheld[queue]++] = writable;
	vq_driver_publish(g->driver[queue]);
}

static void give_buffers(struct guest *g, struct input *in)
{
	const uint32_t how = take(in, 1), lane = how >> 7;
	uint32_t n = 1 + (how & 7);

	while (n--) {
		const struct vq_buffer b = { place(in), length(in),
					     how & 0x40 || n };

		add(g, 2 * lane, &b, 1);
	}
}

static void send_frame(struct guest *g, struct input *in)
{
	const uint64_t gpa = HEADERS_GPA + 64 * (g->nheld[1] % 64);
	const uint32_t how = take(in, 1), lane = how >> 7;
	struct vq_buffer b[8];
	uint32_t i, n = 0;

	for (i = 0; i < 12; i++)
		*at(g, gpa + i) = how & 1 ? (unsigned char)take(in, 1) : 0;
	if (how & 2)	/* a header with a supported GSO type */
		memcpy(at(g, gpa), "\1\1\66\0\xa8\5\42\0\20\0\0\0", 12);
	b[n++] = (struct vq_buffer) { gpa, how & 4 ? length(in) : 12, 0 };
	for (i = how >> 3 & 3; i; i--)
		b[n++] = (struct vq_buffer) { place(in), length(in), 0 };
	if (how & 0x20)
		b[n++] = (struct vq_buffer) { place(in), length(in), 1 };
	add(g, 2 * lane + 1, b, n);
}

static void send_command(struct guest *g, struct input *in)
{
	const uint32_t queue = g->features & VIRTDEV_NET_F_MQ ? QUEUES - 1 : 2;
	const uint64_t gpa = HEADERS_GPA + 0x2000;
	const uint32_t how = take(in, 1);
	uint32_t len = 2 + (how & 31), i;
	const struct vq_buffer b[] = {
		{ gpa, len, 0 },
		{ how & 0x80 ? place(in) : gpa + 0x800, 1 + (how >> 6 & 1), 1 },
	};

	for (i = 0; i < len; i++)
		*at(g, gpa + i) = (unsigned char)take(in, 1);
	*at(g, gpa + 0x800) = 0xee;
	if (!(g->features & VIRTDEV_NET_F_CTRL_VQ))
		return;
	add(g, queue, b, how & 0x20 ? 1 : 2);
}

static void collect(struct guest *g, uint32_t queue)
{
	uint32_t written;
	uint64_t cookie;

	while (vq_driver_collect(g->driver[queue], &cookie, &written) == 1) {
		CHECK(cookie < g->nheld[queue]);
		CHECK(written <= g->writable[queue][cookie]);
		if (queue == QUEUES - 1)
			reached[*at(g, HEADERS_GPA + 0x2800) ? REFUSED : OBEYED]++;
		else if (queue % 2)
			reached[LOST]++;
		else
			reached[written ? RECEIVED : EMPTY]++;
	}
	if (!vq_driver_inflight(g->driver[queue]))
		g->nheld[queue] = 0;
}

static void serve(struct guest *g, uint32_t queue)
{
	unsigned int turns = 0;

	while (virtdev_queue_serve(g->dev, queue) > 0 && ++turns < 4)
		;
	collect(g, queue);
}

static void stop_queue(struct guest *g, uint32_t i)
{
	CHECK(virtdev_queue_drain(g->dev, i) == 0);
	reached[BROKEN] += queue_end(g->dev, i, g->q[i]);
	vq_driver_free(g->driver[i]);
}

static void frame_comes(struct guest *g, struct input *in)
{
	const uint32_t len = length(in) + take(in, 1) % 16;

	if (g->nlengths < 16)
		g->lengths[g->nlengths++] = len + 12;
}

static void act(void *guest, struct input *in)
{
	struct guest *g = guest;
	static const int codes[] = { 0, 0, -EAGAIN, -EIO, -EPIPE, -EMSGSIZE };
	const uint32_t what = take(in, 1), queue = (what >> 4) % QUEUES;

	switch (what % 16) {
	case 0:
	case 1:
	case 2:
		give_buffers(g, in);
		break;
	case 3:
	case 4:
		frame_comes(g, in);
		break;
	case 5:
	case 6:
	case 7:
		send_frame(g, in);
		break;
	case 8:
	case 9:
		send_command(g, in);
		break;
	case 10:
		g->receive_code = codes[(what >> 4) % 6];
		break;
	case 11:
		g->send_code = codes[(what >> 4) % 6];
		g->batch_most = what >> 6;
		break;
	case 12:
		*at(g, RING_GPA(queue) + take(in, 2) % 0x1000) =
			(unsigned char)take(in, 1);
		break;
	case 13:
		stop_queue(g, queue);
		start_queue(g, queue);
		break;
	default:
		serve(g, queue);
		break;
	}
}

static void fini(void *guest)
{
	struct guest *g = guest;
	uint32_t i;

	for (i = 0; i < QUEUES; i++) {
		serve(g, i);
		stop_queue(g, i);
		vq_free(g->q[i]);
	}
	virtdev_reset(g->dev);
	virtdev_free(g->dev);
	close(g->fd);
	memory_check(&g->memory);
	memory_fini(&g->memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct guest guest;

	return play(&course, &guest, data, size);
}
