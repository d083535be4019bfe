/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk image behind a vhost-user socket, in a loop of libev. Nothing of the
 * libraries knows libev: their descriptor is a watcher like any other. For
 * front-ends that are not trusted, add the handler of SIGBUS of blk-poll.c.
 */
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

static struct virtdev_vhost_user_server *server;

/* One bounded piece of work; the descriptor stays readable while there is more. */
static void on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)watcher;
	(void)events;
	if (virtdev_vhost_user_server_dispatch(server) < 0)
		ev_break(loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static int open_disk(const char *image, struct virtdev **dev, struct vsu_error *err)
{
	const struct virtdev_disk_file file = { .size = sizeof(file), .path = image };
	struct virtdev_blk_config blk = { .size = sizeof(blk) };
	int rc = virtdev_disk_file_open(&file, &blk.disk, err);

	if (rc >= 0 && (rc = virtdev_blk_new(&blk, dev, err)) < 0)
		virtdev_disk_free(blk.disk);
	return rc;
}

/* Until a signal asks for the end, and then until requests have finished. */
static void run(void)
{
	struct ev_loop *loop = ev_default_loop(0);
	ev_signal end;
	ev_io io;

	ev_io_init(&io, on_ready, virtdev_vhost_user_server_fd(server), EV_READ);
	ev_io_start(loop, &io);
	ev_signal_init(&end, on_signal, SIGTERM);
	ev_signal_start(loop, &end);
	ev_run(loop, 0);
	while (virtdev_vhost_user_server_stop(server) == -EAGAIN)
		ev_run(loop, EVRUN_ONCE);
}

static int serve(struct virtdev *dev, const char *path, struct vsu_error *err)
{
	const struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = dev };
	struct vsu_sock_path where;
	int rc, listener = vsu_sock_listen(path, 8, err);

	if (listener < 0)
		return listener;
	rc = virtdev_vhost_user_server_new(&config, listener, &server, err);
	if (rc >= 0) {
		run();
		virtdev_vhost_user_server_free(server);
	}
	if (vsu_sock_path_of(listener, &where) >= 0)
		vsu_sock_unlink(&where);
	vsu_fd_close(&listener);
	return rc;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;
	int rc = 0;

	if (argc != 3)
		rc = vsu_error_set(&err, -EINVAL, "use: blk-libev SOCKET IMAGE");
	if (rc >= 0)
		rc = open_disk(argv[2], &dev, &err);
	if (rc >= 0) {
		rc = serve(dev, argv[1], &err);
		virtdev_free(dev);
	}
	if (rc < 0)
		fprintf(stderr, "blk-libev: %s\n", err.msg);
	return rc < 0;
}
