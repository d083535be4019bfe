/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a device that a back-end serves: here a server in the same
 * process, dispatched in turns with the front-end.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/net_layout.h>
#include <virtio-devices/vhost_user_transport.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>

#include "../guest.h"
#include "../suite.h"
#include "sides.h"
#include "vhost_user/remote_priv.h"

#define F_MQ (UINT64_C(1) << 12)
#define NUM_QUEUES 34

struct rig {
	/* the back-end's side */
	struct virtdev *model;
	struct virtdev_vhost_user_server *server;
	unsigned char config[60];
	bool fixed;		/* the model ignores writes to it */
	unsigned int started, stopped_queues;
	/* the front-end's side */
	struct guest g;
	struct virtdev_vhost_user *remote;
	int kick, call;
	unsigned int ready, stopped, failed, changed, queue_resets;
	uint32_t bases[2];	/* index at which the model's queues started last */
	struct vsu_error why;
};

static struct rig rig;

static void model_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	memcpy(buf, ((struct rig *)self)->config + off, len);
}

static int model_write(void *self, uint32_t off, const void *buf, uint32_t len)
{
	struct rig *r = self;

	if (!r->fixed)
		memcpy(r->config + off, buf, len);
	return 0;
}

static int model_start(void *self, uint32_t queue, struct vq *q,
		       struct vsu_error *err)
{
	(void)err;
	((struct rig *)self)->bases[queue] = vq_base(q);
	((struct rig *)self)->started++;
	return 0;
}

static void model_stop(void *self, uint32_t queue)
{
	(void)queue;
	((struct rig *)self)->stopped_queues++;
}

static void on_ready(void *opaque)
{
	((struct rig *)opaque)->ready++;
}

static void on_stopped(void *opaque)
{
	((struct rig *)opaque)->stopped++;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	struct rig *r = opaque;

	r->failed++;
	r->why = *err;
}

static void on_changed(void *opaque)
{
	((struct rig *)opaque)->changed++;
}

static void on_queue_reset(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	ck_assert_uint_eq(queue, 1);
	r->queue_resets++;
}

static const struct virtdev_vhost_user_ops remote_ops = {
	.size = sizeof(remote_ops), .ready = on_ready, .stopped = on_stopped,
	.failed = on_failed, .queue_reset = on_queue_reset,
};

static void make_server(uint64_t features, uint32_t config_size, int sock)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "model",
		.config_read = model_read, .config_write = model_write,
		.queue_start = model_start, .queue_stop = model_stop,
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_BLOCK, .nqueues = 2, .queue_size_max = 64,
		.config_size = config_size, .features = features,
	};
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config),
	};

	ck_assert_int_eq(virtdev_new(&ops, &info, &rig, &rig.model, NULL), 0);
	config.dev = rig.model;
	ck_assert_int_eq(virtdev_vhost_user_server_new(&config, sock,
				&rig.server, NULL), 0);
}

/* As begin(), with a configuration space of the front-end. */
static void begin_with(uint64_t features, uint32_t id, const void *space)
{
	const struct virtdev_vhost_user_config config = {
		.size = sizeof(config), .id = id, .peer = "the peer",
		.space = space,
	};
	int socks[2];

	memset(&rig, 0, sizeof(rig));
	rig.config[0] = 1;
	rig.config[NUM_QUEUES] = 2;
	guest_init(&rig.g, 0, 16, 0, 16);
	rig.kick = vsu_event_new();
	rig.call = vsu_event_new();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    socks), 0);
	make_server(features, id == VIRTDEV_ID_FS ? 40 : 60, socks[0]);
	close(socks[0]);
	ck_assert_int_eq(virtdev_vhost_user_new_take_fd(socks[1], &config,
				&remote_ops,
				&rig, &rig.remote, NULL), 0);
}

/* A device of this id on a new connection; its handshake has not started. */
static void begin(uint64_t features, uint32_t id)
{
	begin_with(features, id, NULL);
}

static void end_server(void)
{
	sides_end_server(&rig.server);
}

static void teardown(void)
{
	virtdev_vhost_user_free(rig.remote);
	end_server();
	virtdev_free(rig.model);
	close(rig.kick);
	close(rig.call);
	guest_fini(&rig.g);
}

static void pump(void)
{
	sides_pump(rig.remote, &rig.server);
}

