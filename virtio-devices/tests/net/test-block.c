/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the addresses that a card keeps out of its link. */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../net-rig.h"
#include "../suite.h"

#define NONE VIRTDEV_NET_BLOCK_NONE
#define LOOPBACK VIRTDEV_NET_BLOCK_LOOPBACK
#define LOCAL VIRTDEV_NET_BLOCK_LOCAL
#define NEVER (LOCAL + 1)

#define TCP 6
#define UDP 17
#define ICMPV6 58
#define HOP_BY_HOP 0
#define FRAGMENT 44
#define ARP 255

#define SYN 0x02
#define ACK 0x10

/* A frame, and the least block with which a card drops it. */
struct row {
	const char *from, *to;
	unsigned int protocol;
	unsigned int detail;	/* flags of TCP, destination port of UDP, type of ICMPv6 */
	unsigned int block;
	unsigned int tags;	/* VLAN tags in front */
	unsigned int behind;	/* protocol behind an extension header */
};

static const struct row sent[] = {
	/* ordinary frames */
	{ "10.0.2.15", "10.0.2.2", TCP, SYN, NEVER, 0, 0 },
	{ "10.0.2.15", "10.0.2.3", UDP, 53, NEVER, 0, 0 },
	{ "10.0.2.15", "192.0.2.1", TCP, SYN, NEVER, 0, 0 },
	{ "10.0.2.15", "126.255.255.255", TCP, SYN, NEVER, 0, 0 },
	{ "10.0.2.15", "128.0.0.1", TCP, SYN, NEVER, 0, 0 },
	{ "10.0.2.15", "1.0.0.1", TCP, SYN, NEVER, 1, 0 },
	{ "10.0.2.15", "169.253.169.254", TCP, SYN, NEVER, 0, 0 },
	{ "10.0.2.15", "169.255.0.1", TCP, SYN, NEVER, 0, 0 },
	{ "10.0.2.15", "224.0.1.1", UDP, 123, NEVER, 0, 0 },
	{ "0.0.0.0", "255.255.255.255", UDP, 67, NEVER, 0, 0 },
	{ "10.0.2.15", "10.0.2.2", ARP, 0, NEVER, 0, 0 },
	{ "0.0.0.0", "10.0.2.15", ARP, 0, NEVER, 0, 0 },
	{ "2001:db8::2", "2001:db8::1", TCP, SYN, NEVER, 0, 0 },
	{ "2001:db8::2", "::ffff:192.0.2.1", TCP, SYN, NEVER, 0, 0 },
	{ "2001:db8::2", "64:ff9b::192.0.2.1", TCP, SYN, NEVER, 0, 0 },
	{ "2001:db8::2", "2002:c000:201::1", TCP, SYN, NEVER, 0, 0 },
	{ "2001:db8::2", "fd00:ec2::253", UDP, 53, NEVER, 0, 0 },
	{ "2001:db8::2", "ff05::2", UDP, 53, NEVER, 0, 0 },
	/* loopback, and what Linux takes for itself */
	{ "10.0.2.15", "127.0.0.1", TCP, SYN, LOOPBACK, 0, 0 },
	{ "10.0.2.15", "127.0.0.53", UDP, 53, LOOPBACK, 0, 0 },
	{ "10.0.2.15", "127.255.255.254", TCP, ACK, LOOPBACK, 0, 0 },
	{ "10.0.2.15", "0.0.0.0", TCP, SYN, LOOPBACK, 0, 0 },
	{ "10.0.2.15", "0.1.2.3", UDP, 9, LOOPBACK, 0, 0 },
	{ "127.0.0.1", "10.0.2.2", UDP, 9, LOOPBACK, 0, 0 },
	{ "10.0.2.15", "127.0.0.1", TCP, SYN, LOOPBACK, 1, 0 },
	{ "10.0.2.15", "127.0.0.1", UDP, 9, LOOPBACK, 4, 0 },
	{ "10.0.2.15", "10.0.2.2", UDP, 9, LOOPBACK, 5, 0 },
	{ "10.0.2.15", "127.0.0.1", ARP, 0, LOOPBACK, 0, 0 },
	{ "127.0.0.1", "10.0.2.2", ARP, 0, LOOPBACK, 2, 0 },
	{ "2001:db8::2", "::1", TCP, SYN, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "::1", UDP, 53, LOOPBACK, 1, 0 },
	{ "2001:db8::2", "::1", ICMPV6, 128, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "::1", HOP_BY_HOP, 9, LOOPBACK, 0, UDP },
	{ "2001:db8::2", "::1", FRAGMENT, 9, LOOPBACK, 0, UDP },
	{ "::1", "2001:db8::1", UDP, 9, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "::", TCP, SYN, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "::127.0.0.1", TCP, SYN, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "::ffff:127.0.0.1", TCP, SYN, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "::ffff:0.0.0.0", UDP, 9, LOOPBACK, 0, 0 },
	{ "::ffff:127.0.0.1", "2001:db8::1", UDP, 9, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "::ffff:0:127.0.0.1", TCP, SYN, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "64:ff9b::127.0.0.1", TCP, SYN, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "2002:7f00:1::1", TCP, SYN, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "ff01::1", UDP, 5353, LOOPBACK, 0, 0 },
	{ "2001:db8::2", "ff11::fb", UDP, 5353, LOOPBACK, 0, 0 },
	/* link-local, and services of clouds */
	{ "10.0.2.15", "169.254.169.254", TCP, SYN, LOCAL, 0, 0 },
	{ "10.0.2.15", "169.254.0.1", UDP, 53, LOCAL, 0, 0 },
	{ "10.0.2.15", "169.254.169.254", TCP, ACK, LOCAL, 1, 0 },
	{ "10.0.2.15", "169.254.169.254", ARP, 0, LOCAL, 0, 0 },
	{ "10.0.2.15", "224.0.0.251", UDP, 5353, LOCAL, 0, 0 },
	{ "10.0.2.15", "100.100.100.200", TCP, SYN, LOCAL, 0, 0 },
	{ "10.0.2.15", "168.63.129.16", TCP, SYN, LOCAL, 0, 0 },
	{ "10.0.2.15", "192.0.0.192", TCP, SYN, LOCAL, 0, 0 },
	{ "2001:db8::2", "::ffff:169.254.169.254", TCP, SYN, LOCAL, 0, 0 },
	{ "2001:db8::2", "64:ff9b::169.254.169.254", TCP, SYN, LOCAL, 0, 0 },
	{ "2001:db8::2", "fd00:ec2::254", TCP, SYN, LOCAL, 0, 0 },
	{ "2001:db8::2", "fd20:ce::254", TCP, SYN, LOCAL, 0, 0 },
	{ "fe80::2", "fe80::a9fe:a9fe", TCP, SYN, LOCAL, 0, 0 },
	{ "fe80::2", "febf::1", UDP, 161, LOCAL, 0, 0 },
	{ "fe80::2", "fe80::1", ICMPV6, 128, LOCAL, 0, 0 },
	{ "fe80::2", "fe80::1", ICMPV6, 139, LOCAL, 0, 0 },
	{ "fe80::2", "fe80::1", FRAGMENT, 547, LOCAL, 0, UDP },
	{ "fe80::2", "fe80::1", HOP_BY_HOP, SYN, LOCAL, 0, TCP },
	{ "fe80::2", "ff02::fb", UDP, 5353, LOCAL, 0, 0 },
	/* of these, what a link needs */
	{ "fe80::2", "ff02::1:2", UDP, 547, NEVER, 0, 0 },
	{ "::", "ff02::1:ff00:2", ICMPV6, 135, NEVER, 0, 0 },
	{ "fe80::2", "fe80::1", ICMPV6, 135, NEVER, 0, 0 },
	{ "fe80::2", "fe80::1", ICMPV6, 136, NEVER, 1, 0 },
	{ "fe80::2", "ff02::2", ICMPV6, 133, NEVER, 0, 0 },
	{ "fe80::2", "fe80::1", ICMPV6, 1, NEVER, 0, 0 },
	{ "::", "ff02::16", HOP_BY_HOP, 143, NEVER, 0, ICMPV6 },
	{ "fe80::2", "fe80::1", TCP, SYN | ACK, NEVER, 0, 0 },
	{ "fe80::2", "fe80::1", TCP, ACK, NEVER, 4, 0 },
};

