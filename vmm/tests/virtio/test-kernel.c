/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a device whose queues the host's kernel serves; this program
 * simulates the kernel.
 */
#include <config.h>

#include <stdarg.h>
#include <sys/ioctl.h>

#include <linux/vhost.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "rig.h"
#include "virtio/kernel.h"

static struct {
	int call, err;		/* eventfds of the first ring, owned by the library */
	int tap;		/* tap of the first ring, or -1 */
	uint32_t size;		/* likewise */
	unsigned int nregions;
	unsigned long fails;	/* a request that it refuses */
} kernel;

static int take(unsigned long request, const void *arg)
{
	const struct vhost_vring_file *file = arg;

	if (request == kernel.fails)
		return -EINVAL;
	if (request == VHOST_SET_MEM_TABLE)
		kernel.nregions = ((const struct vhost_memory *)arg)->nregions;
	else if (request == VHOST_NET_SET_BACKEND && !file->index)
		kernel.tap = file->fd;
	else if (request == VHOST_SET_VRING_NUM && !file->index)
		kernel.size = ((const struct vhost_vring_state *)arg)->num;
	else if (request == VHOST_SET_VRING_CALL && !file->index)
		kernel.call = file->fd;
	else if (request == VHOST_SET_VRING_ERR && !file->index)
		kernel.err = file->fd;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int rc;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == VHOST_GET_FEATURES)
		*(uint64_t *)arg = VQ_F_VERSION_1;
	rc = take(request, arg);
	errno = -rc;
	return rc ? -1 : 0;
}

static struct vmm_windows windows;
static struct vmm_memory memory;
static struct vmm_virtio_resources resources;
static struct vmm_virtio *virtio;

static int tap_fd(void *self, uint32_t lane)
{
	(void)lane;
	return *(int *)self;
}

/* An eventfd replaces the tap interface, which is never read. */
static struct virtdev_vhost_kern *make_card(void)
{
	static int tap;
	static const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "tap", .fd = tap_fd,
	};
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct virtdev_net_config config = { .size = sizeof(config) };
	struct virtdev_vhost_kern *kern;
	struct vsu_error err;

	tap = vsu_event_new();
	ck_assert_int_eq(virtdev_net_link_new(&ops, &info, &tap, &config.link),
			 0);
	if (virtdev_vhost_kern_net(&config, "/dev/null", &kern, &err) < 0)
		ck_abort_msg("%s", err.msg);
	vsu_fd_close(&tap);
	return kern;
}

static void setup(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.tap = -1;
	memory.space = rig_space();
	windows.memory = &memory;
	resources.loop = ev_loop_new(0);
	resources.shmem = &windows;
	resources.space = memory.space;
	ck_assert_int_eq(vmm_virtio_kernel(&resources, make_card(), &virtio, NULL),
			 0);
	listen_to_stderr();
}

static void teardown(void)
{
	vmm_virtio_free(virtio);
	vmem_space_free(memory.space);
	ev_loop_destroy(resources.loop);
	vsu_fd_close(&said_fd);
}

#define NEEDS_RESET 64u

static void reset_driver(void)
{
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(vmm_virtio_transport(virtio), 0);
	vmm_virtio_unlock(virtio);
}

/* Resets the first queue, as a driver does that moves its used ring. */
static void reset_queue(uint32_t device_gpa)
{
	struct virtdev_transport *t = vmm_virtio_transport(virtio);

	vmm_virtio_lock(virtio);
	virtdev_transport_reset_queue(t, 0);
	ck_assert(!virtdev_transport_queue_resets(t, 0));
	ck_assert_int_eq(kernel.tap, -1);
	virtdev_transport_set_queue_size(t, 0, 8);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DESC, 0, 0x1000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DRIVER, 0, 0x2000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DEVICE, 0,
					 device_gpa);
	virtdev_transport_set_queue_ready(t, 0, true);
	vmm_virtio_unlock(virtio);
}

/* With a feature that the register interface must support, too. */
static void start_with_resets(void)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .features = VQ_F_RING_RESET,
	};
	struct virtdev_transport *t = vmm_virtio_transport(virtio);

	ck_assert_int_eq(virtdev_transport_set_registers(t, &registers, NULL, NULL), 0);
	rig_start_with(virtio, VQ_F_RING_RESET, 0x3000);
}

START_TEST(a_queue_is_taken_back_and_given_again)
{
	start_with_resets();
	ck_assert_int_ge(kernel.tap, 0);
	reset_queue(0x4000);
	ck_assert_int_ge(kernel.tap, 0);
	ck_assert_uint_eq(kernel.size, 8);
	ck_assert_uint_eq(rig_status(virtio), 15);
}
END_TEST

START_TEST(e2_11_a_queue_that_cannot_come_back_asks_for_a_reset)
{
	start_with_resets();
	reset_queue(RIG_MEMORY - 8);
	ck_assert_int_eq(kernel.tap, -1);
	ck_assert_uint_ne(rig_status(virtio) & NEEDS_RESET, 0);
	ck_assert_uint_eq(times_said("not in one region"), 1);
	reset_driver();
	rig_start(virtio);
}
END_TEST

