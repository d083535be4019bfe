/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device behind a transport whose back-end is a server in this process, dispatched in
 * turns with the front-end; its model keeps a number as its state.
 */
#ifndef VIRTIO_DEVICES_TESTS_REMOTE_RIG_H
#define VIRTIO_DEVICES_TESTS_REMOTE_RIG_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/net_layout.h>
#include <virtio-devices/state.h>
#include <virtio-devices/transport.h>
#include <virtio-devices/vhost_user_transport.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>

#include "../guest.h"
#include "../suite.h"
#include "sides.h"
#include "vhost_user/remote_priv.h"

struct rig {
	/* the back-end's side */
	struct virtdev *model;
	struct virtdev_vhost_user_server *server;
	uint32_t id, state;	/* kind; what the device saves and loads */
	struct vq *q;
	uint32_t base;		/* index at which its queue started last */
	unsigned int started;
	uint64_t features;	/* that it received last */
	bool listens;		/* a front-end may connect */
	bool again;		/* it has connected again */
	/* the front-end's side */
	struct guest g;
	struct virtdev_vhost_user *remote;
	struct virtdev_server *served;	/* remote behind t */
	struct virtdev_transport *t;
	struct virtdev_server_queue fds;
	unsigned int starting, lost, back, failed;
	pthread_t thread;	/* of the server, while the front-end blocks */
	bool ends;		/* atomic: the thread ends */
	struct vsu_error err;
};

static struct rig rig;
static bool rig_postcopy;	/* of devices that begin later */
static bool rig_card;		/* the same: the configuration of a network card */
static int rig_region __attribute__((unused)) = -1; /* the same: number of their region, or -1 */

/* ------------------------------------------------------------------- the back-end */

static inline int model_start(void *self, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	(void)self;
	(void)queue;
	(void)err;
	rig.q = q;
	rig.base = vq_base(q);
	rig.started++;
	return 0;
}

static inline int model_features(void *self, uint64_t features, struct vsu_error *err)
{
	(void)self;
	(void)err;
	rig.features = features;
	return 0;
}

static inline void model_stop(void *self, uint32_t queue)
{
	(void)self;
	(void)queue;
	rig.q = NULL;
}

static inline int model_serve(void *self, uint32_t queue)
{
	struct iovec iov[4];
	struct vq_chain chain = { .iov = iov, .iov_max = 4 };

	(void)self;
	(void)queue;
	while (rig.q && vq_pop(rig.q, &chain) == 1)
		vq_push(rig.q, &chain, 0);
	if (rig.q)
		(void)vq_publish(rig.q);
	return 0;
}

static const uint8_t rig_mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };

static inline void model_config(void *self, uint32_t off, void *buf, uint32_t len)
{
	(void)self;
	memcpy(buf, rig_mac + off, len);
}

static inline void model_save(void *self, struct virtdev_state_writer *w)
{
	(void)self;
	virtdev_state_put_u32(w, rig.state);
}

static inline int model_load(void *self, uint32_t version, struct virtdev_state_reader *r,
		      struct vsu_error *err)
{
	(void)self;
	(void)version;
	rig.state = virtdev_state_get_u32(r);
	return virtdev_state_end(r, err);
}

static const struct virtdev_ops model_ops = {
	.size = sizeof(model_ops), .name = "model", .queue_start = model_start,
	.config_read = model_config, .queue_stop = model_stop, .queue_serve = model_serve,
	.set_features = model_features,
	.state_version = 1, .state_save = model_save, .state_load = model_load,
};

/* The front-end's end of a new connection. */
static inline int serve(void)
{
	const struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = rig.model, .postcopy = rig_postcopy,
	};
	int socks[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	ck_assert_int_eq(virtdev_vhost_user_server_new(&config, socks[0], &rig.server, &rig.err), 0);
	close(socks[0]);
	return socks[1];
}

static inline void end_server(void)
{
	sides_end_server(&rig.server);
}

/* The back-end while the front-end blocks. */
static inline void *server_main(void *arg)
{
	struct pollfd p = { .fd = virtdev_vhost_user_server_fd(rig.server), .events = POLLIN };

	while (!__atomic_load_n(&rig.ends, __ATOMIC_ACQUIRE))
		if (poll(&p, 1, 1) > 0)
			(void)virtdev_vhost_user_server_dispatch(rig.server);
	return arg;
}

static inline void server_begin(void)
{
	__atomic_store_n(&rig.ends, false, __ATOMIC_RELEASE);
	ck_assert_int_eq(pthread_create(&rig.thread, NULL, server_main, NULL), 0);
}

static inline void server_end(void)
{
	__atomic_store_n(&rig.ends, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(pthread_join(rig.thread, NULL), 0);
}

/* ------------------------------------------------------------------ the front-end */

static inline int on_starting(void *opaque, struct vsu_error *err)
{
	(void)err;
	((struct rig *)opaque)->starting++;
	return 0;
}

static const struct virtdev_server_owner rig_owner = {
	.size = sizeof(rig_owner), .queues = &rig.fds, .starting = on_starting, .opaque = &rig,
};

static inline void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)err;
	((struct rig *)opaque)->failed++;
}

static inline int on_connect(void *opaque, struct vsu_error *err)
{
	struct rig *r = opaque;

	(void)err;
	r->again = r->listens;
	return r->listens ? serve() : -ECONNREFUSED;
}

static inline void on_lost(void *opaque, const struct vsu_error *err)
{
	(void)err;
	((struct rig *)opaque)->lost++;
}

