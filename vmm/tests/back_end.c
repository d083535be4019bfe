/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device of one queue that a thread of the test's serves. */
#include <config.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "back_end.h"
#include "util.h"

struct back_end be;

static char folder[32];	/* of its socket */
bool back_end_postcopy;

static void config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	memcpy(buf, ((struct back_end *)self)->config + off, len);
}

static int config_write(void *self, uint32_t off, const void *buf,
			uint32_t len)
{
	memcpy(((struct back_end *)self)->config + off, buf, len);
	return 0;
}

static struct vq *served;	/* the queue; that thread's */

static int queue_start(void *self, uint32_t queue, struct vq *q,
		       struct vsu_error *err)
{
	(void)self;
	(void)queue;
	(void)err;
	served = q;
	return 0;
}

static uint32_t use_nothing(void *opaque, struct vq *q, struct vq_chain *chain)
{
	(void)opaque;
	(void)q;
	if (chain->fault.why)
		__atomic_fetch_add(&be.faults, 1, __ATOMIC_RELEASE);
	return 0;
}

static int queue_serve(void *self, uint32_t queue)
{
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = use_nothing,
	};

	return virtdev_queue_turn(((struct back_end *)self)->dev, queue, served,
				  &turn);
}

static void *serve(void *arg)
{
	struct back_end *b = arg;
	struct pollfd fds[] = {
		{ virtdev_vhost_user_server_fd(b->server), POLLIN, 0 },
		{ b->change, POLLIN, 0 }, { b->quit, POLLIN, 0 },
	};
	int more = 0;

	while (more >= 0 && !fds[2].revents) {
		poll(fds, 3, more > 0 ? 0 : -1);
		if (fds[1].revents) {
			vsu_event_drain(b->change, NULL);
			b->config[0]++;
			virtdev_config_changed(b->dev);
		}
		pthread_mutex_lock(&b->turn);
		more = virtdev_vhost_user_server_dispatch(b->server);
		pthread_mutex_unlock(&b->turn);
	}
	while (virtdev_vhost_user_server_stop(b->server))
		virtdev_vhost_user_server_dispatch(b->server);
	virtdev_vhost_user_server_free(b->server);
	return NULL;
}

/* Serves one session of the device on the existing listener. */
void back_end_serve(void)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = be.dev,
		.postcopy = back_end_postcopy,
	};

	ck_assert_int_eq(virtdev_vhost_user_server_new(&config,
				be.listener, &be.server, NULL), 0);
	ck_assert_int_eq(pthread_create(&be.thread, NULL, serve, &be), 0);
	be.ended = false;
}

void back_end_make_device(uint64_t features)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
		.config_read = config_read, .config_write = config_write,
		.queue_start = queue_start, .queue_serve = queue_serve,
	};
	const struct virtdev_info info = {
		.id = 26, .nqueues = 1, .queue_size_max = 16, .config_size = 4,
		.features = features,
	};

	ck_assert_int_eq(virtdev_new(&ops, &info, &be, &be.dev, NULL), 0);
}

void back_end_start(uint64_t features)
{
	memset(&be, 0, sizeof(be));
	pthread_mutex_init(&be.turn, NULL);
	strcpy(folder, "/tmp/back-end.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(be.path, sizeof(be.path), "%s/socket", folder);
	be.listener = vsu_sock_listen(be.path, 1, NULL);
	ck_assert_int_ge(be.listener, 0);
	ck_assert_int_eq(vsu_sock_path_of(be.listener, &be.where), 0);
	be.change = vsu_event_new();
	be.quit = vsu_event_new();
	back_end_make_device(features);
	back_end_serve();
}

void back_end_stop(void)
{
	if (!be.ended) {
		vsu_event_signal(be.quit);
		pthread_join(be.thread, NULL);
		vsu_event_drain(be.quit, NULL);
	}
	be.ended = true;
}

void back_end_hold(void)
{
	pthread_mutex_lock(&be.turn);
}

void back_end_go_on(void)
{
	pthread_mutex_unlock(&be.turn);
}

void back_end_free(void)
{
	back_end_stop();
	vsu_sock_unlink(&be.where);
	rmdir(folder);
	close(be.listener);
	close(be.change);
	close(be.quit);
	virtdev_free(be.dev);
	pthread_mutex_destroy(&be.turn);
}
