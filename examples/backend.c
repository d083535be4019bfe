/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The back-end of virtio-devices/README.md: a source of entropy behind a vhost-user socket. */
#include <stdio.h>
#include <sys/random.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/features.h>

struct source {
	struct virtdev *dev;
	struct vq *q;			/* while the driver uses it */
};

/* One request: fills the driver's buffers and returns the number of bytes. */
static uint32_t fill(void *opaque, struct vq *q, struct vq_chain *chain)
{
	unsigned char noise[256];
	struct vq_cursor out;
	ssize_t n = getrandom(noise, sizeof(noise), 0);

	(void)opaque;
	vq_writer_init(&out, q, chain);
	return n > 0 ? vq_cursor_write(&out, noise, (uint32_t)n) : 0;
}

static int serve(void *self, uint32_t queue)
{
	const struct vq_turn turn = { .size = sizeof(turn), .serve = fill };
	struct source *s = self;

	return s->q ? virtdev_queue_turn(s->dev, queue, s->q, &turn) : 0;
}

static int start(void *self, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	(void)queue;
	(void)err;
	((struct source *)self)->q = q;
	return 0;
}

static void stop(void *self, uint32_t queue)
{
	(void)queue;
	((struct source *)self)->q = NULL;
}

/* A request of the front-end was refused, or its session failed. */
static void report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	fprintf(stderr, "%s: %s\n", virtdev_name(dev), what->msg);
}

int main(int argc, char **argv)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "rng",
		.queue_start = start, .queue_serve = serve, .queue_stop = stop };
	const struct virtdev_info info = { .id = 4, .nqueues = 1, .queue_size_max = 256,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX };
	struct vsu_error err = VSU_ERROR_INIT;
	struct source s = { NULL, NULL };

	if (argc != 2)
		return 64;
	if (virtdev_new(&ops, &info, &s, &s.dev, &err) < 0 ||
	    virtdev_vhost_user_serve(s.dev, argv[1], -1, report, NULL, &err) < 0)
		fprintf(stderr, "backend: %s\n", err.msg);
	virtdev_free(s.dev);
	return 69;
}
