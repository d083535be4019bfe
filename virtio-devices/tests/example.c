/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The example of libvirtio-devices(3): a device model, a source of entropy,
 * and its server behind a vhost-user socket.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/exit.h>

/*
 * The model (VIRTIO 1.3, section 5.4): it fills the driver's buffers with
 * random bytes.
 */

struct rng {
	struct virtdev *dev;
	struct vq *q;		/* set while the queue runs */
};

static int queue_start(void *self, uint32_t queue, struct vq *q,
		       struct vsu_error *err)
{
	(void)queue;
	(void)err;
	((struct rng *)self)->q = q;
	return 0;
}

static void queue_stop(void *self, uint32_t queue)
{
	(void)queue;
	((struct rng *)self)->q = NULL;
}

/* The device limits the number of bytes per request. */
static uint32_t fill(void *opaque, struct vq *q, struct vq_chain *chain)
{
	/* getrandom() never truncates requests of this size */
	unsigned char noise[256];
	struct vq_cursor writer;
	ssize_t n = getrandom(noise, sizeof(noise), 0);

	(void)opaque;
	vq_writer_init(&writer, q, chain);
	return vq_cursor_write(&writer, noise, n < 0 ? 0 : (uint32_t)n);
}

/* A bounded turn: returns 1 if more work is ready, 0 to wait for a kick. */
static int queue_serve(void *self, uint32_t queue)
{
	const struct vq_turn turn = { .size = sizeof(turn), .serve = fill };
	struct rng *rng = self;

	return rng->q ? virtdev_queue_turn(rng->dev, queue, rng->q, &turn) : 0;
}

static int rng_new(struct rng *rng, struct vsu_error *err)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "rng", .queue_start = queue_start,
		.queue_serve = queue_serve, .queue_stop = queue_stop,
	};
	static const struct virtdev_info info = {
		.id = 4, .nqueues = 1, .queue_size_max = 256,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED,
	};

	return virtdev_new(&ops, &info, rng, &rng->dev, err);
}

/* The server: serves one front-end after another until a signal arrives. */

static void report(void *opaque, struct virtdev *dev,
		   const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	fprintf(stderr, "example: %s\n", what->msg);
}

static int run(const char *path, struct vsu_error *err)
{
	struct rng rng = { NULL, NULL };
	sigset_t ends;
	int rc, stop;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	stop = signalfd(-1, &ends, SFD_CLOEXEC);
	rc = rng_new(&rng, err);
	if (rc == 0)
		rc = virtdev_vhost_user_serve(rng.dev, path, stop, report,
					      NULL, err);
	virtdev_free(rng.dev);
	close(stop);
	return rc;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (argc != 2) {
		fprintf(stderr, "use: example SOCKET\n");
		return VSU_EXIT_USAGE;
	}
	if (run(argv[1], &err) >= 0)
		return VSU_EXIT_OK;
	fprintf(stderr, "example: %s\n", err.msg);
	return VSU_EXIT_HOST;
}
