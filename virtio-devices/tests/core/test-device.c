/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the functions common to all devices. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/balloon.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/console.h>
#include <virtio-devices/device.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/mem.h>
#include <virtio-devices/vhost_user_server.h>

#include "../guest.h"
#include "../suite.h"

/* A model that records its calls. */
struct model {
	struct virtdev *dev;
	uint64_t features;
	unsigned char config[8];
	unsigned int reads, writes, resets, freed;
	uint32_t off, len;
};

static int set_features(void *self, uint64_t features, struct vsu_error *err)
{
	struct model *m = self;

	if (!(features & VQ_F_VERSION_1))
		return vsu_error_set(err, -EINVAL, "no VERSION_1");
	m->features = features;
	return 0;
}

static void config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	struct model *m = self;

	m->reads++;
	memcpy(buf, m->config + off, len);
}

static int config_write(void *self, uint32_t off, const void *buf,
			uint32_t len)
{
	struct model *m = self;

	m->writes++;
	m->off = off;
	m->len = len;
	memcpy(m->config + off, buf, len);
	return 0;
}

static void reset(void *self)
{
	((struct model *)self)->resets++;
}

static void free_model(void *self)
{
	((struct model *)self)->freed++;
}

static const struct virtdev_ops ops = {
	.size = sizeof(ops),
	.name = "model",
	.set_features = set_features,
	.config_read = config_read,
	.config_write = config_write,
	.reset = reset,
	.free = free_model,
};

static const struct virtdev_info info = {
	.id = 42,
	.nqueues = 2,
	.queue_size_max = 64,
	.config_size = 8,
	.features = VQ_F_VERSION_1 | 0x5,
};

static struct model model;

static void setup(void)
{
	memset(&model, 0, sizeof(model));
	memcpy(model.config, "abcdefgh", 8);
	ck_assert_int_eq(virtdev_new(&ops, &info, &model, &model.dev, NULL), 0);
}

static void teardown(void)
{
	virtdev_free(model.dev);
	ck_assert_uint_eq(model.freed, 1);
}

START_TEST(info_and_name_are_those_of_the_model)
{
	ck_assert_str_eq(virtdev_name(model.dev), "model");
	ck_assert_uint_eq(virtdev_get_info(model.dev)->id, 42);
	ck_assert_uint_eq(virtdev_get_info(model.dev)->queue_size_max, 64);
}
END_TEST

static int resize_blk(struct virtdev *dev)
{
	return virtdev_blk_resize(dev, 512, NULL);
}

static int resize_balloon(struct virtdev *dev)
{
	return virtdev_balloon_set_target(dev, 4096, NULL);
}

static int ask_balloon(struct virtdev *dev)
{
	return virtdev_balloon_ask_stats(dev);
}

static int resize_console(struct virtdev *dev)
{
	return virtdev_console_resize(dev, 0, 80, 25);
}

static int resize_mem(struct virtdev *dev)
{
	return virtdev_mem_set_requested(dev, 0, NULL);
}

/* Operations that a model may implement. */
static const struct {
	const char *name;
	int (*call)(struct virtdev *dev);
	int code;
} own_calls[] = {
	{ "blk", resize_blk, -EINVAL },
	{ "balloon", resize_balloon, -EINVAL },
	{ "balloon", ask_balloon, -EINVAL },
	{ "console", resize_console, -ENOENT },
	{ "mem", resize_mem, -EINVAL },
};

START_TEST(model_requires_more_than_a_name)
{
	struct virtdev_ops of_that_name = ops;
	struct model untouched = { .freed = 0 };
	struct model other = untouched;
	struct virtdev *dev;

	of_that_name.name = own_calls[_i].name;
	ck_assert_int_eq(virtdev_new(&of_that_name, &info, &other, &dev, NULL), 0);
	ck_assert_int_eq(own_calls[_i].call(dev), own_calls[_i].code);
	ck_assert_mem_eq(&other, &untouched, sizeof(other));
	virtdev_free(dev);
}
END_TEST

START_TEST(offered_features_are_passed_to_the_model)
{
	ck_assert_int_eq(virtdev_set_features(model.dev, VQ_F_VERSION_1 | 0x4,
					      NULL), 0);
	ck_assert_uint_eq(model.features, VQ_F_VERSION_1 | 0x4);
}
END_TEST

START_TEST(a3_03_unoffered_feature_is_refused_by_number)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(virtdev_set_features(model.dev, VQ_F_VERSION_1 | 0x8,
					      &err), -EBADMSG);
	ck_assert_str_eq(err.msg, "model: feature bit 3 was not offered");
	ck_assert_uint_eq(model.features, 0);
}
END_TEST

