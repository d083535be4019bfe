/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the names of feature bits, compared with the kernel's and libvhost's headers. */
#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>

#include "../../tests/support/suite.h"
#include "names.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define BIT(device, name) { device, #name, name }
static const struct row {
	const char *device, *name;
	unsigned int bit;
} rows[] = {
	BIT("net", VIRTIO_NET_F_CSUM), BIT("net", VIRTIO_NET_F_GUEST_CSUM),
	BIT("net", VIRTIO_NET_F_CTRL_GUEST_OFFLOADS), BIT("net", VIRTIO_NET_F_MTU),
	BIT("net", VIRTIO_NET_F_MAC), BIT("net", VIRTIO_NET_F_GUEST_TSO4),
	BIT("net", VIRTIO_NET_F_GUEST_TSO6), BIT("net", VIRTIO_NET_F_GUEST_ECN),
	BIT("net", VIRTIO_NET_F_GUEST_UFO), BIT("net", VIRTIO_NET_F_HOST_TSO4),
	BIT("net", VIRTIO_NET_F_HOST_TSO6), BIT("net", VIRTIO_NET_F_HOST_ECN),
	BIT("net", VIRTIO_NET_F_HOST_UFO), BIT("net", VIRTIO_NET_F_MRG_RXBUF),
	BIT("net", VIRTIO_NET_F_STATUS), BIT("net", VIRTIO_NET_F_CTRL_VQ),
	BIT("net", VIRTIO_NET_F_CTRL_RX), BIT("net", VIRTIO_NET_F_CTRL_VLAN),
	BIT("net", VIRTIO_NET_F_CTRL_RX_EXTRA), BIT("net", VIRTIO_NET_F_GUEST_ANNOUNCE),
	BIT("net", VIRTIO_NET_F_MQ), BIT("net", VIRTIO_NET_F_CTRL_MAC_ADDR),
	{ "net", "VIRTIO_NET_F_DEVICE_STATS", 50 }, { "net", "VIRTIO_NET_F_HASH_TUNNEL", 51 },
	{ "net", "VIRTIO_NET_F_VQ_NOTF_COAL", 52 }, { "net", "VIRTIO_NET_F_NOTF_COAL", 53 },
	{ "net", "VIRTIO_NET_F_GUEST_USO4", 54 }, { "net", "VIRTIO_NET_F_GUEST_USO6", 55 },
	{ "net", "VIRTIO_NET_F_HOST_USO", 56 },
	BIT("net", VIRTIO_NET_F_HASH_REPORT), BIT("net", VIRTIO_NET_F_RSS),
	BIT("net", VIRTIO_NET_F_RSC_EXT), BIT("net", VIRTIO_NET_F_STANDBY),
	BIT("net", VIRTIO_NET_F_SPEED_DUPLEX),
	BIT("blk", VIRTIO_BLK_F_BARRIER), BIT("blk", VIRTIO_BLK_F_SIZE_MAX),
	BIT("blk", VIRTIO_BLK_F_SEG_MAX), BIT("blk", VIRTIO_BLK_F_GEOMETRY),
	BIT("blk", VIRTIO_BLK_F_RO), BIT("blk", VIRTIO_BLK_F_BLK_SIZE),
	BIT("blk", VIRTIO_BLK_F_SCSI), BIT("blk", VIRTIO_BLK_F_FLUSH),
	BIT("blk", VIRTIO_BLK_F_TOPOLOGY), BIT("blk", VIRTIO_BLK_F_CONFIG_WCE),
	BIT("blk", VIRTIO_BLK_F_MQ), BIT("blk", VIRTIO_BLK_F_DISCARD),
	BIT("blk", VIRTIO_BLK_F_WRITE_ZEROES),
	BIT("console", VIRTIO_CONSOLE_F_SIZE), BIT("console", VIRTIO_CONSOLE_F_MULTIPORT),
	BIT("console", VIRTIO_CONSOLE_F_EMERG_WRITE),
	BIT("balloon", VIRTIO_BALLOON_F_MUST_TELL_HOST),
	BIT("balloon", VIRTIO_BALLOON_F_STATS_VQ),
	BIT("balloon", VIRTIO_BALLOON_F_DEFLATE_ON_OOM),
	BIT("balloon", VIRTIO_BALLOON_F_PAGE_POISON),
	BIT("scsi", VIRTIO_SCSI_F_INOUT), BIT("scsi", VIRTIO_SCSI_F_HOTPLUG),
	BIT("scsi", VIRTIO_SCSI_F_CHANGE), BIT("scsi", VIRTIO_SCSI_F_T10_PI),
	BIT("rng", VIRTIO_F_NOTIFY_ON_EMPTY), BIT("rng", VIRTIO_F_ANY_LAYOUT),
	{ "rng", "VIRTIO_F_INDIRECT_DESC", VIRTIO_RING_F_INDIRECT_DESC },
	{ "rng", "VIRTIO_F_EVENT_IDX", VIRTIO_RING_F_EVENT_IDX },
	BIT("rng", VIRTIO_F_VERSION_1), BIT("rng", VIRTIO_F_RING_PACKED),
	BIT("rng", VIRTIO_F_ORDER_PLATFORM), BIT("rng", VIRTIO_F_SR_IOV),
	{ "rng", "VHOST_USER_F_PROTOCOL_FEATURES", 30 },
};