START_TEST(rings_are_the_kernels_from_start_to_reset)
{
	int round;

	for (round = 0; round < 3; round++) {
		ck_assert_int_eq(kernel.tap, -1);
		rig_start(virtio);
		ck_assert_int_ge(kernel.tap, 0);
		reset_driver();
		ck_assert_uint_eq(rig_status(virtio), 0);
	}
	ck_assert_int_eq(kernel.err, -1);
	ck_assert_uint_eq(times_said("vhost"), 0);
}
END_TEST

static void on_interrupt(void *registers, uint32_t source)
{
	*(uint32_t *)registers = source;
}

START_TEST(call_of_the_kernel_is_an_interrupt)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .interrupt = on_interrupt,
	};
	uint32_t source = 99;

	ck_assert_int_eq(virtdev_transport_set_registers(
		vmm_virtio_transport(virtio), &registers, &source, NULL), 0);
	rig_start(virtio);
	vsu_event_signal(kernel.call);
	while (source == 99)
		ev_run(resources.loop, EVRUN_ONCE);
	ck_assert_uint_eq(source, 0);
	ck_assert_int_eq(virtdev_transport_set_registers(
		vmm_virtio_transport(virtio), NULL, NULL, NULL), 0);
}
END_TEST

START_TEST(e2_09_a_queue_that_the_kernel_finds_broken_asks_for_a_reset)
{
	rig_start(virtio);
	vsu_event_signal(kernel.err);
	while (!(rig_status(virtio) & NEEDS_RESET))
		ev_run(resources.loop, EVRUN_ONCE);
	vsu_event_signal(kernel.err);
	ev_run(resources.loop, EVRUN_NOWAIT);
	ck_assert_uint_eq(times_said("the kernel's '/dev/null' finds queue 0 of its device broken"),
			  1);
	reset_driver();
	rig_start(virtio);
}
END_TEST

START_TEST(a1_35_a_ring_beyond_memory_is_none_the_kernel_hears_of)
{
	rig_start_at(virtio, RIG_MEMORY - 8);
	ck_assert_uint_ne(rig_status(virtio) & NEEDS_RESET, 0);
	ck_assert_int_eq(kernel.tap, -1);
	ck_assert_uint_eq(times_said("not in one region"), 1);
	reset_driver();
	rig_start(virtio);
	ck_assert_int_ge(kernel.tap, 0);
}
END_TEST

START_TEST(e2_11_a_start_that_the_kernel_refuses_asks_for_a_reset)
{
	kernel.fails = VHOST_SET_VRING_NUM;
	rig_start_at(virtio, 0x3000);
	ck_assert_uint_ne(rig_status(virtio) & NEEDS_RESET, 0);
	ck_assert_uint_eq(times_said("size of ring 0"), 1);
	kernel.fails = 0;
	reset_driver();
	rig_start(virtio);
}
END_TEST

/* NULL: no memory. */
static void publish(struct vmem_map *map)
{
	ck_assert_int_eq(vmem_space_publish(memory.space, map), 0);
	vmm_virtio_refresh(virtio);
}

START_TEST(memory_that_comes_is_the_kernels_while_its_rings_run)
{
	struct vmem_map *more, *map;

	rig_start(virtio);
	ck_assert_int_eq(vmem_map_from_properties("size=4K,backend=memfd",
						  1 << 20, NULL, &more, NULL),
			 0);
	ck_assert_int_eq(vmem_map_add(vmem_space_current(memory.space),
				      vmem_map_region(more, 0), &map, NULL), 0);
	publish(map);
	vmem_map_unref(map);
	vmem_map_unref(more);
	ck_assert_uint_eq(kernel.nregions, 2);
	ck_assert_int_ge(kernel.tap, 0);
	ck_assert_uint_eq(rig_status(virtio), 15);
}
END_TEST

START_TEST(e2_12_rings_whose_memory_goes_are_taken_back_first)
{
	rig_start(virtio);
	publish(NULL);
	ck_assert_int_eq(kernel.tap, -1);
	ck_assert_uint_eq(kernel.nregions, 0);
	ck_assert_uint_ne(rig_status(virtio) & NEEDS_RESET, 0);
	ck_assert_uint_eq(times_said("ring 0 runs in memory that would be removed"),
			  1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel");
	TCase *tc = tcase_create("kernel");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rings_are_the_kernels_from_start_to_reset);
	tcase_add_test(tc, call_of_the_kernel_is_an_interrupt);
	tcase_add_test(tc, a_queue_is_taken_back_and_given_again);
	tcase_add_test(tc,
		e2_11_a_queue_that_cannot_come_back_asks_for_a_reset);
	tcase_add_test(tc,
		e2_09_a_queue_that_the_kernel_finds_broken_asks_for_a_reset);
	tcase_add_test(tc,
		a1_35_a_ring_beyond_memory_is_none_the_kernel_hears_of);
	tcase_add_test(tc, e2_11_a_start_that_the_kernel_refuses_asks_for_a_reset);
	tcase_add_test(tc,
		memory_that_comes_is_the_kernels_while_its_rings_run);
	tcase_add_test(tc, e2_12_rings_whose_memory_goes_are_taken_back_first);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