static void connect_as(uint32_t id)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .config_changed = on_changed,
	};

	begin(VQ_F_VERSION_1 | VQ_F_ACCESS_PLATFORM | F_MQ, id);
	pump();
	ck_assert_uint_eq(rig.ready, 1);
	ck_assert_int_eq(virtdev_set_server(virtdev_vhost_user_device(rig.remote), &server, &rig), 0);
	ck_assert_int_eq(virtdev_vhost_user_set_memory(rig.remote, rig.g.map,
						       NULL), 0);
}

static int start_at(uint32_t base)
{
	struct vhost_user_ring rings[2] = { { 0 }, { 0 } };

	rings[0].size = 16;
	rings[0].base = base;
	rings[0].desc_gpa = rig.g.config.desc_gpa;
	rings[0].driver_gpa = rig.g.config.driver_gpa;
	rings[0].device_gpa = rig.g.config.device_gpa;
	rings[0].kick_fd = rig.kick;
	rings[0].call_fd = rig.call;
	rings[0].err_fd = -1;
	ck_assert_int_eq(virtdev_priv_remote_start_rings(rig.remote, VQ_F_VERSION_1, NULL, 2, NULL), -EINVAL);
	return virtdev_priv_remote_start_rings(rig.remote, VQ_F_VERSION_1, rings, 2,
					NULL);
}

static int start(void)
{
	return start_at(0);
}

START_TEST(ready_device_has_the_properties_of_the_back_end)
{
	struct virtdev *dev;
	unsigned char byte;

	begin(VQ_F_VERSION_1 | VQ_F_ACCESS_PLATFORM | F_MQ, VIRTDEV_ID_BLOCK);
	ck_assert_ptr_null(virtdev_vhost_user_device(rig.remote));
	pump();
	dev = virtdev_vhost_user_device(rig.remote);
	ck_assert_uint_eq(virtdev_get_info(dev)->id, VIRTDEV_ID_BLOCK);
	ck_assert_uint_eq(virtdev_get_info(dev)->config_size, 60);
	ck_assert_uint_eq(virtdev_get_info(dev)->queue_size_max, 256);
	ck_assert_uint_eq(virtdev_get_info(dev)->features, VQ_F_VERSION_1 | F_MQ);
	virtdev_config_read(dev, 0, &byte, 1);
	ck_assert_uint_eq(byte, 1);
	teardown();
}
END_TEST

START_TEST(disk_reads_its_number_of_queues_from_the_configuration)
{
	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_uint_eq(virtdev_get_info(virtdev_vhost_user_device(
						rig.remote))->nqueues, 2);
	teardown();
}
END_TEST

static const struct {
	uint64_t features;
	uint32_t nqueues;
} cards[] = {
	{ 0, 2 }, { VIRTDEV_NET_F_MQ, 2 }, { VIRTDEV_NET_F_CTRL_VQ, 3 },
	{ VIRTDEV_NET_F_CTRL_VQ | VIRTDEV_NET_F_MQ, 7 },
};

START_TEST(network_card_has_a_control_queue_after_its_pairs)
{
	begin(VQ_F_VERSION_1 | cards[_i].features, VIRTDEV_ID_NET);
	rig.config[8] = 3;
	pump();
	ck_assert_uint_eq(virtdev_get_info(virtdev_vhost_user_device(
				rig.remote))->nqueues, cards[_i].nqueues);
	teardown();
}
END_TEST

START_TEST(other_devices_have_the_queues_of_their_type)
{
	connect_as(VIRTDEV_ID_SOCKET);
	ck_assert_uint_eq(virtdev_get_info(virtdev_vhost_user_device(
						rig.remote))->nqueues, 3);
	teardown();
}
END_TEST

/* The four bytes that only FS_F_NOTIFICATION adds are not requested. */
START_TEST(file_system_reads_its_tag_from_the_configuration)
{
	unsigned char first = 0;
	struct virtdev *dev;

	connect_as(VIRTDEV_ID_FS);
	dev = virtdev_vhost_user_device(rig.remote);
	ck_assert_uint_eq(virtdev_get_info(dev)->config_size, 40);
	virtdev_config_read(dev, 0, &first, 1);
	ck_assert_uint_eq(first, 1);
	teardown();
}
END_TEST

