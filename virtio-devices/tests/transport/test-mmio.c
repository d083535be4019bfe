/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims that are specific to virtio-mmio; the others are in test-transport.c.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/mmio.h>
#include <virtio-devices/pci.h>
#include <vmm-sys-util/event.h>

#include "../suite.h"

enum { MAGIC = 0x000, LAYOUT_VERSION = 0x004, DEVICE_ID = 0x008,
       DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024,
       QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038,
       QUEUE_READY = 0x044, INT_STATUS = 0x060, INT_ACK = 0x064,
       STATUS = 0x070, QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090,
       QUEUE_DEVICE = 0x0a0, SHM_SEL = 0x0ac, SHM_LEN = 0x0b0,
       SHM_BASE = 0x0b8, CONFIG = 0x100 };

enum { ACK = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };

#define OFFERED (VQ_F_VERSION_1 | VQ_F_EVENT_IDX)

struct rig {
	struct virtdev *dev;
	struct virtdev_transport *t;
	struct virtdev_mmio *m;
	unsigned int notified;
	uint32_t last_queue;
};

static struct rig rig;

static void notify(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	r->notified++;
	r->last_queue = queue;
}

static bool shared(void *opaque, uint32_t id, uint64_t *base, uint64_t *len)
{
	(void)opaque;
	*base = UINT64_C(0x200000000);
	*len = UINT64_C(0x180001000);
	return id == 3;
}

static void setup(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
	};
	static const struct virtdev_transport_ops transport_ops = {
		.size = sizeof(transport_ops), .notify = notify,
		.shared_region = shared, .features = VQ_F_NOTIFICATION_DATA,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 2, .queue_size_max = 256, .config_size = 8,
		.features = OFFERED | VQ_F_NOTIFICATION_DATA,
	};

	memset(&rig, 0, sizeof(rig));
	ck_assert_int_eq(virtdev_new(&ops, &info, &rig, &rig.dev, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(rig.dev, &transport_ops, &rig,
					       &rig.t, NULL), 0);
	ck_assert_int_eq(virtdev_mmio_new(rig.t, &rig.m, NULL), 0);
}

static void teardown(void)
{
	virtdev_mmio_free(rig.m);
	virtdev_transport_free(rig.t);
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

START_TEST(identity_registers_describe_the_device)
{
	ck_assert_uint_eq(get(MAGIC), 0x74726976);
	ck_assert_uint_eq(get(LAYOUT_VERSION), 2);
	ck_assert_uint_eq(get(DEVICE_ID), 42);
}
END_TEST

START_TEST(interrupts_stay_until_acknowledged)
{
	start();
	virtdev_transport_interrupt(rig.t, 0);
	virtdev_transport_config_changed(rig.t);
	ck_assert_uint_eq(get(INT_STATUS), 3);
	set(INT_ACK, VIRTDEV_MMIO_INT_USED);
	ck_assert_uint_eq(get(INT_STATUS), VIRTDEV_MMIO_INT_CONFIG);
	set(INT_ACK, VIRTDEV_MMIO_INT_CONFIG);
	ck_assert_uint_eq(get(INT_STATUS), 0);
}
END_TEST

START_TEST(shared_regions_read_their_address_and_absent_ones_all_ones)
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

START_TEST(registers_accept_only_aligned_words)
{
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, MAGIC, 1), 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, MAGIC + 2, 4), 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, MAGIC, 8), 0);
	virtdev_mmio_write(rig.m, STATUS, 1, ACK);
	ck_assert_uint_eq(get(STATUS), 0);
}
END_TEST

START_TEST(a3_13_legacy_registers_are_absent)
{
	/* page size, alignment of the ring, page of the ring */
	static const uint32_t legacy[] = { 0x028, 0x03c, 0x040 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		set(legacy[i], 0);
		ck_assert_uint_eq(get(legacy[i]), 0);
	}
	start();
	ck_assert_uint_eq(get(LAYOUT_VERSION), 2);
}
END_TEST

