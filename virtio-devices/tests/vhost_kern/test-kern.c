/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about devices that the kernel serves, as a guest is shown them; of the
 * kernel there is as much here as they ask.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/net_layout.h>
#include <virtio-devices/vhost_kern.h>
#include <virtio-queue/queue.h>

#include "../suite.h"

#define NODE "/dev/null"
#define GPA UINT64_C(0x100000)

static struct {
	uint64_t offered, features, cid;
	unsigned int taps, sizes, runs;	/* rings that have one */
} kernel;

#ifdef __GLIBC__
typedef unsigned long request_t;
#else
typedef int request_t;
#endif

/* In the place of libc's for the shared library, too. */
VSU_EXPORT int ioctl(int fd, request_t asked, ...)
{
	unsigned int request = (unsigned int)asked;
	va_list ap;
	void *arg;

	va_start(ap, asked);
	arg = va_arg(ap, void *);
	va_end(ap);
	(void)fd;
	if (request == VHOST_GET_FEATURES)
		*(uint64_t *)arg = kernel.offered;
	else if (request == VHOST_SET_FEATURES)
		kernel.features = *(uint64_t *)arg;
	else if (request == VHOST_VSOCK_SET_GUEST_CID)
		kernel.cid = *(uint64_t *)arg;
	else if (request == VHOST_SET_VRING_NUM)
		kernel.sizes++;
	else if (request == VHOST_NET_SET_BACKEND)
		kernel.taps += ((struct vhost_vring_file *)arg)->fd >= 0;
	else if (request == VHOST_VSOCK_SET_RUNNING)
		kernel.runs += *(int *)arg != 0;
	return 0;
}

/* A link that is a tap interface by name only. */
static struct {
	int fd;
	uint64_t offloads;
	bool freed;
} tap;

static int tap_fd(void *self, uint32_t lane)
{
	(void)self;
	(void)lane;
	return tap.fd;
}

static int tap_offloads(void *self, uint64_t features)
{
	(void)self;
	tap.offloads = features;
	return 0;
}

static void tap_free(void *self)
{
	(void)self;
	close(tap.fd);
	tap.freed = true;
}

#define OFFLOADS (VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_GUEST_CSUM | \
		  VIRTDEV_NET_F_GUEST_TSO4)

static struct virtdev_net_link *make_link(const char *name, uint32_t lanes)
{
	const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = name, .fd = tap_fd,
		.set_offloads = tap_offloads, .free = tap_free,
	};
	const struct virtdev_net_link_info info = {
		.lanes = lanes, .offloads = OFFLOADS,
	};
	struct virtdev_net_link *link;

	memset(&kernel, 0, sizeof(kernel));
	memset(&tap, 0, sizeof(tap));
	kernel.offered = ~UINT64_C(0);
	tap.fd = eventfd(0, 0);
	ck_assert_int_eq(virtdev_net_link_new(&ops, &info, NULL, &link), 0);
	return link;
}

static int make_net(const char *name, uint32_t lanes,
		    struct virtdev_vhost_kern **out, struct vsu_error *err)
{
	const struct virtdev_net_config config = {
		.size = sizeof(config), .link = make_link(name, lanes),
		.mac = { 2, 0, 0, 0, 0, 9 }, .mtu = 1400,
	};
	int rc = virtdev_vhost_kern_net(&config, NODE, out, err);

	if (rc < 0)
		virtdev_net_link_free(config.link);
	return rc;
}

static struct virtdev_vhost_kern *make_vsock(void)
{
	struct virtdev_vhost_kern *k;

	memset(&kernel, 0, sizeof(kernel));
	kernel.offered = ~UINT64_C(0);
	ck_assert_int_eq(virtdev_vhost_kern_vsock(9, 0, NODE, &k, NULL), 0);
	return k;
}

/* Memory, and n rings in it. */
static int start(struct virtdev_vhost_kern *k, uint64_t features, uint32_t n)
{
	struct vhost_user_ring rings[3];
	struct vmem_map *map;
	uint32_t i;

	for (i = 0; i < n; i++)
		rings[i] = (struct vhost_user_ring){
			.size = 16, .desc_gpa = GPA, .driver_gpa = GPA + 4096,
			.device_gpa = GPA + 8192, .kick_fd = -1,
			.call_fd = -1, .err_fd = -1,
		};
	ck_assert_int_eq(vmem_map_from_properties("size=64K,backend=memfd", GPA,
						  NULL, &map, NULL), 0);
	ck_assert_int_eq(virtdev_vhost_kern_set_memory(k, map, NULL), 0);
	vmem_map_unref(map);
	return virtdev_vhost_kern_start(k, features, rings, n, NULL);
}