/* ---------------------------------------------------------------------- frames */

static void put_be16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void make_arp(uint8_t *at, const struct row *r)
{
	put_be16(at, 1);
	put_be16(at + 2, 0x800);
	at[4] = 6;
	at[5] = 4;
	put_be16(at + 6, 1);
	ck_assert_int_eq(inet_pton(AF_INET, r->from, at + 14), 1);
	ck_assert_int_eq(inet_pton(AF_INET, r->to, at + 24), 1);
}

static void make_transport(uint8_t *at, unsigned int protocol, unsigned int detail)
{
	if (protocol == TCP)
		at[13] = (uint8_t)detail;
	else if (protocol == UDP)
		put_be16(at + 2, detail);
	else
		at[0] = (uint8_t)detail;
}

static void make_ipv4(uint8_t *at, const struct row *r)
{
	at[0] = 0x45;
	at[9] = (uint8_t)r->protocol;
	ck_assert_int_eq(inet_pton(AF_INET, r->from, at + 12), 1);
	ck_assert_int_eq(inet_pton(AF_INET, r->to, at + 16), 1);
	make_transport(at + 20, r->protocol, r->detail);
}

static void make_ipv6(uint8_t *at, const struct row *r)
{
	at[0] = 0x60;
	at[6] = (uint8_t)r->protocol;
	ck_assert_int_eq(inet_pton(AF_INET6, r->from, at + 8), 1);
	ck_assert_int_eq(inet_pton(AF_INET6, r->to, at + 24), 1);
	at[40] = (uint8_t)r->behind;
	if (r->behind)
		make_transport(at + 48, r->behind, r->detail);
	else
		make_transport(at + 40, r->protocol, r->detail);
}

