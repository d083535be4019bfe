/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An asynchronous device: an echo console that answers after a delay. The driver
 * transmits on queue 1, and the same bytes arrive on queue 0.
 *
 *   - A transmitted chain is held until its text was echoed. Kicks arrive meanwhile;
 *     further chains wait in the ring.
 *   - A timer represents the host, which answers later. Its descriptor is the host fd of
 *     the receive queue, so that every server waits for it.
 *   - Receive buffers without text stay in their ring: VQ_TURN_LATER. If the driver
 *     supplies no buffers, the text is held, and the driver's transmit queue fills up.
 *   - serve and drain access the ring of their own queue only: the server may have
 *     stopped the other one. An eventfd passes the work to the other queue.
 *
 * One thread serves both queues. With a thread for each, struct delayed needs a lock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/cursor.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include "small-machine.h"

#define DELAY_NS UINT64_C(1000000)

enum { RECEIVE, TRANSMIT };

struct delayed {
	struct virtdev *dev;
	struct vq *q[2];		/* while the driver uses them */
	struct vq_chain text;		/* held */
	struct iovec iov[64];
	struct vq_cursor unread;	/* the part of it that was not echoed yet */
	bool held;
	bool due;			/* the delay is over; unread may be echoed */
	int timer;			/* readable: the delay is over */
	int echoed;			/* eventfd; readable: the text can be completed */
};

/* ------------------------------------------------------------ transmit queue */

static void complete(struct delayed *d)
{
	struct vq *q = d->q[TRANSMIT];

	vq_push(q, &d->text, 0);
	d->held = d->due = false;
	if (vq_publish(q))
		virtdev_notify(d->dev, TRANSMIT);
}

static void hold(struct delayed *d)
{
	d->held = true;
	vq_reader_init(&d->unread, d->q[TRANSMIT], &d->text);
	if (vsu_timer_arm(d->timer, DELAY_NS) < 0)
		complete(d);		/* without an echo, but the driver gets it back */
}

/* No notification is needed while a chain is held. */
static int pop(struct delayed *d)
{
	struct vq *q = d->q[TRANSMIT];
	int rc;

	do {
		vq_disable_notify(q);
		d->text = (struct vq_chain){ .iov = d->iov, .iov_max = 64 };
		rc = vq_pop(q, &d->text);
	} while (rc == 0 && vq_enable_notify(q));
	return rc;
}

static int serve_transmit(struct delayed *d)
{
	uint64_t echoed = 0;
	int rc;

	vsu_event_drain(d->echoed, &echoed);
	if (echoed && d->held)
		complete(d);
	if (d->held)
		return 0;
	rc = pop(d);
	if (rc == 1)
		hold(d);
	else if (rc == -EFAULT)
		virtdev_queue_broken(d->dev, TRANSMIT);
	return rc == -EAGAIN ? virtdev_queue_missed(d->dev, TRANSMIT) : rc == 1 && !d->held;
}

/* ------------------------------------------------------------- receive queue */

/* One buffer: the bytes stored there, or VQ_TURN_LATER and it stays in the ring. */
static uint32_t echo(void *opaque, struct vq *q, struct vq_chain *buffer)
{
	struct delayed *d = opaque;
	struct vq_cursor to;
	uint32_t n;

	if (!d->due)
		return VQ_TURN_LATER;
	vq_writer_init(&to, q, buffer);
	n = vq_cursor_copy(&to, &d->unread, vq_cursor_left(&d->unread));
	if (!vq_cursor_left(&d->unread)) {
		d->due = false;
		vsu_event_signal_own(d->echoed);
	}
	return n;
}

static int serve_receive(struct delayed *d)
{
	const struct vq_turn turn = { .size = sizeof(turn), .serve = echo, .opaque = d };
	uint64_t expired = 0;

	vsu_timer_drain(d->timer, &expired);
	d->due = d->due || (expired && d->held);
	return virtdev_queue_turn(d->dev, RECEIVE, d->q[RECEIVE], &turn);
}

/* ----------------------------------------------------------------- the model */

static int start(void *self, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	(void)err;
	((struct delayed *)self)->q[queue] = q;
	return 0;
}

static int serve(void *self, uint32_t queue)
{
	return queue == TRANSMIT ? serve_transmit(self) : serve_receive(self);
}

/*
 * Pops nothing and does not wait for the delay. A text of which nothing was echoed
 * returns to the ring: after a migration the next device echoes it.
 */
static int drain(void *self, uint32_t queue)
{
	struct delayed *d = self;
	struct vq_cursor all;

	if (queue != TRANSMIT || !d->held)
		return 0;
	vsu_timer_disarm(d->timer);
	vq_reader_init(&all, d->q[TRANSMIT], &d->text);
	if (vq_cursor_left(&all) > vq_cursor_left(&d->unread)) {
		complete(d);
		return 0;
	}
	vq_unpop(d->q[TRANSMIT], &d->text);
	d->held = d->due = false;
	return 0;
}

static void stop(void *self, uint32_t queue)
{
	((struct delayed *)self)->q[queue] = NULL;
}

static int host_fd(void *self, uint32_t queue)
{
	const struct delayed *d = self;

	return queue == TRANSMIT ? d->echoed : d->timer;
}

static void report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	fprintf(stderr, "delayed-echo: %s\n", what->msg);
}

int main(int argc, char **argv)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "delayed-echo",
		.queue_start = start, .queue_serve = serve, .queue_drain = drain,
		.queue_stop = stop, .queue_host_fd = host_fd };
	static const struct virtdev_info info = { .id = VIRTDEV_ID_CONSOLE, .nqueues = 2,
		.queue_size_max = 256, .config_size = 12,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX | VQ_F_RING_PACKED };
	struct vsu_error err = { .msg = "use: delayed-echo SOCKET, or delayed-echo here TEXT" };
	struct delayed d = { .timer = vsu_timer_new(), .echoed = vsu_event_new() };
	const bool here = argc == 3 && !strcmp(argv[1], "here");
	int rc = -1;

	if ((here || argc == 2) && d.timer >= 0 && d.echoed >= 0)
		rc = virtdev_new(&ops, &info, &d, &d.dev, &err);
	if (rc == 0)
		rc = here ? machine_ask(d.dev, argv[2], &err) :
			    virtdev_vhost_user_serve(d.dev, argv[1], -1, report, NULL, &err);
	if (rc < 0)
		fprintf(stderr, "delayed-echo: %s\n", err.msg);
	virtdev_free(d.dev);
	vsu_fd_close(&d.timer);
	vsu_fd_close(&d.echoed);
	return rc < 0 ? 69 : 0;
}
