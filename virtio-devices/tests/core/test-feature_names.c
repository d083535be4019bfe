/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the names of feature bits, compared with the kernel's headers. */
#include <config.h>

#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>

#include <virtio-devices/ids.h>

#include "../suite.h"
#include "core/feature_names.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define BIT(device, name) { VIRTDEV_ID_##device, #name, name }
static const struct row {
	uint32_t device;
	const char *name;
	unsigned int bit;
} rows[] = {
	BIT(NET, VIRTIO_NET_F_CSUM), BIT(NET, VIRTIO_NET_F_GUEST_CSUM),
	BIT(NET, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS), BIT(NET, VIRTIO_NET_F_MTU),
	BIT(NET, VIRTIO_NET_F_MAC), BIT(NET, VIRTIO_NET_F_GUEST_TSO4),
	BIT(NET, VIRTIO_NET_F_GUEST_TSO6), BIT(NET, VIRTIO_NET_F_GUEST_ECN),
	BIT(NET, VIRTIO_NET_F_GUEST_UFO), BIT(NET, VIRTIO_NET_F_HOST_TSO4),
	BIT(NET, VIRTIO_NET_F_HOST_TSO6), BIT(NET, VIRTIO_NET_F_HOST_ECN),
	BIT(NET, VIRTIO_NET_F_HOST_UFO), BIT(NET, VIRTIO_NET_F_MRG_RXBUF),
	BIT(NET, VIRTIO_NET_F_STATUS), BIT(NET, VIRTIO_NET_F_CTRL_VQ),
	BIT(NET, VIRTIO_NET_F_CTRL_RX), BIT(NET, VIRTIO_NET_F_CTRL_VLAN),
	BIT(NET, VIRTIO_NET_F_CTRL_RX_EXTRA), BIT(NET, VIRTIO_NET_F_GUEST_ANNOUNCE),
	BIT(NET, VIRTIO_NET_F_MQ), BIT(NET, VIRTIO_NET_F_CTRL_MAC_ADDR),
	{ VIRTDEV_ID_NET, "VIRTIO_NET_F_DEVICE_STATS", 50 }, { VIRTDEV_ID_NET, "VIRTIO_NET_F_HASH_TUNNEL", 51 },
	{ VIRTDEV_ID_NET, "VIRTIO_NET_F_VQ_NOTF_COAL", 52 }, { VIRTDEV_ID_NET, "VIRTIO_NET_F_NOTF_COAL", 53 },
	{ VIRTDEV_ID_NET, "VIRTIO_NET_F_GUEST_USO4", 54 }, { VIRTDEV_ID_NET, "VIRTIO_NET_F_GUEST_USO6", 55 },
	{ VIRTDEV_ID_NET, "VIRTIO_NET_F_HOST_USO", 56 },
	BIT(NET, VIRTIO_NET_F_HASH_REPORT), BIT(NET, VIRTIO_NET_F_RSS),
	BIT(NET, VIRTIO_NET_F_RSC_EXT), BIT(NET, VIRTIO_NET_F_STANDBY),
	BIT(NET, VIRTIO_NET_F_SPEED_DUPLEX),
	BIT(BLOCK, VIRTIO_BLK_F_BARRIER), BIT(BLOCK, VIRTIO_BLK_F_SIZE_MAX),
	BIT(BLOCK, VIRTIO_BLK_F_SEG_MAX), BIT(BLOCK, VIRTIO_BLK_F_GEOMETRY),
	BIT(BLOCK, VIRTIO_BLK_F_RO), BIT(BLOCK, VIRTIO_BLK_F_BLK_SIZE),
	BIT(BLOCK, VIRTIO_BLK_F_SCSI), BIT(BLOCK, VIRTIO_BLK_F_FLUSH),
	BIT(BLOCK, VIRTIO_BLK_F_TOPOLOGY), BIT(BLOCK, VIRTIO_BLK_F_CONFIG_WCE),
	BIT(BLOCK, VIRTIO_BLK_F_MQ), BIT(BLOCK, VIRTIO_BLK_F_DISCARD),
	BIT(BLOCK, VIRTIO_BLK_F_WRITE_ZEROES),
	BIT(CONSOLE, VIRTIO_CONSOLE_F_SIZE), BIT(CONSOLE, VIRTIO_CONSOLE_F_MULTIPORT),
	BIT(CONSOLE, VIRTIO_CONSOLE_F_EMERG_WRITE),
	BIT(BALLOON, VIRTIO_BALLOON_F_MUST_TELL_HOST),
	BIT(BALLOON, VIRTIO_BALLOON_F_STATS_VQ),
	BIT(BALLOON, VIRTIO_BALLOON_F_DEFLATE_ON_OOM),
	BIT(BALLOON, VIRTIO_BALLOON_F_PAGE_POISON),
	BIT(SCSI, VIRTIO_SCSI_F_INOUT), BIT(SCSI, VIRTIO_SCSI_F_HOTPLUG),
	BIT(SCSI, VIRTIO_SCSI_F_CHANGE), BIT(SCSI, VIRTIO_SCSI_F_T10_PI),
	BIT(ENTROPY, VIRTIO_F_NOTIFY_ON_EMPTY), BIT(ENTROPY, VIRTIO_F_ANY_LAYOUT),
	{ VIRTDEV_ID_ENTROPY, "VIRTIO_F_INDIRECT_DESC", VIRTIO_RING_F_INDIRECT_DESC },
	{ VIRTDEV_ID_ENTROPY, "VIRTIO_F_EVENT_IDX", VIRTIO_RING_F_EVENT_IDX },
	BIT(ENTROPY, VIRTIO_F_VERSION_1), BIT(ENTROPY, VIRTIO_F_RING_PACKED),
	BIT(ENTROPY, VIRTIO_F_ORDER_PLATFORM), BIT(ENTROPY, VIRTIO_F_SR_IOV),
	{ VIRTDEV_ID_ENTROPY, "VHOST_USER_F_PROTOCOL_FEATURES", 30 },
};

