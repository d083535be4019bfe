/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the registers of virtio-mmio and when they may be written. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/mmio.h>

enum { MAGIC = 0x000, LAYOUT_VERSION = 0x004, DEVICE_ID = 0x008,
       DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SEL = 0x014,
       DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024,
       QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038,
       QUEUE_READY = 0x044, INT_STATUS = 0x060, INT_ACK = 0x064,
       STATUS = 0x070, QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090,
       QUEUE_DEVICE = 0x0a0, SHM_SEL = 0x0ac, SHM_LEN = 0x0b0,
       SHM_BASE = 0x0b8, GENERATION = 0x0fc, CONFIG = 0x100 };

enum { ACK = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };

#define OFFERED (VQ_F_VERSION_1 | VQ_F_EVENT_IDX | 1)
#define PACKED (OFFERED | VQ_F_RING_PACKED)

/* A device of two queues and 8 bytes of configuration, and its transport. */
struct rig {
	struct virtdev *dev;
	struct virtdev_mmio *m;
	unsigned char config[8];
	int activate_result;
	unsigned int activated, resets, notified, interrupts;
	uint32_t last_queue;
	uint64_t features;
};

static void config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	memcpy(buf, ((struct rig *)self)->config + off, len);
}

/* The driver may change byte 7 only. */
static int config_write(void *self, uint32_t off, const void *buf,
			uint32_t len)
{
	if (off != 7 || len != 1)
		return -EPERM;
	memcpy(((struct rig *)self)->config + off, buf, len);
	return 0;
}

static int activate(void *opaque, uint64_t features)
{
	struct rig *r = opaque;

	r->activated++;
	r->features = features;
	return r->activate_result;
}

static void reset(void *opaque)
{
	((struct rig *)opaque)->resets++;
}

static void notify(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	r->notified++;
	r->last_queue = queue;
}

static void interrupt(void *opaque)
{
	((struct rig *)opaque)->interrupts++;
}

static bool shared(void *opaque, uint32_t id, uint64_t *base, uint64_t *len)
{
	(void)opaque;
	*base = UINT64_C(0x200000000);
	*len = UINT64_C(0x180001000);
	return id == 3;
}

static struct rig rig;

static void setup(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
		.config_read = config_read, .config_write = config_write,
	};
	static const struct virtdev_mmio_ops mmio_ops = {
		.size = sizeof(mmio_ops), .activate = activate,
		.reset = reset, .notify = notify, .interrupt = interrupt,
		.shared_region = shared,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 2, .queue_max = 256, .config_size = 8,
		.features = PACKED,
	};

	memset(&rig, 0, sizeof(rig));
	memcpy(rig.config, "\1\2\3\4\5\6\7\10", 8);
	ck_assert_int_eq(virtdev_new(&ops, &info, &rig, &rig.dev), 0);
	ck_assert_int_eq(virtdev_mmio_new(rig.dev, &mmio_ops, &rig, &rig.m),
			 0);
}

static void teardown(void)
{
	virtdev_mmio_free(rig.m);
	virtdev_free(rig.dev);
}

static uint32_t get(uint32_t reg)
{
	return (uint32_t)virtdev_mmio_read(rig.m, reg, 4);
}

static void set(uint32_t reg, uint32_t value)
{
	virtdev_mmio_write(rig.m, reg, 4, value);
}

static void acknowledge(uint64_t features)
{
	set(STATUS, ACK);
	set(STATUS, ACK | DRIVER);
	set(DRIVER_FEATURES_SEL, 0);
	set(DRIVER_FEATURES, (uint32_t)features);
	set(DRIVER_FEATURES_SEL, 1);
	set(DRIVER_FEATURES, (uint32_t)(features >> 32));
	set(STATUS, ACK | DRIVER | FEATURES_OK);
}

static void make_ready(uint32_t queue, uint32_t size)
{
	set(QUEUE_SEL, queue);
	set(QUEUE_NUM, size);
	set(QUEUE_DESC, 0x1000);
	set(QUEUE_DESC + 4, 1);
	set(QUEUE_DRIVER, 0x2000);
	set(QUEUE_DEVICE, 0x3000);
	set(QUEUE_READY, 1);
}

