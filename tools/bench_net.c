/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The frames of "bench" for a network card: sent only, or sent and expected back, as from a
 * back-end that forwards to its own port. Each has the number of its slot and of its turn, so
 * that others, which any network has, and late ones are told apart.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-devices/net_layout.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/checked.h>

#include "bench_load.h"

#define HEADER ((uint32_t)sizeof(struct virtdev_net_header))
/* Mergeable receive buffers are as large as those of Linux. */
#define MERGEABLE 2048u
#define MAGIC 0x6d6d7663u

/* Ethernet with a type for experiments (IEEE 802), and the number of the frame. */
struct frame {
	unsigned char to[6], from[6], type[2];
	unsigned char padding[2];
	uint32_t magic, slot, turn;
};

static const struct frame model = {
	.to = { 0x02, 0, 0, 0, 0, 2 }, .from = { 0x02, 0, 0, 0, 0, 1 }, .type = { 0x88, 0xb5 },
	.magic = MAGIC,
};

/* A frame that is being received. */
struct arrival {
	uint32_t more;		/* buffers that follow */
	uint32_t len;		/* until here, with the header */
	uint32_t slot;		/* BENCH_NO_SLOT: another's */
};

struct net {
	struct queues q;
	uint32_t tx_room, rx_room;	/* of a buffer */
	uint32_t nrx;			/* receive buffers of a queue */
	uint64_t rx_gpa;
	struct arrival arrivals[BENCH_MAX_QUEUES];
	struct {
		uint32_t turn;
		bool used;	/* its buffer is */
		bool back;	/* the frame is, or is not expected */
	} slots[BENCH_MAX_QUEUES * BENCH_MAX_DEPTH];
};

static const struct bench_request requests[] = {
	{ .name = "send", .sized = true, .floor = bench_floor_send },
	{ .name = "echo", .sized = true, .floor = bench_floor_echo }, { .name = NULL }
};

static bool echoes(const struct bench_driver *d)
{
	return d->load->request == &requests[1];
}

/* --------------------------------------------------------------------- open */

/* The rings of a queue. */
static uint32_t rx_ring(uint32_t queue)
{
	return 2 * queue;
}

static enum vsu_exit offer(struct bench_driver *d, uint32_t queue, uint64_t i, struct vsu_error *err)
{
	const struct net *net = d->self;
	const struct vq_buffer buffer = {
		net->rx_gpa + (queue * net->nrx + i) * net->rx_room, net->rx_room, 1,
	};

	return bench_add(d, rx_ring(queue), &buffer, 1, i, err);
}

static enum vsu_exit net_open(struct bench_driver *d, struct vsu_error *err)
{
	const struct bench_load *most = d->load;
	const uint64_t mq = most->queues > 1 ? VIRTDEV_NET_F_MQ : 0;
	struct net *net = d->self;
	struct queues_plan plan = { .n = 2 * most->queues, .chain = 1 };
	enum vsu_exit status = queues_open(&net->q, most->socket, 0,
					   VQ_F_EVENT_IDX | VIRTDEV_NET_F_MRG_RXBUF | mq, err);
	uint32_t i;

	if (status != VSU_EXIT_OK)
		return status;
	d->q = &net->q;
	d->stride = most->depth;
	if (mq & ~net->q.features) {
		vsu_error_set(err, -EOPNOTSUPP, "option --queues: '%s' has one pair of queues: it does not offer the feature MQ",
			      most->socket);
		return VSU_EXIT_DATA;
	}
	net->tx_room = net->rx_room = (HEADER + most->size + 63) & ~63u;
	if (net->q.features & VIRTDEV_NET_F_MRG_RXBUF && net->rx_room > MERGEABLE)
		net->rx_room = MERGEABLE;
	plan.slots = net->nrx = most->depth * ((HEADER + most->size - 1) / net->rx_room + 1);
	plan.room = (uint64_t)most->queues * (most->depth * net->tx_room + net->nrx * net->rx_room);
	status = queues_start(&net->q, &plan, err);
	net->rx_gpa = net->q.room_gpa + (uint64_t)most->queues * most->depth * net->tx_room;
	for (i = 0; status == VSU_EXIT_OK && i < most->queues * net->nrx; i++)
		status = offer(d, i / net->nrx, i % net->nrx, err);
	return status;
}

/* Frames of the load before are ignored. */
static enum vsu_exit net_prepare(struct bench_driver *d, struct vsu_error *err)
{
	struct net *net = d->self;
	uint32_t i;

	(void)err;
	for (i = 0; i < BENCH_MAX_QUEUES * BENCH_MAX_DEPTH; i++)
		net->slots[i].back = true;
	return VSU_EXIT_OK;
}

