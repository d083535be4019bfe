/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A new device in two servers: behind a vhost-user socket, and in a machine. */
#include <stdio.h>
#include <string.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/cursor.h>
#include "small-machine.h"

struct echo {
	struct virtdev *dev;
	struct vq *q;			/* while the driver uses it */
};

/* One request: how many bytes were written into its buffers. */
static uint32_t answer(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct vq_cursor in, out;

	(void)opaque;
	vq_reader_init(&in, q, chain);
	vq_writer_init(&out, q, chain);
	return vq_cursor_copy(&out, &in, vq_cursor_left(&in));
}

static int start(void *echo, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	(void)queue;
	(void)err;
	((struct echo *)echo)->q = q;
	return 0;
}

static int serve(void *self, uint32_t queue)
{
	const struct vq_turn turn = { .size = sizeof(turn), .serve = answer };
	struct echo *echo = self;

	return echo->q ? virtdev_queue_turn(echo->dev, queue, echo->q, &turn) : 0;
}

static void stop(void *echo, uint32_t queue)
{
	(void)queue;
	((struct echo *)echo)->q = NULL;
}

static void report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	fprintf(stderr, "echo-device: %s\n", what->msg);
}

int main(int argc, char **argv)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "echo",
		.queue_start = start, .queue_serve = serve, .queue_stop = stop };
	const struct virtdev_info info = { .id = 63 /* unassigned */, .nqueues = 1, .queue_size_max = 256,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | VQ_F_RING_PACKED };
	struct vsu_error err = { .msg = "use: echo-device SOCKET, or echo-device here TEXT" };
	const bool here = argc == 3 && !strcmp(argv[1], "here");
	struct echo echo = { NULL, NULL };
	int rc = here || argc == 2 ? virtdev_new(&ops, &info, &echo, &echo.dev, &err) : -1;

	if (rc == 0)
		rc = here ? machine_ask(echo.dev, argv[2], &err) :
			    virtdev_vhost_user_serve(echo.dev, argv[1], -1, report, NULL, &err);
	if (rc < 0)
		fprintf(stderr, "echo-device: %s\n", err.msg);
	virtdev_free(echo.dev);
	return rc < 0 ? 69 : 0;
}