static void start_with(uint64_t features)
{
	acknowledge(features);
	make_ready(0, 16);
	set(STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
}

static void start(void)
{
	start_with(OFFERED);
}

START_TEST(identity_registers_say_what_it_is)
{
	ck_assert_uint_eq(get(MAGIC), 0x74726976);
	ck_assert_uint_eq(get(LAYOUT_VERSION), 2);
	ck_assert_uint_eq(get(DEVICE_ID), 42);
}
END_TEST

START_TEST(features_are_read_in_halves)
{
	set(DEVICE_FEATURES_SEL, 0);
	ck_assert_uint_eq(get(DEVICE_FEATURES), (uint32_t)PACKED);
	set(DEVICE_FEATURES_SEL, 1);
	ck_assert_uint_eq(get(DEVICE_FEATURES), (uint32_t)(PACKED >> 32));
}
END_TEST

START_TEST(a3_20_a_feature_word_beyond_the_second_reads_0)
{
	set(DEVICE_FEATURES_SEL, 2);
	ck_assert_uint_eq(get(DEVICE_FEATURES), 0);
	set(DEVICE_FEATURES_SEL, UINT32_MAX);
	ck_assert_uint_eq(get(DEVICE_FEATURES), 0);
	set(DRIVER_FEATURES_SEL, 2);
	set(DRIVER_FEATURES, UINT32_MAX);
	acknowledge(VQ_F_VERSION_1);
	ck_assert_uint_eq(get(STATUS) & FEATURES_OK, FEATURES_OK);
}
END_TEST

START_TEST(a_driver_starts_the_device)
{
	struct vq_config config;

	start();
	ck_assert_uint_eq(rig.activated, 1);
	ck_assert_uint_eq(rig.features, OFFERED);
	ck_assert_uint_eq(get(STATUS), 0xf);
	ck_assert(virtdev_mmio_queue(rig.m, 0, &config));
	ck_assert_uint_eq(config.size, 16);
	ck_assert_uint_eq(config.desc_gpa, UINT64_C(0x100001000));
	ck_assert_uint_eq(config.driver_gpa, 0x2000);
	ck_assert_uint_eq(config.device_gpa, 0x3000);
	ck_assert(!virtdev_mmio_queue(rig.m, 1, &config));
}
END_TEST

/* The wrap counters of a packed ring begin as 1. */
START_TEST(a_queue_begins_where_its_format_says)
{
	struct vq_config config;

	start();
	ck_assert(virtdev_mmio_queue(rig.m, 0, &config));
	ck_assert_uint_eq(config.base, 0);
	set(STATUS, 0);
	start_with(PACKED);
	ck_assert(virtdev_mmio_queue(rig.m, 0, &config));
	ck_assert_uint_eq(config.base, 0x80008000u);
}
END_TEST

START_TEST(a3_01_driver_ok_before_features_ok_does_nothing)
{
	set(STATUS, ACK | DRIVER);
	set(STATUS, ACK | DRIVER | DRIVER_OK);
	ck_assert_uint_eq(get(STATUS), ACK | DRIVER);
	ck_assert_uint_eq(rig.activated, 0);
}
END_TEST

START_TEST(a3_02_features_after_features_ok_are_ignored)
{
	acknowledge(VQ_F_VERSION_1);
	set(DRIVER_FEATURES_SEL, 0);
	set(DRIVER_FEATURES, UINT32_MAX);
	set(STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	ck_assert_uint_eq(rig.features, VQ_F_VERSION_1);
}
END_TEST

START_TEST(a3_03_features_not_offered_leave_features_ok_clear)
{
	acknowledge(OFFERED | 2);
	ck_assert_uint_eq(get(STATUS), ACK | DRIVER);
}
END_TEST

START_TEST(a3_04_status_bits_are_cleared_by_a_reset_only)
{
	start();
	set(STATUS, ACK);
	ck_assert_uint_eq(get(STATUS), 0xf);
	ck_assert_uint_eq(rig.resets, 0);
}
END_TEST

START_TEST(a3_07_driver_ok_twice_activates_once)
{
	start();
	set(STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	ck_assert_uint_eq(rig.activated, 1);
}
END_TEST

START_TEST(a3_08_a_failed_activation_asks_for_a_reset)
{
	rig.activate_result = -EFAULT;
	start();
	ck_assert_uint_eq(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
	ck_assert_uint_eq(get(INT_STATUS), VIRTDEV_MMIO_INT_CONFIG);
	ck_assert_uint_eq(rig.interrupts, 1);
}
END_TEST

START_TEST(a3_09_queues_that_do_not_exist_are_absent)
{
	set(QUEUE_SEL, 2);
	ck_assert_uint_eq(get(QUEUE_NUM_MAX), 0);
	set(QUEUE_NUM, 16);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
	set(QUEUE_SEL, UINT32_MAX);
	set(QUEUE_DESC, 0x1000);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
}
END_TEST

START_TEST(a3_11_config_beyond_its_end_reads_0_in_every_width)
{
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, CONFIG, 1), 1);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, CONFIG, 2), 0x0201);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, CONFIG, 8),
			  UINT64_C(0x0807060504030201));
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, CONFIG + 6, 4), 0x0807);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, CONFIG + 8, 4), 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, 0xffe, 4), 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, UINT64_MAX - 3, 4), 0);
	virtdev_mmio_write(rig.m, CONFIG + 6, 4, 0);
	virtdev_mmio_write(rig.m, UINT64_MAX - 3, 4, 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, CONFIG + 6, 2), 0x0807);
}
END_TEST