START_TEST(model_may_refuse_features)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(virtdev_set_features(model.dev, 0x1, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "no VERSION_1");
}
END_TEST

/* Offset and length of a read, and the bytes it returns. */
static const struct {
	uint32_t off, len;
	const char *bytes;
} reads[] = {
	{ 0, 8, "abcdefgh" },
	{ 3, 1, "d" },
	{ 6, 4, "gh\0" },
	{ 7, 8, "h\0\0\0\0\0\0" },
	{ 8, 4, "\0\0\0" },
	{ 100, 3, "\0\0" },
	{ UINT32_MAX, 8, "\0\0\0\0\0\0\0" },
	{ UINT32_MAX - 3, 4, "\0\0\0" },
	{ 0, 0, "" },
};

START_TEST(a3_11_config_reads_zero_beyond_its_end)
{
	unsigned char buf[16];

	memset(buf, 0xee, sizeof(buf));
	virtdev_config_read(model.dev, reads[_i].off, buf, reads[_i].len);
	ck_assert_mem_eq(buf, reads[_i].bytes, reads[_i].len);
	ck_assert_uint_eq(buf[reads[_i].len], 0xee);
}
END_TEST

START_TEST(a3_11_config_write_across_the_end_is_truncated)
{
	ck_assert_int_eq(virtdev_config_write(model.dev, 6, "1234", 4), 0);
	ck_assert_uint_eq(model.off, 6);
	ck_assert_uint_eq(model.len, 2);
	ck_assert_mem_eq(model.config, "abcdef12", 8);
}
END_TEST

START_TEST(a3_11_config_write_beyond_the_end_is_ignored)
{
	ck_assert_int_eq(virtdev_config_write(model.dev, 8, "1234", 4), 0);
	ck_assert_int_eq(virtdev_config_write(model.dev, UINT32_MAX, "1", 1),
			 0);
	ck_assert_uint_eq(model.writes, 0);
}
END_TEST

START_TEST(unknown_queue_is_not_started)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(virtdev_queue_start(model.dev, 2, NULL, &err),
			 -EINVAL);
	ck_assert_str_eq(err.msg, "model: queue 2 does not exist, it has 2");
}
END_TEST

START_TEST(missing_operations_of_a_model_do_nothing)
{
	const struct virtdev_ops none = { .size = sizeof(none), .name = "-" };
	struct virtdev *dev;
	struct vq *q;
	char c = 'x';

	ck_assert_int_eq(vq_new(&q), 0);
	ck_assert_int_eq(virtdev_new(&none, &info, NULL, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_features(dev, 0, NULL), 0);
	virtdev_config_read(dev, 0, &c, 1);
	ck_assert_int_eq(c, 0);
	ck_assert_int_eq(virtdev_config_write(dev, 0, &c, 1), -EPERM);
	ck_assert_int_eq(virtdev_queue_start(dev, 0, NULL, NULL), -EINVAL);
	ck_assert_int_eq(virtdev_queue_start(dev, 0, q, NULL), 0);
	vq_free(q);
	ck_assert_int_eq(virtdev_queue_serve(dev, 0), 0);
	ck_assert_int_eq(virtdev_queue_drain(dev, 0), 0);
	ck_assert_int_eq(virtdev_queue_host_fd(dev, 0), -1);
	ck_assert(!virtdev_queue_blocks(dev));
	virtdev_queue_stop(dev, 0);
	virtdev_reset(dev);
	virtdev_free(dev);
}
END_TEST

START_TEST(model_of_an_older_header_lacks_later_operations)
{
	struct virtdev_ops older = ops;
	struct virtdev *dev;

	older.size = offsetof(struct virtdev_ops, config_write);
	older.free = NULL;
	ck_assert_int_eq(virtdev_new(&older, &info, &model, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_config_write(dev, 0, "1", 1), -EPERM);
	virtdev_reset(dev);
	ck_assert_uint_eq(model.resets, 0);
	virtdev_free(dev);
	ck_assert_uint_eq(model.freed, 0);
}
END_TEST

START_TEST(model_without_a_description_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_new(&ops, NULL, &model, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "info is NULL"));
}
END_TEST

struct server {
	unsigned int notified, changed, broken;
	uint32_t queue;
};

static void on_notify(void *opaque, uint32_t queue)
{
	struct server *h = opaque;

	h->notified++;
	h->queue = queue;
}

static void on_changed(void *opaque)
{
	((struct server *)opaque)->changed++;
}

static void on_broken(void *opaque, uint32_t queue)
{
	struct server *h = opaque;

	h->broken++;
	h->queue = queue;
}

static void notify_all(void)
{
	virtdev_notify(model.dev, 1);
	virtdev_config_changed(model.dev);
	virtdev_queue_broken(model.dev, 0);
}

START_TEST(server_is_notified_until_it_is_removed)
{
	const struct virtdev_server_ops server_ops = {
		.size = sizeof(server_ops),
		.notify = on_notify,
		.config_changed = on_changed,
		.queue_broken = on_broken,
	};
	struct server server = { 0 };

	notify_all();
	ck_assert_int_eq(virtdev_set_server(model.dev, &server_ops, &server), 0);
	notify_all();
	(void)!virtdev_set_server(model.dev, NULL, NULL);
	notify_all();
	ck_assert_uint_eq(server.notified, 1);
	ck_assert_uint_eq(server.changed, 1);
	ck_assert_uint_eq(server.broken, 1);
	ck_assert_uint_eq(server.queue, 0);
}
END_TEST

START_TEST(server_without_a_size_is_refused_and_another_one_accepted)
{
	const struct virtdev_server_ops none = { .notify = on_notify };
	const struct virtdev_server_ops good = {
		.size = sizeof(good), .notify = on_notify,
	};
	struct server server = { 0 };

	ck_assert_int_eq(virtdev_set_server(model.dev, &none, &server), -EINVAL);
	ck_assert_int_eq(virtdev_set_server(model.dev, &good, &server), 0);
	ck_assert_int_eq(virtdev_set_server(model.dev, &good, &server), -EBUSY);
	virtdev_notify(model.dev, 1);
	ck_assert_uint_eq(server.notified, 1);
}
END_TEST

START_TEST(free_accepts_null)
{
	virtdev_free(NULL);
}
END_TEST

/* --- serving a queue --- */

static unsigned int turns_notified, turns_broken;

static void on_turn_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	turns_notified += queue == 3;
}