START_TEST(configuration_of_the_front_end_is_not_sent_to_the_back_end)
{
	unsigned char space[40] = { 't', 'a', 'g' }, byte = 7;
	struct virtdev *dev;

	begin_with(VQ_F_VERSION_1, VIRTDEV_ID_FS, space);
	memset(space, 0, sizeof(space));
	pump();
	dev = virtdev_vhost_user_device(rig.remote);
	ck_assert_uint_eq(virtdev_get_info(dev)->config_size, sizeof(space));
	ck_assert_int_eq(virtdev_config_write(dev, 1, &byte, 1), -EPERM);
	rig.config[1] = 9;
	virtdev_config_changed(rig.model);
	pump();
	virtdev_config_read(dev, 0, space, sizeof(space));
	ck_assert_str_eq((char *)space, "tag");
	teardown();
}
END_TEST

static const struct {
	const char *name;
	uint32_t id;
} names[] = {
	{ "net", VIRTDEV_ID_NET }, { "blk", VIRTDEV_ID_BLOCK },
	{ "fs", VIRTDEV_ID_FS }, { "vsock", VIRTDEV_ID_SOCKET },
	{ "rng", VIRTDEV_ID_ENTROPY }, { "console", VIRTDEV_ID_CONSOLE },
	{ "gpu", VIRTDEV_ID_GPU }, { "input", VIRTDEV_ID_INPUT },
	{ "scsi", VIRTDEV_ID_SCSI }, { "f", 0 }, { "fss", 0 }, { "", 0 },
};

START_TEST(device_types_have_names)
{
	ck_assert_uint_eq(virtdev_vhost_user_id_of(names[_i].name,
						   strlen(names[_i].name)),
			  names[_i].id);
}
END_TEST

START_TEST(queues_start_only_in_the_back_end)
{
	struct vsu_error err = VSU_ERROR_INIT;

	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(virtdev_queue_start(virtdev_vhost_user_device(
			rig.remote), 0, rig.g.q, &err), -EOPNOTSUPP);
	ck_assert_str_eq(err.msg,
			 "queue 0 is served by the back-end at 'the peer'");
	teardown();
}
END_TEST

START_TEST(start_and_stop_are_sent_to_the_back_end)
{
	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(start(), 0);
	pump();
	ck_assert_uint_eq(rig.started, 1);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	ck_assert_uint_eq(rig.stopped, 0);
	pump();
	ck_assert_uint_eq(rig.stopped, 1);
	ck_assert_uint_eq(rig.stopped_queues, 1);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 1);
	ck_assert_int_eq(start(), 0);
	pump();
	ck_assert_uint_eq(rig.started, 2);
	teardown();
}
END_TEST

START_TEST(stop_during_the_start_is_performed_after_it)
{
	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(start(), 0);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	pump();
	ck_assert_uint_eq(rig.stopped, 1);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 1);
	teardown();
}
END_TEST

/* The second one has pages of zeros for its rings. */
static struct vhost_user_ring ring_of(uint32_t queue)
{
	const uint64_t at = queue ? GUEST_DATA : 0;

	return (struct vhost_user_ring){
		.size = 16, .kick_fd = rig.kick, .call_fd = rig.call,
		.err_fd = -1,
		.desc_gpa = queue ? at : rig.g.config.desc_gpa,
		.driver_gpa = queue ? at + 0x1000 : rig.g.config.driver_gpa,
		.device_gpa = queue ? at + 0x2000 : rig.g.config.device_gpa,
		.base = queue ? 0 : 5,
	};
}

static void start_both(void)
{
	struct vhost_user_ring rings[2];

	connect_as(VIRTDEV_ID_BLOCK);
	rings[0] = ring_of(0);
	rings[1] = ring_of(1);
	ck_assert_int_eq(virtdev_priv_remote_start_rings(rig.remote, VQ_F_VERSION_1,
						  rings, 2, NULL), 0);
}

