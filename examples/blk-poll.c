/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk image behind a vhost-user socket, in the program's own loop of poll():
 * the server has one descriptor for all of its events.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

static struct vmem_sigbus *mappings;

/* A front-end may cut the file short that is the guest's memory. */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(mappings, info))
		signal(number, SIG_DFL);
}

static int open_disk(const char *image, struct virtdev **dev, struct vsu_error *err)
{
	const struct virtdev_disk_file file = { .size = sizeof(file), .path = image,
						.sigbus = mappings };
	struct virtdev_blk_config blk = { .size = sizeof(blk) };
	int rc = virtdev_disk_file_open(&file, &blk.disk, err);

	if (rc >= 0 && (rc = virtdev_blk_new(&blk, dev, err)) < 0)
		virtdev_disk_free(blk.disk);
	return rc;
}

/* One bounded piece of work each time; nothing in it waits. */
static int run(struct virtdev_vhost_user_server *server)
{
	struct pollfd wanted = { .fd = virtdev_vhost_user_server_fd(server), .events = POLLIN };
	int rc = 0;

	while (rc >= 0)
		if (poll(&wanted, 1, -1) > 0)
			rc = virtdev_vhost_user_server_dispatch(server);
	return rc;
}

static int serve(struct virtdev *dev, const char *path, struct vsu_error *err)
{
	const struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = dev, .sigbus = mappings };
	struct virtdev_vhost_user_server *server;
	int rc, listener = vsu_sock_listen(path, 8, err);

	if (listener < 0)
		return listener;
	rc = virtdev_vhost_user_server_new(&config, listener, &server, err);
	vsu_fd_close(&listener);	/* the server has one of its own */
	return rc < 0 ? rc : vsu_error_sys(err, run(server), "the server ended");
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;
	int rc = vmem_sigbus_new(1024, &mappings, &err);

	sigaction(SIGBUS, &action, NULL);
	if (argc != 3)
		rc = vsu_error_set(&err, -EINVAL, "use: blk-poll SOCKET IMAGE");
	if (rc >= 0 && (rc = open_disk(argv[2], &dev, &err)) >= 0)
		rc = serve(dev, argv[1], &err);
	fprintf(stderr, "blk-poll: %s\n", err.msg);
	return rc < 0;		/* the kernel takes back what the process has */
}
