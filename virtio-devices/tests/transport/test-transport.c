/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state between device and driver, through every register interface. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "registers.h"

enum { ACK = VIRTDEV_STATUS_ACKNOWLEDGE, DRIVER = VIRTDEV_STATUS_DRIVER,
       DRIVER_OK = VIRTDEV_STATUS_DRIVER_OK,
       FEATURES_OK = VIRTDEV_STATUS_FEATURES_OK,
       NEEDS_RESET = VIRTDEV_STATUS_NEEDS_RESET,
       FAILED = VIRTDEV_STATUS_FAILED };

#define OFFERED (VQ_F_VERSION_1 | VQ_F_EVENT_IDX | 1)
#define PACKED (OFFERED | VQ_F_RING_PACKED)
#define OF_TRANSPORTS (UINT64_C(0x1fff) << 37)

/* A device of two queues and 8 bytes of configuration, and its transport. */
struct rig {
	struct transport_rig d;
	unsigned char config[8];
	int activate_result, reset_result;
	unsigned int activated, resets, device_resets, notified;
	uint32_t last_queue;
	uint64_t features;
};

static struct rig rig;

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

static void device_reset(void *self)
{
	((struct rig *)self)->device_resets++;
}

static int activate(void *opaque, uint64_t features)
{
	struct rig *r = opaque;

	r->activated++;
	r->features = features;
	return r->activate_result;
}

static int reset(void *opaque)
{
	struct rig *r = opaque;

	r->resets++;
	return r->reset_result;
}

static void notify(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	r->notified++;
	r->last_queue = queue;
}

static void setup(const struct register_set *registers)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
		.config_read = config_read, .config_write = config_write,
		.reset = device_reset,
	};
	static const struct virtdev_transport_ops transport_ops = {
		.size = sizeof(transport_ops), .activate = activate,
		.reset = reset, .notify = notify,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 2, .queue_size_max = 256, .config_size = 8,
		.features = PACKED | OF_TRANSPORTS,
	};

	memset(&rig, 0, sizeof(rig));
	memcpy(rig.config, "\1\2\3\4\5\6\7\10", 8);
	transport_rig_init(&rig.d, registers, &ops, &info, &transport_ops, &rig);
}

static void setup_mmio(void)
{
	setup(&mmio_registers);
}

static void setup_pci(void)
{
	setup(&pci_registers);
}

static void teardown(void)
{
	transport_rig_fini(&rig.d);
}

static uint32_t get(enum field field)
{
	return transport_rig_get(&rig.d, field);
}

static void set(enum field field, uint32_t value)
{
	transport_rig_set(&rig.d, field, value);
}

static unsigned int interrupts(void)
{
	return rig.d.registers->interrupts(rig.d.f);
}

static uint64_t read_config(uint32_t off, uint32_t len)
{
	return rig.d.registers->config_read(rig.d.f, off, len);
}

static void write_config(uint32_t off, uint32_t len, uint64_t value)
{
	rig.d.registers->config_write(rig.d.f, off, len, value);
}

static void acknowledge(uint64_t features)
{
	set(STATUS, ACK);
	set(STATUS, ACK | DRIVER);
	set(WANTED_SEL, 0);
	set(WANTED_WORD, (uint32_t)features);
	set(WANTED_SEL, 1);
	set(WANTED_WORD, (uint32_t)(features >> 32));
	set(STATUS, ACK | DRIVER | FEATURES_OK);
}