/* The offset of what follows the Ethernet header. */
static uint32_t make_frame(uint8_t frame[200], const struct row *r)
{
	const bool six = strchr(r->to, ':');
	uint8_t *at = frame + 12;
	unsigned int i;

	memset(frame, 0, 200);
	for (i = 0; i < r->tags; i++, at += 4)
		put_be16(at, i % 2 ? 0x8100 : 0x88a8);
	put_be16(at, r->protocol == ARP ? 0x806 : six ? 0x86dd : 0x800);
	at += 2;
	if (r->protocol == ARP)
		make_arp(at, r);
	else if (six)
		make_ipv6(at, r);
	else
		make_ipv4(at, r);
	return (uint32_t)(at - frame);
}

/* Whether the link receives the frame, whose buffer is returned in both cases. */
static bool is_sent(const uint8_t *frame, uint32_t len, const struct virtdev_net_header *h)
{
	static const struct virtdev_net_header plain;
	const unsigned int before = net_rig.link.nsent;

	memcpy(guest_at(&net_rig.g, GUEST_DATA + HEADER), frame, len);
	send_frame(h ? h : &plain, len, len % 2);
	serve(1);
	ck_assert_int_eq(used_length(1, NULL), 0);
	return net_rig.link.nsent > before;
}

/* ----------------------------------------------------------------------- claims */

START_TEST(a5_16_frames_to_blocked_addresses_are_dropped)
{
	uint8_t frame[200];
	unsigned int block;

	make_frame(frame, &sent[_i]);
	for (block = NONE; block <= LOCAL; block++) {
		net_rig_init_blocking(block);
		ck_assert_msg(is_sent(frame, sizeof(frame), NULL) == (block < sent[_i].block),
			      "block %u, %s to %s, protocol %u", block, sent[_i].from, sent[_i].to, sent[_i].protocol);
		net_rig_fini();
	}
}
END_TEST