START_TEST(a3_12_read_only_config_is_not_written)
{
	virtdev_mmio_write(rig.m, CONFIG, 4, 0);
	virtdev_mmio_write(rig.m, CONFIG + 7, 1, 0x55);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, CONFIG, 8),
			  UINT64_C(0x5507060504030201));
}
END_TEST

START_TEST(a3_15_a_config_change_counts_the_generation_on)
{
	uint32_t before = get(GENERATION);

	start();
	virtdev_mmio_config_changed(rig.m);
	ck_assert_uint_ne(get(GENERATION), before);
	ck_assert_uint_eq(get(INT_STATUS), VIRTDEV_MMIO_INT_CONFIG);
}
END_TEST

START_TEST(a3_17_reset_leaves_every_register_as_at_power_on)
{
	struct vq_config config;

	start();
	set(SHM_SEL, 3);
	virtdev_mmio_interrupt(rig.m, VIRTDEV_MMIO_INT_USED);
	set(STATUS, 0);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(get(INT_STATUS), 0);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
	ck_assert_uint_eq(get(SHM_LEN), UINT32_MAX);
	ck_assert(!virtdev_mmio_queue(rig.m, 0, &config));
	start();
	ck_assert_uint_eq(rig.activated, 2);
}
END_TEST

/* Sizes that a split ring cannot have, and one above the maximum. */
static const uint32_t bad_sizes[] = { 0, 3, 100, 257, 512, 65536, UINT32_MAX };

START_TEST(a1_31_a1_32_impossible_queue_sizes_are_ignored)
{
	acknowledge(OFFERED);
	set(QUEUE_SEL, 0);
	set(QUEUE_NUM, bad_sizes[_i]);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
	set(QUEUE_NUM, 256);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 1);
}
END_TEST

START_TEST(a1_37_a_running_queue_cannot_be_changed)
{
	struct vq_config config;

	start();
	make_ready(0, 64);
	set(QUEUE_DESC, 0x8000);
	set(QUEUE_READY, 0);
	ck_assert(virtdev_mmio_queue(rig.m, 0, &config));
	ck_assert_uint_eq(config.size, 16);
	ck_assert_uint_eq(config.desc_gpa, UINT64_C(0x100001000));
}
END_TEST

START_TEST(a1_45_notification_for_a_queue_that_does_not_exist_is_ignored)
{
	start();
	set(VIRTDEV_MMIO_NOTIFY, 2);
	set(VIRTDEV_MMIO_NOTIFY, 0x10000);
	set(VIRTDEV_MMIO_NOTIFY, INT32_MAX);
	set(VIRTDEV_MMIO_NOTIFY, UINT32_MAX);
	ck_assert_uint_eq(rig.notified, 0);
	set(VIRTDEV_MMIO_NOTIFY, 0);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(rig.last_queue, 0);
}
END_TEST