static inline void on_back(void *opaque, bool rings_lost)
{
	(void)rings_lost;
	((struct rig *)opaque)->back++;
}

static inline void on_shmem(void *opaque, struct vhost_user_shmem_change *changes, unsigned int n)
{
	(void)opaque;
	(void)changes;
	(void)n;
}

static inline void pump(void)
{
	sides_pump(rig.remote, &rig.server);
}

/* A queue's reset is a feature of the registers, which the back-end does not have. */
static inline void attach(void)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .features = VQ_F_RING_RESET,
	};
	struct virtdev *dev = virtdev_vhost_user_device(rig.remote);

	ck_assert_ptr_nonnull(dev);
	ck_assert_int_eq(virtdev_vhost_user_set_memory(rig.remote, rig.g.map, &rig.err), 0);
	ck_assert_int_eq(virtdev_transport_new(dev, NULL, NULL, &rig.t, &rig.err), 0);
	ck_assert_int_eq(virtdev_transport_set_registers(rig.t, &registers, NULL, &rig.err), 0);
	ck_assert_int_eq(virtdev_vhost_user_attach(rig.remote, rig.t, &rig_owner, &rig.served, &rig.err), 0);
}

static inline void connect_session(bool reconnects)
{
	const struct virtdev_vhost_user_config config = {
		.size = sizeof(config), .id = rig.id, .nqueues = 1, .peer = "there",
		.config_size = rig_card ? sizeof(rig_mac) : 0,
		.reconnect_ns = 5000000, .postcopy = rig_postcopy,
	};
	const struct virtdev_vhost_user_ops ops = {
		.size = sizeof(ops), .failed = on_failed, .lost = on_lost, .back = on_back,
		.connect = reconnects ? on_connect : NULL,
		.shmem = rig_region >= 0 ? on_shmem : NULL,
	};

	ck_assert_int_eq(virtdev_vhost_user_new_take_fd(serve(), &config, &ops, &rig, &rig.remote,
							&rig.err), 0);
	pump();
	attach();
}

static inline void begin(uint32_t id, bool reconnects)
{
	const struct virtdev_info info = {
		.id = id, .nqueues = 1, .queue_size_max = 64,
		.features = VQ_F_VERSION_1 | (rig_card ? VIRTDEV_NET_F_MAC : 0),
		.config_size = rig_card ? sizeof(rig_mac) : 0, .nregions = rig_region >= 0,
		.regions = { { .id = (uint8_t)rig_region, .len = 0x1000 } },
	};

	memset(&rig, 0, sizeof(rig));
	rig.id = id;
	guest_init(&rig.g, 0, 16, 0, 16);
	rig.fds = (struct virtdev_server_queue){ vsu_event_new(), vsu_event_new(), vsu_event_new() };
	ck_assert_int_eq(virtdev_new(&model_ops, &info, &rig, &rig.model, NULL), 0);
	connect_session(reconnects);
}

static inline void disconnect(void)
{
	virtdev_vhost_user_free(rig.remote);
	virtdev_transport_free(rig.t);
	end_server();
}

static inline void teardown(void)
{
	disconnect();
	virtdev_free(rig.model);
	close(rig.fds.kick_fd);
	close(rig.fds.call_fd);
	close(rig.fds.err_fd);
	guest_fini(&rig.g);
}

/* -------------------------------------------------------------------- the driver */

static inline void set_area(enum virtdev_queue_area area, uint64_t gpa)
{
	virtdev_transport_set_queue_area(rig.t, 0, area, 0, (uint32_t)gpa);
	virtdev_transport_set_queue_area(rig.t, 0, area, 1, (uint32_t)(gpa >> 32));
}

static inline void start_driver_at(uint64_t device_gpa)
{
	virtdev_transport_set_status(rig.t, 3);
	virtdev_transport_set_features(rig.t, 1, (uint32_t)((VQ_F_VERSION_1 | VQ_F_RING_RESET) >> 32));
	virtdev_transport_set_status(rig.t, 11);
	virtdev_transport_set_queue_size(rig.t, 0, 16);
	set_area(VIRTDEV_QUEUE_DESC, rig.g.config.desc_gpa);
	set_area(VIRTDEV_QUEUE_DRIVER, rig.g.config.driver_gpa);
	set_area(VIRTDEV_QUEUE_DEVICE, device_gpa);
	virtdev_transport_set_queue_ready(rig.t, 0, true);
	virtdev_transport_set_status(rig.t, 15);
}

static inline void start_driver(void)
{
	start_driver_at(rig.g.config.device_gpa);
	pump();
}

/* The driver offers the chain at descriptor 0 again, until its index is n; it is used. */
static inline void use(uint16_t n)
{
	unsigned char *index = guest_at(&rig.g, rig.g.config.driver_gpa + 2);

	index[0] = (unsigned char)n;
	index[1] = 0;
	virtdev_transport_notify(rig.t, 0);
	pump();
	ck_assert_uint_eq(guest_at(&rig.g, rig.g.config.device_gpa + 2)[0], n);
}

static inline bool needs_reset(void)
{
	return virtdev_transport_status(rig.t) & VIRTDEV_STATUS_NEEDS_RESET;
}

/* The owner pauses the device. */
static inline void pause_device(void)
{
	int rc;

	while ((rc = virtdev_server_pause(rig.served, false, NULL)) == -EAGAIN)
		pump();
	ck_assert_int_eq(rc, 0);
}

#endif
