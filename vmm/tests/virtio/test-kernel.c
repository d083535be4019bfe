/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a device whose queues the host's kernel serves; this program
 * simulates the kernel.
 */
#include <config.h>

#include <stdarg.h>
#include <sys/ioctl.h>

#include <linux/vhost.h>

#include <virtio-devices/vhost_kern.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../owner.h"
#include "rig.h"

static struct {
	int call, err;		/* eventfds of the first ring, owned by the library */
	int tap;		/* tap of the first ring, or -1 */
	uint32_t size;		/* likewise */
	unsigned int nregions;
	unsigned long fails;	/* a request that it refuses */
	uint64_t features;	/* of the last start */
	uint32_t base;		/* position of the first ring */
	void *log;		/* address of the log, or NULL */
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
	else if (request == VHOST_SET_VRING_BASE && !file->index)
		kernel.base = ((const struct vhost_vring_state *)arg)->num;
	else if (request == VHOST_SET_FEATURES)
		kernel.features = *(const uint64_t *)arg;
	else if (request == VHOST_SET_LOG_BASE)
		kernel.log = (void *)(uintptr_t)*(const uint64_t *)arg;
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
		*(uint64_t *)arg = VQ_F_VERSION_1 | UINT64_C(1) << VHOST_F_LOG_ALL;
	if (request == VHOST_GET_VRING_BASE)
		((struct vhost_vring_state *)arg)->num = kernel.base + 7;
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
	resources.loop = loop_begin();
	resources.log = &tests_log;
	resources.shmem = &windows;
	resources.space = memory.space;
	ck_assert_int_eq(vmm_virtio_kernel(&resources, make_card(), NULL, &virtio, NULL),
			 0);
	listen_to_stderr();
}

static void teardown(void)
{
	vmm_virtio_free(virtio);
	vmem_space_free(memory.space);
	vsu_loop_free(resources.loop);
	vsu_fd_close(&said_fd);
}

#define NEEDS_RESET 64u

static void reset_driver(void)
{
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(vmm_virtio_transport(virtio), 0);
	vmm_virtio_unlock(virtio);
}

/* Starts the first queue after its reset. */
static void start_queue(uint32_t device_gpa)
{
	struct virtdev_transport *t = vmm_virtio_transport(virtio);

	vmm_virtio_lock(virtio);
	virtdev_transport_set_queue_size(t, 0, 8);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DESC, 0, 0x1000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DRIVER, 0, 0x2000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DEVICE, 0,
					 device_gpa);
	virtdev_transport_set_queue_ready(t, 0, true);
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
	vmm_virtio_unlock(virtio);
	start_queue(device_gpa);
}

/* The register interface must support the feature, too. */
static void support_resets(void)
{
	static const struct virtdev_register_ops registers = {
		.size = sizeof(registers), .features = VQ_F_RING_RESET,
	};
	struct virtdev_transport *t = vmm_virtio_transport(virtio);

	ck_assert_int_eq(virtdev_transport_set_registers(t, &registers, NULL, NULL), 0);
}

static void start_with_resets(void)
{
	support_resets();
	rig_start_with(virtio, VQ_F_RING_RESET, 0x3000);
}

START_TEST(queue_is_stopped_and_started_in_the_kernel)
{
	start_with_resets();
	ck_assert_int_ge(kernel.tap, 0);
	reset_queue(0x4000);
	ck_assert_int_ge(kernel.tap, 0);
	ck_assert_uint_eq(kernel.size, 8);
	ck_assert_uint_eq(rig_status(virtio), 15);
}
END_TEST

START_TEST(e2_11_queue_that_cannot_be_stopped_sets_needs_reset)
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

START_TEST(kernel_serves_rings_from_start_to_reset)
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
		loop_once(resources.loop);
	ck_assert_uint_eq(source, 0);
	ck_assert_int_eq(virtdev_transport_set_registers(
		vmm_virtio_transport(virtio), NULL, NULL, NULL), 0);
}
END_TEST

START_TEST(e2_09_queue_broken_in_the_kernel_sets_needs_reset)
{
	rig_start(virtio);
	vsu_event_signal(kernel.err);
	while (!(rig_status(virtio) & NEEDS_RESET))
		loop_once(resources.loop);
	vsu_event_signal(kernel.err);
	vsu_loop_dispatch(resources.loop);
	ck_assert_uint_eq(times_said("the kernel's '/dev/null' reports that queue 0 of its device is broken"),
			  1);
	reset_driver();
	rig_start(virtio);
}
END_TEST

