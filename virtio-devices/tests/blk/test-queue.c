/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a block device's queues, configuration and caching. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/report.h>
#include <vmm-sys-util/endian.h>

#include "../blk-rig.h"
#include "../suite.h"

#define ALL (UINT64_MAX & ~VQ_F_RING_PACKED)

static struct rig r;

static void setup(void)
{
	rig_init(&r, VQ_F_EVENT_IDX, 64);
}

static void teardown(void)
{
	rig_fini(&r);
}

/* Adds n flushes that share a header and have consecutive status bytes. */
static void add_flushes(unsigned int n)
{
	unsigned int i;

	rig_header(&r, T_FLUSH, 0);
	for (i = 0; i < n; i++) {
		struct vq_buffer buffers[] = {
			{ RIG_HEADER, 16, 0 }, { RIG_DATA + i, 1, 1 },
		};

		*guest_at(&r.g, RIG_DATA + i) = S_UNTOUCHED;
		rig_add(&r, buffers, 2);
	}
}

static uint32_t config32(uint32_t off)
{
	struct vsu_le32 v;

	virtdev_config_read(r.dev, off, &v, 4);
	return vsu_le32_load(v);
}

static uint8_t config8(uint32_t off)
{
	uint8_t v;

	virtdev_config_read(r.dev, off, &v, 1);
	return v;
}

START_TEST(configuration_describes_the_disk)
{
	ck_assert_uint_eq(virtdev_get_info(r.dev)->id, 2);
	ck_assert_uint_eq(virtdev_get_info(r.dev)->nqueues, 2);
	ck_assert_uint_eq(virtdev_get_info(r.dev)->config_size, 60);
	ck_assert_uint_eq(config32(0), FAKE_SECTORS);	/* capacity */
	ck_assert_uint_eq(config32(12), 126);		/* seg_max */
	ck_assert_uint_eq(config32(20), 512);		/* blk_size */
	/* physical blocks of 4096 bytes */
	ck_assert_uint_eq(config8(24), 3);
	ck_assert_uint_eq(config32(26) & 0xffff, 8);	/* min_io_size */
	ck_assert_uint_eq(config8(32), 1);		/* writeback */
	ck_assert_uint_eq(config32(34) & 0xffff, 2);	/* num_queues */
	ck_assert_uint_eq(config32(40), 16);		/* max_discard_seg */
	ck_assert_uint_eq(config32(44), 8);		/* discard_sector_alignment */
	ck_assert_uint_eq(config32(52), 16);		/* max_write_zeroes_seg */
	ck_assert_uint_eq(config8(56), 1);		/* may_unmap */
}
END_TEST

START_TEST(small_queues_announce_fewer_segments)
{
	struct virtdev_blk_config config = {
		.size = sizeof(config), .queue_size_max = 16,
	};
	struct fake_disk disk;
	struct virtdev *dev;
	struct vsu_le32 seg_max;

	fake_disk_init(&disk);
	fake_disk_make(&disk);
	config.disk = disk.disk;
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, NULL), 0);
	virtdev_config_read(dev, 12, &seg_max, 4);
	ck_assert_uint_eq(vsu_le32_load(seg_max), 14);
	ck_assert_uint_eq(virtdev_get_info(dev)->max_chain, 16);
	ck_assert_uint_eq(virtdev_get_info(dev)->features & F_MQ, 0);
	virtdev_free(dev);
	fake_disk_fini(&disk);
}
END_TEST

static struct vsu_error reported;

static void on_report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	reported = *what;
}

/* A server that does not drain. The disk completes into memory that still exists. */
START_TEST(d4_04_stop_with_requests_in_flight_breaks_the_queue)
{
	struct vsu_error err = VSU_ERROR_INIT;

	virtdev_set_report(r.dev, on_report, NULL);
	r.disk.hold = true;
	add_flushes(3);
	rig_serve(&r);
	virtdev_queue_stop(r.dev, 0);
	ck_assert_int_eq(reported.code, -EBUSY);
	ck_assert_ptr_nonnull(strstr(reported.msg, "3 requests in flight"));
	ck_assert_int_eq(vq_broken(r.g.q), VQ_BROKEN_BY_DEVICE);
	ck_assert_uint_eq(r.broken, 1);
	ck_assert_int_eq(virtdev_queue_start(r.dev, 0, r.g.q, &err), -EBUSY);
	virtdev_queue_stop(r.dev, 0);
	ck_assert_uint_eq(r.disk.channels, 1);
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA), S_UNTOUCHED);
	ck_assert_int_eq(virtdev_queue_start(r.dev, 0, r.g.q, &err), 0);
	ck_assert_uint_eq(r.disk.channels, 1);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);	/* it is broken */
}
END_TEST