START_TEST(a3_18_queue_reset_keeps_the_position_of_the_other)
{
	struct vhost_user_ring again;

	start_both();
	again = ring_of(1);
	pump();
	ck_assert_uint_eq(rig.started, 2);
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 0);
	ck_assert_uint_eq(rig.queue_resets, 0);
	pump();
	ck_assert_uint_eq(rig.queue_resets, 1);
	ck_assert_uint_eq(rig.started, 3);
	ck_assert_uint_eq(rig.bases[0], 5);
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 1);
	ck_assert_int_eq(virtdev_priv_remote_start_queue(rig.remote, 1, &again,
							NULL), 0);
	pump();
	ck_assert_uint_eq(rig.started, 5);
	ck_assert_uint_eq(rig.bases[0], 5);
	ck_assert_uint_eq(rig.stopped, 0);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	pump();
	ck_assert_uint_eq(rig.stopped, 1);
	ck_assert_uint_eq(rig.failed, 0);
	teardown();
}
END_TEST

START_TEST(queue_reset_during_the_start_is_performed_after_it)
{
	start_both();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 0);
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 0);
	pump();
	ck_assert_uint_eq(rig.queue_resets, 1);
	ck_assert_uint_eq(rig.started, 3);
	teardown();
}
END_TEST

START_TEST(a3_05_stop_overtakes_a_queue_reset)
{
	start_both();
	pump();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 0);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	pump();
	ck_assert_uint_eq(rig.stopped, 1);
	ck_assert_uint_eq(rig.queue_resets, 0);
	ck_assert_uint_eq(rig.started, 2);
	teardown();
}
END_TEST

START_TEST(a3_05_overtaken_queue_reset_is_not_performed_after_the_next_start)
{
	struct vhost_user_ring rings[2];

	start_both();
	pump();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 0);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	pump();
	rings[0] = ring_of(0);
	rings[1] = ring_of(1);
	ck_assert_int_eq(virtdev_priv_remote_start_rings(rig.remote, VQ_F_VERSION_1, rings, 2, NULL), 0);
	pump();
	ck_assert_uint_eq(rig.queue_resets, 0);
	ck_assert_uint_eq(rig.started, 4);
	teardown();
}
END_TEST

START_TEST(single_queue_can_be_reset_and_started)
{
	struct vhost_user_ring rings[2] = { { 0 } };

	connect_as(VIRTDEV_ID_BLOCK);
	rings[1] = ring_of(1);
	ck_assert_int_eq(virtdev_priv_remote_start_rings(rig.remote, VQ_F_VERSION_1,
						  rings, 2, NULL), 0);
	pump();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 0);
	pump();
	ck_assert_uint_eq(rig.queue_resets, 1);
	ck_assert_int_eq(virtdev_priv_remote_start_queue(rig.remote, 1,
							&rings[1], NULL), 0);
	pump();
	ck_assert_uint_eq(rig.started, 2);
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	pump();
	ck_assert_uint_eq(rig.stopped, 1);
	teardown();
}
END_TEST

START_TEST(invalid_queue_reset_or_start_is_refused)
{
	struct vhost_user_ring again;

	start_both();
	again = ring_of(0);
	pump();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 256),
			 -EINVAL);
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 7), 1);
	ck_assert_int_eq(virtdev_priv_remote_start_queue(rig.remote, 0, &again,
							NULL), -EINVAL);
	end_server();
	pump();
	ck_assert_int_eq(virtdev_priv_remote_reset_queue(rig.remote, 1), 1);
	teardown();
}
END_TEST

START_TEST(a3_15_config_change_is_reported_once)
{
	struct virtdev *dev;
	unsigned char byte;

	connect_as(VIRTDEV_ID_BLOCK);
	dev = virtdev_vhost_user_device(rig.remote);
	ck_assert_int_eq(start(), 0);
	pump();
	rig.config[0] = 9;
	virtdev_config_changed(rig.model);
	pump();
	ck_assert_uint_eq(rig.changed, 1);
	virtdev_config_read(dev, 0, &byte, 1);
	ck_assert_uint_eq(byte, 9);
	virtdev_config_changed(rig.model);	/* no configuration change is pending */
	pump();
	ck_assert_uint_eq(rig.changed, 1);
	teardown();
}
END_TEST

/* As the address that a driver sets: without an event, as no driver runs. */
START_TEST(stop_reads_a_changed_configuration_again)
{
	unsigned char byte;

	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(start(), 0);
	rig.config[0] = 9;
	virtdev_config_changed(rig.model);
	pump();
	rig.config[0] = 1;
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 0);
	pump();
	virtdev_config_read(virtdev_vhost_user_device(rig.remote), 0, &byte, 1);
	ck_assert_uint_eq(byte, 1);
	teardown();
}
END_TEST

