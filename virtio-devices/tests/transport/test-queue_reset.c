/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the reset of a single queue, through every register interface. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "registers.h"

#define FEATURES (VQ_F_VERSION_1 | VQ_F_RING_RESET)
#define RUNNING 15u
#define ASKS_FOR_RESET 64u

/* A device of three queues that does not offer RING_RESET itself. */
struct rig {
	struct transport_rig d;
	uint64_t device_features, activated_with;
	int reset_result, start_result;
	unsigned int resets, starts, notified;
	uint32_t last;
};

static struct rig rig;

static int set_features(void *self, uint64_t features, struct vsu_error *err)
{
	(void)err;
	((struct rig *)self)->device_features = features;
	return 0;
}

static int on_activate(void *opaque, uint64_t features)
{
	((struct rig *)opaque)->activated_with = features;
	return 0;
}

static int on_queue_reset(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	r->resets++;
	r->last = queue;
	return r->reset_result;
}

static int on_queue_start(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	r->starts++;
	r->last = queue;
	return r->start_result;
}

static void on_notify(void *opaque, uint32_t queue)
{
	(void)queue;
	((struct rig *)opaque)->notified++;
}

static void setup(const struct register_set *registers)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "test",
		.set_features = set_features,
	};
	static const struct virtdev_transport_ops transport_ops = {
		.size = sizeof(transport_ops), .features = VQ_F_RING_RESET,
		.activate = on_activate, .notify = on_notify,
		.queue_reset = on_queue_reset, .queue_start = on_queue_start,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 3, .queue_size_max = 256,
		.features = VQ_F_VERSION_1,
	};

	memset(&rig, 0, sizeof(rig));
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

static void set(enum field field, uint64_t value)
{
	transport_rig_set(&rig.d, field, value);
}

static void make_ready(uint32_t queue, uint32_t size)
{
	set(QUEUE_SEL, queue);
	set(QUEUE_SIZE, size);
	set(DESC_LOW, 0x1000);
	set(DRIVER_LOW, 0x2000);
	set(DEVICE_LOW, 0x3000);
	set(QUEUE_READY, 1);
}

/* Queues 0 and 1 run; queue 2 was never set up. */
static void start(uint64_t features)
{
	set(STATUS, 3);
	set(WANTED_SEL, 1);
	set(WANTED_WORD, features >> 32);
	set(STATUS, 11);
	make_ready(0, 16);
	make_ready(1, 32);
	set(STATUS, RUNNING);
}

static bool is_set_up(uint32_t queue)
{
	struct vq_config config;

	return virtdev_transport_queue(rig.d.t, queue, &config);
}

START_TEST(ring_reset_is_offered_by_the_transport_and_hidden_from_the_model)
{
	set(OFFERED_SEL, 1);
	ck_assert_uint_eq(get(OFFERED_WORD), FEATURES >> 32);
	start(FEATURES);
	ck_assert_uint_eq(get(STATUS), RUNNING);
	ck_assert_uint_eq(rig.device_features, VQ_F_VERSION_1);
	ck_assert_uint_eq(rig.activated_with, VQ_F_VERSION_1);
}
END_TEST

START_TEST(a3_18_reset_queue_has_initial_values_and_others_run)
{
	start(FEATURES);
	set(QUEUE_SEL, 1);
	set(QUEUE_RESET, 1);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(rig.last, 1);
	ck_assert_uint_eq(get(QUEUE_RESET), 0);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
	ck_assert_uint_eq(virtdev_transport_queue_size(rig.d.t, 1), 0);
	ck_assert(!is_set_up(1));
	ck_assert(is_set_up(0));
	set(NOTIFY, 1);
	ck_assert_uint_eq(rig.notified, 0);
	set(NOTIFY, 0);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(get(STATUS), RUNNING);
}
END_TEST

START_TEST(reset_queue_can_start_with_another_size)
{
	struct vq_config config;

	start(FEATURES);
	set(QUEUE_SEL, 1);
	set(QUEUE_RESET, 1);
	make_ready(1, 64);
	ck_assert_uint_eq(rig.starts, 1);
	ck_assert_uint_eq(rig.last, 1);
	ck_assert_uint_eq(get(QUEUE_READY), 1);
	ck_assert(virtdev_transport_queue(rig.d.t, 1, &config));
	ck_assert_uint_eq(config.size, 64);
	ck_assert_uint_eq(config.base, 0);
	set(QUEUE_READY, 1);
	ck_assert_uint_eq(rig.starts, 1);
	set(QUEUE_RESET, 1);
	ck_assert_uint_eq(rig.resets, 2);
}
END_TEST

