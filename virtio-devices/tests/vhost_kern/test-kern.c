/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about devices that the kernel serves, as a guest sees them. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-queue/queue.h>

#include "../suite.h"
#include "fake-kernel.h"

#define GPA UINT64_C(0x100000)

/* Creates memory and n rings. */
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
	ck_assert_int_eq(virtdev_priv_kern_set_memory(k, map, NULL), 0);
	vmem_map_unref(map);
	ck_assert_int_eq(virtdev_set_features(virtdev_vhost_kern_device(k),
					      features, NULL), 0);
	return virtdev_priv_kern_start(k, features, rings, n, NULL);
}

START_TEST(card_offers_features_of_kernel_and_tap)
{
	const struct virtdev_info *info;
	struct virtdev_net_space space;
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(make_net("tap", 1, &k, NULL), 0);
	info = virtdev_get_info(virtdev_vhost_kern_device(k));
	ck_assert_uint_eq(info->id, VIRTDEV_ID_NET);
	ck_assert_uint_eq(info->nqueues, 3);
	ck_assert_uint_eq(info->features,
			  OFFLOADS | VIRTDEV_NET_F_MAC | VIRTDEV_NET_F_MTU |
			  VIRTDEV_NET_F_STATUS | VIRTDEV_NET_F_CTRL_VQ |
			  VIRTDEV_NET_F_CTRL_RX | VIRTDEV_NET_F_CTRL_RX_EXTRA |
			  VIRTDEV_NET_F_CTRL_VLAN |
			  VIRTDEV_NET_F_CTRL_MAC_ADDR |
			  VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS |
			  VIRTDEV_NET_F_MRG_RXBUF | VQ_F_VERSION_1 |
			  VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX);
	virtdev_config_read(virtdev_vhost_kern_device(k), 0, &space,
			    sizeof(space));
	ck_assert_uint_eq(space.mac[5], 9);
	ck_assert_int_eq(virtdev_net_work(virtdev_vhost_kern_device(k)), -EOPNOTSUPP);
	ck_assert_uint_eq(vsu_le16_load(space.mtu), 1400);
	ck_assert_int_eq(virtdev_config_write(virtdev_vhost_kern_device(k), 0,
					      &space, 1), -EPERM);
	virtdev_vhost_kern_free(k);
	ck_assert(tap.freed);
}
END_TEST

START_TEST(offloads_are_set_on_the_tap_and_ring_features_in_the_kernel)
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
	virtdev_priv_kern_stop(k);
	ck_assert_int_eq(start(k, VQ_F_VERSION_1, 2), 0);
	ck_assert_uint_eq(tap.offloads, 0);
	virtdev_vhost_kern_free(k);
}
END_TEST

START_TEST(e2_13_link_that_is_not_a_tap_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(make_net("stream", 1, &k, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "of the kind 'stream'"));
}
END_TEST

static const struct {
	struct virtdev_rate_limits receive, send;
} limited[] = {
	{ .receive = { .bytes = 1000 } }, { .receive = { .ops = 10 } },
	{ .send = { .bytes = 1000 } }, { .send = { .ops = 10 } },
};

START_TEST(each_rate_limit_is_refused)
{
	const struct virtdev_net_config config = {
		.size = sizeof(config), .link = fake_link("tap", 1),
		.receive = limited[_i].receive, .send = limited[_i].send,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(virtdev_vhost_kern_net(&config, NODE, &k, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, "rate limits are not supported"), "%d: %s", _i, err.msg);
	virtdev_net_link_free(config.link);
}
END_TEST

START_TEST(blocked_addresses_are_refused)
{
	const struct virtdev_net_config config = {
		.size = sizeof(config), .link = fake_link("tap", 1), .block = VIRTDEV_NET_BLOCK_LOOPBACK,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_vhost_kern *k;

	ck_assert_int_eq(virtdev_vhost_kern_net(&config, NODE, &k, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "addresses cannot be blocked"));
	virtdev_net_link_free(config.link);
}
END_TEST

START_TEST(vsock_has_its_cid_and_a_third_queue)
{
	struct virtdev_vhost_kern *k = make_vsock();
	const struct virtdev_info *info =
		virtdev_get_info(virtdev_vhost_kern_device(k));
	struct vsu_le64 cid;

	ck_assert_uint_eq(info->id, VIRTDEV_ID_SOCKET);
	ck_assert_int_eq(virtdev_net_work(virtdev_vhost_kern_device(k)), -EINVAL);
	ck_assert_uint_eq(info->nqueues, 3);
	virtdev_config_read(virtdev_vhost_kern_device(k), 0, &cid, sizeof(cid));
	ck_assert_uint_eq(vsu_le64_load(cid), 9);
	ck_assert_uint_eq(kernel.cid, 9);
	ck_assert_int_eq(start(k, VQ_F_VERSION_1, 3), 0);
	ck_assert_uint_eq(kernel.sizes, 2);
	ck_assert_uint_eq(kernel.switched, 1);
	virtdev_vhost_kern_free(k);
}
END_TEST

START_TEST(e2_15_kernel_queue_does_not_start_in_this_process)
{
	struct virtdev_vhost_kern *k = make_vsock();
	struct vsu_error err = VSU_ERROR_INIT;
	struct vq *q;
	int rc = vq_new(&q);

	ck_assert_int_eq(rc, 0);
	rc = virtdev_queue_start(virtdev_vhost_kern_device(k), 0, q, &err);
	ck_assert_int_eq(rc, -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "'" NODE "'"));
	virtdev_vhost_kern_free(k);
	ck_assert_int_eq(make_net("tap", 1, &k, NULL), 0);
	rc = virtdev_queue_start(virtdev_vhost_kern_device(k), 1, q, &err);
	ck_assert_int_eq(rc, -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "queue 1 is served by " NODE));
	virtdev_vhost_kern_free(k);
	vq_free(q);
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
	tcase_add_test(t, card_offers_features_of_kernel_and_tap);
	tcase_add_test(t, offloads_are_set_on_the_tap_and_ring_features_in_the_kernel);
	tcase_add_test(t, e2_13_link_that_is_not_a_tap_is_refused);
	tcase_add_loop_test(t, each_rate_limit_is_refused, 0, sizeof(limited) / sizeof(*limited));
	tcase_add_test(t, blocked_addresses_are_refused);
	tcase_add_test(t, vsock_has_its_cid_and_a_third_queue);
	tcase_add_test(t, e2_15_kernel_queue_does_not_start_in_this_process);
	tcase_add_test(t, e2_14_kernel_that_is_too_old_is_refused);
	return run_suite(s);
}