START_TEST(c2_31_endless_config_changes_end_with_the_last_configuration)
{
	unsigned int i;
	unsigned char byte;

	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(start(), 0);
	pump();
	for (i = 0; i < 400; i++) {
		rig.config[0] = (unsigned char)i;
		virtdev_config_changed(rig.model);
		if (i % 100 == 0)
			virtdev_vhost_user_dispatch(rig.remote);
	}
	rig.config[0] = 77;
	virtdev_config_changed(rig.model);
	pump();
	virtdev_config_read(virtdev_vhost_user_device(rig.remote), 0, &byte, 1);
	ck_assert_uint_eq(byte, 77);
	ck_assert_uint_eq(rig.failed, 0);
	teardown();
}
END_TEST

START_TEST(config_write_is_visible_after_its_acknowledgement)
{
	struct virtdev *dev;
	unsigned char byte = 5;

	connect_as(VIRTDEV_ID_BLOCK);
	dev = virtdev_vhost_user_device(rig.remote);
	ck_assert_int_eq(virtdev_config_write(dev, 0, &byte, 1), 0);
	virtdev_config_read(dev, 0, &byte, 1);
	ck_assert_uint_eq(byte, 1);
	pump();
	ck_assert_uint_eq(rig.config[0], 5);
	virtdev_config_read(dev, 0, &byte, 1);
	ck_assert_uint_eq(byte, 5);
	teardown();
}
END_TEST

#define WRITEBACK 32

static void write_through(void)
{
	connect_as(VIRTDEV_ID_BLOCK);
	rig.config[WRITEBACK] = 1;
	ck_assert_int_eq(virtdev_config_write(virtdev_vhost_user_device(rig.remote),
					      WRITEBACK, "", 1), 0);
	pump();
	ck_assert_uint_eq(rig.config[WRITEBACK], 0);
	rig.config[WRITEBACK] = 1;	/* as a new back-end begins */
}

static unsigned char read_writeback(void)
{
	unsigned char byte;

	virtdev_config_read(virtdev_vhost_user_device(rig.remote), WRITEBACK, &byte, 1);
	return byte;
}

/* Drivers read a setting back; a reply from before the write has its previous value. */
START_TEST(setting_is_visible_at_once)
{
	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(start(), 0);
	pump();
	rig.config[0] = 9;
	virtdev_config_changed(rig.model);
	virtdev_vhost_user_dispatch(rig.remote);
	ck_assert_int_ge(virtdev_vhost_user_server_dispatch(rig.server), 0);
	ck_assert_int_eq(virtdev_config_write(virtdev_vhost_user_device(rig.remote),
					      WRITEBACK, "\1", 1), 0);
	ck_assert_uint_eq(read_writeback(), 1);
	virtdev_vhost_user_dispatch(rig.remote);
	ck_assert_uint_eq(rig.changed, 1);
	ck_assert_uint_eq(read_writeback(), 1);
	pump();
	ck_assert_uint_eq(rig.config[WRITEBACK], 1);
	ck_assert_uint_eq(read_writeback(), 1);
	teardown();
}
END_TEST

START_TEST(setting_that_the_back_end_does_not_accept_is_corrected)
{
	connect_as(VIRTDEV_ID_BLOCK);
	rig.fixed = true;
	ck_assert_int_eq(virtdev_config_write(virtdev_vhost_user_device(rig.remote),
					      WRITEBACK, "\1", 1), 0);
	ck_assert_uint_eq(read_writeback(), 1);
	pump();
	ck_assert_uint_eq(read_writeback(), 0);
	teardown();
}
END_TEST

START_TEST(e3_21_setting_of_the_driver_is_repeated_by_a_start)
{
	unsigned char byte = 9;

	write_through();
	ck_assert_int_eq(start(), 0);
	pump();
	ck_assert_uint_eq(rig.config[WRITEBACK], 0);
	virtdev_config_read(virtdev_vhost_user_device(rig.remote), WRITEBACK,
			    &byte, 1);
	ck_assert_uint_eq(byte, 0);
	teardown();
}
END_TEST

