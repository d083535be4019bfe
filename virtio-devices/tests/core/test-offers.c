/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the features that devices offer in each configuration, by the
 * bit numbers of VIRTIO. A bit that is offered must work; a bit that is missing
 * disables a function of the driver.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <unistd.h>

#include <virtio-devices/balloon.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/console.h>
#include <virtio-devices/fs.h>
#include <virtio-devices/mem.h>
#include <virtio-devices/net.h>
#include <virtio-devices/pmem.h>
#include <virtio-devices/rng.h>
#include <virtio-devices/vsock.h>

#include "../fake-disk.h"
#include "../guest.h"
#include "../image.h"

#define BIT(n) (UINT64_C(1) << (n))
/* INDIRECT_DESC, EVENT_IDX, VERSION_1, RING_PACKED: offered by all devices. */
#define RING (BIT(28) | BIT(29) | BIT(32) | BIT(34))

static void setup(void)
{
	folder_init("/tmp");
}

/* The device offers and accepts exactly these bits. */
static void offers(struct virtdev *dev, uint64_t bits)
{
	unsigned int i;

	ck_assert_uint_eq(virtdev_get_info(dev)->features, bits);
	ck_assert_int_eq(virtdev_set_features(dev, bits, NULL), 0);
	for (i = 0; i < 64; i++)
		if (!(bits & BIT(i)))
			ck_assert_int_eq(virtdev_set_features(
				dev, BIT(32) | BIT(i), NULL), -EBADMSG);
	virtdev_free(dev);
}

/* -------------------------------------------------------------------- disks */

/*
 * SEG_MAX, BLK_SIZE, FLUSH, TOPOLOGY, CONFIG_WCE; no disk offers lifetime (15)
 * or secure erase (16).
 */
#define BLK (RING | BIT(2) | BIT(6) | BIT(9) | BIT(10) | BIT(11))

static const struct {
	bool read_only, discard, zero, writethrough;
	uint32_t nqueues;
	uint64_t bits;
} disks[] = {
	{ .bits = BLK },
	{ .nqueues = 1, .bits = BLK },
	{ .read_only = true, .bits = BLK | BIT(5) },
	{ .discard = true, .bits = BLK | BIT(13) },
	{ .zero = true, .bits = BLK | BIT(14) },
	{ .writethrough = true, .bits = BLK },
	{ .nqueues = 2, .bits = BLK | BIT(12) },
	{ .read_only = true, .discard = true, .zero = true, .nqueues = 256,
	  .bits = BLK | BIT(5) | BIT(12) | BIT(13) | BIT(14) },
};

START_TEST(disk_offers_exactly_its_features)
{
	struct virtdev_blk_config config = {
		.size = sizeof(config), .nqueues = disks[_i].nqueues,
		.writethrough = disks[_i].writethrough,
	};
	struct fake_disk disk;
	struct virtdev *dev;

	fake_disk_init(&disk);
	disk.info.read_only = disks[_i].read_only;
	disk.info.can_discard = disks[_i].discard;
	disk.info.can_zero = disks[_i].zero;
	fake_disk_make(&disk);
	config.disk = disk.disk;
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, NULL), 0);
	offers(dev, disks[_i].bits);
	fake_disk_fini(&disk);
}
END_TEST

/* -------------------------------------------------------------------- cards */

/* MAC, MRG_RXBUF, STATUS, CTRL_VQ, CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA,
   GUEST_ANNOUNCE, CTRL_MAC_ADDR */
#define NET (RING | BIT(5) | BIT(15) | BIT(16) | BIT(17) | BIT(18) | BIT(19) | \
	     BIT(20) | BIT(21) | BIT(23))
/* HOST_TSO4, _TSO6, _ECN, _UFO, _USO and CSUM and GSO, which they require */
#define HOST_DOES (BIT(0) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(56))
/* GUEST_CSUM, _TSO4, _TSO6, _ECN, _UFO, _USO4, _USO6 */
#define GUEST_DOES (BIT(1) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(54) | \
		    BIT(55))

static const struct {
	uint32_t lanes;
	uint64_t offloads;
	uint16_t mtu;
	bool no_offloads;
	uint64_t bits;
} cards[] = {
	{ .lanes = 1, .bits = NET },
	{ .lanes = 1, .mtu = 1500, .bits = NET | BIT(3) },
	{ .lanes = 2, .bits = NET | BIT(22) },
	{ .lanes = 1, .offloads = HOST_DOES, .bits = NET | HOST_DOES },
	{ .lanes = 1, .offloads = GUEST_DOES,
	  /* can be changed by the driver at run time */
	  .bits = NET | GUEST_DOES | BIT(2) },
	{ .lanes = 1, .offloads = HOST_DOES | GUEST_DOES, .no_offloads = true,
	  .bits = NET },
	{ .lanes = VIRTDEV_NET_PAIRS_MAX, .offloads = HOST_DOES | GUEST_DOES,
	  .mtu = 9000,
	  .bits = NET | HOST_DOES | GUEST_DOES | BIT(2) | BIT(3) | BIT(22) },
};

static int link_fd(void *self, uint32_t lane)
{
	(void)self;
	(void)lane;
	return -1;
}

static ssize_t link_receive(void *self, uint32_t lane, const struct iovec *iov,
			    int n)
{
	(void)self;
	(void)lane;
	(void)iov;
	(void)n;
	return -EAGAIN;
}

static int link_send(void *self, uint32_t lane, const struct iovec *iov, int n)
{
	return (int)link_receive(self, lane, iov, n);
}

static int link_set_offloads(void *self, uint64_t features)
{
	(void)self;
	(void)features;
	return 0;
}

static void link_free(void *self)
{
	(void)self;
}

