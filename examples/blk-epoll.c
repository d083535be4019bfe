/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Any number of disk images, each behind a vhost-user socket of its own, in one
 * loop of epoll: each server is one descriptor in it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
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

/* Not every session that ends is an accident: the guest may have powered off. */
static void session_ended(void *opaque, const struct vsu_error *why)
{
	fprintf(stderr, "%s: %s\n", (const char *)opaque, why->msg);
}

/* Print this: no other message has the reason if a front-end's device does not work. */
static void refused(void *opaque, uint32_t request, uint32_t ring,
		    const struct vsu_error *why)
{
	(void)request;
	(void)ring;
	fprintf(stderr, "%s: refused: %s\n", (const char *)opaque, why->msg);
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

/* The server's descriptor covers all its work, so that the loop needs no other. */
static int add_disk(int loop, char *path, const char *image, struct vsu_error *err)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .sigbus = mappings, .opaque = path,
		.session_ended = session_ended, .refused = refused };
	struct epoll_event event = { .events = EPOLLIN };
	struct virtdev_vhost_user_server *server;
	int listener, rc = open_disk(image, &config.dev, err);

	if (rc < 0)
		return rc;
	listener = vsu_sock_listen(path, 8, err);
	if (listener < 0)
		return listener;
	rc = virtdev_vhost_user_server_new(&config, listener, &server, err);
	vsu_fd_close(&listener);	/* the server has one of its own */
	if (rc < 0)
		return rc;
	event.data.ptr = server;
	return epoll_ctl(loop, EPOLL_CTL_ADD, virtdev_vhost_user_server_fd(server), &event);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	int rc, loop = epoll_create1(EPOLL_CLOEXEC);
	struct vsu_error err = VSU_ERROR_INIT;
	struct epoll_event ready;

	sigaction(SIGBUS, &action, NULL);
	rc = vmem_sigbus_new(1024, &mappings, &err);
	if (argc < 3 || argc % 2 == 0)
		rc = vsu_error_set(&err, -1, "use: blk-epoll SOCKET IMAGE [SOCKET IMAGE]...");
	for (int i = 1; i < argc && rc >= 0; i += 2)
		rc = add_disk(loop, argv[i], argv[i + 1], &err);
	/* Each gets one bounded piece of work done, and then the others. */
	while (rc >= 0)
		if (epoll_wait(loop, &ready, 1, -1) == 1)
			rc = virtdev_vhost_user_server_dispatch(ready.data.ptr);
	fprintf(stderr, "blk-epoll: %s\n", err.msg);
	return 1;	/* the kernel takes back what the process has */
}
