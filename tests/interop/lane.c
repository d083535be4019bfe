/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A pair of rings of a network card, from the device's side. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <virtio-queue/cursor.h>
#include <vmm-sys-util/endian.h>

#include "lane.h"

/* Maximum number of frames in flight. */
#define BATCH 32u
/* Maximum number of chains per received frame, and of pieces per chain. */
#define MAX_CHAINS 16u
#define MAX_PIECES 16u

static void complain(struct lane *l, const char *why)
{
	if (!l->failed)
		printf("pair %" PRIu32 ", frame %" PRIu32 ": %s\n", l->index,
		       l->came, why);
	l->failed = true;
}

/* ------------------------------------------------------- towards the driver */

/* Pops the chains that len bytes require; 0 if too few are available. */
static unsigned int chains_pop(struct lane *l, struct vq_chain *chains,
			       uint32_t len)
{
	unsigned int n = 0;
	uint32_t room = 0;

	while (room < len && n < MAX_CHAINS && vq_pop(l->rx, &chains[n]) == 1)
		room += chains[n++].writable_len;
	if (room >= len)
		return n;
	if (n == MAX_CHAINS)
		complain(l, "the driver's buffers are too small");
	while (n--)
		vq_unpop(l->rx, &chains[n]);
	return 0;
}

static void chains_push(struct lane *l, struct vq_chain *chains, unsigned int n,
			const unsigned char *bytes, uint32_t len)
{
	struct vq_cursor writer;
	uint32_t done = 0, part;
	unsigned int i;

	for (i = 0; i < n; i++) {
		vq_writer_init(&writer, l->rx, &chains[i]);
		part = vq_cursor_write(&writer, bytes + done, len - done);
		vq_push(l->rx, &chains[i], part);
		done += part;
	}
}

static bool frame_put(struct lane *l)
{
	const uint32_t len = frame_len(l->sent, l->large);
	unsigned char bytes[NET_HEADER + FRAME_LARGE] = { 0 };
	struct iovec iov[MAX_CHAINS][MAX_PIECES];
	struct vq_chain chains[MAX_CHAINS];
	struct vsu_le16 buffers;
	unsigned int i, n;

	for (i = 0; i < MAX_CHAINS; i++) {
		chains[i].iov = iov[i];
		chains[i].iov_max = MAX_PIECES;
	}
	n = chains_pop(l, chains, NET_HEADER + len);
	if (!n)
		return false;
	if (n > 1 && !l->large)
		complain(l, "a frame does not fit into one buffer");
	buffers = vsu_le16_make((uint16_t)n);
	memcpy(bytes + NET_HEADER_BUFFERS, &buffers, sizeof(buffers));
	frame_make(bytes + NET_HEADER, l->sent, len);
	chains_push(l, chains, n, bytes, NET_HEADER + len);
	l->sent++;
	return true;
}

static bool may_put(const struct lane *l)
{
	return l->sent < l->end &&
	       l->sent - (l->fresh ? l->given_up : l->came) < BATCH;
}

void lane_put(struct lane *l)
{
	if (!l->rx || !l->tx)
		return;
	do {
		vq_disable_notify(l->rx);
		while (may_put(l) && frame_put(l))
			;
		if (vq_publish(l->rx))
			virtdev_notify(l->dev, 2 * l->index);
	} while (may_put(l) && vq_enable_notify(l->rx));
}

/* ----------------------------------------------------------- from the driver */

/*
 * A driver that starts (DPDK's, with its second pair) discards frames received before it
 * was ready, and kicks then. Frames before the first one that returns are not counted, and
 * others are sent instead.
 */
static void first_find(struct lane *l, uint32_t number)
{
	const uint32_t lost = number - l->came;

	if (l->fresh && lost < l->sent - l->came) {
		l->came += lost;
		l->end += lost;
	}
	l->fresh = false;
}

static const char *frame_check(struct lane *l, const unsigned char *frame,
			       uint32_t len)
{
	first_find(l, frame_number(frame));
	return frame_fault(frame, len, l->came, l->large, false);
}

static uint32_t frame_take(void *opaque, struct vq *q, struct vq_chain *chain)
{
	unsigned char bytes[NET_HEADER + FRAME_LARGE];
	struct lane *l = opaque;
	struct vq_cursor reader;
	const char *wrong;
	uint32_t len;

	vq_reader_init(&reader, q, chain);
	len = vq_cursor_left(&reader);
	if (chain->fault.why || len < NET_HEADER + FRAME_SHORTEST || len > sizeof(bytes) ||
	    !vq_cursor_read_exact(&reader, bytes, len))
		wrong = "no frame can be in this chain";
	else
		wrong = frame_check(l, bytes + NET_HEADER, len - NET_HEADER);
	if (wrong)
		complain(l, wrong);
	l->came++;
	return 0;
}

int lane_take(struct lane *l)
{
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = frame_take, .opaque = l,
	};

	return virtdev_queue_turn(l->dev, 2 * l->index + 1, l->tx, &turn);
}
