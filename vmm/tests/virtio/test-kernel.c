/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a device whose queues the host's kernel serves: its interrupts, memory and
 * messages. This program simulates the kernel. virtio-devices tests the server itself.
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
	tcase_add_test(tc, call_of_the_kernel_is_an_interrupt);
	tcase_add_test(tc,
		e2_09_queue_broken_in_the_kernel_sets_needs_reset);
	tcase_add_test(tc, e2_11_start_refused_by_the_kernel_sets_needs_reset);
	tcase_add_test(tc,
		added_memory_is_passed_to_the_running_kernel_device);
	tcase_add_test(tc, e2_12_rings_in_removed_memory_are_stopped_first);
	tcase_add_test(tc, sockets_are_refused_by_name_where_written_pages_must_be_known);
	tcase_add_test(tc, postcopy_is_refused_by_name);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