START_TEST(card_shows_what_kernel_and_tap_can)
{
	const struct virtdev_info *info;
	struct virtdev_net_space space;
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(make_net("tap", 1, &k, NULL), 0);
	info = virtdev_info(virtdev_vhost_kern_device(k));
	ck_assert_uint_eq(info->id, VIRTDEV_ID_NET);
	ck_assert_uint_eq(info->nqueues, 2);
	ck_assert_uint_eq(info->features,
			  OFFLOADS | VIRTDEV_NET_F_MAC | VIRTDEV_NET_F_MTU |
			  VIRTDEV_NET_F_MRG_RXBUF | VQ_F_VERSION_1 |
			  VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX);
	virtdev_config_read(virtdev_vhost_kern_device(k), 0, &space,
			    sizeof(space));
	ck_assert_uint_eq(space.mac[5], 9);
	ck_assert_uint_eq(vsu_le16_load(space.mtu), 1400);
	ck_assert_int_eq(virtdev_config_write(virtdev_vhost_kern_device(k), 0,
					      &space, 1), -EPERM);
	virtdev_vhost_kern_free(k);
	ck_assert(tap.freed);
}
END_TEST

START_TEST(driver_chooses_offloads_and_the_kernel_hears_of_rings_only)
{
	const uint64_t features = VQ_F_VERSION_1 | VIRTDEV_NET_F_GUEST_CSUM |
				  VIRTDEV_NET_F_MRG_RXBUF | VIRTDEV_NET_F_MAC;
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(make_net("tap", 1, &k, NULL), 0);
	ck_assert_int_eq(start(k, features, 2), 0);
	ck_assert_uint_eq(tap.offloads, VIRTDEV_NET_F_GUEST_CSUM);
	ck_assert_uint_eq(kernel.features,
			  VQ_F_VERSION_1 | VIRTDEV_NET_F_MRG_RXBUF);
	ck_assert_uint_eq(kernel.taps, 2);
	virtdev_vhost_kern_stop(k);
	ck_assert_int_eq(start(k, VQ_F_VERSION_1, 2), 0);
	ck_assert_uint_eq(tap.offloads, 0);
	virtdev_vhost_kern_free(k);
}
END_TEST

START_TEST(e2_13_link_that_is_no_tap_of_one_lane_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(make_net("stream", 1, &k, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "of the kind 'stream'"));
	ck_assert_int_eq(make_net("tap", 2, &k, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "has 2 lanes"));
}
END_TEST

START_TEST(sockets_have_their_guest_and_a_third_queue)
{
	struct virtdev_vhost_kern *k = make_vsock();
	const struct virtdev_info *info =
		virtdev_info(virtdev_vhost_kern_device(k));
	struct vsu_le64 cid;

	ck_assert_uint_eq(info->id, VIRTDEV_ID_SOCKET);
	ck_assert_uint_eq(info->nqueues, 3);
	virtdev_config_read(virtdev_vhost_kern_device(k), 0, &cid, sizeof(cid));
	ck_assert_uint_eq(vsu_le64_load(cid), 9);
	ck_assert_uint_eq(kernel.cid, 9);
	ck_assert_int_eq(start(k, VQ_F_VERSION_1, 3), 0);
	ck_assert_uint_eq(kernel.sizes, 2);
	ck_assert_uint_eq(kernel.runs, 1);
	virtdev_vhost_kern_free(k);
}
END_TEST

START_TEST(e2_15_queue_does_not_start_in_this_process)
{
	struct virtdev_vhost_kern *k = make_vsock();
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = virtdev_queue_start(virtdev_vhost_kern_device(k), 0, NULL,
				     &err);

	ck_assert_int_eq(rc, -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "'" NODE "'"));
	virtdev_vhost_kern_free(k);
}
END_TEST

START_TEST(e2_14_kernel_that_is_too_old_is_refused)
{
	struct virtdev_vhost_kern *k;

	memset(&kernel, 0, sizeof(kernel));
	kernel.offered = VQ_F_EVENT_IDX;
	ck_assert_int_eq(virtdev_vhost_kern_vsock(9, 0, NODE, &k, NULL),
			 -EOPNOTSUPP);
	ck_assert_int_eq(virtdev_vhost_kern_vsock(1, 0, NODE, &k, NULL),
			 -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost_kern");
	TCase *t = tcase_create("vhost_kern");

	suite_add_tcase(s, t);
	tcase_add_test(t, card_shows_what_kernel_and_tap_can);
	tcase_add_test(t, driver_chooses_offloads_and_the_kernel_hears_of_rings_only);
	tcase_add_test(t, e2_13_link_that_is_no_tap_of_one_lane_is_refused);
	tcase_add_test(t, sockets_have_their_guest_and_a_third_queue);
	tcase_add_test(t, e2_15_queue_does_not_start_in_this_process);
	tcase_add_test(t, e2_14_kernel_that_is_too_old_is_refused);
	return run_suite(s);
}