START_TEST(a1_35_ring_outside_memory_is_not_passed_to_the_kernel)
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

START_TEST(e2_11_start_refused_by_the_kernel_sets_needs_reset)
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

START_TEST(added_memory_is_passed_to_the_running_kernel_device)
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

START_TEST(e2_12_rings_in_removed_memory_are_stopped_first)
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

static void pause_card(void)
{
	ck_assert_int_eq(vmm_virtio_check_save(virtio, NULL), 0);
	ck_assert_int_eq(vmm_virtio_pause(virtio, true), 0);
	ck_assert_int_eq(kernel.tap, -1);
}

/* Its memory is there again, but its driver has not reset it. */
START_TEST(device_that_was_stopped_for_removed_memory_is_not_resumed)
{
	struct vmem_map *map = rig_map();

	rig_start(virtio);
	publish(NULL);
	publish(map);
	vmem_map_unref(map);
	pause_card();
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_int_eq(kernel.tap, -1);
	ck_assert_uint_ne(rig_status(virtio) & NEEDS_RESET, 0);
	reset_driver();
	rig_start(virtio);
	ck_assert_int_ge(kernel.tap, 0);
}
END_TEST

START_TEST(a_paused_device_continues_where_it_stopped)
{
	rig_start(virtio);
	ck_assert_uint_eq(kernel.base, 0);
	pause_card();
	ck_assert_int_eq(vmm_virtio_pause(virtio, true), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_int_ge(kernel.tap, 0);
	ck_assert_uint_eq(kernel.base, 7);
	ck_assert_uint_eq(rig_status(virtio), 15);
	reset_driver();
	rig_start(virtio);
	ck_assert_uint_eq(kernel.base, 0);
}
END_TEST

START_TEST(a_saved_device_continues_where_it_stopped)
{
	void *bytes;
	size_t len;

	rig_start(virtio);
	pause_card();
	ck_assert_int_eq(vmm_virtio_take(virtio, &bytes, &len, NULL), 0);
	vmm_virtio_free(virtio);
	ck_assert_int_eq(vmm_virtio_kernel(&resources, make_card(), NULL, &virtio, NULL), 0);
	ck_assert_int_lt(vmm_virtio_load(virtio, bytes, len - 1, NULL), 0);
	ck_assert_int_eq(vmm_virtio_load(virtio, bytes, len, NULL), 0);
	ck_assert_int_eq(kernel.tap, -1);
	kernel.base = 0;
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_int_ge(kernel.tap, 0);
	ck_assert_uint_eq(kernel.base, 7);
	ck_assert_uint_eq(rig_status(virtio), 15);
	free(bytes);
}
END_TEST

START_TEST(a_device_without_a_driver_stays_stopped_after_a_pause)
{
	pause_card();
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_int_eq(kernel.tap, -1);
	rig_start(virtio);
	ck_assert_uint_eq(kernel.base, 0);
}
END_TEST

/* Before or after the kernel has its positions. */
static const unsigned long refused[] = { VHOST_SET_MEM_TABLE, VHOST_SET_VRING_BASE };

/* This process does not serve its queues instead. */
START_TEST(e2_11_paused_device_that_cannot_continue_sets_needs_reset)
{
	rig_start(virtio);
	pause_card();
	kernel.fails = refused[_i];
	ck_assert_int_lt(vmm_virtio_resume(virtio), 0);
	ck_assert_int_eq(kernel.tap, -1);
	ck_assert_uint_ne(rig_status(virtio) & NEEDS_RESET, 0);
	kernel.fails = 0;
	pause_card();
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_int_eq(kernel.tap, -1);
	reset_driver();
	rig_start(virtio);
}
END_TEST

START_TEST(dirty_log_is_passed_to_the_kernel_until_its_end)
{
	static uint64_t words[512];
	const struct vhost_dirty_log record = { -1, sizeof(words), words };

	rig_start(virtio);
	ck_assert_int_eq(vmm_virtio_check_log(virtio, NULL), 0);
	pause_card();
	ck_assert_int_eq(vmm_virtio_set_log(virtio, &record, NULL), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_ptr_eq(kernel.log, words);
	ck_assert(kernel.features & UINT64_C(1) << VHOST_F_LOG_ALL);
	ck_assert_int_eq(vmm_virtio_set_log(virtio, NULL, NULL), 0);
	ck_assert(!(kernel.features & UINT64_C(1) << VHOST_F_LOG_ALL));
	ck_assert_int_ge(kernel.tap, 0);
}
END_TEST

/* The driver has reset its only queue when the device is saved. */
START_TEST(queue_that_was_reset_starts_after_a_restore)
{
	void *bytes;
	size_t len;

	start_with_resets();
	vmm_virtio_lock(virtio);
	virtdev_transport_reset_queue(vmm_virtio_transport(virtio), 0);
	vmm_virtio_unlock(virtio);
	pause_card();
	ck_assert_int_eq(vmm_virtio_take(virtio, &bytes, &len, NULL), 0);
	vmm_virtio_free(virtio);
	ck_assert_int_eq(vmm_virtio_kernel(&resources, make_card(), NULL, &virtio, NULL), 0);
	support_resets();
	ck_assert_int_eq(vmm_virtio_load(virtio, bytes, len, NULL), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_int_eq(kernel.tap, -1);
	start_queue(0x4000);
	ck_assert_int_ge(kernel.tap, 0);
	ck_assert_uint_eq(rig_status(virtio), 15);
	free(bytes);
}
END_TEST

/* Its start was refused before it was saved: its driver has to reset it first. */
START_TEST(restored_device_that_needs_reset_starts_no_queue)
{
	void *bytes;
	size_t len;

	kernel.fails = VHOST_SET_VRING_NUM;
	rig_start_at(virtio, 0x3000);
	kernel.fails = 0;
	pause_card();
	ck_assert_int_eq(vmm_virtio_take(virtio, &bytes, &len, NULL), 0);
	vmm_virtio_free(virtio);
	ck_assert_int_eq(vmm_virtio_kernel(&resources, make_card(), NULL, &virtio, NULL), 0);
	ck_assert_int_eq(vmm_virtio_load(virtio, bytes, len, NULL), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_uint_ne(rig_status(virtio) & NEEDS_RESET, 0);
	pause_card();
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_int_eq(kernel.tap, -1);
	free(bytes);
}
END_TEST

static void make_sockets(void)
{
	struct virtdev_vhost_kern *kern;

	vmm_virtio_free(virtio);
	ck_assert_int_eq(virtdev_vhost_kern_vsock(9, 0, "/dev/null", &kern, NULL), 0);
	ck_assert_int_eq(vmm_virtio_kernel(&resources, kern, NULL, &virtio, NULL), 0);
}

START_TEST(sockets_are_refused_by_name_where_written_pages_must_be_known)
{
	struct vsu_error err = VSU_ERROR_INIT;

	make_sockets();
	ck_assert_int_eq(vmm_virtio_check_save(virtio, NULL), 0);
	ck_assert_int_eq(vmm_virtio_check_log(virtio, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "the host's kernel serves its sockets (/dev/null)"));
	ck_assert_ptr_nonnull(strstr(err.msg, "path="));
	ck_assert_ptr_nonnull(strstr(err.msg, "save the machine"));
}
END_TEST

#define EVENTS 2u
#define EVENT_GPA 0x4000u

static unsigned char *at(uint64_t gpa)
{
	const struct vmem_map *map = vmem_space_current(memory.space);

	return (unsigned char *)vmem_block_hva(vmem_region_block(vmem_map_region(map, 0))) + gpa;
}

/* A driver that offers one buffer for an event, at descriptor 0. */
static void start_events(void)
{
	struct virtdev_transport *t = vmm_virtio_transport(virtio);
	const struct vsu_le32 len = vsu_le32_make(8);

	at(0x1000)[1] = EVENT_GPA >> 8;
	memcpy(at(0x1008), &len, sizeof(len));
	at(0x1008)[4] = 2;	/* the device writes it */
	at(0x2000)[2] = 1;	/* index */
	memset(at(EVENT_GPA), 0xee, 8);
	vmm_virtio_lock(virtio);
	virtdev_transport_set_status(t, 3);
	virtdev_transport_set_features(t, 1, (uint32_t)(VQ_F_VERSION_1 >> 32));
	virtdev_transport_set_status(t, 11);
	virtdev_transport_set_queue_size(t, EVENTS, 16);
	virtdev_transport_set_queue_area(t, EVENTS, VIRTDEV_QUEUE_DESC, 0, 0x1000);
	virtdev_transport_set_queue_area(t, EVENTS, VIRTDEV_QUEUE_DRIVER, 0, 0x2000);
	virtdev_transport_set_queue_area(t, EVENTS, VIRTDEV_QUEUE_DEVICE, 0, 0x3000);
	virtdev_transport_set_queue_ready(t, EVENTS, true);
	virtdev_transport_set_status(t, 15);
	vmm_virtio_unlock(virtio);
}

/* Turns of the queues that have something to do. */
static unsigned int events_used(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		vsu_loop_dispatch(resources.loop);
	return at(0x3000)[2];
}

/* Its connections have ended, and its context id may be another one. */
START_TEST(driver_of_restored_sockets_is_told_to_reset_its_transport)
{
	static const unsigned char event[8] = { 0, 0, 0, 0, 0xee, 0xee, 0xee, 0xee };
	void *bytes;
	size_t len;

	make_sockets();
	start_events();
	ck_assert_uint_eq(events_used(), 0);
	pause_card();
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_uint_eq(events_used(), 0);
	pause_card();
	ck_assert_int_eq(vmm_virtio_take(virtio, &bytes, &len, NULL), 0);
	make_sockets();
	ck_assert_int_eq(vmm_virtio_load(virtio, bytes, len, NULL), 0);
	ck_assert_uint_eq(events_used(), 0);
	ck_assert_int_eq(vmm_virtio_resume(virtio), 0);
	ck_assert_uint_eq(events_used(), 1);
	ck_assert_uint_eq(at(0x3000)[8], 4);	/* bytes written */
	ck_assert_mem_eq(at(EVENT_GPA), event, sizeof(event));
	at(0x2000)[2] = 2;	/* the buffer is available again */
	vmm_virtio_lock(virtio);
	virtdev_transport_notify(vmm_virtio_transport(virtio), EVENTS);
	vmm_virtio_unlock(virtio);
	ck_assert_uint_eq(events_used(), 1);
	free(bytes);
}
END_TEST

START_TEST(postcopy_is_refused_by_name)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vmm_virtio_postcopy_advise(virtio, &err), -EOPNOTSUPP);
	ck_assert_msg(strstr(err.msg, "the host's kernel serves it (/dev/null)") != NULL, "%s", err.msg);
	ck_assert_ptr_nonnull(strstr(err.msg, "migrate without 'postcopy'"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel");
	TCase *tc = tcase_create("kernel");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, kernel_serves_rings_from_start_to_reset);
	tcase_add_test(tc, call_of_the_kernel_is_an_interrupt);
	tcase_add_test(tc, queue_is_stopped_and_started_in_the_kernel);
	tcase_add_test(tc,
		e2_11_queue_that_cannot_be_stopped_sets_needs_reset);
	tcase_add_test(tc,
		e2_09_queue_broken_in_the_kernel_sets_needs_reset);
	tcase_add_test(tc,
		a1_35_ring_outside_memory_is_not_passed_to_the_kernel);
	tcase_add_test(tc, e2_11_start_refused_by_the_kernel_sets_needs_reset);
	tcase_add_test(tc,
		added_memory_is_passed_to_the_running_kernel_device);
	tcase_add_test(tc, e2_12_rings_in_removed_memory_are_stopped_first);
	tcase_add_test(tc, device_that_was_stopped_for_removed_memory_is_not_resumed);
	tcase_add_test(tc, a_paused_device_continues_where_it_stopped);
	tcase_add_test(tc, a_saved_device_continues_where_it_stopped);
	tcase_add_test(tc, a_device_without_a_driver_stays_stopped_after_a_pause);
	tcase_add_loop_test(tc, e2_11_paused_device_that_cannot_continue_sets_needs_reset, 0, COUNT(refused));
	tcase_add_test(tc, dirty_log_is_passed_to_the_kernel_until_its_end);
	tcase_add_test(tc, queue_that_was_reset_starts_after_a_restore);
	tcase_add_test(tc, restored_device_that_needs_reset_starts_no_queue);
	tcase_add_test(tc, sockets_are_refused_by_name_where_written_pages_must_be_known);
	tcase_add_test(tc, driver_of_restored_sockets_is_told_to_reset_its_transport);
	tcase_add_test(tc, postcopy_is_refused_by_name);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