/* Other fields may depend on a setting. */
START_TEST(configuration_is_read_again_when_settings_are_repeated)
{
	unsigned char byte = 9;

	write_through();
	rig.config[0] = 77;
	ck_assert_int_eq(start(), 0);
	pump();
	virtdev_config_read(virtdev_vhost_user_device(rig.remote), 0, &byte, 1);
	ck_assert_uint_eq(byte, 77);
	teardown();
}
END_TEST

START_TEST(reset_forgets_the_settings_of_the_driver)
{
	write_through();
	if (_i)
		virtdev_reset(virtdev_vhost_user_device(rig.remote));
	else
		ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 1);
	ck_assert_int_eq(start(), 0);
	pump();
	ck_assert_uint_eq(rig.config[WRITEBACK], 1);
	teardown();
}
END_TEST

START_TEST(other_writes_are_not_repeated)
{
	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(virtdev_config_write(virtdev_vhost_user_device(rig.remote),
					      40, "", 1), 0);
	pump();
	rig.config[40] = 1;
	ck_assert_int_eq(start(), 0);
	pump();
	ck_assert_uint_eq(rig.config[40], 1);
	teardown();
}
END_TEST

START_TEST(settings_are_part_of_a_saved_state)
{
	unsigned char byte;
	void *bytes;
	size_t len;

	write_through();
	ck_assert_int_eq(virtdev_state_take(virtdev_vhost_user_device(rig.remote),
					    &bytes, &len, NULL), 0);
	teardown();
	connect_as(VIRTDEV_ID_BLOCK);
	rig.config[WRITEBACK] = 1;
	ck_assert_int_eq(virtdev_state_load(virtdev_vhost_user_device(rig.remote),
					    bytes, len, NULL), 0);
	free(bytes);
	virtdev_config_read(virtdev_vhost_user_device(rig.remote), WRITEBACK,
			    &byte, 1);
	ck_assert_uint_eq(byte, 0);
	ck_assert_int_eq(start(), 0);
	pump();
	ck_assert_uint_eq(rig.config[WRITEBACK], 0);
	teardown();
}
END_TEST

START_TEST(unknown_or_truncated_settings_are_refused)
{
	void *bytes;
	size_t len;

	write_through();
	ck_assert_int_eq(virtdev_state_take(virtdev_vhost_user_device(rig.remote),
					    &bytes, &len, NULL), 0);
	((unsigned char *)bytes)[20 + _i]++;	/* offset, or length */
	ck_assert_int_eq(virtdev_state_load(virtdev_vhost_user_device(rig.remote),
					    bytes, len, NULL), -EBADMSG);
	free(bytes);
	teardown();
}
END_TEST

START_TEST(c1_13_dead_session_stops_at_once_and_refuses_a_start)
{
	unsigned char byte;

	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(start(), 0);
	pump();
	end_server();
	pump();
	ck_assert_uint_eq(rig.failed, 1);
	ck_assert_ptr_nonnull(strstr(rig.why.msg, "the peer"));
	ck_assert_int_eq(virtdev_priv_remote_stop(rig.remote), 1);
	ck_assert_int_lt(start(), 0);
	virtdev_config_read(virtdev_vhost_user_device(rig.remote), 0, &byte, 1);
	ck_assert_uint_eq(byte, 1);
	teardown();
}
END_TEST

START_TEST(legacy_back_end_is_refused)
{
	begin(F_MQ, VIRTDEV_ID_BLOCK);
	pump();
	ck_assert_uint_eq(rig.ready, 0);
	ck_assert_uint_eq(rig.failed, 1);
	ck_assert_int_eq(rig.why.code, -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rig.why.msg, "VERSION_1"));
	teardown();
}
END_TEST

static int refused(const struct virtdev_vhost_user_config *config,
		   const struct virtdev_vhost_user_ops *ops,
		   struct vsu_error *err)
{
	struct virtdev_vhost_user *r;
	int socks[2], rc;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	rc = virtdev_vhost_user_new_take_fd(socks[1], config, ops, NULL, &r,
					    err);
	ck_assert_int_eq(close(socks[1]), 0);	/* the caller still owns it */
	close(socks[0]);
	return rc;
}