START_TEST(d4_02_disk_of_a_device_cannot_be_given_to_another)
{
	const struct virtdev_blk_config config = {
		.size = sizeof(config), .disk = r.disk.disk,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev = NULL;

	ck_assert_int_eq(virtdev_blk_new(&config, &dev, &err), -EBUSY);
	ck_assert_ptr_null(dev);
	ck_assert_ptr_nonnull(strstr(err.msg, "belongs to a device already"));
	ck_assert_int_eq(rig_simple(&r, T_IN, 0, 512), S_OK);
}
END_TEST

static const struct {
	uint32_t nqueues, queue_size_max;
	const char *message;
} bad_configs[] = {
	{ 257, 0, "blk: 257 queues, at most 256" },
	{ 1, 3, "blk: queue size 3 is not within 4 and 32768" },
	{ 1, 32769, "blk: queue size 32769 is not within 4 and 32768" },
};

START_TEST(d1_18_invalid_configuration_is_refused)
{
	struct virtdev_blk_config config = {
		.size = sizeof(config),
		.disk = r.disk.disk,
		.nqueues = bad_configs[_i].nqueues,
		.queue_size_max = bad_configs[_i].queue_size_max,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_blk_new(&config, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg, bad_configs[_i].message);
}
END_TEST

/* The disk of the rig has a device, which is checked last. */
START_TEST(least_and_greatest_queue_size_are_permitted)
{
	struct virtdev_blk_config config = {
		.size = sizeof(config), .disk = r.disk.disk, .queue_size_max = _i ? 32768 : 4,
	};
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_blk_new(&config, &dev, NULL), -EBUSY);
}
END_TEST

START_TEST(a3_12_only_writeback_may_be_written)
{
	uint32_t off;
	uint8_t zero = 0, two = 2;

	for (off = 0; off < 60; off++)
		if (off != 32)
			ck_assert_int_eq(virtdev_config_write(r.dev, off, &zero,
							      1), -EPERM);
	ck_assert_int_eq(virtdev_config_write(r.dev, 32, "\0\0", 2), -EPERM);
	ck_assert_int_eq(virtdev_config_write(r.dev, 32, &two, 1), -EBADMSG);
	ck_assert_uint_eq(config8(32), 1);
	ck_assert_uint_eq(config32(0), FAKE_SECTORS);
}
END_TEST

START_TEST(writeback_off_flushes_after_every_write)
{
	uint8_t off = 0;

	ck_assert_int_eq(virtdev_config_write(r.dev, 32, &off, 1), 0);
	ck_assert_uint_eq(config8(32), 0);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 2);
	ck_assert_uint_eq(r.disk.log[1].op, VIRTDEV_DISK_FLUSH);
	rig_range(&r, 0, 0, 1, 0);
	ck_assert_int_eq(rig_simple(&r, T_DISCARD, 0, 16), S_OK);
	ck_assert_uint_eq(r.disk.log[3].op, VIRTDEV_DISK_FLUSH);
	ck_assert_int_eq(rig_simple(&r, T_IN, 0, 512), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 5);
}
END_TEST

START_TEST(writethrough_lasts_until_the_driver_enables_the_cache)
{
	struct virtdev_blk_config config = {
		.size = sizeof(config), .writethrough = true,
	};
	struct fake_disk disk;
	struct virtdev *dev;
	uint8_t value = 7, on = 1;

	fake_disk_init(&disk);
	fake_disk_make(&disk);
	config.disk = disk.disk;
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_features(dev, virtdev_get_info(dev)->features,
					      NULL), 0);
	virtdev_config_read(dev, 32, &value, 1);
	ck_assert_uint_eq(value, 0);
	ck_assert_int_eq(virtdev_config_write(dev, 32, &on, 1), 0);
	virtdev_config_read(dev, 32, &value, 1);
	ck_assert_uint_eq(value, 1);
	virtdev_reset(dev);
	virtdev_config_read(dev, 32, &value, 1);
	ck_assert_uint_eq(value, 0);
	virtdev_free(dev);
	fake_disk_fini(&disk);
}
END_TEST