static void on_turn_broken(void *opaque, uint32_t queue)
{
	(void)opaque;
	turns_broken += queue == 3;
}

static uint32_t serve_five(void *opaque, struct vq *q, struct vq_chain *chain)
{
	(void)q;
	(void)chain;
	++*(unsigned int *)opaque;
	return 5;
}

START_TEST(serving_a_queue_notifies_the_server)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .notify = on_turn_notify,
		.queue_broken = on_turn_broken,
	};
	const struct vq_buffer buffer = { GUEST_DATA, 64, 1 };
	unsigned int served = 0;
	struct vq_turn turn = {
		.size = sizeof(turn), .serve = serve_five, .opaque = &served,
		.max_chains = 2,
	};
	struct virtdev *dev = model.dev;
	struct guest g;
	int i;

	ck_assert_int_eq(virtdev_set_server(dev, &server, NULL), 0);
	guest_init(&g, 0, 16, 0, 0);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(vq_driver_add(g.driver, &buffer, 1, 1), 0);
		vq_driver_publish(g.driver);
	}
	ck_assert_int_eq(virtdev_queue_turn(dev, 3, g.q, &turn), 1);
	ck_assert_uint_eq(turns_notified, 1);
	ck_assert_int_eq(virtdev_queue_turn(dev, 3, g.q, &turn), 0);
	ck_assert_uint_eq(served, 3);
	ck_assert_uint_eq(turns_notified, 2);
	ck_assert_uint_eq(turns_broken, 0);
	turn.serve = NULL;
	ck_assert_int_eq(virtdev_queue_turn(dev, 3, g.q, &turn), -EINVAL);
	guest_fini(&g);
}
END_TEST

START_TEST(d4_08_broken_queue_is_reported_once)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .queue_broken = on_turn_broken,
	};
	unsigned int served = 0;
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = serve_five, .opaque = &served,
	};
	struct virtdev *dev = model.dev;
	struct guest g;

	turns_broken = 0;
	ck_assert_int_eq(virtdev_set_server(dev, &server, NULL), 0);
	guest_init(&g, 0, 16, 0, 0);
	memset(guest_at(&g, vq_driver_driver_gpa(g.driver) + 2), 0x77, 2);
	ck_assert_int_eq(virtdev_queue_turn(dev, 3, g.q, &turn), 0);
	ck_assert_int_eq(virtdev_queue_turn(dev, 3, g.q, &turn), 0);
	ck_assert_uint_eq(turns_broken, 1);
	ck_assert_uint_eq(served, 0);
	guest_fini(&g);
}
END_TEST