START_TEST(invalid_configuration_is_refused_and_keeps_the_callers_socket)
{
	struct virtdev_vhost_user_config config = { .size = 0 };
	struct virtdev_vhost_user_ops ops = { .size = 0 };
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(refused(&config, &remote_ops, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg,
				     "struct virtdev_vhost_user_config"));
	config.size = sizeof(config);
	ck_assert_int_eq(refused(&config, &ops, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg,
				     "struct virtdev_vhost_user_ops"));
	config.config_size = 257;
	ck_assert_int_eq(refused(&config, &remote_ops, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "257 bytes of configuration; the protocol's maximum is 256");
}
END_TEST

/* A caller that was built with a struct that ended after the id. */
START_TEST(shorter_struct_selects_the_defaults)
{
	const struct virtdev_vhost_user_config config = {
		.size = offsetof(struct virtdev_vhost_user_config, nqueues),
		.id = VIRTDEV_ID_FS, .nqueues = 200, .queue_size_max = 3,
		.config_size = 4000, .peer = (const char *)8,
	};
	struct virtdev_vhost_user *r;
	int socks[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	ck_assert_int_eq(virtdev_vhost_user_new_take_fd(socks[1], &config,
				&remote_ops, &rig, &r, NULL), 0);
	virtdev_vhost_user_free(r);
	close(socks[0]);
}
END_TEST

START_TEST(pagefault_is_negotiated_only_for_an_owner_that_permits_it)
{
	connect_as(VIRTDEV_ID_BLOCK);
	ck_assert_int_eq(virtdev_priv_remote_advise(rig.remote, NULL), -EOPNOTSUPP);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("remote");
	TCase *tc = tcase_create("remote");

	tcase_add_test(tc, ready_device_has_the_properties_of_the_back_end);
	tcase_add_test(tc, disk_reads_its_number_of_queues_from_the_configuration);
	tcase_add_loop_test(tc,
			    network_card_has_a_control_queue_after_its_pairs,
			    0, 4);
	tcase_add_test(tc, other_devices_have_the_queues_of_their_type);
	tcase_add_test(tc, file_system_reads_its_tag_from_the_configuration);
	tcase_add_test(tc, configuration_of_the_front_end_is_not_sent_to_the_back_end);
	tcase_add_loop_test(tc, device_types_have_names, 0,
			    sizeof(names) / sizeof(names[0]));
	tcase_add_test(tc, queues_start_only_in_the_back_end);
	tcase_add_test(tc, start_and_stop_are_sent_to_the_back_end);
	tcase_add_test(tc, stop_during_the_start_is_performed_after_it);
	tcase_add_test(tc,
		a3_18_queue_reset_keeps_the_position_of_the_other);
	tcase_add_test(tc,
		queue_reset_during_the_start_is_performed_after_it);
	tcase_add_test(tc, a3_05_stop_overtakes_a_queue_reset);
	tcase_add_test(tc, a3_05_overtaken_queue_reset_is_not_performed_after_the_next_start);
	tcase_add_test(tc, single_queue_can_be_reset_and_started);
	tcase_add_test(tc, invalid_queue_reset_or_start_is_refused);
	tcase_add_test(tc, a3_15_config_change_is_reported_once);
	tcase_add_test(tc, stop_reads_a_changed_configuration_again);
	tcase_add_test(tc,
		       c2_31_endless_config_changes_end_with_the_last_configuration);
	tcase_add_test(tc, config_write_is_visible_after_its_acknowledgement);
	tcase_add_test(tc, setting_is_visible_at_once);
	tcase_add_test(tc, setting_that_the_back_end_does_not_accept_is_corrected);
	tcase_add_test(tc, e3_21_setting_of_the_driver_is_repeated_by_a_start);
	tcase_add_test(tc, configuration_is_read_again_when_settings_are_repeated);
	tcase_add_loop_test(tc, reset_forgets_the_settings_of_the_driver, 0, 2);
	tcase_add_test(tc, other_writes_are_not_repeated);
	tcase_add_test(tc, settings_are_part_of_a_saved_state);
	tcase_add_loop_test(tc, unknown_or_truncated_settings_are_refused, 0, 8);
	tcase_add_test(tc, c1_13_dead_session_stops_at_once_and_refuses_a_start);
	tcase_add_test(tc, legacy_back_end_is_refused);
	tcase_add_test(tc,
		invalid_configuration_is_refused_and_keeps_the_callers_socket);
	tcase_add_test(tc, shorter_struct_selects_the_defaults);
	tcase_add_test(tc, pagefault_is_negotiated_only_for_an_owner_that_permits_it);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