START_TEST(a4_13_driver_without_flush_gets_safe_writes)
{
	rig_fini(&r);
	rig_prepare(&r);
	rig_start(&r, ALL & ~F_FLUSH, 64);
	ck_assert_uint_eq(config8(32), 0);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 2);
	ck_assert_uint_eq(r.disk.log[1].op, VIRTDEV_DISK_FLUSH);
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_OK);
}
END_TEST

START_TEST(write_whose_flush_fails_has_failed)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 0 },
		{ RIG_STATUS, 1, 1 },
	};
	uint8_t off = 0;

	ck_assert_int_eq(virtdev_config_write(r.dev, 32, &off, 1), 0);
	r.disk.hold = true;
	rig_header(&r, T_OUT, 0);
	rig_add(&r, buffers, 3);
	rig_serve(&r);
	fake_disk_finish(&r.disk);
	rig_serve(&r);
	r.disk.result = -EIO;
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 1);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_STATUS), S_IOERR);
}
END_TEST

START_TEST(repeated_features_do_not_change_the_cache)
{
	uint64_t features = virtdev_get_info(r.dev)->features & ALL;
	uint8_t off = 0;

	ck_assert_int_eq(virtdev_set_features(r.dev, features, NULL), 0);
	ck_assert_int_eq(virtdev_config_write(r.dev, 32, &off, 1), 0);
	ck_assert_int_eq(virtdev_set_features(r.dev, features, NULL), 0);
	ck_assert_uint_eq(config8(32), 0);
	virtdev_reset(r.dev);
	ck_assert_uint_eq(config8(32), 1);
	ck_assert_int_eq(virtdev_config_write(r.dev, 32, &off, 1), -EPERM);
}
END_TEST

START_TEST(batch_causes_few_kicks_and_one_notification)
{
	add_flushes(30);
	ck_assert_uint_eq(rig_serve(&r), 30);
	ck_assert_uint_eq(r.notified, 1);
	ck_assert_uint_eq(r.disk.kicks, 5);
}
END_TEST

START_TEST(turn_fetches_at_most_the_queue_size)
{
	add_flushes(32);
	r.disk.hold = true;
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(r.disk.nwaiting, 32);
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 32);
}
END_TEST

START_TEST(a4_18_blocking_disk_limits_the_requests_of_a_turn)
{
	rig_fini(&r);
	rig_prepare(&r);
	r.disk.info.blocks = 1;
	rig_start(&r, ALL, 64);
	ck_assert(virtdev_queue_blocks(r.dev));
	add_flushes(20);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 1);
	ck_assert_uint_eq(r.disk.nlog, 8);
	ck_assert_uint_eq(rig_serve(&r), 20);
}
END_TEST

START_TEST(requests_complete_in_the_disks_order)
{
	unsigned int i;

	r.disk.hold = true;
	add_flushes(5);
	ck_assert_uint_eq(rig_serve(&r), 0);
	add_flushes(5);
	ck_assert_uint_eq(rig_serve(&r), 0);
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 10);
	for (i = 0; i < 5; i++)
		ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA + i), S_OK);
}
END_TEST

START_TEST(a4_15_drain_waits_for_every_request_and_publishes_it)
{
	r.disk.hold = true;
	add_flushes(3);
	ck_assert_uint_eq(rig_serve(&r), 0);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 3);
	add_flushes(1);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
	ck_assert_uint_eq(r.disk.nlog, 3);
	ck_assert_uint_eq(r.notified, 1);
	r.disk.hold = false;
	ck_assert_uint_eq(rig_serve(&r), 4);
}
END_TEST

START_TEST(drain_waits_for_the_flush_of_the_channel)
{
	r.disk.hold = true;
	r.disk.flushes = 2;
	add_flushes(1);
	rig_serve(&r);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 1);
	ck_assert_uint_eq(r.disk.flushes, 2);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 1);
	ck_assert_uint_eq(r.notified, 1);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 1);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
}
END_TEST

