/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about queues served in this process, without a CPU. */
#include <config.h>

#include <vmm-sys-util/event.h>

#include "../owner.h"
#include "memory/windows.h"
#include "rig.h"

/* A device with one queue that needs several calls to drain. */
struct slow {
	int left;
	unsigned int served, stopped_early, stopped;
};

static int slow_drain(void *self, uint32_t queue)
{
	struct slow *s = self;

	(void)queue;
	s->left -= s->left > 0;
	return s->left ? -EAGAIN : 0;
}

/* Always has more work. */
static int endless_serve(void *self, uint32_t queue)
{
	struct slow *s = self;

	(void)queue;
	s->served++;
	return 1;
}

static void slow_stop(void *self, uint32_t queue)
{
	struct slow *s = self;

	(void)queue;
	s->stopped++;
	s->stopped_early += s->left != 0;
}

static struct slow slow;
static struct vmm_virtio_resources resources;
static struct vmm_memory memory;
static struct vmm_windows windows;
static struct virtdev *dev;
static struct vmm_virtio *virtio;

static void setup(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "slow",
		.queue_serve = endless_serve, .queue_drain = slow_drain,
		.queue_stop = slow_stop,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 1, .queue_size_max = 16,
		.features = VQ_F_VERSION_1, .nregions = 1,
		.regions = { { .id = 7, .len = 0x10000 } },
	};

	memset(&slow, 0, sizeof(slow));
	memory.layout.end = UINT64_C(1) << 32;
	windows = (struct vmm_windows){ .memory = &memory, .phys_bits = 40 };
	resources.shmem = &windows;
	resources.loop = loop_begin();
	resources.log = &tests_log;
	resources.space = memory.space = rig_space();
	ck_assert_int_eq(virtdev_new(&ops, &info, &slow, &dev, NULL), 0);
	ck_assert_int_eq(vmm_virtio_local(&resources, dev, NULL, &virtio, NULL), 0);
}

static void teardown(void)
{
	vmem_space_reclaim(resources.space);
	vmem_space_free(resources.space);
	vsu_loop_free(resources.loop);
}

START_TEST(a_queue_is_stopped_when_nothing_is_left_in_flight)
{
	slow.left = 3;
	rig_start(virtio);
	vmm_virtio_free(virtio);
	ck_assert_uint_eq(slow.stopped, 1);
	ck_assert_uint_eq(slow.stopped_early, 0);
}
END_TEST

START_TEST(a_device_learns_the_address_of_its_region)
{
	uint64_t gpa = 0;

	ck_assert_int_eq(virtdev_region_address(dev, 7, &gpa), 0);
	ck_assert_uint_eq(gpa, vmm_window_find(&windows, windows.windows[0].owner, 7)->gpa);
	ck_assert_uint_ge(gpa, memory.layout.end);
	ck_assert_int_eq(virtdev_region_address(dev, 8, &gpa), -EINVAL);
	vmm_virtio_free(virtio);
}
END_TEST

static void count_event(void *opaque)
{
	++*(unsigned int *)opaque;
}

static void count_interrupt(void *registers, uint32_t source)
{
	(void)source;
	count_event(registers);
}

static void pause_and_resume(void)
{
	ck_assert_int_eq(vmm_virtio_pause(virtio, true), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
}

static void set_status(uint8_t status)
{
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(vmm_virtio_transport(virtio), status);
	vmm_virtio_unlock(virtio);
}

/* VIRTIO 1.3, 2.1.2: a device does not notify before. */
START_TEST(resumed_device_interrupts_a_driver_that_has_set_driver_ok)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .interrupt = count_interrupt,
	};
	unsigned int interrupts = 0;

	ck_assert_int_eq(virtdev_transport_set_registers(vmm_virtio_transport(virtio),
							 &registers, &interrupts, NULL), 0);
	rig_prepare(virtio, 0, 0x3000);
	pause_and_resume();
	ck_assert_uint_eq(interrupts, 0);
	set_status(15);
	pause_and_resume();
	ck_assert_uint_eq(interrupts, 1);
	vmm_virtio_free(virtio);
}
END_TEST

/* A watcher that feeds itself would never return from its first turn. */
START_TEST(a3_19_a_queue_with_endless_work_leaves_the_loop_its_turns)
{
	const int fd = vsu_event_new();
	unsigned int events = 0, turns;
	struct vsu_io other;

	ck_assert_int_eq(vsu_event_signal(fd), 0);
	vsu_io_init(&other, count_event, &events, fd, VSU_IO_READ);
	vsu_io_start(resources.loop, &other);
	rig_start(virtio);
	for (turns = 1; turns <= 10; turns++) {
		vsu_loop_dispatch(resources.loop);
		ck_assert_uint_eq(events, turns);
		ck_assert_uint_ge(slow.served, turns);
		ck_assert_uint_le(slow.served, 2 * turns);
	}
	vsu_io_stop(&other);
	close(fd);
	vmm_virtio_free(virtio);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("local");
	TCase *tc = tcase_create("local");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_queue_is_stopped_when_nothing_is_left_in_flight);
	tcase_add_test(tc, a_device_learns_the_address_of_its_region);
	tcase_add_test(tc,
		a3_19_a_queue_with_endless_work_leaves_the_loop_its_turns);
	tcase_add_test(tc, resumed_device_interrupts_a_driver_that_has_set_driver_ok);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