/* A valid configuration except for the member that the error names. */
static const struct {
	const char *name, *message;
	struct virtdev_info info;
} refused[] = {
	{ NULL, "ops->name", { .id = 4, .nqueues = 1, .queue_size_max = 2 } },
	{ "", "ops->name", { .id = 4, .nqueues = 1, .queue_size_max = 2 } },
	{ "x", "x: info->id is 0", { .nqueues = 1, .queue_size_max = 2 } },
	{ "x", "info->nqueues is 0", { .id = 4, .queue_size_max = 2 } },
	{ "x", "info->nqueues is 65536",
	  { .id = 4, .nqueues = 65536, .queue_size_max = 2 } },
	{ "x", "info->queue_size_max is 0", { .id = 4, .nqueues = 1 } },
	{ "x", "info->queue_size_max is 48",
	  { .id = 4, .nqueues = 1, .queue_size_max = 48 } },
	{ "x", "info->queue_size_max is 65536",
	  { .id = 4, .nqueues = 1, .queue_size_max = 65536 } },
};

START_TEST(unusable_device_is_refused_with_a_message)
{
	const struct virtdev_ops named = { .size = sizeof(named),
					   .name = refused[_i].name };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev = NULL;

	ck_assert_int_eq(virtdev_new(&named, &refused[_i].info, NULL, &dev,
				     &err), -EINVAL);
	ck_assert_ptr_null(dev);
	ck_assert_int_eq(err.code, -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, refused[_i].message));
}
END_TEST

/* A size of 0 is refused, and the caller keeps what it passed. */
START_TEST(structs_without_a_size_are_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const struct virtdev_ops no_ops = { .name = "x" };
	const struct virtdev_info any = { .id = 4, .nqueues = 1 };
	const struct virtdev_disk_ops disk_ops = { .size = 0 };
	const struct virtdev_disk_info disk_info = { .capacity = 1 };
	const struct virtdev_disk_file file = { .path = "/dev/null" };
	const struct virtdev_blk_config blk = { .nqueues = 1 };
	struct virtdev_vhost_user_server_config server = { .size = 0 };
	struct virtdev_vhost_user_server *s = NULL;
	struct virtdev_disk *disk = NULL;
	struct virtdev *dev = NULL;

	ck_assert_int_eq(virtdev_new(&no_ops, &any, NULL, &dev, NULL), -EINVAL);
	ck_assert_int_eq(virtdev_disk_new(&disk_ops, &disk_info, NULL, &disk),
			 -EINVAL);
	ck_assert_int_eq(virtdev_disk_file_open(&file, &disk, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "struct virtdev_disk_file: size is 0; set it to sizeof(struct virtdev_disk_file)");
	ck_assert_int_eq(virtdev_blk_new(&blk, &dev, &err), -EINVAL);
	ck_assert_int_eq(virtdev_vhost_user_server_new(&server, -1, &s,
							      &err), -EINVAL);
	server.size = sizeof(server);
	ck_assert_int_eq(virtdev_vhost_user_server_new(&server, -1, &s,
							      &err), -EINVAL);
	ck_assert_str_eq(err.msg, "vhost-user server: no device");
	ck_assert(!dev && !disk && !s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("device");
	TCase *tc = tcase_create("device");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc,
		unusable_device_is_refused_with_a_message, 0,
		sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, structs_without_a_size_are_refused);
	tcase_add_test(tc, info_and_name_are_those_of_the_model);
	tcase_add_loop_test(tc, model_requires_more_than_a_name, 0,
			    sizeof(own_calls) / sizeof(own_calls[0]));
	tcase_add_test(tc, offered_features_are_passed_to_the_model);
	tcase_add_test(tc, a3_03_unoffered_feature_is_refused_by_number);
	tcase_add_test(tc, model_may_refuse_features);
	tcase_add_loop_test(tc, a3_11_config_reads_zero_beyond_its_end, 0,
			    sizeof(reads) / sizeof(reads[0]));
	tcase_add_test(tc, a3_11_config_write_across_the_end_is_truncated);
	tcase_add_test(tc, a3_11_config_write_beyond_the_end_is_ignored);
	tcase_add_test(tc, unknown_queue_is_not_started);
	tcase_add_test(tc, missing_operations_of_a_model_do_nothing);
	tcase_add_test(tc, model_of_an_older_header_lacks_later_operations);
	tcase_add_test(tc, model_without_a_description_is_refused);
	tcase_add_test(tc, server_is_notified_until_it_is_removed);
	tcase_add_test(tc, server_without_a_size_is_refused_and_another_one_accepted);
	tcase_add_test(tc, free_accepts_null);
	tcase_add_test(tc, serving_a_queue_notifies_the_server);
	tcase_add_test(tc, d4_08_broken_queue_is_reported_once);

	return run_suite(s);
}