START_TEST(each_interrupt_signals_the_line)
{
	uint64_t count = 0;

	start();
	virtdev_transport_interrupt(rig.t, 0);
	virtdev_transport_interrupt(rig.t, 1);
	ck_assert_int_eq(vsu_event_drain(virtdev_mmio_irq_fd(rig.m), &count),
			 0);
	ck_assert_uint_eq(count, 2);
	virtdev_transport_config_changed(rig.t);
	vsu_event_drain(virtdev_mmio_irq_fd(rig.m), NULL);
	set(INT_ACK, VIRTDEV_MMIO_INT_USED);	/* the other reason remains */
	vsu_event_drain(virtdev_mmio_irq_fd(rig.m), &count);
	ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(a1_31_queue_of_invalid_size_is_never_ready)
{
	acknowledge(OFFERED);
	set(QUEUE_SEL, 1);
	set(QUEUE_NUM, 17);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
}
END_TEST

START_TEST(notification_data_may_contain_the_driver_position)
{
	acknowledge(OFFERED | VQ_F_NOTIFICATION_DATA);
	make_ready(0, 16);
	make_ready(1, 16);
	set(STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	set(VIRTDEV_MMIO_NOTIFY, 0x50001);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(rig.last_queue, 1);
}
END_TEST

START_TEST(a3_11_registers_end_at_the_page_boundary)
{
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, 0xffe, 4), 0);
	ck_assert_uint_eq(virtdev_mmio_read(rig.m, UINT64_MAX - 3, 4), 0);
	virtdev_mmio_write(rig.m, UINT64_MAX - 3, 4, 0);
}
END_TEST

START_TEST(reset_clears_the_selectors)
{
	start();
	set(SHM_SEL, 3);
	set(QUEUE_SEL, 2);
	virtdev_transport_interrupt(rig.t, 0);
	set(STATUS, 0);
	ck_assert_uint_eq(get(SHM_LEN), UINT32_MAX);
	ck_assert_uint_eq(get(QUEUE_NUM_MAX), 256);
	ck_assert_uint_eq(get(INT_STATUS), 0);
}
END_TEST

START_TEST(only_status_writes_are_control_accesses)
{
	ck_assert_int_eq(virtdev_mmio_class(STATUS, 4, true),
			 VIRTDEV_ACCESS_CONTROL);
	ck_assert_int_eq(virtdev_mmio_class(STATUS, 4, false),
			 VIRTDEV_ACCESS_PLAIN);
	ck_assert_int_eq(virtdev_mmio_class(STATUS, 1, true),
			 VIRTDEV_ACCESS_PLAIN);
	ck_assert_int_eq(virtdev_mmio_class(INT_STATUS, 4, false),
			 VIRTDEV_ACCESS_ANY);
	ck_assert_int_eq(virtdev_mmio_class(INT_ACK, 4, true),
			 VIRTDEV_ACCESS_ANY);
	ck_assert_int_eq(virtdev_mmio_class(CONFIG, 4, true),
			 VIRTDEV_ACCESS_PLAIN);
}
END_TEST

START_TEST(transport_has_one_register_interface)
{
	const struct virtdev_pci_config config = { .size = sizeof(config) };
	const struct virtdev_pci_ops ops = { .size = sizeof(ops) };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_mmio *other = NULL;
	struct virtdev_pci *pci = NULL;

	ck_assert_int_eq(virtdev_mmio_new(rig.t, &other, &err), -EBUSY);
	ck_assert_str_eq(err.msg,
			 "test: its transport has a register interface already; free that one first");
	ck_assert_int_eq(virtdev_pci_new(rig.t, &config, &ops, NULL, &pci, &err),
			 -EBUSY);
	virtdev_mmio_free(rig.m);
	ck_assert_int_eq(virtdev_mmio_new(rig.t, &rig.m, &err), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mmio");
	TCase *tc = tcase_create("mmio");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity_registers_describe_the_device);
	tcase_add_test(tc, a3_13_legacy_registers_are_absent);
	tcase_add_test(tc, interrupts_stay_until_acknowledged);
	tcase_add_test(tc, shared_regions_read_their_address_and_absent_ones_all_ones);
	tcase_add_test(tc, registers_accept_only_aligned_words);
	tcase_add_test(tc, each_interrupt_signals_the_line);
	tcase_add_test(tc, a1_31_queue_of_invalid_size_is_never_ready);
	tcase_add_test(tc, notification_data_may_contain_the_driver_position);
	tcase_add_test(tc, a3_11_registers_end_at_the_page_boundary);
	tcase_add_test(tc, reset_clears_the_selectors);
	tcase_add_test(tc, transport_has_one_register_interface);
	tcase_add_test(tc, only_status_writes_are_control_accesses);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