START_TEST(slow_queue_reset_reads_1_until_it_is_complete)
{
	start(FEATURES);
	rig.reset_result = 1;
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	ck_assert_uint_eq(get(QUEUE_RESET), 1);
	set(QUEUE_RESET, 1);
	ck_assert_uint_eq(rig.resets, 1);
	set(NOTIFY, 0);
	ck_assert_uint_eq(rig.notified, 0);
	make_ready(0, 8);
	ck_assert_uint_eq(rig.starts, 0);
	virtdev_transport_queue_reset_done(rig.d.t, 0);
	ck_assert_uint_eq(get(QUEUE_RESET), 0);
	ck_assert_uint_eq(get(QUEUE_READY), 0);
}
END_TEST

START_TEST(a3_05_device_reset_overtakes_a_queue_reset)
{
	start(FEATURES);
	rig.reset_result = 1;
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	set(STATUS, 0);
	start(FEATURES);
	virtdev_transport_queue_reset_done(rig.d.t, 0);
	ck_assert(is_set_up(0));
	set(QUEUE_SEL, 0);
	ck_assert_uint_eq(get(QUEUE_RESET), 0);
}
END_TEST

START_TEST(a3_02_queue_reset_without_the_feature_is_ignored)
{
	start(VQ_F_VERSION_1);
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	ck_assert_uint_eq(rig.resets, 0);
	ck_assert(is_set_up(0));
}
END_TEST

/* A queue and the value that is stored for it. */
static const struct {
	uint32_t queue, value;
} bad[] = {
	{ 0, 0 }, { 0, 2 }, { 0, 0xffff }, { 2, 1 }, { 3, 1 }, { 0xffff, 1 },
};

START_TEST(a3_09_reset_of_a_stopped_or_unknown_queue_is_ignored)
{
	start(FEATURES);
	set(QUEUE_SEL, bad[_i].queue);
	set(QUEUE_RESET, bad[_i].value);
	ck_assert_uint_eq(rig.resets, 0);
	ck_assert_uint_eq(get(QUEUE_RESET), 0);
	virtdev_transport_queue_reset_done(rig.d.t, bad[_i].queue);
	ck_assert(is_set_up(0));
	ck_assert(is_set_up(1));
}
END_TEST

START_TEST(a3_07_new_queue_does_not_start_on_a_running_device)
{
	start(FEATURES);
	make_ready(2, 16);
	ck_assert_uint_eq(rig.starts, 0);
	ck_assert(!is_set_up(2));
}
END_TEST

START_TEST(a1_31_reset_queue_requires_a_valid_size)
{
	start(FEATURES);
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	virtdev_transport_set_queue_size(rig.d.t, 0, 24);
	virtdev_transport_set_queue_ready(rig.d.t, 0, true);
	ck_assert_uint_eq(rig.starts, 0);
	ck_assert(!is_set_up(0));
}
END_TEST

START_TEST(a3_08_failed_queue_restart_sets_needs_reset)
{
	start(FEATURES);
	rig.start_result = -EFAULT;
	set(QUEUE_SEL, 0);
	set(QUEUE_RESET, 1);
	make_ready(0, 16);
	ck_assert_uint_eq(get(STATUS), RUNNING | ASKS_FOR_RESET);
	ck_assert_uint_eq(rig.d.registers->interrupts(rig.d.f), FROM_CONFIG);
}
END_TEST

/* Before DRIVER_OK the model is not called. */
START_TEST(queue_can_be_reset_before_driver_ok)
{
	set(STATUS, 3);
	set(WANTED_SEL, 1);
	set(WANTED_WORD, FEATURES >> 32);
	set(STATUS, 11);
	make_ready(0, 16);
	set(QUEUE_RESET, 1);
	ck_assert_uint_eq(rig.resets, 0);
	ck_assert(!is_set_up(0));
	make_ready(0, 8);
	ck_assert(is_set_up(0));
	ck_assert_uint_eq(rig.starts, 0);
}
END_TEST

static TCase *through(const char *name, void (*prepare)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, prepare, teardown);
	tcase_add_test(tc,
		ring_reset_is_offered_by_the_transport_and_hidden_from_the_model);
	tcase_add_test(tc,
		a3_18_reset_queue_has_initial_values_and_others_run);
	tcase_add_test(tc, reset_queue_can_start_with_another_size);
	tcase_add_test(tc,
		slow_queue_reset_reads_1_until_it_is_complete);
	tcase_add_test(tc, a3_05_device_reset_overtakes_a_queue_reset);
	tcase_add_test(tc,
		a3_02_queue_reset_without_the_feature_is_ignored);
	tcase_add_loop_test(tc,
		a3_09_reset_of_a_stopped_or_unknown_queue_is_ignored, 0,
		sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc,
		a3_07_new_queue_does_not_start_on_a_running_device);
	tcase_add_test(tc, a1_31_reset_queue_requires_a_valid_size);
	tcase_add_test(tc, a3_08_failed_queue_restart_sets_needs_reset);
	tcase_add_test(tc, queue_can_be_reset_before_driver_ok);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("queue reset");

	suite_add_tcase(s, through("mmio", setup_mmio));
	suite_add_tcase(s, through("pci", setup_pci));
	return run_suite(s);
}
