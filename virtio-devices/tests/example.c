/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The example of libvirtio-devices(3): a device model, a source of entropy,
 * and its home behind a vhost-user socket.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

/* The model (VIRTIO 1.3, section 5.4): it fills what the driver gives it. */

struct rng {
	struct virtdev *dev;
	struct vq *q;		/* while it runs */
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

/* How much a driver gets at once is up to the device: never without end. */
static void fill(struct vq *q, struct vq_chain *chain)
{
	unsigned char noise[256];	/* what getrandom() never cuts short */
	struct vq_cursor writer;
	ssize_t n = getrandom(noise, sizeof(noise), 0);

	vq_writer_init(&writer, q, chain);
	vq_cursor_write(&writer, noise, n < 0 ? 0 : (uint32_t)n);
	vq_push(q, chain, vq_cursor_done(&writer));
}

/* A bounded turn: 1 when there is more to do, 0 to wait for a kick. */
static int queue_serve(void *self, uint32_t queue)
{
	struct iovec iov[8];
	struct vq_chain chain = { .iov = iov, .iov_max = 8 };
	struct rng *rng = self;
	int rc = 0, served = 0;

	if (!rng->q)
		return 0;
	do {
		vq_disable_notify(rng->q);
		for (; served < 64 && (rc = vq_pop(rng->q, &chain)) == 1; served++)
			fill(rng->q, &chain);
		if (vq_publish(rng->q))
			virtdev_notify(rng->dev, queue);
	} while (rc == 0 && vq_enable_notify(rng->q));
	if (rc < 0 && rc != -EAGAIN)
		virtdev_queue_broken(rng->dev, queue);
	return rc == 1;
}

static int rng_new(struct rng *rng)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "rng", .queue_start = queue_start,
		.queue_serve = queue_serve, .queue_stop = queue_stop,
	};
	static const struct virtdev_info info = {
		.id = 4, .nqueues = 1, .queue_max = 256,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED,
	};

	return virtdev_new(&ops, &info, rng, &rng->dev);
}

/* The home: one front-end after another. */

static void ended(void *opaque, const struct vsu_error *why)
{
	(void)opaque;
	printf("%s\n", why->msg);
	fflush(stdout);
}

static int serve(struct virtdev *dev, int listener, struct vsu_error *err)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = dev, .session_ended = ended,
	};
	struct virtdev_vhost_user_server *server;
	int rc = virtdev_vhost_user_server_new_listen(&config, listener,
						      &server, err);
	struct pollfd p = { 0, POLLIN, 0 };

	if (rc < 0)
		return rc;
	p.fd = virtdev_vhost_user_server_fd(server);
	do {
		rc = virtdev_vhost_user_server_dispatch(server);
		poll(&p, 1, rc > 0 ? 0 : -1);
	} while (rc >= 0);
	while (virtdev_vhost_user_server_stop(server) == -EAGAIN)
		virtdev_vhost_user_server_dispatch(server);
	virtdev_vhost_user_server_free(server);
	return vsu_error_set(err, rc, "the server cannot go on");
}

static int run(const char *path, struct vsu_error *err)
{
	int rc, listener = vsu_sock_listen(path, 1, err);
	struct rng rng = { NULL, NULL };

	if (listener < 0)
		return listener;
	rc = rng_new(&rng);
	if (rc == 0)
		rc = serve(rng.dev, listener, err);
	else
		vsu_error_sys(err, rc, "no device");
	virtdev_free(rng.dev);
	vsu_fd_close(&listener);
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