/* Like a transport: drain until nothing is in flight, then stop. */
START_TEST(a3_05_reset_ends_after_the_last_request_in_flight)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 1 },
		{ RIG_STATUS, 1, 1 },
	};

	r.disk.hold = true;
	rig_header(&r, T_IN, 0);
	rig_add(&r, buffers, 3);
	rig_serve(&r);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 1);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
	virtdev_queue_stop(r.dev, 0);
	virtdev_reset(r.dev);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
	memset(guest_at(&r.g, RIG_STATUS), 0x77, 1);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_STATUS), 0x77);
}
END_TEST

START_TEST(a3_18_queue_that_is_reset_does_not_disturb_the_other)
{
	struct vq_buffer flush[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_STATUS, 1, 1 },
	};
	struct guest other;

	guest_init(&other, 0, 64, 0, 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, 1, other.q, NULL), 0);
	r.disk.hold = true;
	add_flushes(2);
	rig_serve(&r);
	*guest_at(&other, RIG_HEADER) = T_FLUSH;
	ck_assert_int_eq(vq_driver_add(other.driver, flush, 2, 1), 0);
	vq_driver_publish(other.driver);
	ck_assert_int_ge(virtdev_queue_serve(r.dev, 1), 0);
	ck_assert_uint_eq(vq_inflight(other.q), 1);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
	virtdev_queue_stop(r.dev, 0);
	/* requests of the other queue are neither lost nor completed */
	ck_assert_uint_eq(vq_inflight(other.q), 1);
	ck_assert_int_ge(virtdev_queue_serve(r.dev, 1), 0);
	ck_assert_uint_eq(vq_inflight(other.q), 0);
	ck_assert_uint_eq(*guest_at(&other, RIG_STATUS), S_OK);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 1), 0);
	virtdev_queue_stop(r.dev, 1);
	guest_fini(&other);
	ck_assert_int_eq(virtdev_queue_start(r.dev, 0, r.g.q, NULL), 0);
	ck_assert_uint_eq(rig_serve(&r), 2);
	r.disk.hold = false;
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_OK);
}
END_TEST

START_TEST(drain_continues_multi_step_requests)
{
	uint8_t off = 0;
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 0 },
		{ RIG_STATUS, 1, 1 },
	};

	ck_assert_int_eq(virtdev_config_write(r.dev, 32, &off, 1), 0);
	r.disk.hold = true;
	rig_header(&r, T_OUT, 0);
	rig_add(&r, buffers, 3);
	rig_serve(&r);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 1);
	ck_assert_uint_eq(r.disk.log[1].op, VIRTDEV_DISK_FLUSH);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
}
END_TEST

START_TEST(a4_14_requests_are_kept_while_the_host_returns_eagain)
{
	r.disk.refuse_kicks = 3;
	add_flushes(4);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 1);
	ck_assert_uint_eq(r.disk.nwaiting, 4);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), -EAGAIN);
	ck_assert_uint_eq(rig_serve(&r), 4);
	ck_assert_uint_eq(r.disk.nlog, 4);
}
END_TEST

START_TEST(a4_14_request_that_cannot_be_queued_fails_alone)
{
	r.disk.refuse_submit = -ENOMEM;
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_IOERR);
	r.disk.refuse_submit = 0;
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
}
END_TEST

START_TEST(broken_ring_is_reported_once_and_not_served)
{
	uint16_t jump = 1000;

	add_flushes(1);
	ck_assert_uint_eq(rig_serve(&r), 1);
	memcpy(guest_at(&r.g, r.g.config.driver_gpa + 2), &jump, 2);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(r.broken, 1);
	ck_assert_int_eq(vq_broken(r.g.q), VQ_BROKEN_INDEX);
}
END_TEST

START_TEST(broken_ring_still_drains_requests_in_flight)
{
	uint16_t jump = 1000;

	r.disk.hold = true;
	add_flushes(2);
	rig_serve(&r);
	memcpy(guest_at(&r.g, r.g.config.driver_gpa + 2), &jump, 2);
	ck_assert_int_ge(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(r.broken, 1);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 2);
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
}
END_TEST