static void make_ready(uint32_t queue, uint32_t size)
{
	set(QUEUE_SEL, queue);
	set(QUEUE_SIZE, size);
	set(DESC_LOW, 0x1000);
	set(DESC_HIGH, 1);
	set(DRIVER_LOW, 0x2000);
	set(DEVICE_LOW, 0x3000);
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

/* For PCI, whose registers can be read back, unlike those of MMIO. */
START_TEST(owner_reads_values_set_by_the_driver)
{
	const enum virtdev_queue_area device = VIRTDEV_QUEUE_DEVICE;

	ck_assert_uint_eq(virtdev_transport_features(rig.d.t), 0);
	ck_assert_uint_eq(virtdev_transport_queue_area(rig.d.t, 0, device), 0);
	acknowledge(OFFERED);
	virtdev_transport_set_queue_area(rig.d.t, 1, device, 0, 0x5000);
	virtdev_transport_set_queue_area(rig.d.t, 1, device, 1, 0x12);
	ck_assert_uint_eq(virtdev_transport_features(rig.d.t), OFFERED);
	ck_assert_uint_eq(virtdev_transport_queue_area(rig.d.t, 1, device),
			  UINT64_C(0x1200005000));
	ck_assert_uint_eq(virtdev_transport_queue_area(rig.d.t, 2, device), 0);
	set(STATUS, 0);
	ck_assert_uint_eq(virtdev_transport_features(rig.d.t), 0);
	ck_assert_uint_eq(virtdev_transport_queue_area(rig.d.t, 1, device), 0);
}
END_TEST

START_TEST(features_are_read_in_halves)
{
	set(OFFERED_SEL, 0);
	ck_assert_uint_eq(get(OFFERED_WORD), (uint32_t)PACKED);
	set(OFFERED_SEL, 1);
	ck_assert_uint_eq(get(OFFERED_WORD), (uint32_t)(PACKED >> 32));
}
END_TEST

START_TEST(a3_20_feature_words_above_the_second_read_0)
{
	set(OFFERED_SEL, 2);
	ck_assert_uint_eq(get(OFFERED_WORD), 0);
	set(OFFERED_SEL, UINT32_MAX);
	ck_assert_uint_eq(get(OFFERED_WORD), 0);
	set(WANTED_SEL, 2);
	set(WANTED_WORD, UINT32_MAX);
	acknowledge(VQ_F_VERSION_1);
	ck_assert_uint_eq(get(STATUS) & FEATURES_OK, FEATURES_OK);
}
END_TEST

START_TEST(driver_starts_the_device)
{
	struct vq_config config;

	start();
	ck_assert_uint_eq(rig.activated, 1);
	ck_assert_uint_eq(rig.features, OFFERED);
	ck_assert_uint_eq(get(STATUS), 0xf);
	ck_assert(virtdev_transport_queue(rig.d.t, 0, &config));
	ck_assert_uint_eq(config.size, 16);
	ck_assert_uint_eq(config.desc_gpa, UINT64_C(0x100001000));
	ck_assert_uint_eq(config.driver_gpa, 0x2000);
	ck_assert_uint_eq(config.device_gpa, 0x3000);
	ck_assert(!virtdev_transport_queue(rig.d.t, 1, &config));
}
END_TEST

/* The wrap counters of a packed ring begin as 1. */
START_TEST(queue_begins_at_the_position_of_its_format)
{
	struct vq_config config;

	start();
	ck_assert(virtdev_transport_queue(rig.d.t, 0, &config));
	ck_assert_uint_eq(config.base, 0);
	set(STATUS, 0);
	start_with(PACKED);
	ck_assert(virtdev_transport_queue(rig.d.t, 0, &config));
	ck_assert_uint_eq(config.base, 0x80008000u);
}
END_TEST

START_TEST(a3_01_driver_ok_before_features_ok_is_ignored)
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
	set(WANTED_SEL, 0);
	set(WANTED_WORD, UINT32_MAX);
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

START_TEST(a3_04_only_a_reset_clears_status_bits)
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

START_TEST(a3_08_failed_activation_sets_needs_reset)
{
	rig.activate_result = -EFAULT;
	start();
	ck_assert_uint_eq(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
	ck_assert_uint_eq(interrupts(), FROM_CONFIG);
}
END_TEST

START_TEST(a3_09_queues_that_do_not_exist_are_absent)
{
	set(QUEUE_SEL, 2);
	ck_assert_uint_eq(get(QUEUE_MAX), 0);
	set(QUEUE_SIZE, 16);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
	set(QUEUE_SEL, UINT32_MAX);
	set(DESC_LOW, 0x1000);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
}
END_TEST

START_TEST(a3_11_config_beyond_its_end_reads_0_in_every_width)
{
	ck_assert_uint_eq(read_config(0, 1), 1);
	ck_assert_uint_eq(read_config(0, 2), 0x0201);
	ck_assert_uint_eq(read_config(0, 8),
			  UINT64_C(0x0807060504030201));
	ck_assert_uint_eq(read_config(6, 4), 0x0807);
	ck_assert_uint_eq(read_config(8, 4), 0);
	write_config(6, 4, 0);
	ck_assert_uint_eq(read_config(6, 2), 0x0807);
}
END_TEST

START_TEST(a3_12_read_only_config_is_not_written)
{
	write_config(0, 4, 0);
	write_config(7, 1, 0x55);
	ck_assert_uint_eq(read_config(0, 8),
			  UINT64_C(0x5507060504030201));
}
END_TEST

START_TEST(a3_15_config_change_increments_the_generation)
{
	uint32_t before = get(GENERATION);

	start();
	virtdev_transport_config_changed(rig.d.t);
	ck_assert_uint_ne(get(GENERATION), before);
	ck_assert_uint_eq(interrupts(), FROM_CONFIG);
}
END_TEST

START_TEST(a3_17_reset_restores_every_register)
{
	struct vq_config config;

	start();
	virtdev_transport_interrupt(rig.d.t, 1);
	set(STATUS, 0);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(interrupts(), 0);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
	ck_assert(!virtdev_transport_queue(rig.d.t, 0, &config));
	start();
	ck_assert_uint_eq(rig.activated, 2);
}
END_TEST

/* Sizes that a split ring cannot have, and one above the maximum. */
static const uint32_t bad_sizes[] = { 0, 3, 100, 257, 512, 65536, UINT32_MAX };

START_TEST(a1_31_a1_32_invalid_queue_sizes_are_ignored)
{
	struct vq_config config;

	acknowledge(OFFERED);
	set(QUEUE_SEL, 0);
	set(QUEUE_SIZE, 128);
	set(QUEUE_SIZE, bad_sizes[_i]);
	set(QUEUE_READY, 1);
	ck_assert(virtdev_transport_queue(rig.d.t, 0, &config));
	ck_assert_uint_eq(config.size, 128);
}
END_TEST

START_TEST(a1_37_running_queue_cannot_be_changed)
{
	struct vq_config config;

	start();
	make_ready(0, 64);
	set(DESC_LOW, 0x8000);
	set(QUEUE_READY, 0);
	ck_assert(virtdev_transport_queue(rig.d.t, 0, &config));
	ck_assert_uint_eq(config.size, 16);
	ck_assert_uint_eq(config.desc_gpa, UINT64_C(0x100001000));
}
END_TEST

START_TEST(a1_45_notification_for_an_unknown_queue_is_ignored)
{
	start();
	set(NOTIFY, 2);
	set(NOTIFY, 0x10000);
	set(NOTIFY, INT32_MAX);
	set(NOTIFY, UINT32_MAX);
	ck_assert_uint_eq(rig.notified, 0);
	set(NOTIFY, 0);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(rig.last_queue, 0);
}
END_TEST

/* Before the device runs, never made ready, and after a reset. */
START_TEST(a1_46_notification_for_a_stopped_queue_is_ignored)
{
	acknowledge(OFFERED);
	make_ready(0, 16);
	set(NOTIFY, 0);
	set(STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	set(NOTIFY, 1);
	set(STATUS, 0);
	set(NOTIFY, 0);
	ck_assert_uint_eq(rig.notified, 0);
}
END_TEST

START_TEST(a3_16_only_queues_that_were_set_up_start)
{
	struct vq_config config;

	start();
	ck_assert_uint_eq(rig.activated, 1);
	ck_assert(virtdev_transport_queue(rig.d.t, 0, &config));
	ck_assert(!virtdev_transport_queue(rig.d.t, 1, &config));
}
END_TEST

START_TEST(a3_05_slow_reset_keeps_the_status_until_it_is_complete)
{
	start();
	rig.reset_result = 1;
	set(STATUS, 0);
	ck_assert(virtdev_transport_is_resetting(rig.d.t));
	ck_assert_uint_eq(get(STATUS), 0xf);
	set(STATUS, 0xf | FAILED);
	ck_assert_uint_eq(get(STATUS), 0xf);
	set(NOTIFY, 0);
	ck_assert_uint_eq(rig.notified, 0);
	set(STATUS, 0);
	ck_assert_uint_eq(rig.resets, 2);
	ck_assert_uint_eq(rig.device_resets, 0);
	virtdev_transport_reset_done(rig.d.t);
	ck_assert(!virtdev_transport_is_resetting(rig.d.t));
	ck_assert_uint_eq(get(STATUS), 0);
	ck_assert_uint_eq(rig.device_resets, 1);
}
END_TEST

START_TEST(c1_19_transport_features_of_a_model_are_not_offered)
{
	set(OFFERED_SEL, 1);
	ck_assert_uint_eq(get(OFFERED_WORD) & (uint32_t)(OF_TRANSPORTS >> 32),
			  0);
	acknowledge(OFFERED | UINT64_C(1) << 40);
	ck_assert_uint_eq(get(STATUS), ACK | DRIVER);
}
END_TEST

START_TEST(interrupt_distinguishes_queue_and_configuration)
{
	start();
	virtdev_transport_interrupt(rig.d.t, 0);
	ck_assert_uint_eq(interrupts(), FROM_QUEUE);
	virtdev_transport_config_changed(rig.d.t);
	virtdev_transport_interrupt(rig.d.t, 1);
	ck_assert_uint_eq(interrupts(), FROM_QUEUE | FROM_CONFIG);
	ck_assert_uint_eq(interrupts(), 0);
}
END_TEST

START_TEST(config_change_before_driver_ok_is_not_notified)
{
	virtdev_transport_config_changed(rig.d.t);
	virtdev_transport_needs_reset(rig.d.t);
	ck_assert_uint_eq(interrupts(), 0);
	ck_assert_uint_eq(get(STATUS), NEEDS_RESET);
}
END_TEST

START_TEST(tables_without_a_size_are_refused)
{
	const struct virtdev_transport_ops ops = { .size = 0 };
	const struct virtdev_register_ops register_ops = { .size = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_transport *t;

	ck_assert_int_eq(virtdev_transport_new(rig.d.dev, &ops, NULL, &t, &err),
			 -EINVAL);
	ck_assert(strstr(err.msg, "struct virtdev_transport_ops"));
	ck_assert_int_eq(virtdev_transport_set_registers(rig.d.t, &register_ops, NULL,
							 &err), -EINVAL);
	ck_assert(strstr(err.msg, "struct virtdev_register_ops"));
}
END_TEST

static void add_tests(Suite *s, const char *name, void (*make)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, make, teardown);
	tcase_add_test(tc, owner_reads_values_set_by_the_driver);
	tcase_add_test(tc, features_are_read_in_halves);
	tcase_add_test(tc, a3_20_feature_words_above_the_second_read_0);
	tcase_add_test(tc, driver_starts_the_device);
	tcase_add_test(tc, queue_begins_at_the_position_of_its_format);
	tcase_add_test(tc, a3_01_driver_ok_before_features_ok_is_ignored);
	tcase_add_test(tc, a3_02_features_after_features_ok_are_ignored);
	tcase_add_test(tc, a3_03_features_not_offered_leave_features_ok_clear);
	tcase_add_test(tc, a3_04_only_a_reset_clears_status_bits);
	tcase_add_test(tc, a3_07_driver_ok_twice_activates_once);
	tcase_add_test(tc, a3_08_failed_activation_sets_needs_reset);
	tcase_add_test(tc, a3_09_queues_that_do_not_exist_are_absent);
	tcase_add_test(tc, a3_11_config_beyond_its_end_reads_0_in_every_width);
	tcase_add_test(tc, a3_12_read_only_config_is_not_written);
	tcase_add_test(tc, a3_15_config_change_increments_the_generation);
	tcase_add_test(tc, a3_17_reset_restores_every_register);
	tcase_add_loop_test(tc, a1_31_a1_32_invalid_queue_sizes_are_ignored,
			    0, sizeof(bad_sizes) / sizeof(bad_sizes[0]));
	tcase_add_test(tc, a1_37_running_queue_cannot_be_changed);
	tcase_add_test(tc, a1_45_notification_for_an_unknown_queue_is_ignored);
	tcase_add_test(tc, a1_46_notification_for_a_stopped_queue_is_ignored);
	tcase_add_test(tc, a3_16_only_queues_that_were_set_up_start);
	tcase_add_test(tc, a3_05_slow_reset_keeps_the_status_until_it_is_complete);
	tcase_add_test(tc, c1_19_transport_features_of_a_model_are_not_offered);
	tcase_add_test(tc, interrupt_distinguishes_queue_and_configuration);
	tcase_add_test(tc, config_change_before_driver_ok_is_not_notified);
	tcase_add_test(tc, tables_without_a_size_are_refused);
	suite_add_tcase(s, tc);
}

int main(void)
{
	Suite *s = suite_create("transport");

	add_tests(s, mmio_registers.name, setup_mmio);
	add_tests(s, pci_registers.name, setup_pci);
	return run_suite(s);
}
