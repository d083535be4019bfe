/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the structs of callers of libvirtio-devices. */
#include <config.h>

#include <virtio-devices/balloon.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/console.h>
#include <virtio-devices/device.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/fs.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mem.h>
#include <virtio-devices/net.h>
#include <virtio-devices/net_link.h>
#include <virtio-devices/pci.h>
#include <virtio-devices/pmem.h>
#include <virtio-devices/port.h>
#include <virtio-devices/rng.h>
#include <virtio-devices/transport.h>
#include <virtio-devices/vhost_user.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-devices/vsock.h>
#include <vm-memory/space.h>

#include "suite.h"
#include "wrong_struct.h"

static struct virtdev *device;
static struct virtdev_transport *transport;	/* of the device */
static struct vmem_space *space;

static void setup(void)
{
	const struct virtdev_rng_config config = { .size = sizeof(config) };

	ck_assert_int_eq(virtdev_rng_new(&config, &device, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(device, NULL, NULL, &transport, NULL), 0);
	ck_assert_int_eq(vmem_space_new(&space), 0);
}

static void after(void)
{
	virtdev_transport_free(transport);
	virtdev_free(device);
	vmem_space_free(space);
}

static int pass_balloon(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_balloon_new(object, &dev, err);
}

static int pass_blk(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_blk_new(object, &dev, err);
}

static int pass_console(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_console_new(object, &dev, err);
}

static int pass_fs(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_fs_new(object, &dev, err);
}

static int pass_mem(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_mem_new(object, &dev, err);
}

static int pass_net(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_net_new(object, &dev, err);
}

static int pass_pmem(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_pmem_new(object, &dev, err);
}

static int pass_rng(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_rng_new(object, &dev, err);
}

static int pass_vsock(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_vsock_new(object, &dev, err);
}

static int pass_checked_fs(const void *object, struct vsu_error *err)
{
	return virtdev_fs_config_check(object, err);
}

static int pass_disk_file(const void *object, struct vsu_error *err)
{
	struct virtdev_disk *out;

	return virtdev_disk_file_open(object, &out, err);
}

static int pass_disk_overlay(const void *object, struct vsu_error *err)
{
	struct virtdev_disk *out;

	return virtdev_disk_overlay_open(object, &out, err);
}

static int pass_net_tap(const void *object, struct vsu_error *err)
{
	struct virtdev_net_link *out;

	return virtdev_net_tap_open(object, &out, err);
}

static int pass_net_stream(const void *object, struct vsu_error *err)
{
	struct virtdev_net_link *out;

	return virtdev_net_stream_open(object, &out, err);
}

/* Calls without a sentence. */
static int pass_disk_ops(const void *object, struct vsu_error *err)
{
	struct virtdev_disk *out;

	(void)err;
	return virtdev_disk_new(object, NULL, NULL, &out);
}

static int pass_net_link_ops(const void *object, struct vsu_error *err)
{
	struct virtdev_net_link *out;

	(void)err;
	return virtdev_net_link_new(object, NULL, NULL, &out);
}

static int pass_port_ops(const void *object, struct vsu_error *err)
{
	struct virtdev_port *out;

	(void)err;
	return virtdev_port_new(object, NULL, &out);
}

static int pass_server_ops(const void *object, struct vsu_error *err)
{
	(void)err;
	return virtdev_set_server(device, object, NULL);
}

static int pass_inline_ops(const void *object, struct vsu_error *err)
{
	struct virtdev_server *out;

	return virtdev_inline_new(transport, space, object, NULL, &out, err);
}

static int pass_ops(const void *object, struct vsu_error *err)
{
	struct virtdev *dev;

	return virtdev_new(object, NULL, NULL, &dev, err);
}

static int pass_transport_ops(const void *object, struct vsu_error *err)
{
	struct virtdev_transport *t;

	return virtdev_transport_new(device, object, NULL, &t, err);
}

static int pass_register_ops(const void *object, struct vsu_error *err)
{
	return virtdev_transport_set_registers(transport, object, NULL, err);
}

static int pass_pci_config(const void *object, struct vsu_error *err)
{
	struct virtdev_pci *p;

	return virtdev_pci_new(transport, object, NULL, NULL, &p, err);
}

static int pass_pci_ops(const void *object, struct vsu_error *err)
{
	const struct virtdev_pci_config config = { .size = sizeof(config) };
	struct virtdev_pci *p;

	return virtdev_pci_new(transport, &config, object, NULL, &p, err);
}

/* After a failure the socket is the caller's. */
static int pass_remote_config(const void *object, struct vsu_error *err)
{
	struct virtdev_vhost_user *r;

	return virtdev_vhost_user_new_take_fd(-1, object, NULL, NULL, &r, err);
}

static int pass_remote_ops(const void *object, struct vsu_error *err)
{
	const struct virtdev_vhost_user_config config = { .size = sizeof(config) };
	struct virtdev_vhost_user *r;

	return virtdev_vhost_user_new_take_fd(-1, &config, object, NULL, &r, err);
}

static int pass_server_config(const void *object, struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s;

	return virtdev_vhost_user_server_new(object, -1, &s, err);
}

static int pass_console_port(const void *object, struct vsu_error *err)
{
	uint32_t id;

	return virtdev_console_add(device, object, &id, err);
}

#define STRUCT(name) #name, sizeof(struct name)

static const struct wrong_struct structs[] = {
	{ STRUCT(virtdev_balloon_config), pass_balloon, STRUCT_NAMED, false },
	{ STRUCT(virtdev_blk_config), pass_blk, STRUCT_NAMED, false },
	{ STRUCT(virtdev_console_config), pass_console, STRUCT_NAMED, false },
	{ STRUCT(virtdev_fs_config), pass_fs, STRUCT_NAMED, false },
	{ STRUCT(virtdev_mem_config), pass_mem, STRUCT_NAMED, false },
	{ STRUCT(virtdev_net_config), pass_net, STRUCT_NAMED, false },
	{ STRUCT(virtdev_pmem_config), pass_pmem, STRUCT_NAMED, false },
	{ STRUCT(virtdev_rng_config), pass_rng, STRUCT_NAMED, false },
	{ STRUCT(virtdev_vsock_config), pass_vsock, STRUCT_NAMED, false },
	{ STRUCT(virtdev_fs_config), pass_checked_fs, STRUCT_NAMED, false },
	{ STRUCT(virtdev_disk_file), pass_disk_file, STRUCT_NAMED, false },
	{ STRUCT(virtdev_disk_overlay), pass_disk_overlay, STRUCT_NAMED, false },
	{ STRUCT(virtdev_net_tap), pass_net_tap, STRUCT_NAMED, false },
	{ STRUCT(virtdev_net_stream), pass_net_stream, STRUCT_NAMED, false },
	{ STRUCT(virtdev_disk_ops), pass_disk_ops, STRUCT_UNNAMED, false },
	{ STRUCT(virtdev_net_link_ops), pass_net_link_ops, STRUCT_UNNAMED, false },
	{ STRUCT(virtdev_port_ops), pass_port_ops, STRUCT_UNNAMED, false },
	{ STRUCT(virtdev_server_ops), pass_server_ops, STRUCT_UNNAMED, true },
	{ STRUCT(virtdev_server_ops), pass_inline_ops, STRUCT_NAMED, true },
	{ STRUCT(virtdev_ops), pass_ops, STRUCT_NAMED, false },
	{ STRUCT(virtdev_transport_ops), pass_transport_ops, STRUCT_NAMED, true },
	{ STRUCT(virtdev_register_ops), pass_register_ops, STRUCT_NAMED, true },
	{ STRUCT(virtdev_pci_config), pass_pci_config, STRUCT_NAMED, false },
	{ STRUCT(virtdev_pci_ops), pass_pci_ops, STRUCT_NAMED, false },
	{ STRUCT(virtdev_vhost_user_config), pass_remote_config, STRUCT_NAMED, false },
	{ STRUCT(virtdev_vhost_user_ops), pass_remote_ops, STRUCT_NAMED, false },
	{ STRUCT(virtdev_vhost_user_server_config), pass_server_config, STRUCT_NAMED, false },
	{ STRUCT(virtdev_console_port), pass_console_port, STRUCT_NAMED, false },
};

START_TEST(struct_with_a_wrong_size_or_an_unknown_member_is_refused)
{
	assert_wrong_struct_refused(&structs[_i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wrong_calls");
	TCase *tc = tcase_create("structs");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_loop_test(tc, struct_with_a_wrong_size_or_an_unknown_member_is_refused, 0,
			    (int)(sizeof(structs) / sizeof(structs[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