START_TEST(frame_of_a_blocking_card_is_sent_whole)
{
	const struct rig_frame *f = &net_rig.link.sent[0];
	uint8_t frame[200];
	unsigned int i;

	make_frame(frame, &sent[_i % 3]);
	for (i = 120; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	net_rig_init_blocking(LOCAL);
	ck_assert(is_sent(frame, _i < 3 ? 200 : 60, NULL));
	ck_assert_uint_eq(f->len, HEADER + (_i < 3 ? 200 : 60));
	ck_assert_mem_eq(f->bytes + HEADER, frame, f->len - HEADER);
	net_rig_fini();
}
END_TEST

/* The addresses of a truncated frame cannot be checked, and no receiver can read it. */
START_TEST(a5_16_truncated_frames_are_dropped)
{
	static const struct row rows[] = {
		{ "10.0.2.15", "10.0.2.2", UDP, 9, NEVER, 0, 0 }, { "2001:db8::2", "2001:db8::1", UDP, 9, NEVER, 0, 0 },
		{ "10.0.2.15", "10.0.2.2", ARP, 0, NEVER, 0, 0 },
	};
	static const uint32_t lens[] = { 20, 40, 28 };
	uint8_t frame[200];

	net_rig_init_blocking(LOOPBACK);
	make_frame(frame, &rows[_i]);
	ck_assert(is_sent(frame, 14 + lens[_i], NULL));
	ck_assert(!is_sent(frame, 14 + lens[_i] - 1, NULL));
	net_rig_fini();
}
END_TEST

/* The host's kernel would write the checksum into the address, after the check. */
START_TEST(a5_16_checksum_does_not_replace_an_address)
{
	struct virtdev_net_header h = { .flags = VIRTDEV_NET_HDR_NEEDS_CSUM };
	uint8_t frame[200];
	uint32_t off;

	net_rig_init_blocking(LOOPBACK);
	off = make_frame(frame, &sent[0]);
	h.csum_start = vsu_le16_make((uint16_t)(off + 20));
	h.csum_offset = vsu_le16_make(16);
	ck_assert(is_sent(frame, sizeof(frame), &h));
	h.csum_start = vsu_le16_make((uint16_t)off);
	ck_assert(!is_sent(frame, sizeof(frame), &h));
	h.csum_start = vsu_le16_make(12);
	h.csum_offset = vsu_le16_make(0);
	ck_assert(!is_sent(frame, sizeof(frame), &h));
	net_rig_fini();
}
END_TEST

/* The addresses of one frame are in several buffers of the driver. */
START_TEST(a5_16_address_in_pieces_is_found)
{
	struct vq_buffer bufs[48];
	uint8_t frame[200];
	uint32_t i;

	net_rig_init_blocking(LOOPBACK);
	make_frame(frame, &(struct row){ "10.0.2.15", "127.0.0.1", TCP, SYN, LOOPBACK, 0, 0 });
	memset(guest_at(&net_rig.g, GUEST_DATA), 0, HEADER);
	memcpy(guest_at(&net_rig.g, GUEST_DATA + HEADER), frame, 60);
	for (i = 0; i < 36; i++)
		bufs[i] = (struct vq_buffer){ GUEST_DATA + 2 * i, 2, 0 };
	ck_assert_int_eq(vq_driver_add(net_rig.driver[1], bufs, 36, 1), 0);
	vq_driver_publish(net_rig.driver[1]);
	serve(1);
	ck_assert_int_eq(used_length(1, NULL), 0);
	ck_assert_uint_eq(net_rig.link.nsent, 0);
	net_rig_fini();
}
END_TEST

static bool is_received(const struct row *r, unsigned int block)
{
	uint8_t frame[200];
	bool received;

	net_rig_init_blocking(block);
	make_frame(frame, r);
	link_queue_frame(frame, sizeof(frame));
	add_buffer(0, GUEST_DATA, 2048, true);
	serve(0);
	received = used_length(0, NULL) == HEADER + 200;
	net_rig_fini();
	return received;
}

START_TEST(a5_16_frames_from_loopback_addresses_are_not_received)
{
	static const struct row rows[] = {
		{ "127.0.0.1", "10.0.2.15", UDP, 9, LOOPBACK, 0, 0 }, { "::1", "2001:db8::2", TCP, SYN, LOOPBACK, 0, 0 },
		{ "127.0.0.1", "10.0.2.15", ARP, 0, LOOPBACK, 0, 0 }, { "10.0.2.2", "127.0.0.1", TCP, SYN, LOOPBACK, 0, 0 },
		{ "fe80::1", "::1", TCP, SYN, LOOPBACK, 0, 0 }, { "10.0.2.2", "127.0.0.1", TCP, SYN, LOOPBACK, 1, 0 },
		{ "10.0.2.2", "10.0.2.15", TCP, SYN, NEVER, 0, 0 }, { "fe80::1", "fe80::2", TCP, SYN, NEVER, 0, 0 },
		{ "fe80::1", "fe80::2", UDP, 546, NEVER, 0, 0 }, { "169.254.1.1", "10.0.2.15", TCP, SYN, NEVER, 0, 0 },
	};
	unsigned int i, block;

	for_rows(i, sizeof(rows) / sizeof(rows[0]))
		for (block = NONE; block <= LOCAL; block++)
			ck_assert(is_received(&rows[i], block) == (block < rows[i].block));
}
END_TEST

START_TEST(unknown_block_is_refused)
{
	struct virtdev_net_config config = { .size = sizeof(config), .block = (enum virtdev_net_block)(LOCAL + 1) };
	struct virtdev *dev;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(virtdev_net_link_from_fd(pair[0], &config.link, NULL), 0);
	ck_assert_int_eq(virtdev_net_new(&config, &dev, NULL), -EINVAL);
	virtdev_net_link_free(config.link);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net block");
	TCase *tc = tcase_create("block");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, a5_16_frames_to_blocked_addresses_are_dropped, 0, sizeof(sent) / sizeof(sent[0]));
	tcase_add_loop_test(tc, frame_of_a_blocking_card_is_sent_whole, 0, 6);
	tcase_add_loop_test(tc, a5_16_truncated_frames_are_dropped, 0, 3);
	tcase_add_test(tc, a5_16_checksum_does_not_replace_an_address);
	tcase_add_test(tc, a5_16_address_in_pieces_is_found);
	tcase_add_test(tc, a5_16_frames_from_loopback_addresses_are_not_received);
	tcase_add_test(tc, unknown_block_is_refused);
	return run_suite(s);
}