/* Before the device runs, never made ready, and after a reset. */
START_TEST(a1_46_notification_for_a_queue_that_does_not_run_is_ignored)
{
	acknowledge(OFFERED);
	make_ready(0, 16);
	set(VIRTDEV_MMIO_NOTIFY, 0);
	set(STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	set(VIRTDEV_MMIO_NOTIFY, 1);
	set(STATUS, 0);
	set(VIRTDEV_MMIO_NOTIFY, 0);
	ck_assert_uint_eq(rig.notified, 0);
}
END_TEST

/* The second queue was not made ready, or has a size that cannot be. */
START_TEST(a3_16_queue_that_was_not_set_up_is_absent_and_the_first_is_not)
{
	struct vq_config config;

	acknowledge(OFFERED);
	make_ready(0, 16);
	if (_i)
		make_ready(1, 17);
	set(STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	ck_assert_uint_eq(rig.activated, 1);
	ck_assert(virtdev_mmio_queue(rig.m, 0, &config));
	ck_assert(!virtdev_mmio_queue(rig.m, 1, &config));
}
END_TEST

START_TEST(interrupts_stay_until_acknowledged)
{
	start();
	virtdev_mmio_interrupt(rig.m, VIRTDEV_MMIO_INT_USED);
	virtdev_mmio_config_changed(rig.m);
	ck_assert_uint_eq(get(INT_STATUS), 3);
	set(INT_ACK, VIRTDEV_MMIO_INT_USED);
	ck_assert_uint_eq(get(INT_STATUS), VIRTDEV_MMIO_INT_CONFIG);
	set(INT_ACK, VIRTDEV_MMIO_INT_CONFIG);
	ck_assert_uint_eq(get(INT_STATUS), 0);
}
END_TEST

START_TEST(shared_regions_show_their_place_and_absent_ones_all_ones)
{
	set(SHM_SEL, 3);
	ck_assert_uint_eq(get(SHM_LEN), 0x80001000);
	ck_assert_uint_eq(get(SHM_LEN + 4), 1);
	ck_assert_uint_eq(get(SHM_BASE), 0);
	ck_assert_uint_eq(get(SHM_BASE + 4), 2);
	set(SHM_SEL, 0);
	ck_assert_uint_eq(get(SHM_LEN), UINT32_MAX);
	ck_assert_uint_eq(get(SHM_BASE + 4), UINT32_MAX);
}
END_TEST

START_TEST(registers_take_aligned_words_only)
{
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, MAGIC, 1), 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, MAGIC + 2, 4), 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, MAGIC, 8), 0);
	virtdev_mmio_write(rig.m, STATUS, 1, ACK);
	ck_assert_uint_eq(get(STATUS), 0);
}
END_TEST

static void add_rows(TCase *tc)
{
	tcase_add_test(tc, a3_01_driver_ok_before_features_ok_does_nothing);
	tcase_add_test(tc, a3_02_features_after_features_ok_are_ignored);
	tcase_add_test(tc, a3_03_features_not_offered_leave_features_ok_clear);
	tcase_add_test(tc, a3_04_status_bits_are_cleared_by_a_reset_only);
	tcase_add_test(tc, a3_07_driver_ok_twice_activates_once);
	tcase_add_test(tc, a3_08_a_failed_activation_asks_for_a_reset);
	tcase_add_test(tc, a3_09_queues_that_do_not_exist_are_absent);
	tcase_add_test(tc,
		       a3_11_config_beyond_its_end_reads_0_in_every_width);
	tcase_add_test(tc, a3_12_read_only_config_is_not_written);
	tcase_add_test(tc, a3_15_a_config_change_counts_the_generation_on);
	tcase_add_test(tc, a3_17_reset_leaves_every_register_as_at_power_on);
	tcase_add_test(tc,
		       a3_20_a_feature_word_beyond_the_second_reads_0);
	tcase_add_loop_test(tc,
			    a1_31_a1_32_impossible_queue_sizes_are_ignored, 0,
			    sizeof(bad_sizes) / sizeof(bad_sizes[0]));
	tcase_add_test(tc, a1_37_a_running_queue_cannot_be_changed);
	tcase_add_test(tc, a1_45_notification_for_a_queue_that_does_not_exist_is_ignored);
	tcase_add_test(tc, a1_46_notification_for_a_queue_that_does_not_run_is_ignored);
	tcase_add_loop_test(tc, a3_16_queue_that_was_not_set_up_is_absent_and_the_first_is_not,
			    0, 2);
}

int main(void)
{
	Suite *s = suite_create("mmio");
	TCase *tc = tcase_create("mmio");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity_registers_say_what_it_is);
	tcase_add_test(tc, features_are_read_in_halves);
	tcase_add_test(tc, a_driver_starts_the_device);
	tcase_add_test(tc, a_queue_begins_where_its_format_says);
	tcase_add_test(tc, interrupts_stay_until_acknowledged);
	tcase_add_test(tc,
		       shared_regions_show_their_place_and_absent_ones_all_ones);
	tcase_add_test(tc, registers_take_aligned_words_only);
	add_rows(tc);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