START_TEST(bits_have_the_names_of_the_headers)
{
	const struct row *row = &rows[_i];
	const struct names_device *dev = names_device(row->device);

	ck_assert_ptr_nonnull(dev);
	ck_assert_ptr_nonnull(names_feature(dev, row->bit));
	ck_assert_str_eq(names_feature(dev, row->bit), row->name);
}
END_TEST

START_TEST(bits_of_one_device_are_unknown_of_another)
{
	ck_assert_ptr_null(names_feature(names_device("rng"), VIRTIO_BLK_F_RO));
	ck_assert_ptr_null(names_feature(NULL, VIRTIO_NET_F_MAC));
	ck_assert_ptr_null(names_feature(names_device("blk"), VIRTIO_NET_F_RSS));
	ck_assert_ptr_null(names_feature(NULL, 64));
}
END_TEST

START_TEST(each_listed_device_is_known_by_its_name_once)
{
	const char *const *name, *const *other;

	for (name = names_devices(); *name; name++) {
		ck_assert_ptr_nonnull(names_device(*name));
		ck_assert_str_eq(names_device(*name)->name, *name);
		for (other = name + 1; *other; other++)
			ck_assert_str_ne(*name, *other);
	}
	ck_assert(name > names_devices());
	ck_assert_ptr_null(names_device("disk drive"));
}
END_TEST

#define FEATURE(bit) (UINT64_C(1) << (bit))

START_TEST(a_device_is_guessed_by_bits_that_only_it_has)
{
	const uint64_t common = FEATURE(VIRTIO_F_VERSION_1) | FEATURE(30);

	ck_assert_ptr_null(names_guess(common));
	ck_assert_str_eq(names_guess(common | FEATURE(VIRTIO_BLK_F_FLUSH))->name,
			 "blk");
	ck_assert_str_eq(names_guess(common | FEATURE(VIRTIO_NET_F_MQ) |
				     FEATURE(VIRTIO_NET_F_GUEST_ECN))->name, "net");
}
END_TEST

START_TEST(bit_is_named_by_its_device)
{
	ck_assert_str_eq(names_feature(names_device("blk"), 9),
			 "VIRTIO_BLK_F_FLUSH");
	ck_assert_str_eq(names_feature(names_device("net"), 9),
			 "VIRTIO_NET_F_GUEST_ECN");
	ck_assert_ptr_null(names_feature(NULL, 9));
	ck_assert_ptr_null(names_feature(names_device("blk"), 23));
	ck_assert_ptr_null(names_feature(names_device("rng"), 0));
}
END_TEST

START_TEST(bit_of_every_device_needs_none)
{
	ck_assert_str_eq(names_feature(NULL, 32), "VIRTIO_F_VERSION_1");
	ck_assert_ptr_null(names_feature(names_device("blk"), 57));
	ck_assert_str_eq(names_feature(names_device("net"), 57),
			 "VIRTIO_NET_F_HASH_REPORT");
	ck_assert_ptr_null(names_feature(NULL, 64));
}
END_TEST

START_TEST(every_device_that_is_listed_is_known)
{
	const char *const *name;

	for (name = names_devices(); *name; name++)
		ck_assert_str_eq(names_device(*name)->name, *name);
	ck_assert_ptr_null(names_device("toaster"));
}
END_TEST

START_TEST(disks_and_network_cards_are_guessed)
{
	ck_assert_str_eq(names_guess(UINT64_C(0x175007e46))->name, "blk");
	ck_assert_str_eq(names_guess(UINT64_C(0x1403f8000))->name, "net");
	ck_assert_ptr_null(names_guess(UINT64_C(0x140000000)));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("names");
	TCase *tc = tcase_create("names");

	tcase_add_loop_test(tc, bits_have_the_names_of_the_headers, 0, (int)COUNT(rows));
	tcase_add_test(tc, bits_of_one_device_are_unknown_of_another);
	tcase_add_test(tc, each_listed_device_is_known_by_its_name_once);
	tcase_add_test(tc, a_device_is_guessed_by_bits_that_only_it_has);
	tcase_add_test(tc, bit_is_named_by_its_device);
	tcase_add_test(tc, bit_of_every_device_needs_none);
	tcase_add_test(tc, every_device_that_is_listed_is_known);
	tcase_add_test(tc, disks_and_network_cards_are_guessed);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