START_TEST(network_card_offers_exactly_the_features_of_its_link)
{
	static const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "fake", .fd = link_fd,
		.receive = link_receive, .send = link_send,
		.set_offloads = link_set_offloads, .free = link_free,
	};
	const struct virtdev_net_link_info info = {
		.lanes = cards[_i].lanes, .offloads = cards[_i].offloads,
	};
	struct virtdev_net_config config = {
		.size = sizeof(config), .mtu = cards[_i].mtu,
		.no_offloads = cards[_i].no_offloads,
	};
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_net_link_new(&ops, &info, NULL, &config.link),
			 0);
	ck_assert_int_eq(virtdev_net_new(&config, &dev, NULL), 0);
	offers(dev, cards[_i].bits);
}
END_TEST

/* --------------------------------------------------------- other devices */

static struct virtdev *dev;
static struct vmem_space *space;

static int make_console(uint32_t max_ports, const char *name)
{
	struct virtdev_console_port port = {
		.size = sizeof(port), .name = name, .console = true,
	};
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port, .max_ports = max_ports,
	};

	ck_assert_int_eq(virtdev_port_fds_new(STDIN_FILENO, -1, &port.host,
					      NULL), 0);
	return virtdev_console_new(&config, &dev, NULL);
}

static int one_console(void)
{
	return make_console(1, NULL);
}

static int named_console(void)
{
	return make_console(0, "tty");
}

static int many_consoles(void)
{
	return make_console(VIRTDEV_CONSOLE_MAX_PORTS, NULL);
}

static int rng(void)
{
	const struct virtdev_rng_config config = { .size = sizeof(config) };

	return virtdev_rng_new(&config, &dev, NULL);
}

static int make_balloon(bool oom, bool reporting)
{
	struct virtdev_balloon_config config = {
		.size = sizeof(config), .deflate_on_oom = oom,
		.reporting = reporting,
	};

	ck_assert_int_eq(vmem_space_new(&space), 0);
	config.space = space;
	return virtdev_balloon_new(&config, &dev, NULL);
}

static int balloon(void)
{
	return make_balloon(false, false);
}

static int balloon_oom(void)
{
	return make_balloon(true, false);
}

static int balloon_reporting(void)
{
	return make_balloon(false, true);
}

static int make_vsock(const char *seqpacket_path)
{
	const struct virtdev_vsock_config config = {
		.size = sizeof(config), .path = "v", .cid = 3,
		.seqpacket_path = seqpacket_path,
	};

	return virtdev_vsock_new(&config, &dev, NULL);
}

static int vsock(void)
{
	return make_vsock(NULL);
}

static int vsock_messages(void)
{
	return make_vsock("m");
}

static int make_pmem(bool read_only)
{
	struct virtdev_pmem_config config = { .size = sizeof(config) };

	image_make("image", VIRTDEV_PMEM_ALIGN);
	ck_assert_int_eq(disk_open("image", read_only,
				   VIRTDEV_DISK_ENGINE_SYNC, &config.disk,
				   NULL), 0);
	return virtdev_pmem_new(&config, &dev, NULL);
}

static int pmem(void)
{
	return make_pmem(false);
}

static int pmem_read_only(void)
{
	return make_pmem(true);
}

static int mem(void)
{
	const struct virtdev_mem_config config = {
		.size = sizeof(config), .len = VIRTDEV_MEM_PIECE,
	};

	return virtdev_mem_new(&config, &dev, NULL);
}

static int make_fs(uint64_t window, bool more)
{
	const struct virtdev_fs_config config = {
		.size = sizeof(config), .path = ".", .tag = "t",
		.window = window, .xattr = more, .read_only = more,
	};

	return virtdev_fs_new(&config, &dev, NULL);
}

static int fs(void)
{
	return make_fs(0, false);
}

static int fs_window(void)
{
	return make_fs(VIRTDEV_FS_WINDOW_ALIGN, true);
}

static const struct {
	int (*make)(void);
	uint64_t bits;
} other_devices[] = {
	{ one_console, RING | BIT(0) | BIT(2) },	/* SIZE, EMERG_WRITE */
	{ named_console, RING | BIT(0) | BIT(1) | BIT(2) },	/* MULTIPORT */
	{ many_consoles, RING | BIT(0) | BIT(1) | BIT(2) },
	{ rng, RING },
	{ balloon, RING | BIT(1) | BIT(4) },	/* STATS_VQ, PAGE_POISON */
	{ balloon_oom, RING | BIT(1) | BIT(2) | BIT(4) },
	{ balloon_reporting, RING | BIT(1) | BIT(4) | BIT(5) },
	{ vsock, RING | BIT(0) | BIT(1) },	/* STREAM, SEQPACKET */
	{ vsock_messages, RING | BIT(0) | BIT(1) },
	{ pmem, RING },
	{ pmem_read_only, RING },
	{ mem, RING | BIT(1) },	/* UNPLUGGED_INACCESSIBLE */
	{ fs, RING },
	{ fs_window, RING },
};

START_TEST(other_devices_offer_exactly_their_configured_features)
{
	ck_assert_int_eq(other_devices[_i].make(), 0);
	offers(dev, other_devices[_i].bits);
	vmem_space_free(space);
	space = NULL;
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("offers");
	TCase *tc = tcase_create("offers");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, folder_fini);
	tcase_add_loop_test(tc, disk_offers_exactly_its_features, 0,
			    COUNT(disks));
	tcase_add_loop_test(tc, network_card_offers_exactly_the_features_of_its_link,
			    0, COUNT(cards));
	tcase_add_loop_test(tc, other_devices_offer_exactly_their_configured_features,
			    0, COUNT(other_devices));
	return run_suite(s);
}