/* --------------------------------------------------------------------- send */

static enum vsu_exit net_submit(struct bench_driver *d, uint32_t slot, struct vsu_error *err)
{
	struct net *net = d->self;
	const struct vq_buffer buffer = {
		net->q.room_gpa + (uint64_t)slot * net->tx_room, HEADER + d->load->size, 0,
	};
	unsigned char *bytes = queues_at(&net->q, buffer.gpa, buffer.len);
	struct frame frame = model;

	net->slots[slot].used = false;
	net->slots[slot].back = !echoes(d);
	frame.slot = slot;
	frame.turn = ++net->slots[slot].turn;
	memset(bytes, 0, HEADER);
	memcpy(bytes + HEADER, &frame, sizeof(frame));
	return bench_add(d, rx_ring(slot / d->stride) + 1, &buffer, 1, slot, err);
}

/* A frame whose buffer was used, but that is not back, was dropped. */
static bool net_lose(struct bench_driver *d, uint32_t slot)
{
	struct net *net = d->self;

	if (net->slots[slot].used)
		net->slots[slot].back = true;
	return net->slots[slot].used;
}

/* ------------------------------------------------------------------ receive */

/* The slot of a frame that is expected back. */
static uint32_t slot_of(const struct net *net, const unsigned char *bytes, uint32_t len)
{
	struct frame frame;

	if (len < HEADER + sizeof(frame))
		return BENCH_NO_SLOT;
	memcpy(&frame, bytes + HEADER, sizeof(frame));
	if (memcmp(frame.type, model.type, sizeof(frame.type)) != 0 || frame.magic != MAGIC ||
	    frame.slot >= BENCH_MAX_QUEUES * BENCH_MAX_DEPTH ||
	    net->slots[frame.slot].turn != frame.turn || net->slots[frame.slot].back)
		return BENCH_NO_SLOT;
	return frame.slot;
}

/* The first buffer of a frame has the header. Returns whether that is valid. */
static bool begin(const struct net *net, struct arrival *a, const unsigned char *bytes, uint32_t len)
{
	struct virtdev_net_header header;
	uint32_t n = 1;

	if (len < HEADER)
		return false;
	memcpy(&header, bytes, sizeof(header));
	if (net->q.features & VIRTDEV_NET_F_MRG_RXBUF)
		n = vsu_le16_load(header.num_buffers);
	*a = (struct arrival){ n, 0, slot_of(net, bytes, len) };
	return n > 0 && n <= net->nrx;
}

static enum vsu_exit receive(struct bench_driver *d, const struct queues_used *used,
			     uint32_t *slot, struct vsu_error *err)
{
	const uint32_t queue = used->ring / 2;
	struct net *net = d->self;
	struct arrival *a = &net->arrivals[queue];
	const uint64_t gpa = net->rx_gpa + (queue * net->nrx + used->cookie) * net->rx_room;

	if (!a->more && !begin(net, a, queues_at(&net->q, gpa, net->rx_room), used->written)) {
		vsu_error_set(err, -EBADMSG, "'%s': the back-end returned a frame of %" PRIu32 " bytes without a valid header and number of buffers",
			      d->load->socket, used->written);
		return VSU_EXIT_HOST;
	}
	a->more--;
	a->len += used->written;
	if (!a->more && a->slot != BENCH_NO_SLOT) {
		if (a->len != HEADER + d->load->size) {
			vsu_error_set(err, -EBADMSG, "'%s': a frame of %" PRIu32 " bytes came back with %" PRIu32,
				      d->load->socket, d->load->size, a->len - HEADER);
			return VSU_EXIT_HOST;
		}
		net->slots[a->slot].back = true;
		if (net->slots[a->slot].used)
			*slot = a->slot;
	}
	return offer(d, queue, used->cookie, err);
}

static enum vsu_exit net_complete(struct bench_driver *d, const struct queues_used *used,
				  uint32_t *slot, struct vsu_error *err)
{
	struct net *net = d->self;

	if (used->ring % 2 == 0)
		return receive(d, used, slot, err);
	net->slots[used->cookie].used = true;
	if (net->slots[used->cookie].back)
		*slot = (uint32_t)used->cookie;
	return VSU_EXIT_OK;
}

const struct bench_device bench_net = {
	.name = "net", .sizes = "64", .preset = "send", .all = "send,echo", .requests = requests,
	.min_size = 60, .max_size = 9216, .self_size = sizeof(struct net),
	.open = net_open, .prepare = net_prepare, .submit = net_submit, .complete = net_complete,
	.lose = net_lose,
	.all_lost = "no frame came back; measure echo with a back-end that returns frames, such as DPDK's testpmd in its mode io, and others with --request=send",
};