START_TEST(bits_have_the_names_of_the_headers)
{
	const struct row *row = &rows[_i];

	ck_assert_ptr_nonnull(virtdev_feature_name(row->device, row->bit));
	ck_assert_str_eq(virtdev_feature_name(row->device, row->bit), row->name);
}
END_TEST

START_TEST(bits_of_one_device_are_unknown_of_another)
{
	ck_assert_ptr_null(virtdev_feature_name(VIRTDEV_ID_ENTROPY, VIRTIO_BLK_F_RO));
	ck_assert_ptr_null(virtdev_feature_name(0, VIRTIO_NET_F_MAC));
	ck_assert_ptr_null(virtdev_feature_name(VIRTDEV_ID_BLOCK, VIRTIO_NET_F_RSS));
	ck_assert_ptr_null(virtdev_feature_name(VIRTDEV_ID_BLOCK, 23));
	ck_assert_ptr_null(virtdev_feature_name(99, 0));
}
END_TEST

START_TEST(bit_of_every_device_needs_none)
{
	ck_assert_str_eq(virtdev_feature_name(0, 32), "VIRTIO_F_VERSION_1");
	ck_assert_str_eq(virtdev_feature_name(99, 26), "VHOST_F_LOG_ALL");
	ck_assert_ptr_null(virtdev_feature_name(0, 64));
	ck_assert_ptr_null(virtdev_feature_name(VIRTDEV_ID_NET, 64));
}
END_TEST

START_TEST(list_has_names_and_numbers)
{
	const uint64_t bits = UINT64_C(1) << 5 | UINT64_C(1) << 23 | UINT64_C(1) << 34;
	char text[64], small[24];

	ck_assert_str_eq(virtdev_priv_feature_list(VIRTDEV_ID_BLOCK, bits, text, sizeof(text)),
			 "VIRTIO_BLK_F_RO, bit 23, VIRTIO_F_RING_PACKED");
	ck_assert_str_eq(virtdev_priv_feature_list(VIRTDEV_ID_BLOCK, bits, small, sizeof(small)),
			 "VIRTIO_BLK_F_RO, bit 23");
	ck_assert_str_eq(virtdev_priv_feature_list(VIRTDEV_ID_BLOCK, 0, text, sizeof(text)), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("feature_names");
	TCase *tc = tcase_create("feature_names");

	tcase_add_loop_test(tc, bits_have_the_names_of_the_headers, 0, (int)COUNT(rows));
	tcase_add_test(tc, bits_of_one_device_are_unknown_of_another);
	tcase_add_test(tc, bit_of_every_device_needs_none);
	tcase_add_test(tc, list_has_names_and_numbers);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
