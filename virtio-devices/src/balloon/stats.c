/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Statistics (VIRTIO 1.3, section 5.5.6.3): the driver supplies one buffer with
 * its counters. The device returns the buffer to request newer ones.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-queue/cursor.h>

#include "balloon/priv.h"
#include "core/device_priv.h"

/* Maximum entries read of one buffer, and buffers per turn. */
#define MOST_NUMBERS 64u
#define MOST_BUFFERS 16u

/* An entry: two bytes of tag, eight of value. */
static bool number_read(struct vq_cursor *reader,
			struct virtdev_balloon_stats *stats)
{
	uint16_t tag;
	uint64_t value;

	if (!vq_cursor_read_le16(reader, &tag) ||
	    !vq_cursor_read_le64(reader, &value))
		return false;
	if (tag < VIRTDEV_BALLOON_NSTATS) {
		stats->value[tag] = value;
		stats->known |= UINT32_C(1) << tag;
	}
	return true;
}

/* Other threads may read these values concurrently. */
static void stats_store(struct virtdev_balloon_stats *last,
			const struct virtdev_balloon_stats *stats)
{
	unsigned int i;

	for (i = 0; i < VIRTDEV_BALLOON_NSTATS; i++)
		__atomic_store_n(&last->value[i], stats->value[i],
				 __ATOMIC_RELAXED);
	last->known = stats->known;
	__atomic_store_n(&last->reports, stats->reports, __ATOMIC_RELAXED);
}

static void buffer_read(struct balloon_stats *s, struct vq *q)
{
	struct virtdev_balloon_stats stats = { .reports = s->last.reports + 1 };
	struct vq_cursor reader;
	unsigned int n = 0;

	vq_reader_init(&reader, q, &s->held);
	while (n < MOST_NUMBERS && number_read(&reader, &stats))
		n++;
	stats_store(&s->last, &stats);
}

static void buffer_return(struct balloon *b, struct vq *q)
{
	struct balloon_stats *s = &b->stats;

	if (!s->holds)
		return;
	s->holds = false;
	vq_push(q, &s->held, 0);
	if (vq_publish(q))
		virtdev_notify(b->dev, s->queue);
}

/* Holds the driver's buffer. A second one replaces the first, which is returned. */
static int buffer_take(struct balloon *b, struct vq *q)
{
	struct balloon_stats *s = &b->stats;
	int rc;

	if (s->holds && !vq_has_available(q))
		return 0;
	buffer_return(b, q);
	s->held.iov = s->pieces;
	s->held.iov_max = BALLOON_STATS_PIECES;
	rc = vq_pop(q, &s->held);
	if (rc != 1)
		return rc;
	s->holds = true;
	buffer_read(s, q);
	return 1;
}

int virtdev_priv_balloon_stats_serve(struct balloon *b, struct vq *q)
{
	unsigned int left = MOST_BUFFERS;
	const bool was_broken = vq_broken(q);
	int rc = 0;

	do {
		vq_disable_notify(q);
		while (left && (rc = buffer_take(b, q)) == 1)
			left--;
		if (!left)
			return 1;
	} while (!rc && vq_enable_notify(q));
	if (!was_broken && vq_broken(q))
		virtdev_queue_broken(b->dev, b->stats.queue);
	return rc == -EAGAIN ? virtdev_queue_missed(b->dev, b->stats.queue) : 0;
}

void virtdev_priv_balloon_stats_drain(struct balloon *b, struct vq *q)
{
	struct balloon_stats *s = &b->stats;

	if (s->holds)
		vq_unpop(q, &s->held);
	s->holds = false;
}

int virtdev_balloon_ask_stats(struct virtdev *dev)
{
	struct balloon *b = virtdev_priv_self(dev, virtdev_priv_balloon_stats);
	const struct balloon_queue *queue;

	if (!b)
		return -EINVAL;
	queue = &b->queues[b->stats.queue];
	if (!b->stats.holds || !queue->q)
		return -EAGAIN;
	buffer_return(b, queue->q);
	return 0;
}

int virtdev_priv_balloon_last(const struct virtdev *dev,
			      struct virtdev_balloon_stats *out)
{
	const struct balloon *b = virtdev_priv_self(dev, virtdev_priv_balloon_stats);

	if (!b)
		return -EINVAL;
	*out = b->stats.last;
	return 0;
}