START_TEST(queue_starts_again_after_it_was_stopped)
{
	int i;

	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
		ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
		virtdev_queue_stop(r.dev, 0);
		ck_assert_uint_eq(r.disk.channels, 0);
		ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
		ck_assert_int_eq(virtdev_queue_start(r.dev, 0, r.g.q, NULL),
				 0);
	}
	ck_assert_int_eq(virtdev_queue_start(r.dev, 0, r.g.q, NULL), -EBUSY);
}
END_TEST

START_TEST(early_channels_are_opened_and_closed_with_the_device)
{
	struct rig early;

	rig_prepare(&early);
	early.early_channels = true;
	rig_start(&early, ALL, 64);
	ck_assert_uint_eq(early.disk.channels, 2);
	ck_assert_int_eq(virtdev_queue_start(early.dev, 1, early.g.q, NULL), 0);
	ck_assert_uint_eq(early.disk.channels, 2);
	virtdev_queue_stop(early.dev, 1);
	ck_assert_int_eq(rig_simple(&early, T_OUT, 0, 512), S_OK);
	ck_assert_int_eq(virtdev_queue_drain(early.dev, 0), 0);
	virtdev_queue_stop(early.dev, 0);
	ck_assert_uint_eq(early.disk.channels, 2);
	ck_assert_int_eq(virtdev_queue_host_fd(early.dev, 0), -1);
	ck_assert_int_eq(virtdev_queue_start(early.dev, 0, early.g.q, NULL), 0);
	ck_assert_int_eq(rig_simple(&early, T_IN, 0, 512), S_OK);
	rig_fini(&early);
	ck_assert_uint_eq(early.disk.channels, 0);
}
END_TEST

START_TEST(more_requests_than_the_queue_holds_are_served_in_turns)
{
	unsigned int i, done = 0;

	for (i = 0; i < 1000; i++) {
		add_flushes(20);
		done += rig_serve(&r);
	}
	ck_assert_uint_eq(done, 20000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk queue");
	TCase *tc = tcase_create("blk queue");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, configuration_describes_the_disk);
	tcase_add_test(tc, d4_04_stop_with_requests_in_flight_breaks_the_queue);
	tcase_add_test(tc, d4_02_disk_of_a_device_cannot_be_given_to_another);
	tcase_add_test(tc, small_queues_announce_fewer_segments);
	tcase_add_loop_test(tc, d1_18_invalid_configuration_is_refused, 0, 3);
	tcase_add_loop_test(tc, least_and_greatest_queue_size_are_permitted, 0, 2);
	tcase_add_test(tc, a3_12_only_writeback_may_be_written);
	tcase_add_test(tc, writeback_off_flushes_after_every_write);
	tcase_add_test(tc, writethrough_lasts_until_the_driver_enables_the_cache);
	tcase_add_test(tc, a4_13_driver_without_flush_gets_safe_writes);
	tcase_add_test(tc, write_whose_flush_fails_has_failed);
	tcase_add_test(tc, repeated_features_do_not_change_the_cache);
	tcase_add_test(tc, batch_causes_few_kicks_and_one_notification);
	tcase_add_test(tc, turn_fetches_at_most_the_queue_size);
	tcase_add_test(tc, a4_18_blocking_disk_limits_the_requests_of_a_turn);
	tcase_add_test(tc, requests_complete_in_the_disks_order);
	tcase_add_test(tc, a4_15_drain_waits_for_every_request_and_publishes_it);
	tcase_add_test(tc, drain_waits_for_the_flush_of_the_channel);
	tcase_add_test(tc, a3_05_reset_ends_after_the_last_request_in_flight);
	tcase_add_test(tc, a3_18_queue_that_is_reset_does_not_disturb_the_other);
	tcase_add_test(tc, drain_continues_multi_step_requests);
	tcase_add_test(tc, a4_14_requests_are_kept_while_the_host_returns_eagain);
	tcase_add_test(tc, a4_14_request_that_cannot_be_queued_fails_alone);
	tcase_add_test(tc, broken_ring_is_reported_once_and_not_served);
	tcase_add_test(tc, broken_ring_still_drains_requests_in_flight);
	tcase_add_test(tc, queue_starts_again_after_it_was_stopped);
	tcase_add_test(tc, early_channels_are_opened_and_closed_with_the_device);
	tcase_add_test(tc, more_requests_than_the_queue_holds_are_served_in_turns);

	return run_suite(s);
}
